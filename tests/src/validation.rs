//! What DynamoDB refuses whatever stands in the table: the table in memory refuses it too, so that no test passes on a
//! write that could never stand.

use adapters::store::{BY_TIME, DUE_AT, DUE_SHARD, PK, SK, StoreError, Value, Write};

/// Refuses what DynamoDB would refuse with a `ValidationException` ("Error handling with DynamoDB", AWS documentation).
///
/// # Errors
/// [`StoreError::Broken`] for empty or missing keys, index keys of a wrong type, an update of nothing, of a key, or of
/// one attribute twice.
pub(crate) fn validate(write: &Write) -> Result<(), StoreError> {
    let Some((pk, sk)) = write.place() else {
        return Err(StoreError::Broken("an item has no keys".to_owned()));
    };
    let right = !pk.is_empty()
        && !sk.is_empty()
        && match write {
            Write::Put { item, .. } => item.iter().all(|(name, value)| fits_indexes(name, value)),
            Write::Update { set, remove, .. } => is_update(set, remove),
            Write::Delete { .. } | Write::Check { .. } => true,
        };
    if right { Ok(()) } else { Err(StoreError::Broken("ValidationException".to_owned())) }
}

fn fits_indexes(name: &str, value: &Value) -> bool {
    match name {
        BY_TIME | DUE_SHARD => matches!(value, Value::S(text) if !text.is_empty()),
        DUE_AT => matches!(value, Value::N(_)),
        _ => true,
    }
}

fn is_update(set: &[(&'static str, Value)], remove: &[&'static str]) -> bool {
    let mut named: Vec<&str> = set.iter().map(|(name, _)| *name).chain(remove.iter().copied()).collect();
    let count = named.len();
    named.sort_unstable();
    named.dedup();
    count > 0
        && named.len() == count
        && !named.iter().any(|name| [PK, SK].contains(name))
        && set.iter().all(|(name, value)| fits_indexes(name, value))
}
