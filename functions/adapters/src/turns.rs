//! Turns to ask Persona about an owner for a reason that others choose: a caller who refreshes, an old delivery. The sweep
//! has a budget of its own.

use domain::{Instant, Owner, REFRESH_PAUSE_MS};

use crate::items::{TURN_AT, turn_from_item, turn_item};
use crate::store::{Condition, Store, StoreError, Write, WriteError};

/// Takes the owner's turn, one every [`REFRESH_PAUSE_MS`]; refused, when the next turn is. One item an owner, which the
/// table forgets by itself.
///
/// # Errors
/// [`StoreError`] when the table does not answer: the turn may be taken.
pub async fn take(store: &impl Store, owner: &Owner, now: Instant) -> Result<Result<(), Instant>, StoreError> {
    let free = Condition::AtMost(TURN_AT, now.plus_ms(-REFRESH_PAUSE_MS).unix_ms());
    let put = Write::Put { item: turn_item(owner, now), expect: Condition::Any(vec![Condition::ItemAbsent, free]) };
    match store.write(put).await {
        Ok(()) => Ok(Ok(())),
        Err(WriteError::Refused(item)) => {
            let taken = item.as_deref().map_or(Ok(now), turn_from_item)?;
            Ok(Err(taken.plus_ms(REFRESH_PAUSE_MS)))
        }
        Err(WriteError::Store(error)) => Err(error),
    }
}
