//! What DynamoDB counts for a request.
//!
//! Source: Amazon DynamoDB, developer guide: "DynamoDB item sizes and formats", "DynamoDB read and write operations",
//! "Amazon DynamoDB Transactions: How it works" (capacity), "Using Global Secondary Indexes" (provisioned throughput).

use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, Item, Value};

/// A write unit writes so much of an item, in bytes.
const WRITE_UNIT_BYTES: u64 = 1024;
/// A read unit reads so much, strongly consistent, in bytes.
const READ_UNIT_BYTES: u64 = 4096;
/// A transaction prepares and commits: two writes of each item.
const TRANSACTION_FACTOR: u64 = 2;
/// What a map or a list takes besides what is in it, in bytes; each entry takes one more.
const NESTED_BYTES: u64 = 3;

/// The sort keys of the table's indexes, each with its partition key where that is not the table's own: both hold keys
/// only, so that an entry changes only when one of these does.
const INDEXES: [&[&str]; 2] = [&[DUE_SHARD, DUE_AT], &[BY_TIME]];

/// How a write is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Alone.
    Single,
    /// As part of a transaction.
    Transaction,
}

/// Write units of changing one item from `before` to `after`, each none where it is not there. What a condition
/// refuses, and what a transaction only checks, counts like a write of the item that is there: `after` is `before`.
///
/// Index entries are counted once, also in a transaction: DynamoDB writes them after it.
pub(super) fn write_units(before: Option<&Item>, after: Option<&Item>, manner: Manner) -> u64 {
    let size = before.map_or(0, size_bytes).max(after.map_or(0, size_bytes));
    let table = size.div_ceil(WRITE_UNIT_BYTES).max(1);
    let factor = match manner {
        Manner::Single => 1,
        Manner::Transaction => TRANSACTION_FACTOR,
    };
    table * factor + INDEXES.iter().map(|keys| index_units(keys, before, after)).sum::<u64>()
}

/// Half read units of reading these items at once: a strongly consistent unit is two halves.
pub(super) fn read_halves(items: &[Item], strongly: bool) -> u64 {
    let size: u64 = items.iter().map(size_bytes).sum();
    size.div_ceil(READ_UNIT_BYTES).max(1) * if strongly { 2 } else { 1 }
}

/// An entry that appears or goes is one write; one whose key changes is deleted and put.
fn index_units(keys: &[&str], before: Option<&Item>, after: Option<&Item>) -> u64 {
    match (entry(keys, before), entry(keys, after)) {
        (None, None) => 0,
        (Some(before), Some(after)) if before == after => 0,
        (Some(_), Some(_)) => 2,
        (Some(_), None) | (None, Some(_)) => 1,
    }
}

/// An item's keys in an index; none when it lacks one of them, and so has no entry.
fn entry<'a>(keys: &[&str], item: Option<&'a Item>) -> Option<Vec<&'a Value>> {
    keys.iter().map(|name| item?.get(name)).collect()
}

/// An item's size: names and values.
fn size_bytes(item: &Item) -> u64 {
    item.iter().map(|(name, value)| length(name) + value_bytes(value)).sum()
}

fn value_bytes(value: &Value) -> u64 {
    match value {
        Value::S(text) => length(text),
        Value::N(number) => digits(*number).div_ceil(2) + 1 + u64::from(*number < 0),
        Value::Bool(_) => 1,
        Value::Map(item) => NESTED_BYTES + size_bytes(item) + item.iter().len() as u64,
        Value::List(values) => NESTED_BYTES + values.iter().map(|value| value_bytes(value) + 1).sum::<u64>(),
    }
}

/// Digits of a number without the zeros at its end, which are not stored.
fn digits(number: i64) -> u64 {
    let text = number.unsigned_abs().to_string();
    length(text.trim_end_matches('0'))
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

#[cfg(test)]
mod tests {
    use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, Item, Value};

    use super::{Manner, read_halves, size_bytes, write_units};

    fn item(extra: usize, due_at: Option<i64>) -> Item {
        let mut item = Item::from([("pk", Value::S("p".into())), ("x", Value::S("x".repeat(extra).into()))]);
        if let Some(due_at) = due_at {
            item.insert(DUE_SHARD, Value::S("D#0".into()));
            item.insert(DUE_AT, Value::N(due_at));
        }
        item
    }

    #[test]
    fn an_items_size_is_that_of_its_names_and_values() {
        // pk 2 + 1, x 1 + 10.
        assert_eq!(size_bytes(&item(10, None)), 14);
        // n 1 + 12345 in three bytes and one; 100 is one digit; true is one byte; {a: 1} is 3 + 1 + (1 + 2).
        let nested = Item::from([("a", Value::N(1))]);
        let of = |value| size_bytes(&Item::from([("n", value)]));
        assert_eq!(of(Value::N(12_345)), 1 + 4);
        assert_eq!(of(Value::N(100)), 1 + 2);
        assert_eq!(of(Value::Bool(true)), 2);
        assert_eq!(of(Value::Map(nested)), 1 + 3 + 1 + 3);
        assert_eq!(of(Value::List(vec![Value::N(1), Value::N(2)])), 1 + 3 + 3 + 3);
    }

    #[test]
    fn a_write_counts_the_larger_of_old_and_new_in_whole_kilobytes() {
        let (small, large) = (item(10, None), item(1024, None));
        assert_eq!(write_units(None, None, Manner::Single), 1);
        assert_eq!(write_units(None, Some(&small), Manner::Single), 1);
        assert_eq!(write_units(Some(&large), Some(&small), Manner::Single), 2);
        assert_eq!(write_units(Some(&large), None, Manner::Transaction), 4);
    }

    #[test]
    fn an_index_entry_costs_when_it_appears_changes_or_goes() {
        let (none, one, two) = (item(1, None), item(1, Some(1)), item(1, Some(2)));
        assert_eq!(write_units(Some(&none), Some(&one), Manner::Single), 1 + 1);
        assert_eq!(write_units(Some(&one), Some(&one), Manner::Single), 1);
        assert_eq!(write_units(Some(&one), Some(&two), Manner::Transaction), 2 + 2);
        assert_eq!(write_units(Some(&two), None, Manner::Single), 1 + 1);
        let listed = Item::from([("pk", Value::S("p".into())), (BY_TIME, Value::S("t".into()))]);
        assert_eq!(write_units(None, Some(&listed), Manner::Single), 1 + 1);
    }

    #[test]
    fn a_read_counts_what_it_reads_together() {
        assert_eq!(read_halves(&[], true), 2);
        assert_eq!(read_halves(&[item(4000, None), item(4000, None)], true), 4);
        assert_eq!(read_halves(&[item(4000, None), item(4000, None)], false), 2);
    }
}
