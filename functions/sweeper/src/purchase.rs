//! A purchase that is due, of one number or of a pool, or one number of a pool.

use adapters::ambient::Ambient;
use adapters::items::purchase_from_item;
use adapters::name_match::NameMatch;
use adapters::persona::Identity;
use adapters::profiles;
use adapters::purchases::{
    self, Commit, Committed, Guard, Stored, StoredPool, StoredPurchase, commit_pool, follow_members,
};
use adapters::queue::{PurchaseMessage, Queue};
use adapters::store::{Store, StoreError};
use adapters::verifications::{self, Waiter, Waiting};
use domain::{Actor, Decision, Instant, Owner, PoolEvent, PurchaseEvent, SubAccountId, in_time};
use tracing::info;

use crate::{Due, Overdue, SweepError, Sweeper, Visited};

impl<S: Store, Q: Queue, I: Identity, N: NameMatch, A: Ambient> Sweeper<S, Q, I, N, A> {
    pub(crate) async fn visit_purchase(&self, due: Due) -> Result<Visited, SweepError> {
        let stored = Stored::from_item(&due.item)?;
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if stored.request().waits && stored.request().needs_proof() {
            return self.visit_waiting(&due, stored, next_at).await;
        }
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        if stored.request().waits {
            return self.send(stored.messages()).await;
        }
        match stored {
            Stored::One(StoredPurchase { purchase, .. }) => match purchase.due_at(self.ambient.now(), 0) {
                Some(_) => self.send(vec![PurchaseMessage::of(&purchase)]).await,
                None => Ok(Visited::Nothing),
            },
            Stored::Pool(pool) => self.visit_pool(pool).await,
        }
    }

    /// A number of a pool whose lease is over, or whose last look is due.
    pub(crate) async fn visit_member(&self, due: Due) -> Result<Visited, SweepError> {
        let (member, _) = purchase_from_item(&due.item)?;
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        self.send(vec![PurchaseMessage::of(&member)]).await
    }

    /// A profile whose change has not reached all that waits: due until nothing waits any more that it cleared, since a
    /// message may be lost, or come while nothing is bought.
    pub(crate) async fn visit_profile(&self, due: Due, sub_account: &SubAccountId) -> Result<Visited, SweepError> {
        let next_at = self.backed_off(&due, self.ambient.now(), self.settings.revisits.step_ms);
        if !self.push(&due, next_at).await? {
            return Ok(Visited::Nothing);
        }
        let sent = profiles::reach_waiters(&self.store, &self.queue, sub_account).await?;
        if sent == 0 {
            self.sleep(&due, profiles::version_of(&due.item)?, next_at).await?;
        }
        Ok(Visited::Sent(sent))
    }

    /// What a pool that has begun still needs: the numbers that nothing was asked for yet, or those that go back; and
    /// its end, where the worker that saw it died.
    async fn visit_pool(&self, pool: StoredPool) -> Result<Visited, SweepError> {
        let (now, timing, step_ms) = (self.ambient.now(), &self.settings.timing, self.settings.revisits.step_ms);
        let (pool, members) = follow_members(&self.store, pool, Actor::Sweeper, now, timing, step_ms).await?;
        self.send(pool.messages(&members)).await
    }

    /// The request's own last steps, once more: pointers, then reads. They repair and send nothing, so that one push
    /// follows from what they found. Only a purchase that was just read as not cleared, with its pointers written, may
    /// sleep until its deadline: from then on its owners' verifications and the approved phone wake it. Any other comes again after the next step,
    /// and is acted on after that is written.
    async fn visit_waiting(&self, due: &Due, stored: Stored, next_at: Instant) -> Result<Visited, SweepError> {
        let deadline = stored.request().deadline;
        let expires_at = deadline.plus_ms(self.settings.timing.expiry_grace_ms + 1);
        let overdue = self.ambient.now() >= expires_at;
        let found = self.wait(stored).await;
        let sleeps = matches!(found, Ok((Waiting::Waits(_), _))) && !overdue;
        if !self.push(due, if sleeps { expires_at } else { next_at }).await? {
            return Ok(Visited::Nothing);
        }
        match found? {
            (Waiting::Moved(_), _) => Ok(Visited::Nothing),
            (Waiting::Cleared(stored, rule), _) if in_time(&rule, deadline) || !overdue => {
                self.send(stored.messages()).await
            }
            (Waiting::Cleared(stored, _), owners) => {
                Ok(Visited::Overdue(Box::new(Overdue { stored, owners, identified: false })))
            }
            (Waiting::Waits(Waiter { stored, owners, identified, .. }), _) if overdue => {
                Ok(Visited::Overdue(Box::new(Overdue { stored, owners, identified })))
            }
            (Waiting::Waits(_), _) => Ok(Visited::Nothing),
        }
    }

    /// Makes the purchase wait for the owners that its stored profile names, who are returned with what it found out.
    async fn wait(&self, stored: Stored) -> Result<(Waiting, Vec<Owner>), StoreError> {
        let sub_account = stored.request().sub_account.clone();
        let owners = profiles::load(&self.store, &sub_account).await?.owners(&sub_account);
        let waiting = verifications::wait(&self.store, stored, owners.clone(), None).await?;
        Ok((waiting, owners))
    }

    /// Ends a purchase whose owners did not prove in time who they are, or which phone they have, unless that just changed.
    pub(crate) async fn expire(&self, overdue: Overdue) -> Result<Visited, SweepError> {
        let Overdue { stored, owners, identified } = overdue;
        let (now, timing) = (self.ambient.now(), &self.settings.timing);
        let guards = vec![if identified { Guard::NoPhoneInTime } else { Guard::NobodyInTime(owners) }];
        let expired = match &stored {
            Stored::One(seen) => match seen.purchase.decide(&PurchaseEvent::Expire, Actor::Sweeper, now, timing) {
                Decision::Applied { next, effects } => {
                    let commit = Commit { seen, next, effects, guards, due_at: None };
                    matches!(purchases::commit(&self.store, commit).await?, Committed::Done(_))
                }
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => false,
            },
            Stored::Pool(seen) => match seen.pool.decide(&PoolEvent::Expire, Actor::Sweeper, now, timing) {
                Decision::Applied { next, effects } => {
                    let committed = commit_pool(&self.store, seen, next, effects.ends, &guards, None).await?;
                    matches!(committed, Committed::Done(_))
                }
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => false,
            },
        };
        if !expired {
            return Ok(Visited::Nothing);
        }
        info!(purchase = %stored.request().id, identified, "The purchase expired: what it waited for did not come in time.");
        Ok(Visited::Expired)
    }

    async fn send(&self, messages: Vec<PurchaseMessage>) -> Result<Visited, SweepError> {
        let count = messages.len();
        if count > 0 {
            self.queue.send(messages).await?;
        }
        Ok(Visited::Sent(count))
    }
}
