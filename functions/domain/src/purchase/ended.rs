//! Transitions of one number that has ended, goes back to the carrier, or is held: one function a state, one arm an event.

use super::change::{Change, done, ends, lock};
use super::{
    EarlierCreates, FailedNumber, Happening, LatestCreate, Lock, Outcome, PurchaseEffects, PurchaseEvent,
    PurchaseState, Reason, Release, Slot, Timing,
};
use crate::decision::{Decision, Illegal};
use crate::ids::{AccountSid, LeaseToken, NumberSid};
use crate::instant::Instant;
use crate::limits::RELEASE_WINDOW_MS;

impl Change<'_> {
    pub(super) fn completed(
        &self,
        owned: &NumberSid,
        account: &AccountSid,
        event: &PurchaseEvent,
        timing: &Timing,
    ) -> Outcome {
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } if sid == owned => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), Some(account))
            }
            PurchaseEvent::Undo { token } if self.purchase.place.is_member() => {
                let release = Release {
                    sid: owned.clone(),
                    account: account.clone(),
                    token: token.clone(),
                    lease_until: self.now.plus_ms(timing.lease_ms),
                    since: self.now,
                };
                self.applied(PurchaseState::Releasing(release), Happening::Undone, PurchaseEffects::default())
            }
            PurchaseEvent::OperatorComplete { sid } if sid == owned => done(),
            PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorFail | PurchaseEvent::OperatorComplete { .. } => {
                Decision::Illegal(Illegal::NotHeld)
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::Undo { .. }
            | PurchaseEvent::Released
            | PurchaseEvent::NotReleased { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn failed(&self, reason: Reason, at: Instant, kept: &FailedNumber, event: &PurchaseEvent) -> Outcome {
        match (event, kept) {
            (
                PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid },
                FailedNumber::Unlocked,
            ) => self.hold(Some(sid), None),
            (
                PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid },
                FailedNumber::LockedUntil { account, .. },
            ) => self.hold(Some(sid), Some(account)),
            (PurchaseEvent::SeenAbsent { token: None }, FailedNumber::LockedUntil { last_look_at, .. }) => {
                if self.now < *last_look_at {
                    return Decision::Illegal(Illegal::NotDue);
                }
                let state = PurchaseState::Failed { reason, at, lock: FailedNumber::Unlocked };
                self.applied(state, Happening::Unlocked, lock(Lock::Free))
            }
            (PurchaseEvent::SeenAbsent { .. }, FailedNumber::Unlocked) => done(),
            // There is nothing to give back.
            (
                PurchaseEvent::Undo { .. } | PurchaseEvent::OperatorFail,
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => done(),
            (
                PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorComplete { .. },
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => Decision::Illegal(Illegal::NotHeld),
            (
                PurchaseEvent::Claim { .. }
                | PurchaseEvent::Reclaim { .. }
                | PurchaseEvent::Permit { .. }
                | PurchaseEvent::PermitRefused { .. }
                | PurchaseEvent::Switch { .. }
                | PurchaseEvent::LockTaken { .. }
                | PurchaseEvent::SeenForeign { .. }
                | PurchaseEvent::SeenAbsent { .. }
                | PurchaseEvent::Refused { .. }
                | PurchaseEvent::NotProcessed { .. }
                | PurchaseEvent::NotSeen { .. }
                | PurchaseEvent::NoAccount { .. }
                | PurchaseEvent::Released
                | PurchaseEvent::NotReleased { .. }
                | PurchaseEvent::Expire
                | PurchaseEvent::Cancel,
                FailedNumber::Unlocked | FailedNumber::LockedUntil { .. },
            ) => Decision::Illegal(Illegal::HasEnded),
        }
    }

    /// Expired or cancelled: ended while nothing had been asked of the carrier.
    pub(super) fn ended(&self, event: &PurchaseEvent) -> Outcome {
        let cancelled = matches!(self.purchase.state, PurchaseState::Cancelled { .. });
        match event {
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), None)
            }
            PurchaseEvent::Cancel if cancelled => done(),
            PurchaseEvent::Expire if !cancelled => done(),
            PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorFail | PurchaseEvent::OperatorComplete { .. } => {
                Decision::Illegal(Illegal::NotHeld)
            }
            PurchaseEvent::Cancel
            | PurchaseEvent::Expire
            | PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::Undo { .. }
            | PurchaseEvent::Released
            | PurchaseEvent::NotReleased { .. } => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn releasing(&self, release: &Release, event: &PurchaseEvent, timing: &Timing) -> Outcome {
        match event {
            PurchaseEvent::Undo { token } => {
                if release.lease_until > self.now && release.token != *token {
                    return Decision::Illegal(Illegal::NotYourLease);
                }
                let lease_until = self.now.plus_ms(timing.lease_ms);
                let next = Release { token: token.clone(), lease_until, ..release.clone() };
                self.applied(PurchaseState::Releasing(next), Happening::Reclaimed, PurchaseEffects::default())
            }
            PurchaseEvent::Released => {
                let state = PurchaseState::Released { sid: release.sid.clone(), at: self.now };
                self.applied(state, Happening::Released, PurchaseEffects { lock: Lock::Free, ..ends() })
            }
            PurchaseEvent::NotReleased { token, .. } | PurchaseEvent::SeenForeign { token, .. }
                if release.token != *token =>
            {
                Decision::Illegal(Illegal::NotYourLease)
            }
            PurchaseEvent::NotReleased { retry_at, .. } => {
                if self.now.ms_since(release.since) >= RELEASE_WINDOW_MS {
                    return self.hold(Some(&release.sid), Some(&release.account));
                }
                let next = Release { lease_until: *retry_at, ..release.clone() };
                self.applied(PurchaseState::Releasing(next), Happening::NotReleased, PurchaseEffects::default())
            }
            // It does not look like ours any more: nothing is deleted that we did not buy.
            PurchaseEvent::SeenForeign { .. } => self.hold(Some(&release.sid), Some(&release.account)),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } if *sid == release.sid => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), Some(&release.account))
            }
            PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorFail | PurchaseEvent::OperatorComplete { .. } => {
                Decision::Illegal(Illegal::NotHeld)
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn released(&self, was: &NumberSid, event: &PurchaseEvent) -> Outcome {
        match event {
            PurchaseEvent::Undo { .. } | PurchaseEvent::Released => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } if sid == was => done(),
            PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid } => {
                self.hold(Some(sid), None)
            }
            PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorFail | PurchaseEvent::OperatorComplete { .. } => {
                Decision::Illegal(Illegal::NotHeld)
            }
            PurchaseEvent::Claim { .. }
            | PurchaseEvent::Reclaim { .. }
            | PurchaseEvent::Permit { .. }
            | PurchaseEvent::PermitRefused { .. }
            | PurchaseEvent::Switch { .. }
            | PurchaseEvent::LockTaken { .. }
            | PurchaseEvent::SeenForeign { .. }
            | PurchaseEvent::SeenAbsent { .. }
            | PurchaseEvent::Refused { .. }
            | PurchaseEvent::NotProcessed { .. }
            | PurchaseEvent::NotSeen { .. }
            | PurchaseEvent::NoAccount { .. }
            | PurchaseEvent::NotReleased { .. }
            | PurchaseEvent::Expire
            | PurchaseEvent::Cancel => Decision::Illegal(Illegal::HasEnded),
        }
    }

    pub(super) fn held(
        &self,
        known: Option<&NumberSid>,
        account: Option<&AccountSid>,
        event: &PurchaseEvent,
        timing: &Timing,
    ) -> Outcome {
        match (event, account) {
            (
                PurchaseEvent::Bought { sid } | PurchaseEvent::SeenOurs { sid } | PurchaseEvent::BoughtWrong { sid },
                _,
            ) => {
                if known == Some(sid) {
                    done()
                } else {
                    self.hold(Some(sid), account)
                }
            }
            (PurchaseEvent::OperatorRetry, Some(account)) => {
                // Due at once, and in doubt: whatever was sent may be there.
                let next = Slot {
                    lease_until: self.now,
                    creates: 0,
                    latest: LatestCreate::NotProcessed,
                    earlier: EarlierCreates::SomeUnknown,
                    ..Slot::first(LeaseToken::nobody(), account.clone(), self.now, timing)
                };
                self.applied(PurchaseState::Buying(next), Happening::Retried, lock(Lock::Take))
            }
            (PurchaseEvent::OperatorFail, _) => self.fail(Reason::NumberUnavailable),
            (PurchaseEvent::OperatorComplete { sid }, Some(account)) => {
                let state = PurchaseState::Completed { sid: sid.clone(), account: account.clone(), at: self.now };
                self.applied(state, Happening::Completed, PurchaseEffects { lock: Lock::Take, ..ends() })
            }
            // Nothing was asked of the carrier for it, in no account: there is nothing to go on with.
            (PurchaseEvent::OperatorRetry | PurchaseEvent::OperatorComplete { .. }, None) => {
                Decision::Illegal(Illegal::NotBuying)
            }
            (
                PurchaseEvent::Claim { .. }
                | PurchaseEvent::Reclaim { .. }
                | PurchaseEvent::Permit { .. }
                | PurchaseEvent::PermitRefused { .. }
                | PurchaseEvent::Switch { .. }
                | PurchaseEvent::LockTaken { .. }
                | PurchaseEvent::SeenForeign { .. }
                | PurchaseEvent::SeenAbsent { .. }
                | PurchaseEvent::Refused { .. }
                | PurchaseEvent::NotProcessed { .. }
                | PurchaseEvent::NotSeen { .. }
                | PurchaseEvent::NoAccount { .. }
                | PurchaseEvent::Undo { .. }
                | PurchaseEvent::Released
                | PurchaseEvent::NotReleased { .. }
                | PurchaseEvent::Expire
                | PurchaseEvent::Cancel,
                _,
            ) => Decision::Illegal(Illegal::OperatorDecides),
        }
    }
}
