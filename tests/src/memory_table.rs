//! The table in memory: evaluates the very conditions that the DynamoDB adapter renders.

use std::collections::BTreeMap;
use std::sync::Mutex;

use adapters::store::{
    BY_TIME, DUE_AT, DUE_SHARD, Item, Key, PK, Page, Query, Range, SK, Store, StoreError, Text, TransactError, Value,
    Write, WriteError,
};

use crate::locked;
use crate::validation::validate;

/// DynamoDB's bound on the writes of one transaction.
const TRANSACTION_WRITES_MAX: usize = 100;

/// The table in memory. Every operation is atomic, every index current.
#[derive(Debug, Default)]
pub struct MemoryTable {
    items: Mutex<BTreeMap<Key, Item>>,
    faults: Mutex<Vec<Option<TableFault>>>,
}

/// What happens to the next operation that changes the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFault {
    /// It is not done, and fails as "not available".
    Before,
    /// It is done, and fails as "not available".
    After,
}

impl MemoryTable {
    /// Every item, in the order of the keys.
    pub fn items(&self) -> Vec<Item> {
        locked(&self.items).values().cloned().collect()
    }

    /// The next writes, after those that are let through, fail so, one fault each.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = TableFault>) {
        locked(&self.faults).extend(faults.into_iter().map(Some));
    }

    /// The next writes are done as usual.
    pub fn let_through(&self, writes: usize) {
        locked(&self.faults).extend(std::iter::repeat_n(None, writes));
    }

    fn next_fault(&self) -> Option<TableFault> {
        let mut faults = locked(&self.faults);
        if faults.is_empty() { None } else { faults.remove(0) }
    }

    fn faulty<T>(&self, operation: impl FnOnce() -> T) -> Result<T, StoreError> {
        let unavailable = || StoreError::Unavailable("injected".to_owned());
        match self.next_fault() {
            None => Ok(operation()),
            Some(TableFault::Before) => Err(unavailable()),
            Some(TableFault::After) => {
                operation();
                Err(unavailable())
            }
        }
    }
}

impl Store for &MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        Ok(locked(&self.items).get(key).cloned())
    }

    async fn write(&self, write: Write) -> Result<(), WriteError> {
        if matches!(write, Write::Check { .. }) {
            return Err(StoreError::Broken("a check makes sense only inside a transaction".to_owned()).into());
        }
        validate(&write)?;
        self.faulty(|| {
            let mut items = locked(&self.items);
            let existing = items.get(&write.key()?).cloned();
            if write.expect().is_some_and(|expect| !expect.holds(existing.as_ref())) {
                return Err(WriteError::Refused(existing.map(Box::new)));
            }
            Ok(apply(&mut items, write)?)
        })?
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<(), TransactError> {
        writes.iter().try_for_each(validate)?;
        self.faulty(|| {
            let mut items = locked(&self.items);
            let refused = refusals(&items, &writes)?;
            if !refused.is_empty() {
                return Err(TransactError::Refused(refused));
            }
            for write in writes {
                apply(&mut items, write)?;
            }
            Ok(())
        })?
    }

    async fn query(&self, query: Query) -> Result<Page, StoreError> {
        query_items(&locked(&self.items), &query)
    }
}

/// Changes the table as the write says, whatever it expects to find.
pub(crate) fn apply(items: &mut BTreeMap<Key, Item>, write: Write) -> Result<(), StoreError> {
    let key = write.key()?;
    match write {
        Write::Put { item, .. } => {
            items.insert(key, item);
        }
        Write::Update { set, remove, .. } => {
            let item = items
                .entry(key.clone())
                .or_insert_with(|| Item::from([(PK, Value::S(key.pk)), (SK, Value::S(key.sk))]));
            for (name, value) in set {
                item.insert(name, value);
            }
            for name in remove {
                item.remove(name);
            }
        }
        Write::Delete { .. } => {
            items.remove(&key);
        }
        Write::Check { .. } => {}
    }
    Ok(())
}

/// The position of a refused write in its transaction, and the item that is there.
pub(crate) type Refusal = (usize, Option<Box<Item>>);

/// Which writes of a transaction the table refuses, with what it has instead; none means that all of it is done.
pub(crate) fn refusals(items: &BTreeMap<Key, Item>, writes: &[Write]) -> Result<Vec<Refusal>, StoreError> {
    let keys = writes.iter().map(Write::key).collect::<Result<Vec<_>, _>>()?;
    let mut distinct = keys.clone();
    distinct.sort();
    distinct.dedup();
    if distinct.len() != keys.len() || !(1..=TRANSACTION_WRITES_MAX).contains(&keys.len()) {
        return Err(StoreError::Broken("ValidationException".to_owned()));
    }
    let refused = writes.iter().zip(&keys).enumerate().filter_map(|(position, (write, key))| {
        let existing = items.get(key);
        let refused = write.expect().is_some_and(|expect| !expect.holds(existing));
        refused.then(|| (position, existing.cloned().map(Box::new)))
    });
    Ok(refused.collect())
}

/// Reads a page.
pub(crate) fn query_items(items: &BTreeMap<Key, Item>, query: &Query) -> Result<Page, StoreError> {
    // Behind the place where the last page ended, not behind its item: that may have been moved or deleted meanwhile.
    let behind = query.after.as_ref().map(place).transpose()?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    match &query.range {
        Range::Partition { pk, sk_prefix } => {
            let start = Key { pk: pk.clone(), sk: sk_prefix.clone() };
            let mut found = items
                .range(start..)
                .take_while(|(key, _)| key.pk == *pk && key.sk.starts_with(&**sk_prefix))
                .filter(|(key, _)| behind.as_ref().is_none_or(|(_, place)| *key > place))
                .map(|(_, item)| item);
            let page: Vec<Item> = found.by_ref().take(limit).cloned().collect();
            let more = found.next().is_some();
            Ok(page_of(page, more, keys_only))
        }
        Range::Newest { pk, prefix } => {
            let start = Key { pk: pk.clone(), sk: Text::Borrowed("") };
            let place = behind.as_ref().map(|(_, key)| (query.after.as_ref().and_then(by_time), key));
            let mut listed: Vec<(&str, &Key, &Item)> = items
                .range(start..)
                .take_while(|(key, _)| key.pk == *pk)
                .filter_map(|(key, item)| Some((by_time(item)?, key, item)))
                .filter(|(listed, ..)| listed.starts_with(&**prefix))
                .filter(|(listed, key, _)| place.is_none_or(|(at, of)| (Some(*listed), *key) < (at, of)))
                .collect();
            listed.sort_by(|one, other| (other.0, other.1).cmp(&(one.0, one.1)));
            let more = listed.len() > limit;
            let page: Vec<Item> = listed.into_iter().take(limit).map(|(_, _, item)| listed_keys(item)).collect();
            Ok(page_of(page, more, Item::clone))
        }
        Range::Due { shard, until_ms } => {
            let mut due: Vec<(i64, &Key, &Item)> = items
                .iter()
                .filter_map(|(key, item)| match (item.get(DUE_SHARD), item.get(DUE_AT)) {
                    (Some(Value::S(own)), Some(Value::N(due_at))) if own == shard && due_at <= until_ms => {
                        Some((*due_at, key, item))
                    }
                    _ => None,
                })
                .filter(|(due_at, key, _)| {
                    behind.as_ref().is_none_or(|(shown, place)| (Some(*due_at), *key) > (*shown, place))
                })
                .collect();
            due.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
            let more = due.len() > limit;
            let page: Vec<Item> = due.into_iter().take(limit).map(|(_, _, item)| keys_only(item)).collect();
            Ok(page_of(page, more, Item::clone))
        }
    }
}

/// A page, and where the next one starts if there is more.
fn page_of(items: Vec<Item>, more: bool, place_of: impl FnOnce(&Item) -> Item) -> Page {
    let next = items.last().filter(|_| more).map(place_of);
    Page { items, next }
}

/// Where a page ended: the due index's sort key, where there is one, and the table's own keys.
fn place(after: &Item) -> Result<(Option<i64>, Key), StoreError> {
    Ok((due_at(after), Key::of(after)?))
}

fn due_at(item: &Item) -> Option<i64> {
    match item.get(DUE_AT) {
        Some(Value::N(due_at)) => Some(*due_at),
        Some(Value::S(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
    }
}

fn by_time(item: &Item) -> Option<&str> {
    match item.get(BY_TIME) {
        Some(Value::S(listed)) => Some(listed),
        Some(Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
    }
}

/// What the due index shows of an item.
fn keys_only(item: &Item) -> Item {
    only(item, &[PK, SK, DUE_SHARD, DUE_AT])
}

/// What the index by time shows of an item.
fn listed_keys(item: &Item) -> Item {
    only(item, &[PK, SK, BY_TIME])
}

fn only(item: &Item, keys: &[&str]) -> Item {
    item.iter()
        .filter(|(name, _)| keys.contains(&name.as_ref()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
