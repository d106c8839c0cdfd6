//! All or nothing.

use adapters::store::{Condition, Item, Key, Value, Write};

use super::{Answer, Case, Operation, item, text};

/// Most writes of one transaction (Amazon DynamoDB, "TransactWriteItems").
const WRITES_MAX: usize = 100;

fn put(item: Item, expect: Condition) -> Write {
    Write::Put { item, expect }
}

fn check(sk: &'static str, expect: Condition) -> Write {
    Write::Check { key: Key::new("A", sk), expect }
}

fn update(sk: &'static str, number: i64, expect: Condition) -> Write {
    Write::Update { key: Key::new("A", sk), set: vec![("n", Value::N(number))], remove: vec![], expect }
}

fn delete(sk: &'static str, expect: Option<Condition>) -> Write {
    Write::Delete { key: Key::new("A", sk), expect }
}

fn numbered(sk: &str, number: i64) -> Item {
    item("A", sk, [("n", Value::N(number))])
}

fn puts(count: usize) -> Vec<Write> {
    (0..count).map(|number| put(item("A", &format!("{number:03}"), []), Condition::ItemAbsent)).collect()
}

fn is(number: i64) -> Condition {
    Condition::Equals("n", Value::N(number))
}

/// The cases.
pub(super) fn cases() -> Vec<Case> {
    let transact = Operation::Transact;
    let absent = || Condition::ItemAbsent;
    let present = || Condition::ItemPresent;
    vec![
        Case::named("transaction: one of each kind stands")
            .given([numbered("2", 2), numbered("3", 3), numbered("4", 4)])
            .step(
                transact(vec![
                    put(numbered("1", 1), absent()),
                    update("2", 20, is(2)),
                    delete("3", Some(is(3))),
                    check("4", is(4)),
                ]),
                Answer::Written,
            )
            .get("A", "1", Some(numbered("1", 1)))
            .get("A", "2", Some(numbered("2", 20)))
            .get("A", "3", None)
            .get("A", "4", Some(numbered("4", 4))),
        Case::named("transaction: one refused, its position and item, and nothing is written")
            .given([numbered("2", 2), numbered("3", 3)])
            .step(
                transact(vec![put(numbered("1", 1), absent()), update("2", 20, is(99)), delete("3", None)]),
                Answer::RefusedAt(vec![(1, Some(numbered("2", 2)))]),
            )
            .get("A", "1", None)
            .get("A", "2", Some(numbered("2", 2)))
            .get("A", "3", Some(numbered("3", 3))),
        Case::named("transaction: the first and the last refused, one of them with no item")
            .given([numbered("1", 1)])
            .step(
                transact(vec![
                    put(numbered("1", 9), absent()),
                    put(numbered("2", 2), absent()),
                    delete("3", Some(present())),
                ]),
                Answer::RefusedAt(vec![(0, Some(numbered("1", 1))), (2, None)]),
            )
            .get("A", "2", None),
        Case::named("transaction: a refused check hands back its item, and nothing is written")
            .given([numbered("2", 2)])
            .step(
                transact(vec![put(numbered("1", 1), absent()), check("2", is(3))]),
                Answer::RefusedAt(vec![(1, Some(numbered("2", 2)))]),
            )
            .get("A", "1", None),
        Case::named("transaction: a check of what is not there")
            .step(transact(vec![put(numbered("1", 1), absent()), check("2", absent())]), Answer::Written)
            .get("A", "1", Some(numbered("1", 1)))
            .get("A", "2", None),
        Case::named("transaction: of one write").step(transact(vec![put(numbered("1", 1), absent())]), Answer::Written),
        Case::named("transaction: deletes what is not there")
            .step(transact(vec![put(numbered("1", 1), absent()), delete("2", None)]), Answer::Written),
        Case::named("transaction: an update makes the item")
            .step(transact(vec![update("1", 1, absent()), update("2", 2, absent())]), Answer::Written)
            .get("A", "2", Some(numbered("2", 2))),
        Case::named("transaction: over partitions")
            .given([item("B", "1", [])])
            .step(
                transact(vec![
                    put(numbered("1", 1), absent()),
                    put(item("B", "1", [("x", text("x"))]), present()),
                    put(item("C", "1", []), absent()),
                ]),
                Answer::Written,
            )
            .get("B", "1", Some(item("B", "1", [("x", text("x"))])))
            .get("C", "1", Some(item("C", "1", []))),
        Case::named("transaction: conditions see what was there before it")
            .given([numbered("1", 1)])
            .step(transact(vec![delete("1", Some(is(1))), update("2", 1, absent())]), Answer::Written)
            .get("A", "1", None),
        Case::named("transaction: two writes of one item")
            .step(transact(vec![put(numbered("1", 1), absent()), put(numbered("1", 2), absent())]), Answer::Broken)
            .get("A", "1", None),
        Case::named("transaction: a write and a check of one item")
            .given([numbered("1", 1)])
            .step(transact(vec![update("1", 2, is(1)), check("1", is(1))]), Answer::Broken)
            .get("A", "1", Some(numbered("1", 1))),
        Case::named("transaction: a hundred writes").step(transact(puts(WRITES_MAX)), Answer::Written).get(
            "A",
            "099",
            Some(item("A", "099", [])),
        ),
        Case::named("transaction: a hundred and one writes")
            .step(transact(puts(WRITES_MAX + 1)), Answer::Broken)
            .get("A", "000", None),
        Case::named("transaction: of nothing").step(transact(vec![]), Answer::Broken),
        Case::named("transaction: an empty text as a key")
            .step(transact(vec![put(item("", "1", []), absent()), put(numbered("1", 1), absent())]), Answer::Broken),
        Case::named("transaction: refused once, it stands when its condition holds")
            .step(
                transact(vec![put(numbered("1", 1), absent()), check("2", present())]),
                Answer::RefusedAt(vec![(1, None)]),
            )
            .step(Operation::Write(put(numbered("2", 2), absent())), Answer::Written)
            .step(transact(vec![put(numbered("1", 1), absent()), check("2", present())]), Answer::Written)
            .get("A", "1", Some(numbered("1", 1))),
        Case::named("transaction: another one of the same items is judged by what stands")
            .step(transact(vec![put(numbered("1", 1), absent()), put(numbered("2", 2), absent())]), Answer::Written)
            .step(
                transact(vec![put(numbered("1", 3), absent()), put(numbered("2", 2), absent())]),
                Answer::RefusedAt(vec![(0, Some(numbered("1", 1))), (1, Some(numbered("2", 2)))]),
            ),
        Case::named("transaction: the same twice is refused by its own conditions")
            .step(transact(vec![put(numbered("1", 1), absent()), check("2", absent())]), Answer::Written)
            .step(
                transact(vec![put(numbered("1", 1), absent()), check("2", absent())]),
                Answer::RefusedAt(vec![(0, Some(numbered("1", 1)))]),
            ),
        Case::named("transaction: the same again, after its check has ceased to hold, is refused")
            .given([numbered("2", 2)])
            .step(
                transact(vec![check("2", is(2)), put(numbered("1", 1), Condition::Any(vec![absent(), is(1)]))]),
                Answer::Written,
            )
            .step(Operation::Write(update("2", 3, is(2))), Answer::Written)
            .step(
                transact(vec![check("2", is(2)), put(numbered("1", 1), Condition::Any(vec![absent(), is(1)]))]),
                Answer::RefusedAt(vec![(0, Some(numbered("2", 3)))]),
            ),
        Case::named("transaction: the same again, after its item was deleted, writes it again")
            .step(transact(vec![put(numbered("1", 1), absent()), check("2", absent())]), Answer::Written)
            .step(Operation::Write(delete("1", None)), Answer::Written)
            .step(transact(vec![put(numbered("1", 1), absent()), check("2", absent())]), Answer::Written)
            .get("A", "1", Some(numbered("1", 1))),
    ]
}
