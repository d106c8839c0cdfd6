//! A purchase that is due.

use adapters::ambient::Ambient;
use adapters::items::purchase_from_item;
use adapters::persona::Identity;
use adapters::purchases::{self, Committed, Guard, StoredPurchase, load_profile};
use adapters::queue::{PurchaseMessage, Queue};
use adapters::store::{Condition, DUE_AT, Store, Value, Write};
use adapters::verifications::{self, Waiting};
use domain::{
    Actor, Decision, FailedNumber, Instant, Owner, Purchase, PurchaseEvent, PurchaseState, SubAccountId, in_time,
};
use tracing::info;

use crate::{Due, Overdue, SweepError, Sweeper, Visited};

impl<S: Store, Q: Queue, I: Identity, A: Ambient> Sweeper<S, Q, I, A> {
    pub(crate) async fn visit_purchase(&self, due: Due, sub_account: &SubAccountId) -> Result<Visited, SweepError> {
        let (purchase, version) = purchase_from_item(&due.item)?;
        let stored = StoredPurchase { purchase, version };
        let now = self.ambient.now();
        let next_at = self.backed_off(&due, now, self.settings.revisits.step_ms);
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        match &stored.purchase.state {
            PurchaseState::Waiting => {
                let owners = load_profile(&self.store, sub_account).await?.owners(sub_account);
                self.visit_waiting(&due, stored, owners, next_at).await
            }
            PurchaseState::Buying(_) | PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. } => {
                self.send(&stored.purchase).await
            }
            PurchaseState::Completed { .. }
            | PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Held { .. } => Ok(Visited::Nothing),
        }
    }

    /// The request's own last steps, once more. Only one that was just read as not cleared, with its pointers written,
    /// may sleep until its deadline: from then on its owners' verifications wake it.
    async fn visit_waiting(
        &self,
        due: &Due,
        stored: StoredPurchase,
        owners: Vec<Owner>,
        pushed_to: Instant,
    ) -> Result<Visited, SweepError> {
        let purchase = &stored.purchase;
        if !purchase.gated {
            return self.send(purchase).await;
        }
        let waiting = verifications::wait(&self.store, &stored, &owners).await?;
        let expires_at = purchase.deadline.plus_ms(self.settings.timing.expiry_grace_ms + 1);
        let overdue = self.ambient.now() >= expires_at;
        match waiting {
            Waiting::Moved => Ok(Visited::Nothing),
            Waiting::Cleared(rule) if in_time(&rule, purchase.deadline) || !overdue => self.send(purchase).await,
            Waiting::Cleared(_) => Ok(Visited::Overdue(Box::new(Overdue { stored, owners }))),
            Waiting::ForOwners(_) if overdue => Ok(Visited::Overdue(Box::new(Overdue { stored, owners }))),
            Waiting::ForOwners(_) => {
                self.conditional(Write::Update {
                    key: due.key.clone(),
                    set: vec![(DUE_AT, Value::N(expires_at.unix_ms()))],
                    remove: vec![],
                    expect: Condition::Equals(DUE_AT, Value::N(pushed_to.unix_ms())),
                })
                .await?;
                Ok(Visited::Nothing)
            }
        }
    }

    /// Ends a purchase whose owners did not prove who they are in time, unless one of them just did.
    pub(crate) async fn expire(&self, stored: &StoredPurchase, owners: &[Owner]) -> Result<Visited, SweepError> {
        let now = self.ambient.now();
        let timing = &self.settings.timing;
        match stored.purchase.decide(&PurchaseEvent::Expire, Actor::Sweeper, now, timing) {
            Decision::Applied { next, effects } => {
                let guard = Guard::NobodyInTime(owners.to_vec());
                let committed = purchases::commit(&self.store, stored, next, effects, owners, &guard, None).await?;
                match committed {
                    Committed::Done(stored) => {
                        info!(purchase = %stored.purchase.id, "The purchase expired: nobody verified in time.");
                        Ok(Visited::Expired)
                    }
                    Committed::Changed | Committed::Guarded | Committed::LockedBy(..) => Ok(Visited::Nothing),
                }
            }
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => Ok(Visited::Nothing),
        }
    }

    async fn send(&self, purchase: &Purchase) -> Result<Visited, SweepError> {
        let message = PurchaseMessage { sub_account: purchase.sub_account.clone(), id: purchase.id.clone() };
        self.queue.send(vec![message]).await?;
        Ok(Visited::Sent(1))
    }
}
