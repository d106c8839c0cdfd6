//! One visit to one number.
//!
//! | the number is | the visit |
//! |---|---|
//! | waiting | claims it, with its lock and, if gated, its owner's clearance in the same transaction; looks; buys |
//! | buying, lease alive | leaves it to the worker that holds the lease; the table brings it back at the lease's end |
//! | buying, lease dead | takes the lease over; looks; records, or asks for a further permit, or settles the doubt |
//! | completed, in a pool that is undone | gives it back |
//! | failed, locked | looks a last time, and frees the lock |
//! | ended | makes sure that its pool knows |
//!
//! What the carrier has not answered is unknown, never failed: the visit then just ends, and the next one looks first.

use adapters::ambient::Ambient;
use adapters::items::Profile;
use adapters::profiles;
use adapters::purchases::{self, Guard, Stored, StoredPool, StoredPurchase, follow_members, load_member};
use adapters::queue::PurchaseMessage;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Stock};
use adapters::verifications;
use domain::{
    Actor, Clearance, ClearanceRule, LeaseToken, PhoneRequirement, PoolState, PurchaseEvent, PurchaseState, Reason,
    Visit, in_time,
};
use futures::future::try_join3;
use tracing::{info, warn};

use crate::PurchaseCompletion;

/// One number during one visit: as it stands, its pool, who its owners are, and this worker's token.
#[derive(Debug, Clone)]
pub(crate) struct Working {
    pub(crate) stored: StoredPurchase,
    pub(crate) pool: Option<StoredPool>,
    pub(crate) profile: Profile,
    pub(crate) token: LeaseToken,
}

impl Working {
    /// Why no further create is wanted, whatever the clearance: its pool is being undone.
    pub(crate) fn is_undone(&self) -> bool {
        self.pool.as_ref().is_some_and(|pool| pool.pool.undone().is_some())
    }
}

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Does what the number needs now.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer; whatever was done stands, and a repetition goes on from there.
    pub(crate) async fn visit(&self, message: &PurchaseMessage) -> Result<(), StoreError> {
        let PurchaseMessage { sub_account, id, member } = message;
        let (stored, profile, purchases_are_on) = try_join3(
            purchases::load(&self.store, sub_account, id),
            profiles::load(&self.store, sub_account),
            self.purchases_are_on(),
        )
        .await?;
        let (stored, pool) = match (stored, member) {
            (Some(Stored::One(stored)), None) => (Some(stored), None),
            (Some(Stored::Pool(pool)), Some(index)) => (load_member(&self.store, &pool, *index).await?, Some(pool)),
            // A pool is visited number by number; the sweep sends a message for each.
            (Some(Stored::One(_)), Some(_)) | (Some(Stored::Pool(_)), None) | (None, _) => (None, None),
        };
        let Some(stored) = stored else {
            warn!(purchase = %id, "A message names a purchase, or a number of one, that does not exist.");
            return Ok(());
        };
        let token = LeaseToken::parse(&self.ambient.random_id())
            .map_err(|_| StoreError::Broken("a random id is no token".to_owned()))?;
        let working = Working { stored, pool, profile, token };
        match working.stored.purchase.visit(self.ambient.now()) {
            Visit::Claim => self.visit_unasked(working, purchases_are_on).await,
            Visit::Reclaim => {
                let event = PurchaseEvent::Reclaim { token: working.token.clone() };
                match self.change(working, &event, vec![]).await?.done() {
                    Some(working) => self.buy(working, false).await,
                    None => Ok(()),
                }
            }
            Visit::LeaseHeld { .. } => Ok(()),
            Visit::LastLook { account } => self.last_look(working, &account).await,
            Visit::Release => self.give_back(working).await,
            Visit::Nothing if working.is_undone() && is_ours(&working) => self.give_back(working).await,
            Visit::Nothing => self.follow(&working).await,
        }
    }

    /// A number that nothing was asked for.
    async fn visit_unasked(&self, working: Working, purchases_are_on: bool) -> Result<(), StoreError> {
        match working.pool.as_ref().map(|pool| pool.pool.state) {
            None | Some(PoolState::Waiting) => {
                if !purchases_are_on {
                    info!(purchase = %working.stored.purchase.id, "Purchases are switched off; it goes on waiting.");
                    return Ok(());
                }
                self.claim(working).await
            }
            Some(PoolState::Buying) if !purchases_are_on => Ok(()),
            Some(PoolState::Buying) => self.claim(working).await,
            Some(state @ PoolState::Releasing { .. }) => {
                let event = PurchaseEvent::PermitRefused { token: None, reason: Reason::PoolUndone };
                self.change(working, &event, vec![Guard::PoolIs(state)]).await.map(|_| ())
            }
            Some(
                PoolState::Completed { .. }
                | PoolState::PartiallyCompleted { .. }
                | PoolState::Failed { .. }
                | PoolState::Expired { .. }
                | PoolState::Cancelled { .. }
                | PoolState::Held { .. },
            ) => Ok(()),
        }
    }

    /// What must hold for a create to be permitted now; none when the owners are not cleared. The phone is no part of it:
    /// it is asked for once, at the claim. `gated` is the number's that is to be bought.
    pub(crate) async fn clearance_guards(
        &self,
        working: &Working,
        gated: bool,
    ) -> Result<Option<Vec<Guard>>, StoreError> {
        let purchase = &working.stored.purchase;
        let mut guards: Vec<Guard> = working.pool.iter().map(|pool| Guard::PoolIs(pool.pool.state)).collect();
        if !gated {
            return Ok(Some(guards));
        }
        let owners = working.profile.owners(&purchase.sub_account);
        let verifications = verifications::load_all(&self.store, &owners).await?;
        let stored = Stored::One(working.stored.clone());
        match verifications::clearance(&stored, &owners, &verifications, PhoneRequirement::Met) {
            Clearance::Cleared(rule) if in_time(&rule, purchase.deadline) => {
                match rule {
                    ClearanceRule::NotGated => {}
                    ClearanceRule::VerifiedOwner { owner, .. } => guards.push(Guard::VerifiedInTime(owner)),
                }
                Ok(Some(guards))
            }
            Clearance::Cleared(_) | Clearance::NotCleared | Clearance::NeedsPhone => Ok(None),
        }
    }

    /// Makes the number's pool what its numbers say.
    pub(crate) async fn follow(&self, working: &Working) -> Result<(), StoreError> {
        let Some(pool) = working.pool.clone() else { return Ok(()) };
        let before = pool.pool.state;
        let (now, settings) = (self.ambient.now(), &self.settings);
        let (pool, _) =
            follow_members(&self.store, pool, Actor::Completion, now, &settings.timing, settings.step_ms).await?;
        if pool.pool.state != before {
            self.tell_pool(&pool);
        }
        Ok(())
    }
}

fn is_ours(working: &Working) -> bool {
    matches!(working.stored.purchase.state, PurchaseState::Completed { .. })
}
