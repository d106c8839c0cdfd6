//! Transitions of one number while something is still to be done: one function a state, one arm an event. Those of one that
//! has ended are in `ended.rs`.

use super::{
    Actor, AfterAbsent, FailedNumber, Happening, HistoryEntry, IfUnavailable, LatestCreate, Lock, Outcome, Purchase,
    PurchaseEffects, PurchaseEvent, PurchaseState, Reason, Slot, Timing,
};
use crate::decision::{Decision, Illegal};
use crate::ids::{AccountSid, LeaseToken, NumberSid};
use crate::instant::Instant;
use crate::limits::{HISTORY_ENTRIES_MAX, LAST_LOOK_AFTER_MS, SWITCHES_MAX};
use crate::phone_number::PhoneNumber;

/// One event on one number.
pub(super) struct Change<'a> {
    pub(super) purchase: &'a Purchase,
    pub(super) by: Actor,
    pub(super) now: Instant,
}

impl Change<'_> {
    pub(super) fn waiting(&self, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { token, account, number } => {
                let slot = Slot::first(token.clone(), account.clone(), self.now, timing);
                let wanted = self.wanting(number, self.purchase.gated);
                self.applied_to(wanted, PurchaseState::Buying(slot), Happening::Claimed, lock(Lock::Take))
            }
            PurchaseEvent::LockTaken { same_sub_account } => self.fail_unasked(taken(*same_sub_account)),
            // A pool that has begun ends all its numbers, also those that nothing was asked for.
            PurchaseEvent::PermitRefused { token: None, reason } if self.purchase.place.is_member() => {
                self.fail_unasked(*reason)
            }
            PurchaseEvent::Cancel => {
                self.applied(PurchaseState::Cancelled { at: self.now }, Happening::Cancelled, ends())
            }
            PurchaseEvent::Expire => {
                if self.now <= self.purchase.deadline.plus_ms(timing.expiry_grace_ms) {
                    return Decision::Illegal(Illegal::NotDue);
                }
                self.applied(PurchaseState::Expired { at: self.now }, Happening::Expired, ends())
            }
            // Proof that a number was bought for a purchase that never began: money, so never dropped.
            PurchaseEvent::Bought { sid } | PurchaseEvent::BoughtWrong { sid } | PurchaseEvent::SeenOurs { sid } => {
                self.hold(Some(sid), None)
            }
            PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::Undo { .. }
            | PurchaseEvent::Released
            | PurchaseEvent::NotReleased { .. }
            | PurchaseEvent::OperatorRetry
            | PurchaseEvent::OperatorFail
            | PurchaseEvent::OperatorComplete { .. } => Decision::Illegal(Illegal::NotBuying),
        }
    }

    pub(super) fn buying(&self, slot: &Slot, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { .. } | PurchaseEvent::LockTaken { .. } => done(),
            PurchaseEvent::Cancel | PurchaseEvent::Expire => Decision::Illegal(Illegal::BuyingHasBegun),
            // Proof needs no lease: whoever proves the number ends the purchase.
            PurchaseEvent::SeenOurs { sid } | PurchaseEvent::Bought { sid } => self.complete(sid, &slot.account),
            PurchaseEvent::BoughtWrong { sid } => self.hold(Some(sid), Some(&slot.account)),
            PurchaseEvent::Reclaim { token } => {
                if slot.lease_until > self.now && slot.token != *token {
                    return Decision::Illegal(Illegal::NotYourLease);
                }
                self.reclaim(slot, token, timing)
            }
            PurchaseEvent::Permit { token } => self.with_lease(slot, token, || self.permit(slot, timing)),
            PurchaseEvent::PermitRefused { token, reason } => match token {
                Some(token) => self.with_lease(slot, token, || match slot.latest {
                    LatestCreate::NotProcessed => self.fail_or_stop(slot, *reason, timing),
                    LatestCreate::Open => self.stop(slot, *reason, timing),
                }),
                None => Decision::Illegal(Illegal::NotYourLease),
            },
            PurchaseEvent::Switch { token, number, gated } => {
                self.with_lease(slot, token, || self.switch(slot, number, *gated, timing))
            }
            PurchaseEvent::SeenForeign { token, same_sub_account } => self.with_lease(slot, token, || {
                // Whatever we may have sent and not heard of could be this number: never guess.
                if slot.nothing_unknown() {
                    self.fail(taken(*same_sub_account))
                } else {
                    self.hold(None, Some(&slot.account))
                }
            }),
            PurchaseEvent::Refused { token, reason } => {
                self.with_lease(slot, token, || self.fail_or_stop(slot, *reason, timing))
            }
            PurchaseEvent::NotProcessed { token, retry_at } => self.with_lease(slot, token, || {
                // Not processed costs no try.
                let next = Slot {
                    latest: LatestCreate::NotProcessed,
                    creates: slot.creates.saturating_sub(1),
                    lease_until: *retry_at,
                    ..slot.clone()
                };
                self.applied(PurchaseState::Buying(next), Happening::NotProcessed, PurchaseEffects::default())
            }),
            PurchaseEvent::NoAccount { token } => self.with_lease(slot, token, || {
                // Where there was one, it may have bought what was sent; then a person must look.
                if slot.nothing_unknown() {
                    self.fail(Reason::AccountRestricted)
                } else {
                    self.hold(None, Some(&slot.account))
                }
            }),
            PurchaseEvent::NotSeen { token, retry_at, refused } => self.with_lease(slot, token, || {
                let latest = if *refused { LatestCreate::NotProcessed } else { slot.latest };
                let next = Slot { latest, lease_until: *retry_at, ..slot.clone() };
                self.applied(PurchaseState::Buying(next), Happening::NotProcessed, PurchaseEffects::default())
            }),
            PurchaseEvent::SeenAbsent { token } => match token {
                Some(token) => self.with_lease(slot, token, || self.seen_absent(slot, timing)),
                None => Decision::Illegal(Illegal::NotYourLease),
            },
            // What may still be under way settles first; then there is a number to give back, or none.
            PurchaseEvent::Undo { .. } | PurchaseEvent::Released | PurchaseEvent::NotReleased { .. } => {
                Decision::Illegal(Illegal::BuyingHasBegun)
            }
            PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorFail | PurchaseEvent::OperatorComplete { .. } => {
                Decision::Illegal(Illegal::NotHeld)
            }
        }
    }

    fn with_lease(&self, slot: &Slot, token: &LeaseToken, then: impl FnOnce() -> Outcome) -> Outcome {
        if slot.token == *token { then() } else { Decision::Illegal(Illegal::NotYourLease) }
    }

    fn reclaim(&self, slot: &Slot, token: &LeaseToken, timing: &Timing) -> Outcome {
        let next = Slot {
            token: token.clone(),
            lease_until: self.now.plus_ms(timing.lease_ms),
            earlier: slot.all_creates(),
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Reclaimed, PurchaseEffects::default())
    }

    fn permit(&self, slot: &Slot, timing: &Timing) -> Outcome {
        if !slot.may_create(self.now) {
            return Decision::Illegal(Illegal::NoFurtherCreate);
        }
        let next = Slot {
            lease_until: self.now.plus_ms(timing.lease_ms),
            first_post: if slot.nothing_was_sent() { self.now } else { slot.first_post },
            last_post: self.now,
            creates: slot.creates + 1,
            latest: LatestCreate::Open,
            earlier: slot.all_creates(),
            absent_at: None,
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Permitted, PurchaseEffects::default())
    }

    /// Only a number that is gone for sure is given up: with a create of unknown fate, it may still become ours.
    fn switch(&self, slot: &Slot, number: &PhoneNumber, gated: bool, timing: &Timing) -> Outcome {
        let asked_for = match self.purchase.if_unavailable {
            IfUnavailable::SameAreaCode => true,
            IfUnavailable::Fail => false,
        };
        let fresh = *number != self.purchase.number && !self.purchase.given_up.contains(number);
        let left = self.purchase.given_up.len() < SWITCHES_MAX;
        if !(asked_for && fresh && left && slot.nothing_unknown() && slot.refusal.is_none()) {
            return Decision::Illegal(Illegal::NoFurtherCreate);
        }
        let next = Slot::first(slot.token.clone(), slot.account.clone(), self.now, timing);
        let wanted = self.wanting(number, self.purchase.gated || gated);
        self.applied_to(wanted, PurchaseState::Buying(next), Happening::Switched, lock(Lock::Move))
    }

    /// A refusal is definite only if no create of this slot is unknown; otherwise what was sent must settle first.
    fn fail_or_stop(&self, slot: &Slot, reason: Reason, timing: &Timing) -> Outcome {
        if slot.nothing_unknown() { self.fail(reason) } else { self.stop(slot, reason, timing) }
    }

    fn stop(&self, slot: &Slot, reason: Reason, timing: &Timing) -> Outcome {
        let settles_from = slot.last_post.plus_ms(timing.settle_after_ms);
        let next = Slot {
            latest: LatestCreate::NotProcessed,
            refusal: Some(reason),
            lease_until: settles_from.plus_ms(1).max(self.now),
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Stopped(reason), PurchaseEffects::default())
    }

    fn seen_absent(&self, slot: &Slot, timing: &Timing) -> Outcome {
        match (slot.after_absent(self.now, timing), slot.absent_at) {
            (AfterAbsent::Permit | AfterAbsent::Wait { .. }, _) => done(),
            (AfterAbsent::Settle, None) => {
                let next = Slot {
                    absent_at: Some(self.now),
                    lease_until: self.now.plus_ms(timing.settle_gap_ms).plus_ms(1),
                    ..slot.clone()
                };
                self.applied(PurchaseState::Buying(next), Happening::SeenAbsent, PurchaseEffects::default())
            }
            (AfterAbsent::Settle, Some(_)) => {
                let reason = slot.reason_when_settled();
                let lock = FailedNumber::LockedUntil {
                    last_look_at: slot.last_post.plus_ms(LAST_LOOK_AFTER_MS),
                    account: slot.account.clone(),
                };
                let state = PurchaseState::Failed { reason, at: self.now, lock };
                self.applied(state, Happening::Failed(reason), ends())
            }
        }
    }

    pub(super) fn complete(&self, sid: &NumberSid, account: &AccountSid) -> Outcome {
        let state = PurchaseState::Completed { sid: sid.clone(), account: account.clone(), at: self.now };
        self.applied(state, Happening::Completed, ends())
    }

    /// A definite failure: the carrier's own word, or an operator's, and nothing of ours can still land.
    pub(super) fn fail(&self, reason: Reason) -> Outcome {
        self.fail_with(reason, Lock::Free)
    }

    /// A failure before anything was asked of the carrier: there is no lock to free.
    fn fail_unasked(&self, reason: Reason) -> Outcome {
        self.fail_with(reason, Lock::Unchanged)
    }

    fn fail_with(&self, reason: Reason, lock: Lock) -> Outcome {
        let state = PurchaseState::Failed { reason, at: self.now, lock: FailedNumber::Unlocked };
        self.applied(state, Happening::Failed(reason), PurchaseEffects { lock, ..ends() })
    }

    pub(super) fn hold(&self, sid: Option<&NumberSid>, account: Option<&AccountSid>) -> Outcome {
        let state = PurchaseState::Held { sid: sid.cloned(), account: account.cloned(), at: self.now };
        self.applied(state, Happening::Held, PurchaseEffects { orphan: true, ..ends() })
    }

    /// The purchase, wanting `number` from now on.
    fn wanting(&self, number: &PhoneNumber, gated: bool) -> Purchase {
        let mut wanting = Purchase { gated, ..self.purchase.clone() };
        if wanting.number != *number {
            wanting.given_up.push(std::mem::replace(&mut wanting.number, number.clone()));
        }
        wanting
    }

    pub(super) fn applied(&self, state: PurchaseState, what: Happening, effects: PurchaseEffects) -> Outcome {
        self.applied_to(self.purchase.clone(), state, what, effects)
    }

    fn applied_to(
        &self,
        purchase: Purchase,
        state: PurchaseState,
        what: Happening,
        effects: PurchaseEffects,
    ) -> Outcome {
        let mut next = Purchase { state, updated_at: self.now, ..purchase };
        HistoryEntry { at: self.now, by: self.by, what }.push_to(&mut next.history);
        Decision::Applied { next, effects }
    }
}

impl HistoryEntry {
    /// Adds the entry to a history that never has more than [`HISTORY_ENTRIES_MAX`]: the first one stays, the oldest
    /// after it goes.
    pub(crate) fn push_to(self, history: &mut Vec<Self>) {
        if history.len() >= HISTORY_ENTRIES_MAX {
            history.remove(1);
        }
        history.push(self);
    }
}

pub(super) fn done() -> Outcome {
    Decision::AlreadyDone { effects: PurchaseEffects::default() }
}

pub(super) fn ends() -> PurchaseEffects {
    PurchaseEffects { ends: true, ..PurchaseEffects::default() }
}

pub(super) fn lock(lock: Lock) -> PurchaseEffects {
    PurchaseEffects { lock, ..PurchaseEffects::default() }
}

fn taken(same_sub_account: bool) -> Reason {
    if same_sub_account { Reason::DuplicatePurchase } else { Reason::NumberUnavailable }
}
