//! Turns to ask Persona for a reason that others choose: a caller whose page loads, an old delivery. Each of them has one
//! of its own, and all of them together have an allowance, so that however many come, the sweep's own requests are left
//! to it.

use domain::{Allowance, Instant, REFRESH_PAUSE_MS, Urgency};

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

/// How often an allowance is read again when somebody else changed it first.
const CHANGE_AGAIN_MAX: u32 = 16;

/// Takes `requests` of the allowance that is kept under this key; refused, when there may be room. One item, whoever asks.
///
/// # Errors
/// [`StoreError`] when the table does not answer: they may be taken.
pub async fn take_of(
    store: &impl Store,
    kept: &Key,
    allowance: &Allowance,
    (requests, urgency): (i64, Urgency),
    now: Instant,
) -> Result<Result<(), Instant>, StoreError> {
    let take =
        |spent_until: Option<Instant>| allowance.take(spent_until.unwrap_or(now), requests, urgency, now).map(Some);
    Ok(change(store, kept, take).await?.unwrap_or(Err(now)))
}

/// Gives back what was taken of an allowance and led to no request.
///
/// # Errors
/// [`StoreError`] when the table does not answer: it may stay taken, for a minute at most.
pub async fn give_back_to(
    store: &impl Store,
    kept: &Key,
    allowance: &Allowance,
    requests: i64,
) -> Result<(), StoreError> {
    let give =
        |spent_until: Option<Instant>| Ok(spent_until.map(|spent_until| allowance.give_back(spent_until, requests)));
    change(store, kept, give).await.map(|_| ())
}

/// Writes until when an allowance is spoken for, as `next` makes it of until when it is; nothing if that makes nothing of it,
/// or refuses. None if others kept changing it.
async fn change(
    store: &impl Store,
    kept: &Key,
    next: impl Fn(Option<Instant>) -> Result<Option<Instant>, Instant>,
) -> Result<Option<Result<(), Instant>>, StoreError> {
    let mut read = store.get(kept).await?;
    for _ in 0..CHANGE_AGAIN_MAX {
        let spent_until = read.as_ref().map(turn_from_item).transpose()?;
        let item = match next(spent_until) {
            Ok(Some(next)) => turn_item(kept.clone(), next),
            Ok(None) => return Ok(Some(Ok(()))),
            Err(room_at) => return Ok(Some(Err(room_at))),
        };
        let expect = match spent_until {
            None => Condition::ItemAbsent,
            Some(spent_until) => Condition::Equals(TURN_AT, Value::N(spent_until.unix_ms())),
        };
        match store.write(Write::Put { item, expect }).await {
            Ok(()) => return Ok(Some(Ok(()))),
            Err(WriteError::Refused(item)) => read = item.map(|item| *item),
            Err(WriteError::Store(error)) => return Err(error),
        }
    }
    Ok(None)
}
