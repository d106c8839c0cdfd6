//! What a table in memory holds, with the index of what is due beside it: reads, conditions and writes, no clock and no
//! faults.

use std::collections::{BTreeMap, BTreeSet};

use adapters::store::{
    BY_TIME, DUE_AT, DUE_SHARD, Item, Key, PK, Page, Query, Range, SK, StoreError, Text, TransactError, Value, Write,
    WriteError,
};

/// DynamoDB's bound on the writes of one transaction.
const TRANSACTION_WRITES_MAX: usize = 100;

/// Items by key. Every index is current.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    items: BTreeMap<Key, Item>,
    /// Shard, milliseconds since the epoch, and whose.
    due: BTreeSet<(Text, i64, Key)>,
}

impl Rows {
    pub(crate) fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    /// Every item, in the order of the keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Item)> {
        self.items.iter()
    }

    /// Every key of the index of what is due, with when; in no order that matters.
    pub(crate) fn due(&self) -> impl Iterator<Item = (i64, &Key)> {
        self.due.iter().map(|(_, due_at, key)| (*due_at, key))
    }

    /// Does one write, unless its condition does not hold; where.
    pub(crate) fn write(&mut self, write: Write) -> Result<Key, WriteError> {
        let key = write.key()?;
        let existing = self.items.get(&key);
        if write.expect().is_some_and(|expect| !expect.holds(existing)) {
            return Err(WriteError::Refused(existing.cloned().map(Box::new)));
        }
        self.apply(key.clone(), write);
        Ok(key)
    }

    /// Does all of the writes or none; where something was changed.
    pub(crate) fn transact(&mut self, writes: Vec<Write>) -> Result<Vec<Key>, TransactError> {
        let keys = writes.iter().map(Write::key).collect::<Result<Vec<_>, _>>()?;
        let repeated = keys.iter().enumerate().any(|(position, key)| keys[..position].contains(key));
        if repeated || !(1..=TRANSACTION_WRITES_MAX).contains(&keys.len()) {
            return Err(StoreError::Broken("ValidationException".to_owned()).into());
        }
        let refused = writes.iter().zip(&keys).enumerate().filter_map(|(position, (write, key))| {
            let existing = self.items.get(key);
            let refused = write.expect().is_some_and(|expect| !expect.holds(existing));
            refused.then(|| (position, existing.cloned().map(Box::new)))
        });
        let refused: Vec<_> = refused.collect();
        if !refused.is_empty() {
            return Err(TransactError::Refused(refused));
        }
        let mut changed = Vec::with_capacity(keys.len());
        for (write, key) in writes.into_iter().zip(keys) {
            if !matches!(write, Write::Check { .. }) {
                self.apply(key.clone(), write);
                changed.push(key);
            }
        }
        Ok(changed)
    }

    fn apply(&mut self, key: Key, write: Write) {
        match write {
            Write::Put { item, .. } => self.replace(key, Some(item)),
            Write::Update { set, remove, .. } => {
                let fresh = || Item::from([(PK, Value::S(key.pk.clone())), (SK, Value::S(key.sk.clone()))]);
                let mut item = self.items.get(&key).cloned().unwrap_or_else(fresh);
                for (name, value) in set {
                    item.insert(name, value);
                }
                for name in remove {
                    item.remove(name);
                }
                self.replace(key, Some(item));
            }
            Write::Delete { .. } => self.replace(key, None),
            Write::Check { .. } => {}
        }
    }

    fn replace(&mut self, key: Key, item: Option<Item>) {
        let due = item.as_ref().and_then(place_in_due);
        let due_before = self.items.get(&key).and_then(place_in_due);
        let moved = (due != due_before).then(|| key.clone());
        match item {
            Some(item) => self.items.insert(key, item),
            None => self.items.remove(&key),
        };
        let Some(key) = moved else { return };
        if let Some((shard, due_at)) = due_before {
            self.due.remove(&(shard, due_at, key.clone()));
        }
        if let Some((shard, due_at)) = due {
            self.due.insert((shard, due_at, key));
        }
    }

    /// Reads a page. It starts behind the place where the page before ended, not behind its item: that may have been
    /// moved or deleted in the meantime.
    pub(crate) fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let behind = query.after.as_ref().map(Key::of).transpose()?;
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        match &query.range {
            Range::Partition { pk, sk_prefix } => {
                let start = Key { pk: pk.clone(), sk: sk_prefix.clone() };
                let found = self
                    .items
                    .range(start..)
                    .take_while(|(key, _)| key.pk == *pk && key.sk.starts_with(&**sk_prefix))
                    .filter(|(key, _)| behind.as_ref().is_none_or(|behind| *key > behind))
                    .map(|(_, item)| item.clone());
                Ok(page(found, limit))
            }
            Range::Newest { pk, prefix } => {
                let start = Key { pk: pk.clone(), sk: Text::Borrowed("") };
                let place = behind.as_ref().map(|key| (query.after.as_ref().and_then(by_time), key));
                let mut listed: Vec<(&str, &Key, &Item)> = self
                    .items
                    .range(start..)
                    .take_while(|(key, _)| key.pk == *pk)
                    .filter_map(|(key, item)| Some((by_time(item)?, key, item)))
                    .filter(|(listed, ..)| listed.starts_with(&**prefix))
                    .filter(|(listed, key, _)| place.is_none_or(|(at, of)| (Some(*listed), *key) < (at, of)))
                    .collect();
                listed.sort_by(|one, other| (other.0, other.1).cmp(&(one.0, one.1)));
                Ok(page(listed.into_iter().map(|(_, _, item)| listed_keys(item)), limit))
            }
            Range::Due { shard, until_ms } => {
                let behind = behind.and_then(|key| due_at(query.after.as_ref()?).map(|due_at| (due_at, key)));
                let found = self
                    .due
                    .range((shard.clone(), i64::MIN, Key::new("", ""))..)
                    .take_while(|(own, due_at, _)| own == shard && due_at <= until_ms)
                    .filter(|(_, due_at, key)| {
                        behind.as_ref().is_none_or(|behind| (*due_at, key) > (behind.0, &behind.1))
                    })
                    .filter_map(|(_, _, key)| self.items.get(key).map(keys_only));
                Ok(page(found, limit))
            }
        }
    }
}

fn page(mut found: impl Iterator<Item = Item>, limit: usize) -> Page {
    let items: Vec<Item> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let next = items.last().filter(|_| more).map(place_of);
    Page { items, next }
}

/// Where an item stands in the index of what is due, if it does.
fn place_in_due(item: &Item) -> Option<(Text, i64)> {
    match (item.get(DUE_SHARD), due_at(item)) {
        (Some(Value::S(shard)), Some(due_at)) => Some((shard.clone(), due_at)),
        _ => None,
    }
}

fn due_at(item: &Item) -> Option<i64> {
    match item.get(DUE_AT) {
        Some(Value::N(due_at)) => Some(*due_at),
        Some(Value::S(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
    }
}

fn by_time(item: &Item) -> Option<&str> {
    match item.get(BY_TIME) {
        Some(Value::S(by_time)) => Some(by_time),
        Some(Value::N(_) | Value::Bool(_) | Value::Map(_) | Value::List(_)) | None => None,
    }
}

/// Where a page that ends with this item ends: its keys, those of every index among them.
fn place_of(item: &Item) -> Item {
    only(item, &[PK, SK, BY_TIME, DUE_SHARD, DUE_AT])
}

/// What the index of what is due shows of an item.
fn keys_only(item: &Item) -> Item {
    only(item, &[PK, SK, DUE_SHARD, DUE_AT])
}

/// What the index by time shows of an item.
fn listed_keys(item: &Item) -> Item {
    only(item, &[PK, SK, BY_TIME])
}

fn only(item: &Item, names: &[&str]) -> Item {
    let named = item.iter().filter(|(name, _)| names.contains(&name.as_ref()));
    named.map(|(name, value)| (name.clone(), value.clone())).collect()
}
