//! Every kind of condition, on every kind of write: holding, not holding, on an attribute that is not there, on one of
//! another type.

use adapters::store::{Condition, Item, Key, Value, Write};

use super::{Answer, Case, Operation, item, text};

/// The item that most conditions are judged by.
fn sample() -> Item {
    item(
        "A",
        "1",
        [
            ("state", text("waiting")),
            ("version", Value::N(7)),
            ("gated", Value::Bool(true)),
            ("slot", Value::Map(Item::from([("token", text("t"))]))),
            ("history", Value::List(vec![text("one"), Value::N(2)])),
        ],
    )
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// A condition by name, the item that is there, and whether the condition holds.
fn table() -> Vec<(&'static str, Option<Item>, Condition, bool)> {
    use Condition::{All, Any, AtMost, Equals, ItemAbsent, ItemPresent, Missing};
    let there = || Some(sample());
    let waiting = || Equals("state", text("waiting"));
    let ended = || Equals("state", text("ended"));
    vec![
        ("item absent, and it is", None, ItemAbsent, true),
        ("item absent, and it is not", there(), ItemAbsent, false),
        ("item present, and it is", there(), ItemPresent, true),
        ("item present, and it is not", None, ItemPresent, false),
        ("equals a text", there(), waiting(), true),
        ("equals a text, in another case", there(), Equals("state", text("Waiting")), false),
        ("equals a number", there(), Equals("version", Value::N(7)), true),
        ("equals another number", there(), Equals("version", Value::N(8)), false),
        ("equals a number as text", there(), Equals("version", text("7")), false),
        ("equals yes", there(), Equals("gated", Value::Bool(true)), true),
        ("equals no", there(), Equals("gated", Value::Bool(false)), false),
        ("equals a map", there(), Equals("slot", Value::Map(Item::from([("token".to_owned(), text("t"))]))), true),
        ("equals another map", there(), Equals("slot", Value::Map(Item::new())), false),
        ("equals a list", there(), Equals("history", Value::List(vec![text("one"), Value::N(2)])), true),
        (
            "equals a list in another order",
            there(),
            Equals("history", Value::List(vec![Value::N(2), text("one")])),
            false,
        ),
        ("equals, and the attribute is not there", there(), Equals("nothing", text("x")), false),
        ("equals, and no item is there", None, waiting(), false),
        ("at most, below", there(), AtMost("version", 8), true),
        ("at most, equal", there(), AtMost("version", 7), true),
        ("at most, above", there(), AtMost("version", 6), false),
        ("at most a negative number", there(), AtMost("version", -8), false),
        ("at most, and the attribute is a text", there(), AtMost("state", 8), false),
        ("at most, and the attribute is not there", there(), AtMost("nothing", 8), false),
        ("at most, and no item is there", None, AtMost("version", 8), false),
        ("missing, and it is", there(), Missing("nothing"), true),
        ("missing, and it is not", there(), Missing("state"), false),
        ("missing, and no item is there", None, Missing("state"), true),
        ("not, of what holds", there(), not(waiting()), false),
        ("not, of what does not hold", there(), not(ended()), true),
        ("not equal, and the attribute is not there", there(), not(Equals("nothing", text("x"))), true),
        ("not equal, and no item is there", None, not(waiting()), true),
        ("not at most, and the attribute is not there", there(), not(AtMost("nothing", 8)), true),
        ("not at most, and the attribute is a text", there(), not(AtMost("state", 8)), true),
        ("not not", there(), not(not(waiting())), true),
        ("all, and all hold", there(), All(vec![waiting(), AtMost("version", 7)]), true),
        ("all, and one does not", there(), All(vec![waiting(), AtMost("version", 6)]), false),
        ("all of one", there(), All(vec![waiting()]), true),
        ("any, and none holds", there(), Any(vec![ended(), AtMost("version", 6)]), false),
        ("any, and the last holds", there(), Any(vec![ended(), AtMost("version", 7)]), true),
        ("any, and no item is there", None, Any(vec![ItemAbsent, ended()]), true),
        ("any of all, and brackets count", there(), All(vec![Any(vec![waiting(), ended()]), ended()]), false),
        ("not of all, and brackets count", there(), not(All(vec![waiting(), Missing("state")])), true),
        (
            "one attribute asked about twice",
            there(),
            All(vec![not(Equals("version", Value::N(6))), not(Equals("version", Value::N(8)))]),
            true,
        ),
    ]
}

/// The cases: each row of the table, on each kind of write.
pub(super) fn cases() -> Vec<Case> {
    table()
        .into_iter()
        .flat_map(|(name, there, condition, holds)| {
            kinds(condition).map(|(kind, operation, is_transaction)| {
                let answer = match (holds, is_transaction) {
                    (true, _) => Answer::Written,
                    (false, false) => Answer::Refused(there.clone()),
                    (false, true) => Answer::RefusedAt(vec![(0, there.clone())]),
                };
                let case = Case::named(format!("{kind}: {name}")).given(there.clone()).step(operation, answer);
                if holds { case } else { case.get("A", "1", there.clone()) }
            })
        })
        .collect()
}

fn kinds(expect: Condition) -> [(&'static str, Operation, bool); 4] {
    let key = Key::new("A", "1");
    let put = Write::Put { item: item("A", "1", [("new", Value::N(1))]), expect: expect.clone() };
    let update = Write::Update {
        key: key.clone(),
        set: vec![("version", Value::N(100))],
        remove: vec!["state"],
        expect: expect.clone(),
    };
    let delete = Write::Delete { key: key.clone(), expect: Some(expect.clone()) };
    let check = Write::Check { key, expect };
    [
        ("put", Operation::Write(put), false),
        ("update", Operation::Write(update), false),
        ("delete", Operation::Write(delete), false),
        ("check", Operation::Transact(vec![check]), true),
    ]
}
