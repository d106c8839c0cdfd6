//! Pages of a partition and of the due index.

use adapters::store::{BY_TIME, Condition, DUE_AT, DUE_SHARD, Item, Key, Query, Range, Value, Write};

use super::{Answer, Case, Operation, item, text};

fn partition(sk_prefix: &str) -> Range {
    Range::Partition { pk: "A".into(), sk_prefix: sk_prefix.to_owned().into() }
}

fn due_until(until_ms: i64) -> Range {
    Range::Due { shard: "D".into(), until_ms }
}

fn page(range: Range, limit: u32, after: Option<Item>) -> Operation {
    Operation::Page(Query { range, limit, after })
}

fn named(sks: &[&str]) -> Vec<Item> {
    sks.iter().map(|sk| item("A", sk, [])).collect()
}

fn with_payload(pk: &str, sk: &str) -> Item {
    item(pk, sk, [("payload", text("p")), ("n", Value::N(1))])
}

/// An item that is due, with attributes that the index does not carry.
fn due(sk: &str, due_at: i64) -> Item {
    item(
        "A",
        sk,
        [(DUE_SHARD, text("D")), (DUE_AT, Value::N(due_at)), ("state", text("waiting")), ("visits", Value::N(0))],
    )
}

/// What the index shows of it.
fn entry(sk: &str, due_at: i64) -> Item {
    item("A", sk, [(DUE_SHARD, text("D")), (DUE_AT, Value::N(due_at))])
}

fn write_due(sk: &'static str, set: Vec<(&'static str, Value)>, remove: Vec<&'static str>) -> Operation {
    Operation::Write(Write::Update { key: Key::new("A", sk), set, remove, expect: Condition::ItemPresent })
}

/// The cases.
pub(super) fn cases() -> Vec<Case> {
    [partitions(), listed(), indexes()].concat()
}

fn partitions() -> Vec<Case> {
    let walk = |prefix: &str, limit| Operation::Walk(partition(prefix), limit);
    vec![
        Case::named("partition: nothing is there").step(walk("W#", 10), Answer::Items(vec![])),
        Case::named("partition: whole items")
            .given([with_payload("A", "W#1")])
            .step(walk("W#", 10), Answer::Items(vec![with_payload("A", "W#1")])),
        Case::named("partition: only what starts so")
            .given(named(&["V", "W", "W#", "W#1", "WX#1", "w#1", "X#1"]))
            .step(walk("W#", 10), Answer::Items(named(&["W#", "W#1"]))),
        Case::named("partition: only this partition")
            .given([item("A", "W#1", []), item("AA", "W#2", []), item("B", "W#3", [])])
            .step(walk("W#", 10), Answer::Items(named(&["W#1"]))),
        Case::named("partition: in the order of the bytes of the sort key")
            .given(named(&["W#é", "W#b", "W#9", "W#10", "W#B", "W#~", "W#"]))
            .step(walk("W#", 10), Answer::Items(named(&["W#", "W#10", "W#9", "W#B", "W#b", "W#~", "W#é"]))),
        Case::named("partition: a page is no longer than its limit")
            .given(named(&["W#1", "W#2", "W#3"]))
            .step(page(partition("W#"), 2, None), Answer::Items(named(&["W#1", "W#2"]))),
        Case::named("partition: page by page, one at a time")
            .given(named(&["V", "W#1", "W#2", "W#3", "X"]))
            .step(walk("W#", 1), Answer::Items(named(&["W#1", "W#2", "W#3"]))),
        Case::named("partition: page by page, the last one short")
            .given(named(&["W#1", "W#2", "W#3", "W#4", "W#5"]))
            .step(walk("W#", 2), Answer::Items(named(&["W#1", "W#2", "W#3", "W#4", "W#5"]))),
        Case::named("partition: page by page, the last one full")
            .given(named(&["W#1", "W#2", "W#3", "W#4"]))
            .step(walk("W#", 2), Answer::Items(named(&["W#1", "W#2", "W#3", "W#4"]))),
        Case::named("partition: page by page, of items that are due too")
            .given([due("W#1", 5), due("W#2", 4), due("W#3", 3)])
            .step(walk("W#", 1), Answer::Items(vec![due("W#1", 5), due("W#2", 4), due("W#3", 3)])),
        Case::named("partition: goes on behind an item that was deleted in between")
            .given(named(&["W#1", "W#3", "W#4"]))
            .step(page(partition("W#"), 10, Some(item("A", "W#2", []))), Answer::Items(named(&["W#3", "W#4"]))),
        Case::named("partition: goes on behind its last item")
            .given(named(&["W#1", "W#2"]))
            .step(page(partition("W#"), 10, Some(item("A", "W#2", []))), Answer::Items(vec![])),
        Case::named("partition: sees a write at once")
            .given(named(&["W#1", "W#2"]))
            .step(Operation::Write(Write::Delete { key: Key::new("A", "W#1"), expect: None }), Answer::Written)
            .step(
                Operation::Write(Write::Put { item: with_payload("A", "W#3"), expect: Condition::ItemAbsent }),
                Answer::Written,
            )
            .step(walk("W#", 10), Answer::Items(vec![item("A", "W#2", []), with_payload("A", "W#3")])),
    ]
}

/// An item that is listed by time, with attributes that the index does not carry.
fn dated(sk: &str, at: &str) -> Item {
    item("A", sk, [(BY_TIME, text(at)), ("state", text("waiting"))])
}

/// What the index by time shows of it.
fn listed_entry(sk: &str, at: &str) -> Item {
    item("A", sk, [(BY_TIME, text(at))])
}

fn listed() -> Vec<Case> {
    let newest = |prefix: &str| Range::Newest { pk: "A".into(), prefix: prefix.to_owned().into() };
    let walk = |prefix: &str, limit| Operation::Walk(newest(prefix), limit);
    let three = || [dated("P#b", "P#001"), dated("P#c", "P#003"), dated("P#a", "P#002")];
    vec![
        Case::named("newest: nothing is there").step(walk("P#", 10), Answer::Items(vec![])),
        Case::named("newest: the keys, whatever they are, newest first").given(three()).step(
            walk("P#", 10),
            Answer::Items(vec![
                listed_entry("P#c", "P#003"),
                listed_entry("P#a", "P#002"),
                listed_entry("P#b", "P#001"),
            ]),
        ),
        Case::named("newest: only what starts so, in this partition, and is listed")
            .given([dated("1", "A#9"), dated("2", "P#1"), named(&["3"]).remove(0)])
            .given([item("B", "4", [(BY_TIME, text("P#2"))])])
            .step(walk("P#", 10), Answer::Items(vec![listed_entry("2", "P#1")])),
        Case::named("newest: page by page").given(three()).step(
            walk("P#", 1),
            Answer::Items(vec![
                listed_entry("P#c", "P#003"),
                listed_entry("P#a", "P#002"),
                listed_entry("P#b", "P#001"),
            ]),
        ),
        Case::named("newest: goes on behind an entry that was deleted in between")
            .given([dated("P#b", "P#001"), dated("P#c", "P#003")])
            .step(
                page(newest("P#"), 10, Some(listed_entry("P#a", "P#002"))),
                Answer::Items(vec![listed_entry("P#b", "P#001")]),
            ),
        Case::named("newest: sees a write at once")
            .given(three())
            .step(
                Operation::Write(Write::Put { item: dated("P#d", "P#004"), expect: Condition::ItemAbsent }),
                Answer::Written,
            )
            .step(page(newest("P#"), 1, None), Answer::Items(vec![listed_entry("P#d", "P#004")])),
    ]
}

fn indexes() -> Vec<Case> {
    let walk = |until_ms, limit| Operation::Walk(due_until(until_ms), limit);
    let shard_only = item("A", "1", [(DUE_SHARD, text("D"))]);
    let time_only = item("A", "2", [(DUE_AT, Value::N(1))]);
    let elsewhere = item("A", "3", [(DUE_SHARD, text("E")), (DUE_AT, Value::N(1))]);
    vec![
        Case::named("due: nothing is there").step(walk(10, 10), Answer::Items(vec![])),
        Case::named("due: keys only").given([due("1", 5)]).step(walk(10, 10), Answer::Items(vec![entry("1", 5)])),
        Case::named("due: earliest first, whatever the keys")
            .given([due("1", 30), due("2", 9), due("3", 100), due("4", -1)])
            .step(walk(1000, 10), Answer::Items(vec![entry("4", -1), entry("2", 9), entry("1", 30), entry("3", 100)])),
        Case::named("due: up to the instant, and not past it")
            .given([due("1", 9), due("2", 10), due("3", 11)])
            .step(walk(10, 10), Answer::Items(vec![entry("1", 9), entry("2", 10)])),
        Case::named("due: what lacks a key of the index, or is in another shard, is not in it")
            .given([shard_only, time_only, elsewhere, due("4", 1)])
            .step(walk(10, 10), Answer::Items(vec![entry("4", 1)])),
        Case::named("due: over partitions")
            .given([due("1", 1), item("B", "1", [(DUE_SHARD, text("D")), (DUE_AT, Value::N(2))])])
            .step(
                walk(10, 10),
                Answer::Items(vec![entry("1", 1), item("B", "1", [(DUE_SHARD, text("D")), (DUE_AT, Value::N(2))])]),
            ),
        Case::named("due: a page is no longer than its limit")
            .given([due("1", 3), due("2", 2), due("3", 1)])
            .step(page(due_until(10), 2, None), Answer::Items(vec![entry("3", 1), entry("2", 2)])),
        Case::named("due: page by page")
            .given([due("1", 5), due("2", 4), due("3", 3), due("4", 2), due("5", 99)])
            .step(walk(10, 1), Answer::Items(vec![entry("4", 2), entry("3", 3), entry("2", 4), entry("1", 5)])),
        Case::named("due: page by page, all at the same instant, each once")
            .given([due("1", 5), due("2", 5), due("3", 5), due("4", 5), due("5", 5)])
            .step(
                walk(10, 2),
                Answer::ItemsInAnyOrder(vec![
                    entry("1", 5),
                    entry("2", 5),
                    entry("3", 5),
                    entry("4", 5),
                    entry("5", 5),
                ]),
            ),
        Case::named("due: goes on behind an entry that was moved in between")
            .given([due("1", 500), due("2", 2), due("3", 3)])
            .step(page(due_until(10), 10, Some(entry("1", 1))), Answer::Items(vec![entry("2", 2), entry("3", 3)])),
        Case::named("due: goes on behind the last entry, which was moved in between")
            .given([due("1", 1), due("2", 500)])
            .step(page(due_until(10), 10, Some(entry("2", 2))), Answer::Items(vec![])),
        Case::named("due: an item that is pushed moves")
            .given([due("1", 1), due("2", 2)])
            .step(write_due("1", vec![(DUE_AT, Value::N(3))], vec![]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![entry("2", 2), entry("1", 3)]))
            .step(write_due("1", vec![(DUE_AT, Value::N(300))], vec![]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![entry("2", 2)])),
        Case::named("due: an item that loses the keys leaves")
            .given([due("1", 1), due("2", 2)])
            .step(write_due("1", vec![], vec![DUE_SHARD, DUE_AT]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![entry("2", 2)])),
        Case::named("due: an item that loses one of the keys leaves")
            .given([due("1", 1), due("2", 2)])
            .step(write_due("1", vec![], vec![DUE_AT]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![entry("2", 2)])),
        Case::named("due: an item that is replaced without the keys leaves")
            .given([due("1", 1)])
            .step(
                Operation::Write(Write::Put {
                    item: item("A", "1", [("state", text("completed"))]),
                    expect: Condition::ItemPresent,
                }),
                Answer::Written,
            )
            .step(walk(10, 10), Answer::Items(vec![])),
        Case::named("due: an item that is deleted leaves")
            .given([due("1", 1)])
            .step(Operation::Transact(vec![Write::Delete { key: Key::new("A", "1"), expect: None }]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![])),
        Case::named("due: an item that gets the keys comes in")
            .given([item("A", "1", [("state", text("waiting"))])])
            .step(write_due("1", vec![(DUE_SHARD, text("D")), (DUE_AT, Value::N(1))], vec![]), Answer::Written)
            .step(walk(10, 10), Answer::Items(vec![entry("1", 1)])),
        Case::named("due: a refused write moves nothing")
            .given([due("1", 1)])
            .step(
                Operation::Write(Write::Update {
                    key: Key::new("A", "1"),
                    set: vec![(DUE_AT, Value::N(300))],
                    remove: vec![],
                    expect: Condition::Equals(DUE_AT, Value::N(2)),
                }),
                Answer::Refused(Some(due("1", 1))),
            )
            .step(walk(10, 10), Answer::Items(vec![entry("1", 1)])),
    ]
}
