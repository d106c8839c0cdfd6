//! One visit to one purchase.
//!
//! | the purchase is | the visit |
//! |---|---|
//! | waiting | claims it, with its number's lock and, if gated, its owner's clearance in the same transaction; looks; buys |
//! | buying, lease alive | leaves it to the worker that holds the lease; the table brings it back at the lease's end |
//! | buying, lease dead | takes the lease over; looks; records, or asks for a further permit, or settles the doubt |
//! | failed, locked | looks a last time, and frees the lock |
//! | ended | makes sure that no pointer wakes it again |
//!
//! What the carrier has not answered is unknown, never failed: the visit then just ends, and the next one looks first.

use adapters::ambient::Ambient;
use adapters::items::Profile;
use adapters::purchases::{self, Committed, Guard, StoredPurchase};
use adapters::queue::PurchaseMessage;
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Created, LookError, OwnedNumber};
use adapters::verifications::{self, DECIDE_AGAIN_MAX};
use domain::{
    AccountSid, Actor, AfterAbsent, CARRIER_CLOCK_SKEW_MS, Clearance, ClearanceRule, Decision, Instant, LeaseToken,
    Purchase, PurchaseEffects, PurchaseEvent, PurchaseId, PurchaseState, Slot, Visit, in_time,
};
use tracing::{error, info, warn};

use crate::PurchaseCompletion;

/// When a carrier that has too many requests and does not say more is asked again, in milliseconds.
const BUSY_RETRY_MS: i64 = 30_000;
/// When a carrier that does not accept our credential is asked again, in milliseconds: an operator must act first.
const UNAUTHORISED_RETRY_MS: i64 = 15 * 60 * 1000;

/// One purchase during one visit: as it stands, who its owners are, and this worker's token.
struct Working {
    stored: StoredPurchase,
    profile: Profile,
    token: LeaseToken,
}

/// What a change led to.
enum Moved {
    /// It stands.
    Done(Working),
    /// It was there already, or has no place any more.
    Not,
    /// The guard does not hold.
    Guarded(Working),
    /// The number's lock is that purchase's of this sub-account, or of another.
    Locked(Working, PurchaseId, bool),
}

/// What the carrier's list says of the number.
enum Seen {
    Ours(OwnedNumber),
    Foreign { same_sub_account: bool },
    Absent,
    NotNow(Option<Instant>),
}

impl<S: Store, C: Carrier, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Does what the purchase needs now.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer; whatever was done stands, and a repetition goes on from there.
    pub(crate) async fn visit(&self, message: &PurchaseMessage) -> Result<(), StoreError> {
        let PurchaseMessage { sub_account, id } = message;
        let Some(stored) = purchases::load(&self.store, sub_account, id).await? else {
            warn!(purchase = %id, "A message names a purchase that does not exist.");
            return Ok(());
        };
        let profile = purchases::load_profile(&self.store, sub_account).await?;
        let token = LeaseToken::parse(&self.ambient.random_id())
            .map_err(|_| StoreError::Broken("a random id is no token".to_owned()))?;
        let working = Working { stored, profile, token };
        match working.stored.purchase.visit(self.ambient.now()) {
            Visit::Claim => self.claim(working).await,
            Visit::Reclaim => self.reclaim(working).await,
            Visit::LeaseHeld { .. } => Ok(()),
            Visit::LastLook { account } => self.last_look(working, &account).await,
            Visit::Nothing => {
                let owners = working.profile.owners(sub_account);
                purchases::unpoint(&self.store, id, &owners).await
            }
        }
    }

    async fn claim(&self, working: Working) -> Result<(), StoreError> {
        let guard = match self.clearance_guard(&working).await? {
            Some(guard) => guard,
            None => {
                info!(purchase = %working.stored.purchase.id, "The purchase is not cleared; it goes on waiting.");
                return Ok(());
            }
        };
        let account = working.profile.account.clone().unwrap_or_else(|| self.settings.account.clone());
        let event = PurchaseEvent::Claim { token: working.token.clone(), account };
        match self.change(working, &event, &guard).await? {
            Moved::Done(working) => self.look_and_buy(working, true).await,
            Moved::Not | Moved::Guarded(_) => Ok(()),
            Moved::Locked(working, other, same_sub_account) => {
                info!(purchase = %working.stored.purchase.id, %other, "The number is locked by another purchase.");
                let event = PurchaseEvent::LockTaken { same_sub_account };
                self.change(working, &event, &Guard::None).await.map(|_| ())
            }
        }
    }

    async fn reclaim(&self, working: Working) -> Result<(), StoreError> {
        let event = PurchaseEvent::Reclaim { token: working.token.clone() };
        match self.change(working, &event, &Guard::None).await? {
            Moved::Done(working) => self.look_and_buy(working, false).await,
            Moved::Not | Moved::Guarded(_) | Moved::Locked(..) => Ok(()),
        }
    }

    /// Looks before every create; creates only with a permit in hand.
    async fn look_and_buy(&self, working: Working, permit_in_hand: bool) -> Result<(), StoreError> {
        let token = working.token.clone();
        match self.look(&working).await? {
            Seen::Ours(number) => self.finish(working, &PurchaseEvent::SeenOurs { sid: number.sid }).await,
            Seen::Foreign { same_sub_account } => {
                self.finish(working, &PurchaseEvent::SeenForeign { token, same_sub_account }).await
            }
            Seen::NotNow(None) => Ok(()),
            // Nothing was created in this visit: a permit that was not used is as good as not processed.
            Seen::NotNow(Some(retry_at)) if permit_in_hand => {
                self.finish(working, &PurchaseEvent::NotProcessed { token, retry_at }).await
            }
            Seen::NotNow(Some(_)) => Ok(()),
            Seen::Absent if permit_in_hand => self.create(working).await,
            Seen::Absent => self.after_absent(working).await,
        }
    }

    async fn after_absent(&self, working: Working) -> Result<(), StoreError> {
        let PurchaseState::Buying(slot) = &working.stored.purchase.state else {
            return Ok(());
        };
        let token = working.token.clone();
        match slot.after_absent(self.ambient.now(), &self.settings.timing) {
            AfterAbsent::Permit => self.permit(working).await,
            AfterAbsent::Settle | AfterAbsent::Wait { .. } => {
                self.finish(working, &PurchaseEvent::SeenAbsent { token: Some(token) }).await
            }
        }
    }

    /// Asks for a further permit, and creates with it. A guard that does not hold is read anew before it counts: the
    /// owner that was read as verified may just have lost that, while another of the purchase's owners still clears it.
    async fn permit(&self, mut working: Working) -> Result<(), StoreError> {
        let token = working.token.clone();
        for _ in 0..DECIDE_AGAIN_MAX {
            let Some(guard) = self.clearance_guard(&working).await? else {
                return self.finish(working, &PurchaseEvent::ClearanceLost { token }).await;
            };
            match self.change(working, &PurchaseEvent::Permit { token: token.clone() }, &guard).await? {
                Moved::Done(working) => return self.create(working).await,
                Moved::Not | Moved::Locked(..) => return Ok(()),
                Moved::Guarded(guarded) => working = guarded,
            }
        }
        Err(StoreError::Unavailable("the clearance kept changing".to_owned()))
    }

    /// Asks the carrier for exactly this number, if the whole request still fits into the lease that permits it.
    async fn create(&self, working: Working) -> Result<(), StoreError> {
        let Working { stored: StoredPurchase { purchase, .. }, token, .. } = &working;
        let PurchaseState::Buying(slot) = &purchase.state else {
            return Ok(());
        };
        let now = self.ambient.now();
        if now.plus_ms(self.settings.carrier_timeout_ms) >= slot.lease_until {
            warn!(purchase = %purchase.id, "Too little of the lease is left to ask the carrier.");
            return Ok(());
        }
        let (token, first_post) = (token.clone(), slot.first_post);
        let created = self.carrier.create(&slot.account, &purchase.number, purchase.id.as_str()).await;
        match created {
            Created::Bought(number) => {
                let event = bought(purchase, &number, first_post);
                self.finish(working, &event).await
            }
            Created::NotAvailable => self.not_available(working).await,
            Created::Refused(reason) => self.finish(working, &PurchaseEvent::Refused { token, reason }).await,
            Created::NotProcessed { retry_after_s } => {
                let retry_at = retry_at(self.ambient.now(), retry_after_s);
                self.finish(working, &PurchaseEvent::NotProcessed { token, retry_at }).await
            }
            Created::Unauthorised => {
                error!(metric = "carrier_unauthorised", "The carrier does not accept our credential.");
                let retry_at = self.ambient.now().plus_ms(UNAUTHORISED_RETRY_MS);
                self.finish(working, &PurchaseEvent::NotProcessed { token, retry_at }).await
            }
            Created::Unknown => {
                warn!(purchase = %purchase.id, metric = "create_unknown", "The carrier gave no clear answer; the next visit looks.");
                Ok(())
            }
        }
    }

    /// "Not available" is also said of a number that is ours already: look once more before believing it.
    async fn not_available(&self, working: Working) -> Result<(), StoreError> {
        let token = working.token.clone();
        let event = match self.look(&working).await? {
            Seen::Ours(number) => PurchaseEvent::SeenOurs { sid: number.sid },
            Seen::Foreign { same_sub_account } => PurchaseEvent::SeenForeign { token, same_sub_account },
            Seen::Absent => PurchaseEvent::Refused { token, reason: domain::Reason::NumberUnavailable },
            Seen::NotNow(_) => return Ok(()),
        };
        self.finish(working, &event).await
    }

    async fn last_look(&self, working: Working, account: &AccountSid) -> Result<(), StoreError> {
        let event = match self.look_in(&working.stored.purchase, account).await? {
            Seen::Ours(number) => PurchaseEvent::SeenOurs { sid: number.sid },
            Seen::Foreign { .. } | Seen::Absent => PurchaseEvent::SeenAbsent { token: None },
            Seen::NotNow(_) => return Ok(()),
        };
        self.finish(working, &event).await
    }

    async fn look(&self, working: &Working) -> Result<Seen, StoreError> {
        let PurchaseState::Buying(Slot { account, .. }) = &working.stored.purchase.state else {
            return Ok(Seen::NotNow(None));
        };
        self.look_in(&working.stored.purchase, account).await
    }

    async fn look_in(&self, purchase: &Purchase, account: &AccountSid) -> Result<Seen, StoreError> {
        match self.carrier.find(account, &purchase.number).await {
            Ok(None) => Ok(Seen::Absent),
            Ok(Some(number)) if number.mark == purchase.id.as_str() => Ok(Seen::Ours(number)),
            Ok(Some(number)) => {
                let same_sub_account = match PurchaseId::parse(&number.mark) {
                    Ok(other) => purchases::load(&self.store, &purchase.sub_account, &other).await?.is_some(),
                    Err(_) => false,
                };
                Ok(Seen::Foreign { same_sub_account })
            }
            Err(LookError::NotProcessed { retry_after_s }) => {
                Ok(Seen::NotNow(Some(retry_at(self.ambient.now(), retry_after_s))))
            }
            Err(LookError::Unauthorised) => {
                error!(metric = "carrier_unauthorised", "The carrier does not accept our credential.");
                Ok(Seen::NotNow(Some(self.ambient.now().plus_ms(UNAUTHORISED_RETRY_MS))))
            }
            Err(LookError::Unknown) => {
                warn!(purchase = %purchase.id, "The carrier did not say what it has; the next visit asks again.");
                Ok(Seen::NotNow(None))
            }
        }
    }

    /// What must hold for a create to be permitted now; none when the owners are not cleared.
    async fn clearance_guard(&self, working: &Working) -> Result<Option<Guard>, StoreError> {
        let purchase = &working.stored.purchase;
        if !purchase.gated {
            return Ok(Some(Guard::None));
        }
        let owners = working.profile.owners(&purchase.sub_account);
        let verifications = verifications::load_all(&self.store, &owners).await?;
        Ok(match verifications::clearance(&working.stored, &owners, &verifications) {
            Clearance::Cleared(rule) if in_time(&rule, purchase.deadline) => match rule {
                ClearanceRule::NotGated => Some(Guard::None),
                ClearanceRule::VerifiedOwner { owner, .. } => Some(Guard::VerifiedInTime(owner)),
            },
            Clearance::Cleared(_) | Clearance::NotCleared => None,
        })
    }

    async fn finish(&self, working: Working, event: &PurchaseEvent) -> Result<(), StoreError> {
        self.change(working, event, &Guard::None).await.map(|_| ())
    }

    /// Decides and commits; decides anew on what is there when somebody else's change came first.
    async fn change(&self, mut working: Working, event: &PurchaseEvent, guard: &Guard) -> Result<Moved, StoreError> {
        for _ in 0..DECIDE_AGAIN_MAX {
            let now = self.ambient.now();
            let stored = &working.stored;
            let decision = stored.purchase.decide(event, Actor::Completion, now, &self.settings.timing);
            let (next, effects) = match decision {
                Decision::Applied { next, effects } => (next, effects),
                Decision::AlreadyDone { .. } | Decision::Illegal(_) => return Ok(Moved::Not),
            };
            let owners = working.profile.owners(&stored.purchase.sub_account);
            let due_at = next.due_at(now, self.settings.step_ms);
            match purchases::commit(&self.store, stored, next, effects, &owners, guard, due_at).await? {
                Committed::Done(stored) => {
                    tell(&stored.purchase, effects);
                    return Ok(Moved::Done(Working { stored: *stored, ..working }));
                }
                Committed::Guarded => return Ok(Moved::Guarded(working)),
                Committed::LockedBy(sub_account, other) => {
                    let same = sub_account == working.stored.purchase.sub_account;
                    return Ok(Moved::Locked(working, other, same));
                }
                Committed::Changed => {
                    let Purchase { sub_account, id, .. } = &working.stored.purchase;
                    let Some(stored) = purchases::load(&self.store, sub_account, id).await? else {
                        return Err(StoreError::Broken("a purchase has vanished".to_owned()));
                    };
                    working = Working { stored, ..working };
                }
            }
        }
        Err(StoreError::Unavailable("the purchase kept changing".to_owned()))
    }
}

/// Reads the carrier's answer back: only our number with our mark, made after we first asked for it, is a purchase.
fn bought(purchase: &Purchase, number: &OwnedNumber, first_post: Instant) -> PurchaseEvent {
    let earliest = first_post.plus_ms(-CARRIER_CLOCK_SKEW_MS);
    let made_for_us = number.created_at.is_some_and(|created_at| created_at >= earliest);
    let sid = number.sid.clone();
    if number.number == purchase.number && number.mark == purchase.id.as_str() && made_for_us {
        PurchaseEvent::Bought { sid }
    } else {
        PurchaseEvent::BoughtWrong { sid }
    }
}

fn retry_at(now: Instant, retry_after_s: Option<u32>) -> Instant {
    now.plus_ms(retry_after_s.map_or(BUSY_RETRY_MS, |seconds| i64::from(seconds) * 1000))
}

fn tell(purchase: &Purchase, effects: PurchaseEffects) {
    let (id, sub_account) = (&purchase.id, &purchase.sub_account);
    match &purchase.state {
        PurchaseState::Completed { sid, .. } => info!(purchase = %id, %sub_account, %sid, "The number was bought."),
        PurchaseState::Failed { reason, .. } => info!(purchase = %id, %sub_account, ?reason, "The purchase failed."),
        PurchaseState::Held { .. } => {
            error!(purchase = %id, %sub_account, orphan = effects.orphan, metric = "held", "The purchase is held: an operator must look.");
        }
        PurchaseState::Buying(_)
        | PurchaseState::Waiting
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. } => {}
    }
}
