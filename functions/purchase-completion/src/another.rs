//! Numbers that are gone: what else of their area code is for sale, and taking one of those instead.

use adapters::ambient::Ambient;
use adapters::purchases::StoredPool;
use adapters::regions::region_of;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Stock, StockQuery};
use domain::{ALTERNATIVES_MAX, PhoneNumber, Purchase, PurchaseEvent};
use tracing::{info, warn};

use crate::PurchaseCompletion;
use crate::buy::wants_another;
use crate::change::Moved;
use crate::visit::Working;

/// How many numbers are asked for, so that some are left when those that were tried before are taken out.
const SEARCH_LIMIT: u32 = 20;

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Takes another number of the same area code instead of one that is gone, if the customer wants that and there is
    /// one; otherwise ends it with `gone`. The number, with a permit for the other one in hand.
    pub(crate) async fn another(
        &self,
        mut working: Working,
        gone: &PurchaseEvent,
    ) -> Result<Option<Working>, StoreError> {
        if wants_another(&working.stored.purchase) && !working.is_undone() && self.purchases_are_on().await? {
            for number in self.alternatives(&working.stored.purchase, working.pool.as_ref()).await {
                if working.is_undone() {
                    break;
                }
                let Purchase { place, gated: was_gated, .. } = &working.stored.purchase;
                let gated = *was_gated || self.settings.gate.requires(place.action(), Some(region_of(number.as_str())));
                // Read anew for each: what is decided is decided now.
                let Some(guards) = self.clearance_guards(&working, gated).await? else { break };
                let event = PurchaseEvent::Switch { token: working.token.clone(), number, gated };
                match self.change(working, &event, guards).await? {
                    Moved::Done(switched) => {
                        let purchase = &switched.stored.purchase;
                        info!(purchase = %purchase.id, number = purchase.number.last_four(), "The number is gone; another of its area code is taken.");
                        return Ok(Some(switched));
                    }
                    Moved::Not => return Ok(None),
                    Moved::Locked(locked, ..) => working = locked,
                    Moved::Guarded(guarded) => {
                        working = guarded;
                        self.reload_pool(&mut working).await?;
                    }
                }
            }
        }
        self.finish(working, gone).await?;
        Ok(None)
    }

    /// Numbers of the same area code that are for sale now and were not tried before, none of its own pool among them: those
    /// are bought by their own. A search that fails names none: the customer can still search by itself.
    pub(crate) async fn alternatives(&self, purchase: &Purchase, pool: Option<&StoredPool>) -> Vec<PhoneNumber> {
        let Some(query) = StockQuery::same_area_code(&purchase.number, SEARCH_LIMIT) else {
            return Vec::new();
        };
        let siblings = pool.map_or(&[][..], |pool| &pool.pool.numbers);
        let tried = |number: &PhoneNumber| {
            *number == purchase.number || purchase.given_up.contains(number) || siblings.contains(number)
        };
        match self.carrier.search(&query).await {
            Ok(found) => {
                let numbers = found.into_iter().map(|available| available.number);
                numbers.filter(|number| !tried(number)).take(ALTERNATIVES_MAX).collect()
            }
            Err(error) => {
                warn!(purchase = %purchase.id, %error, "The carrier's stock could not be searched for alternatives.");
                Vec::new()
            }
        }
    }
}
