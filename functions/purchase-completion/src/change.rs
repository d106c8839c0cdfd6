//! Deciding and committing, and telling what came of it.

use adapters::ambient::Ambient;
use adapters::items::pool_state_name;
use adapters::purchases::{self, Commit, Committed, Guard, Stored, StoredPool, StoredPurchase, load_member};
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Stock};
use adapters::verifications::DECIDE_AGAIN_MAX;
use domain::{
    Actor, Decision, Place, PoolState, Purchase, PurchaseEffects, PurchaseEvent, PurchaseId, PurchaseState, Reason,
};
use tracing::{error, info};

use crate::PurchaseCompletion;
use crate::visit::Working;

/// What a change led to.
pub(crate) enum Moved {
    /// It stands.
    Done(Working),
    /// It was there already, or has no place any more.
    Not,
    /// A guard does not hold.
    Guarded(Working),
    /// The number's lock is that purchase's of this sub-account, or of another.
    Locked(Working, PurchaseId, bool),
}

impl Moved {
    /// The number, if the change stands.
    pub(crate) fn done(self) -> Option<Working> {
        match self {
            Self::Done(working) => Some(working),
            Self::Not | Self::Guarded(_) | Self::Locked(..) => None,
        }
    }
}

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Commits what the carrier's answer means.
    pub(crate) async fn finish(&self, working: Working, event: &PurchaseEvent) -> Result<(), StoreError> {
        self.change(working, event, vec![]).await.map(|_| ())
    }

    /// Decides and commits; decides anew on what is there when somebody else's change came first. A number that ends in
    /// a pool takes the pool along.
    pub(crate) async fn change(
        &self,
        mut working: Working,
        event: &PurchaseEvent,
        guards: Vec<Guard>,
    ) -> Result<Moved, StoreError> {
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let stored = &working.stored;
            let decision = stored.purchase.decide(event, Actor::Completion, now, &self.settings.timing);
            let (mut next, effects) = match decision {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => return Ok(Moved::Not),
            };
            if let PurchaseState::Failed { reason: Reason::NumberUnavailable, .. } = next.state
                && next.alternatives.is_empty()
            {
                next.alternatives = self.alternatives(&next, working.pool.as_ref()).await;
            }
            let due_at = next.due_at(now, self.settings.step_ms);
            let commit = Commit { seen: stored, next, effects, guards: guards.clone(), due_at };
            match purchases::commit(&self.store, commit).await? {
                Committed::Done(stored) => {
                    tell(&stored.purchase, effects);
                    working.stored = *stored;
                    if let Some(begun) = guards.iter().find_map(Guard::begun_pool) {
                        working.pool = Some(begun);
                    }
                    if effects.ends {
                        self.follow(&working).await?;
                    }
                    return Ok(Moved::Done(working));
                }
                Committed::Guarded => return Ok(Moved::Guarded(working)),
                Committed::LockedBy(sub_account, other) => {
                    let same = sub_account == working.stored.purchase.sub_account;
                    return Ok(Moved::Locked(working, other, same));
                }
                Committed::Changed => working.stored = self.reload(&working).await?,
            }
        }
        Err(StoreError::Unavailable("the purchase kept changing".to_owned()))
    }

    /// Reads the number's pool anew, after a guard did not hold.
    pub(crate) async fn reload_pool(&self, working: &mut Working) -> Result<(), StoreError> {
        let Purchase { sub_account, id, .. } = &working.stored.purchase;
        if working.pool.is_some() {
            match purchases::load(&self.store, sub_account, id).await? {
                Some(Stored::Pool(pool)) => working.pool = Some(pool),
                Some(Stored::One(_)) | None => return Err(vanished()),
            }
        }
        Ok(())
    }

    async fn reload(&self, working: &Working) -> Result<StoredPurchase, StoreError> {
        let Purchase { sub_account, id, place, .. } = &working.stored.purchase;
        let stored = match (place, &working.pool) {
            (Place::Member(index), Some(pool)) => load_member(&self.store, pool, *index).await?,
            (Place::Alone | Place::Member(_), _) => match purchases::load(&self.store, sub_account, id).await? {
                Some(Stored::One(stored)) => Some(stored),
                Some(Stored::Pool(_)) | None => None,
            },
        };
        stored.ok_or_else(vanished)
    }

    pub(crate) fn tell_pool(&self, stored: &StoredPool) {
        let (id, sub_account, state) = (&stored.pool.id, &stored.pool.sub_account, &stored.pool.state);
        let name = pool_state_name(state);
        match state {
            PoolState::Held { .. } => {
                error!(purchase = %id, %sub_account, metric = "held", "The pool is held: an operator must look.");
            }
            PoolState::Releasing { reason } => {
                info!(purchase = %id, %sub_account, ?reason, "The pool is undone: what was bought goes back.");
            }
            PoolState::Waiting
            | PoolState::Buying
            | PoolState::Completed { .. }
            | PoolState::PartiallyCompleted { .. }
            | PoolState::Failed { .. }
            | PoolState::Expired { .. }
            | PoolState::Cancelled { .. } => info!(purchase = %id, %sub_account, state = name, "The pool moved on."),
        }
    }
}

fn vanished() -> StoreError {
    StoreError::Broken("a purchase has vanished".to_owned())
}

fn tell(purchase: &Purchase, effects: PurchaseEffects) {
    let (id, sub_account, number) = (&purchase.id, &purchase.sub_account, purchase.number.last_four());
    match &purchase.state {
        PurchaseState::Completed { sid, .. } => {
            info!(purchase = %id, %sub_account, number, %sid, "The number was bought.");
        }
        PurchaseState::Failed { reason, .. } => {
            info!(purchase = %id, %sub_account, number, ?reason, "The number failed.");
        }
        PurchaseState::Released { sid, .. } => {
            info!(purchase = %id, %sub_account, number, %sid, "The number was given back.");
        }
        PurchaseState::Held { .. } => {
            error!(purchase = %id, %sub_account, number, orphan = effects.orphan, metric = "held", "The number is held: an operator must look.");
        }
        PurchaseState::Buying(_)
        | PurchaseState::Releasing(_)
        | PurchaseState::Waiting
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. } => {}
    }
}
