//! Single reads and writes.

use adapters::store::{BY_TIME, Condition, DUE_AT, DUE_SHARD, Item, Key, PK, Value, Write};

use super::{Answer, Case, Operation, item, text};

fn put(item: Item, expect: Condition) -> Operation {
    Operation::Write(Write::Put { item, expect })
}

fn update(set: Vec<(&'static str, Value)>, remove: Vec<&'static str>, expect: Condition) -> Operation {
    Operation::Write(Write::Update { key: Key::new("A", "1"), set, remove, expect })
}

fn delete(expect: Option<Condition>) -> Operation {
    Operation::Write(Write::Delete { key: Key::new("A", "1"), expect })
}

/// One attribute of each type, and the edges of the types.
fn of_every_type() -> Item {
    item(
        "A",
        "1",
        [
            ("text", text("Grüße, 日本, \"quotes\" and \u{1f600}")),
            ("empty_text", text("")),
            ("largest", Value::N(i64::MAX)),
            ("smallest", Value::N(i64::MIN)),
            ("zero", Value::N(0)),
            ("yes", Value::Bool(true)),
            ("no", Value::Bool(false)),
            (
                "map",
                Value::Map(Item::from([(
                    "inner".to_owned(),
                    Value::Map(Item::from([("deep".to_owned(), Value::N(-1))])),
                )])),
            ),
            ("empty_map", Value::Map(Item::new())),
            ("list", Value::List(vec![text("b"), text("a"), Value::List(vec![Value::Bool(true)])])),
            ("empty_list", Value::List(vec![])),
        ],
    )
}

/// The cases.
pub(super) fn cases() -> Vec<Case> {
    let one = || item("A", "1", [("n", Value::N(1)), ("kept", text("k"))]);
    let other = || item("A", "1", [("m", Value::N(2))]);
    let present = Condition::ItemPresent;
    let absent = Condition::ItemAbsent;
    vec![
        Case::named("get: nothing is there").get("A", "1", None),
        Case::named("get: the sort key decides too").given([one()]).get("A", "2", None),
        Case::named("get: keys are case-sensitive").given([one()]).get("a", "1", None),
        Case::named("put: every type comes back as it was")
            .step(put(of_every_type(), absent.clone()), Answer::Written)
            .get("A", "1", Some(of_every_type())),
        Case::named("put: replaces the whole item")
            .given([one()])
            .step(put(other(), present.clone()), Answer::Written)
            .get("A", "1", Some(other())),
        Case::named("put: refused, the item that is there is handed back and stays")
            .given([one()])
            .step(put(other(), absent.clone()), Answer::Refused(Some(one())))
            .get("A", "1", Some(one())),
        Case::named("put: refused where nothing is there")
            .step(put(other(), present.clone()), Answer::Refused(None))
            .get("A", "1", None),
        Case::named("put: twice the same")
            .step(put(one(), absent.clone()), Answer::Written)
            .step(put(one(), absent.clone()), Answer::Refused(Some(one()))),
        Case::named("put: an empty partition key").step(put(item("", "1", []), absent.clone()), Answer::Broken),
        Case::named("put: no sort key").step(put(Item::from([(PK, text("A"))]), absent.clone()), Answer::Broken),
        Case::named("put: a text where the due index has a number").step(
            put(item("A", "1", [(DUE_SHARD, text("D")), (DUE_AT, text("soon"))]), absent.clone()),
            Answer::Broken,
        ),
        Case::named("put: a number where the local index has a text")
            .step(put(item("A", "1", [(BY_TIME, Value::N(1))]), absent.clone()), Answer::Broken),
        Case::named("update: sets, replaces and removes, and leaves the rest")
            .given([item("A", "1", [("n", Value::N(1)), ("kept", text("k")), ("gone", text("g"))])])
            .step(
                update(vec![("n", Value::N(2)), ("new", Value::Bool(true))], vec!["gone"], present.clone()),
                Answer::Written,
            )
            .get("A", "1", Some(item("A", "1", [("n", Value::N(2)), ("kept", text("k")), ("new", Value::Bool(true))]))),
        Case::named("update: only removes")
            .given([one()])
            .step(update(vec![], vec!["n"], present.clone()), Answer::Written)
            .get("A", "1", Some(item("A", "1", [("kept", text("k"))]))),
        Case::named("update: removes what is not there")
            .given([one()])
            .step(update(vec![], vec!["nothing"], present.clone()), Answer::Written)
            .get("A", "1", Some(one())),
        Case::named("update: makes the item")
            .step(update(vec![("n", Value::N(1))], vec![], absent.clone()), Answer::Written)
            .get("A", "1", Some(item("A", "1", [("n", Value::N(1))]))),
        Case::named("update: only removes where nothing is there, and makes the bare item")
            .step(update(vec![], vec!["n"], absent.clone()), Answer::Written)
            .get("A", "1", Some(item("A", "1", []))),
        Case::named("update: words that DynamoDB reserves are names like others")
            .given([item("A", "1", [("state", text("x")), ("token", text("t"))])])
            .step(
                update(
                    vec![("state", text("y")), ("name", text("n")), ("status", text("s"))],
                    vec!["token"],
                    Condition::Equals("state", text("x")),
                ),
                Answer::Written,
            )
            .get("A", "1", Some(item("A", "1", [("state", text("y")), ("name", text("n")), ("status", text("s"))]))),
        Case::named("update: refused, the item that is there is handed back and stays")
            .given([one()])
            .step(
                update(vec![("n", Value::N(9))], vec![], Condition::Equals("n", Value::N(2))),
                Answer::Refused(Some(one())),
            )
            .get("A", "1", Some(one())),
        Case::named("update: refused where nothing is there")
            .step(update(vec![("n", Value::N(9))], vec![], present.clone()), Answer::Refused(None))
            .get("A", "1", None),
        Case::named("update: of nothing at all").step(update(vec![], vec![], absent.clone()), Answer::Broken),
        Case::named("update: sets a key")
            .given([one()])
            .step(update(vec![(PK, text("B"))], vec![], present.clone()), Answer::Broken),
        Case::named("update: sets and removes one attribute")
            .given([one()])
            .step(update(vec![("n", Value::N(2))], vec!["n"], present.clone()), Answer::Broken),
        Case::named("delete: with no condition").given([one()]).step(delete(None), Answer::Written).get("A", "1", None),
        Case::named("delete: of nothing, with no condition").step(delete(None), Answer::Written),
        Case::named("delete: of nothing, refused").step(delete(Some(present.clone())), Answer::Refused(None)),
        Case::named("delete: refused, the item that is there is handed back and stays")
            .given([one()])
            .step(delete(Some(Condition::Equals("n", Value::N(2)))), Answer::Refused(Some(one())))
            .get("A", "1", Some(one())),
        Case::named("delete: its neighbours stay")
            .given([one(), item("A", "2", []), item("B", "1", [])])
            .step(delete(Some(present.clone())), Answer::Written)
            .get("A", "1", None)
            .get("A", "2", Some(item("A", "2", [])))
            .get("B", "1", Some(item("B", "1", []))),
        Case::named("check: makes no sense outside a transaction")
            .given([one()])
            .step(Operation::Write(Write::Check { key: Key::new("A", "1"), expect: present }), Answer::Broken),
    ]
}
