//! Turns to ask Persona for a reason that others choose: a caller who refreshes, an old delivery. The sweep has a budget of
//! its own.

use domain::{Instant, REFRESH_PAUSE_MS};

use crate::items::{TURN_AT, turn_from_item, turn_item};
use crate::store::{Condition, Key, Store, StoreError, Value, Write, WriteError};

/// Takes the turn under this key, one every [`REFRESH_PAUSE_MS`]; refused, when the next one is. One item, which the table
/// forgets by itself.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the turn may be taken.
pub async fn take(store: &impl Store, turn: &Key, now: Instant) -> Result<Result<(), Instant>, StoreError> {
    let free = Condition::AtMost(TURN_AT, now.plus_ms(-REFRESH_PAUSE_MS).unix_ms());
    let expect = Condition::Any(vec![Condition::ItemAbsent, free]);
    match store.write(Write::Put { item: turn_item(turn.clone(), now), expect }).await {
        Ok(()) => Ok(Ok(())),
        Err(WriteError::Refused(item)) => {
            let taken = item.as_deref().map_or(Ok(now), turn_from_item)?;
            Ok(Err(taken.plus_ms(REFRESH_PAUSE_MS)))
        }
        Err(WriteError::Store(error)) => Err(error),
    }
}

/// Gives back a turn that was taken at `taken_at` and led to nothing; one that somebody else has taken since stays.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the turn may be taken until its time is over.
pub async fn give_back(store: &impl Store, turn: &Key, taken_at: Instant) -> Result<(), StoreError> {
    let expect = Condition::Equals(TURN_AT, Value::N(taken_at.unix_ms()));
    let free = turn_item(turn.clone(), taken_at.plus_ms(-REFRESH_PAUSE_MS));
    match store.write(Write::Put { item: free, expect }).await {
        Ok(()) | Err(WriteError::Refused(_)) => Ok(()),
        Err(WriteError::Store(error)) => Err(error),
    }
}
