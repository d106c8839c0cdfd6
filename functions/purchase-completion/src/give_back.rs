//! Giving back what was bought for a pool that is undone.

use adapters::ambient::Ambient;
use adapters::purchases::Guard;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, LookError, Stock};
use domain::{PurchaseEvent, PurchaseState, Release};
use tracing::warn;

use crate::PurchaseCompletion;
use crate::visit::Working;

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Gives the number back: by its id at the carrier, after reading that it still is our number with our mark. Only
    /// "deleted" and "there is no such number" count, both by id; an empty list proves nothing.
    pub(crate) async fn give_back(&self, working: Working) -> Result<(), StoreError> {
        let guards = working.pool.iter().map(|pool| Guard::PoolIs(pool.pool.state)).collect();
        let event = PurchaseEvent::Undo { token: working.token.clone() };
        let Some(working) = self.change(working, &event, guards).await?.done() else {
            return Ok(());
        };
        let purchase = &working.stored.purchase;
        let PurchaseState::Releasing(Release { sid, account, .. }) = &purchase.state else {
            return Ok(());
        };
        let token = working.token.clone();
        let event = match self.carrier.fetch(account, sid).await {
            Ok(None) => PurchaseEvent::Released,
            Ok(Some(owned)) if owned.number == purchase.number && owned.mark == purchase.id.as_str() => {
                match self.carrier.release(account, sid).await {
                    Ok(()) => PurchaseEvent::Released,
                    Err(error) => self.not_released(&working, error),
                }
            }
            Ok(Some(_)) => PurchaseEvent::SeenForeign { token, same_sub_account: false },
            Err(error) => self.not_released(&working, error),
        };
        self.finish(working, &event).await
    }

    fn not_released(&self, working: &Working, error: LookError) -> PurchaseEvent {
        warn!(purchase = %working.stored.purchase.id, %error, "The carrier did not take the number back; it is asked again.");
        let retry_at = self.retry_at(error).unwrap_or_else(|| self.busy_until(None));
        PurchaseEvent::NotReleased { token: working.token.clone(), retry_at }
    }
}
