//! The operator's switch: whether numbers are bought at all.

use std::sync::{Mutex, PoisonError};

use adapters::ambient::Ambient;
use adapters::profiles;
use adapters::store::{Store, StoreError};
use domain::Instant;

use crate::PurchaseCompletion;

/// How long what was read of the switch counts, in milliseconds: so long, at most, is bought after it was turned.
const SWITCH_AGE_MS_MAX: i64 = 5_000;

/// What was last read of the switch.
#[derive(Debug, Default)]
pub struct SwitchCache(Mutex<Option<(Instant, bool)>>);

impl SwitchCache {
    fn fresh(&self, now: Instant) -> Option<bool> {
        let read = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that went back makes what was read old, not new.
        read.filter(|(at, _)| (0..=SWITCH_AGE_MS_MAX).contains(&now.ms_since(*at))).map(|(_, on)| on)
    }

    fn remember(&self, now: Instant, on: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, on));
    }
}

impl<S: Store, C, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Whether numbers are bought, as the switch said at most five seconds ago.
    pub(crate) async fn purchases_are_on(&self) -> Result<bool, StoreError> {
        let now = self.ambient.now();
        if let Some(on) = self.switch.fresh(now) {
            return Ok(on);
        }
        let on = profiles::load_switch(&self.store).await?.on;
        self.switch.remember(now, on);
        Ok(on)
    }
}
