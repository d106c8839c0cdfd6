//! Every transition of a purchase: one function a state, one arm an event.

use super::{
    Actor, AfterAbsent, EarlierCreates, FailedNumber, Happening, HistoryEntry, LatestCreate, Lock, Outcome, Purchase,
    PurchaseEffects, PurchaseEvent, PurchaseState, Reason, Slot, Timing,
};
use crate::decision::{Decision, Illegal};
use crate::ids::{LeaseToken, NumberSid};
use crate::instant::Instant;
use crate::limits::{HISTORY_ENTRIES_MAX, LAST_LOOK_AFTER_MS};

/// One event on one purchase.
pub(super) struct Change<'a> {
    pub(super) purchase: &'a Purchase,
    pub(super) by: Actor,
    pub(super) now: Instant,
}

impl Change<'_> {
    pub(super) fn waiting(&self, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { token, account } => {
                let slot = Slot {
                    token: token.clone(),
                    lease_until: self.now.plus_ms(timing.lease_ms),
                    account: account.clone(),
                    first_post: self.now,
                    last_post: self.now,
                    creates: 1,
                    latest: LatestCreate::Open,
                    earlier: EarlierCreates::AllAnswered,
                    refusal: None,
                    absent_at: None,
                };
                let effects = PurchaseEffects { lock: Lock::Take, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Buying(slot), Happening::Claimed, effects)
            }
            PurchaseEvent::LockTaken { same_sub_account } => {
                let reason = taken(*same_sub_account);
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                let state = PurchaseState::Failed { reason, at: self.now, lock: FailedNumber::Unlocked };
                self.applied(state, Happening::Failed(reason), effects)
            }
            PurchaseEvent::Cancel => {
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Cancelled { at: self.now }, Happening::Cancelled, effects)
            }
            PurchaseEvent::Expire => {
                if self.now <= self.purchase.deadline.plus_ms(timing.expiry_grace_ms) {
                    return Decision::Illegal(Illegal::NotDue);
                }
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(PurchaseState::Expired { at: self.now }, Happening::Expired, effects)
            }
            // Proof that a number was bought for a purchase that never began: money, so never dropped.
            PurchaseEvent::Bought { sid } | PurchaseEvent::BoughtWrong { sid } | PurchaseEvent::SeenOurs { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. } => Decision::Illegal(Illegal::NotBuying),
        }
    }

    pub(super) fn buying(&self, slot: &Slot, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Claim { .. } | PurchaseEvent::LockTaken { .. } => done(),
            PurchaseEvent::Cancel | PurchaseEvent::Expire => Decision::Illegal(Illegal::BuyingHasBegun),
            // Proof needs no lease: whoever proves the number ends the purchase.
            PurchaseEvent::SeenOurs { sid } | PurchaseEvent::Bought { sid } => {
                let state = PurchaseState::Completed { sid: sid.clone(), account: slot.account.clone(), at: self.now };
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                self.applied(state, Happening::Completed, effects)
            }
            PurchaseEvent::BoughtWrong { sid } => self.hold(Some(sid), true),
            PurchaseEvent::Reclaim { token } => {
                if slot.lease_until > self.now && slot.token != *token {
                    return Decision::Illegal(Illegal::NotYourLease);
                }
                self.reclaim(slot, token, timing)
            }
            PurchaseEvent::Permit { token } => self.with_lease(slot, token, || self.permit(slot, timing)),
            PurchaseEvent::ClearanceLost { token } => {
                let reason = Reason::VerificationRevoked;
                self.with_lease(slot, token, || match slot.latest {
                    LatestCreate::NotProcessed => self.fail_or_stop(slot, reason, timing),
                    LatestCreate::Open => self.stop(slot, reason, timing),
                })
            }
            PurchaseEvent::SeenForeign { token, same_sub_account } => self.with_lease(slot, token, || {
                // Whatever we may have sent and not heard of could be this number: never guess.
                if slot.nothing_unknown() { self.fail(taken(*same_sub_account)) } else { self.hold(None, true) }
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
            PurchaseEvent::SeenAbsent { token } => match token {
                Some(token) => self.with_lease(slot, token, || self.seen_absent(slot, timing)),
                None => Decision::Illegal(Illegal::NotYourLease),
            },
        }
    }

    pub(super) fn completed(&self, owned: &NumberSid, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } if sid == owned => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn failed(&self, reason: Reason, at: Instant, lock: &FailedNumber, event: &PurchaseEvent) -> Outcome {
        match (event, lock) {
            (
                PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid },
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => self.hold(Some(sid), true),
            (PurchaseEvent::SeenAbsent { token: None }, FailedNumber::LockedUntil { last_look_at, .. }) => {
                if self.now < *last_look_at {
                    return Decision::Illegal(Illegal::NotDue);
                }
                let state = PurchaseState::Failed { reason, at, lock: FailedNumber::Unlocked };
                let effects = PurchaseEffects { lock: Lock::Free, ..PurchaseEffects::default() };
                self.applied(state, Happening::Unlocked, effects)
            }
            (PurchaseEvent::SeenAbsent { .. }, FailedNumber::Unlocked) => done(),
            (
                PurchaseEvent::Claim { .. }
                | PurchaseEvent::Reclaim { .. }
                | PurchaseEvent::Permit { .. }
                | PurchaseEvent::ClearanceLost { .. }
                | PurchaseEvent::LockTaken { .. }
                | PurchaseEvent::SeenForeign { .. }
                | PurchaseEvent::SeenAbsent { .. }
                | PurchaseEvent::Refused { .. }
                | PurchaseEvent::NotProcessed { .. }
                | PurchaseEvent::Expire
                | PurchaseEvent::Cancel,
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => Decision::Illegal(Illegal::HasEnded),
        }
    }

    /// Expired or cancelled: ended while nothing had been asked of the carrier.
    pub(super) fn ended(&self, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), true)
            }
            PurchaseEvent::Cancel => match self.purchase.state {
                PurchaseState::Cancelled { .. } => done(),
                PurchaseState::Expired { .. }
                | PurchaseState::Waiting
                | PurchaseState::Buying(_)
                | PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Held { .. } => Decision::Illegal(Illegal::HasEnded),
            },
            PurchaseEvent::Expire => match self.purchase.state {
                PurchaseState::Expired { .. } => done(),
                PurchaseState::Cancelled { .. }
                | PurchaseState::Waiting
                | PurchaseState::Buying(_)
                | PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Held { .. } => Decision::Illegal(Illegal::HasEnded),
            },
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. } => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn held(&self, known: Option<&NumberSid>, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                if known == Some(sid) {
                    done()
                } else {
                    self.hold(Some(sid), true)
                }
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::ClearanceLost { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::OperatorDecides),
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
            last_post: self.now,
            creates: slot.creates + 1,
            latest: LatestCreate::Open,
            earlier: slot.all_creates(),
            absent_at: None,
            ..slot.clone()
        };
        self.applied(PurchaseState::Buying(next), Happening::Permitted, PurchaseEffects::default())
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
                let effects = PurchaseEffects { ends: true, ..PurchaseEffects::default() };
                let state = PurchaseState::Failed { reason, at: self.now, lock };
                self.applied(state, Happening::Failed(reason), effects)
            }
        }
    }

    /// A definite failure: the carrier's own word, and nothing of ours can still land.
    fn fail(&self, reason: Reason) -> Outcome {
        let effects = PurchaseEffects { lock: Lock::Free, ends: true, orphan: false };
        let state = PurchaseState::Failed { reason, at: self.now, lock: FailedNumber::Unlocked };
        self.applied(state, Happening::Failed(reason), effects)
    }

    fn hold(&self, sid: Option<&NumberSid>, orphan: bool) -> Outcome {
        let effects = PurchaseEffects { lock: Lock::Unchanged, ends: true, orphan };
        self.applied(PurchaseState::Held { sid: sid.cloned(), at: self.now }, Happening::Held, effects)
    }

    fn applied(&self, state: PurchaseState, what: Happening, effects: PurchaseEffects) -> Outcome {
        let mut history = self.purchase.history.clone();
        if history.len() >= HISTORY_ENTRIES_MAX {
            history.remove(1);
        }
        history.push(HistoryEntry { at: self.now, by: self.by, what });
        let next = Purchase { state, updated_at: self.now, history, ..self.purchase.clone() };
        Decision::Applied { next, effects }
    }
}

fn done() -> Outcome {
    Decision::AlreadyDone { effects: PurchaseEffects::default() }
}

fn taken(same_sub_account: bool) -> Reason {
    if same_sub_account { Reason::DuplicatePurchase } else { Reason::NumberUnavailable }
}
