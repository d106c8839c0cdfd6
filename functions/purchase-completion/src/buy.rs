//! Claim, look, buy, record: the story of one number.

use adapters::ambient::Ambient;
use adapters::phones;
use adapters::purchases::{Begin, Guard, StoredPurchase};
use adapters::store::{Store, StoreError};
use adapters::twilio::{Carrier, Created, OwnedNumber, Stock};
use adapters::verifications::DECIDE_AGAIN_MAX;
use domain::{
    ALTERNATIVES_MAX, Actor, AfterAbsent, CARRIER_CLOCK_SKEW_MS, Decision, IfUnavailable, Instant, PhoneRequirement,
    PoolEvent, PoolState, Purchase, PurchaseEvent, PurchaseState, Reason, SWITCHES_MAX, Slot,
};
use tracing::{error, info, warn};

use crate::change::Moved;
use crate::look::Proof;
use crate::visit::Working;
use crate::{PurchaseCompletion, Settings};

/// When a number is looked at again whose create was stopped by the operator's switch, in milliseconds.
const SWITCHED_OFF_RETRY_MS: i64 = 60_000;

/// How often a claim is tried in one visit: for the number that is asked for and each that may take its place, and as often
/// again as what it stands on may change meanwhile.
const CLAIMS_MAX: usize = 1 + ALTERNATIVES_MAX + DECIDE_AGAIN_MAX as usize;

/// What one look, with what followed from it, led to.
enum Ended {
    /// All that could be done now is done.
    Visit,
    /// The number is gone; this event says so.
    Gone(Box<Working>, PurchaseEvent),
}

impl<S: Store, C: Carrier + Stock, A: Ambient> PurchaseCompletion<S, C, A> {
    /// Takes the number on, with its lock, its clearance and its pool's beginning in one transaction, and buys it.
    pub(crate) async fn claim(&self, mut working: Working) -> Result<(), StoreError> {
        let account = working.profile.account.clone().unwrap_or_else(|| self.settings.account.clone());
        let mut number = working.stored.purchase.number.clone();
        // What else is for sale, once the number itself is another sub-account's: that is then why it fails.
        let mut spare: Option<Vec<_>> = None;
        for _ in 0..CLAIMS_MAX {
            let Some(guards) = self.claim_guards(&working).await? else {
                return self.not_cleared(working).await;
            };
            let token = working.token.clone();
            let event = PurchaseEvent::Claim { token, account: account.clone(), number: number.clone() };
            match self.change(working, &event, guards).await? {
                Moved::Done(claimed) => return self.buy(claimed, true).await,
                Moved::Not => return Ok(()),
                Moved::Guarded(guarded) => {
                    working = guarded;
                    self.reload_pool(&mut working).await?;
                    match working.pool.as_ref().map(|pool| pool.pool.state) {
                        None | Some(PoolState::Waiting | PoolState::Buying) => {}
                        // It was undone, cancelled or ended meanwhile: whoever visits next sees that.
                        Some(
                            PoolState::Releasing { .. }
                            | PoolState::Completed { .. }
                            | PoolState::PartiallyCompleted { .. }
                            | PoolState::Failed { .. }
                            | PoolState::Expired { .. }
                            | PoolState::Cancelled { .. }
                            | PoolState::Held { .. },
                        ) => return Ok(()),
                    }
                }
                Moved::Locked(locked, other, same_sub_account) => {
                    working = locked;
                    info!(purchase = %working.stored.purchase.id, %other, "The number is locked by another purchase.");
                    let purchase = &working.stored.purchase;
                    if spare.is_none() && !same_sub_account && wants_another(purchase) {
                        spare = Some(self.alternatives(purchase, working.pool.as_ref()).await);
                    }
                    match spare.as_mut().and_then(Vec::pop) {
                        Some(another) => number = another,
                        None => {
                            let event =
                                PurchaseEvent::LockTaken { same_sub_account: same_sub_account && spare.is_none() };
                            // Without its clearance a pool does not begin, and so no number of it fails.
                            let Some(guards) = self.claim_guards(&working).await? else {
                                return self.not_cleared(working).await;
                            };
                            return self.change(working, &event, without_clearance(guards)).await.map(|_| ());
                        }
                    }
                }
            }
        }
        Err(StoreError::Unavailable("the clearance, the pool or the locks kept changing".to_owned()))
    }

    /// What must hold for a claim: the clearance, the phone where one is asked for, and a pool that is being bought, or
    /// begins with it.
    async fn claim_guards(&self, working: &Working) -> Result<Option<Vec<Guard>>, StoreError> {
        let Some(mut guards) = self.clearance_guards(working, working.stored.purchase.gated).await? else {
            return Ok(None);
        };
        let purchase = &working.stored.purchase;
        let begins = working.pool.as_ref().is_none_or(|pool| pool.pool.state == PoolState::Waiting);
        if purchase.needs_phone && begins {
            match phones::requirement_by(&self.store, &purchase.sub_account, true, purchase.deadline).await? {
                PhoneRequirement::Met => guards.push(Guard::HasPhoneInTime),
                PhoneRequirement::VerifyPhone => return Ok(None),
            }
        }
        if let Some(seen) = working.pool.as_ref().filter(|pool| pool.pool.state == PoolState::Waiting) {
            let (now, Settings { timing, step_ms, .. }) = (self.ambient.now(), &self.settings);
            if let Decision::Applied { next, .. } = seen.pool.decide(&PoolEvent::Begin, Actor::Completion, now, timing)
            {
                let due_at = next.due_at(now, *step_ms);
                let begins = Guard::PoolBegins(Box::new(Begin { seen: seen.clone(), next, due_at }));
                guards.retain(|guard| !matches!(guard, Guard::PoolIs(_)));
                guards.push(begins);
            }
        }
        Ok(Some(guards))
    }

    /// Nobody has proved who it is: a purchase that has not begun goes on waiting; one that has must end.
    async fn not_cleared(&self, working: Working) -> Result<(), StoreError> {
        let id = &working.stored.purchase.id;
        match working.pool.as_ref().map(|pool| pool.pool.state) {
            Some(state @ PoolState::Buying) => {
                let owners = working.profile.owners(&working.stored.purchase.sub_account);
                let event = PurchaseEvent::PermitRefused { token: None, reason: Reason::VerificationRevoked };
                let guards = vec![Guard::PoolIs(state), Guard::NobodyInTime(owners)];
                self.change(working, &event, guards).await.map(|_| ())
            }
            None | Some(_) => {
                info!(purchase = %id, "The purchase is not cleared; it goes on waiting.");
                Ok(())
            }
        }
    }

    /// Looks, buys, and takes another number when this one is gone and the customer wants that.
    pub(crate) async fn buy(&self, mut working: Working, mut permit_in_hand: bool) -> Result<(), StoreError> {
        for _ in 0..=SWITCHES_MAX {
            match self.look_and_buy(working, permit_in_hand).await? {
                Ended::Visit => return Ok(()),
                Ended::Gone(gone, event) => match self.another(*gone, &event).await? {
                    Some(switched) => (working, permit_in_hand) = (switched, true),
                    None => return Ok(()),
                },
            }
        }
        Ok(())
    }

    /// Looks before every create; creates only with a permit in hand.
    async fn look_and_buy(&self, working: Working, permit_in_hand: bool) -> Result<Ended, StoreError> {
        let token = working.token.clone();
        let event = match self.look(&working).await?.proof(&token) {
            Proof::Is(event) => event,
            Proof::Gone(event) => return self.gone(working, event).await,
            // Nothing was created in this visit: a permit that was not used is as good as not processed.
            Proof::NotNow(retry_at) if permit_in_hand => {
                let retry_at = retry_at.unwrap_or_else(|| self.busy_until(None));
                PurchaseEvent::NotProcessed { token, retry_at }
            }
            Proof::NotNow(Some(retry_at)) => PurchaseEvent::NotSeen { token, retry_at, refused: false },
            Proof::NotNow(None) => return Ok(Ended::Visit),
            Proof::Absent if permit_in_hand => return self.create(working).await,
            Proof::Absent => return self.after_absent(working).await,
        };
        self.finish(working, &event).await.map(|()| Ended::Visit)
    }

    async fn after_absent(&self, working: Working) -> Result<Ended, StoreError> {
        let PurchaseState::Buying(slot) = &working.stored.purchase.state else {
            return Ok(Ended::Visit);
        };
        let token = Some(working.token.clone());
        match slot.after_absent(self.ambient.now(), &self.settings.timing) {
            AfterAbsent::Permit => self.permit(working).await,
            AfterAbsent::Settle | AfterAbsent::Wait { .. } => {
                self.finish(working, &PurchaseEvent::SeenAbsent { token }).await.map(|()| Ended::Visit)
            }
        }
    }

    /// Asks for a further permit, and creates with it. A guard that does not hold is read anew before it counts: the
    /// owner that was read as verified may just have lost that, while another of the purchase's owners still clears it.
    async fn permit(&self, mut working: Working) -> Result<Ended, StoreError> {
        let token = working.token.clone();
        let refused = |reason| PurchaseEvent::PermitRefused { token: Some(token.clone()), reason };
        if !self.purchases_are_on().await? && !working.is_undone() {
            info!(purchase = %working.stored.purchase.id, "Purchases are switched off; it is looked at again when its lease is over.");
            return Ok(Ended::Visit);
        }
        for _ in 0..DECIDE_AGAIN_MAX {
            if working.is_undone() {
                return self.finish(working, &refused(Reason::PoolUndone)).await.map(|()| Ended::Visit);
            }
            let Some(guards) = self.clearance_guards(&working, working.stored.purchase.gated).await? else {
                return self.finish(working, &refused(Reason::VerificationRevoked)).await.map(|()| Ended::Visit);
            };
            match self.change(working, &PurchaseEvent::Permit { token: token.clone() }, guards).await? {
                Moved::Done(working) => return self.create(working).await,
                Moved::Not | Moved::Locked(..) => return Ok(Ended::Visit),
                Moved::Guarded(guarded) => {
                    working = guarded;
                    self.reload_pool(&mut working).await?;
                }
            }
        }
        Err(StoreError::Unavailable("the clearance kept changing".to_owned()))
    }

    /// Asks the carrier for exactly this number, if numbers are bought at all, and if the whole request still fits into
    /// the lease that permits it.
    async fn create(&self, working: Working) -> Result<Ended, StoreError> {
        let token = working.token.clone();
        let StoredPurchase { purchase, .. } = &working.stored;
        let PurchaseState::Buying(slot) = &purchase.state else {
            return Ok(Ended::Visit);
        };
        if !self.purchases_are_on().await? {
            let retry_at = self.ambient.now().plus_ms(SWITCHED_OFF_RETRY_MS);
            let event = PurchaseEvent::NotProcessed { token, retry_at };
            return self.finish(working, &event).await.map(|()| Ended::Visit);
        }
        let now = self.ambient.now();
        if now.plus_ms(self.settings.carrier_timeout_ms) >= slot.lease_until {
            warn!(purchase = %purchase.id, "Too little of the lease is left to ask the carrier.");
            let event = PurchaseEvent::NotProcessed { token, retry_at: slot.lease_until };
            return self.finish(working, &event).await.map(|()| Ended::Visit);
        }
        let event = match self.carrier.create(&slot.account, &purchase.number, purchase.id.as_str()).await {
            Created::Bought(number) => bought(purchase, &number, slot.first_post),
            Created::NotAvailable => return self.not_available(working).await,
            Created::Refused(reason @ Reason::NumberUnavailable) => {
                return self.gone(working, PurchaseEvent::Refused { token, reason }).await;
            }
            Created::Refused(reason @ Reason::AccountRestricted) => {
                let id = &purchase.id;
                error!(purchase = %id, metric = "account_restricted", "The carrier lets this account buy nothing.");
                PurchaseEvent::Refused { token, reason }
            }
            Created::Refused(reason) => PurchaseEvent::Refused { token, reason },
            Created::NotProcessed { retry_after_s } => {
                PurchaseEvent::NotProcessed { token, retry_at: self.busy_until(retry_after_s) }
            }
            Created::Unauthorised => PurchaseEvent::NotProcessed { token, retry_at: self.unauthorised_until() },
            Created::Unknown => {
                warn!(purchase = %purchase.id, metric = "create_unknown", "The carrier gave no clear answer; the next visit looks.");
                return Ok(Ended::Visit);
            }
        };
        self.finish(working, &event).await.map(|()| Ended::Visit)
    }

    /// "Not available" is also said of a number that is ours already: look once more before believing it.
    async fn not_available(&self, working: Working) -> Result<Ended, StoreError> {
        let token = working.token.clone();
        let event = match self.look(&working).await?.proof(&token) {
            Proof::Is(event) => event,
            Proof::Gone(event) => return self.gone(working, event).await,
            Proof::Absent => {
                let event = PurchaseEvent::Refused { token, reason: Reason::NumberUnavailable };
                return self.gone(working, event).await;
            }
            Proof::NotNow(retry_at) => {
                let retry_at = retry_at.unwrap_or_else(|| self.busy_until(None));
                PurchaseEvent::NotSeen { token, retry_at, refused: true }
            }
        };
        self.finish(working, &event).await.map(|()| Ended::Visit)
    }

    /// The number is gone, as `event` says: definitely, if no create of it is unknown.
    async fn gone(&self, working: Working, event: PurchaseEvent) -> Result<Ended, StoreError> {
        if nothing_unknown(&working.stored) {
            return Ok(Ended::Gone(Box::new(working), event));
        }
        self.finish(working, &event).await.map(|()| Ended::Visit)
    }
}

/// Whether the customer takes another number of the same area code.
pub(crate) fn wants_another(purchase: &Purchase) -> bool {
    match purchase.if_unavailable {
        IfUnavailable::SameAreaCode => purchase.given_up.len() < SWITCHES_MAX,
        IfUnavailable::Fail => false,
    }
}

/// Whether every create of this number so far was answered.
fn nothing_unknown(stored: &StoredPurchase) -> bool {
    stored.purchase.slot().is_none_or(Slot::nothing_unknown)
}

/// A failure needs no clearance; a pool's number fails only in a pool that is being bought.
fn without_clearance(mut guards: Vec<Guard>) -> Vec<Guard> {
    guards.retain(|guard| !matches!(guard, Guard::VerifiedInTime(_)));
    guards
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
