//! What the functions do between two of their reads and writes.

use domain::{Clearance, ClearanceRule, InquiryStatus, PurchaseEvent, in_time};

use super::table::is_asked_about;
use super::{
    Course, DEADLINE, Due, Function, LeftOut, OWN, OWNERS, Phase, Read, Standing, State, VerificationSweep, Waiter,
    Waiting, Webhook, Worker, Wrong,
};

impl Waiting {
    pub(super) fn ask(&self, state: &mut State) {
        match state.purchase {
            Standing::NotAsked => {
                state.purchase = Standing::Waiting;
                state.due = Due::Soon;
            }
            Standing::Waiting => {}
            Standing::Buying | Standing::Completed | Standing::Expired | Standing::Cancelled => return,
        }
        match self.clearance(state, &[OWN]) {
            Clearance::Cleared(_) => self.send(state),
            Clearance::NotCleared if self.lacks(LeftOut::SecondRead) => state.request = Waiter::Reads,
            Clearance::NotCleared | Clearance::NeedsPhone => state.request = Waiter::Points,
        }
    }

    /// Read, then point: the order that strands purchases.
    pub(super) fn reads_first(&self, sweeps: bool) -> bool {
        if sweeps { self.lacks(LeftOut::SweepsOrder) } else { self.lacks(LeftOut::SecondRead) }
    }

    /// The steps that the request and the sweep have in common: pointers, then both verifications, then what follows.
    pub(super) fn go_on(&self, state: &mut State, at: Waiter, sweeps: bool) -> Waiter {
        match at {
            Waiter::Idle => Waiter::Idle,
            Waiter::Points => {
                if self.point(state) {
                    Waiter::Reads
                } else {
                    Waiter::Idle
                }
            }
            Waiter::Reads => {
                let overdue = state.phase == Phase::Overdue
                    || (state.phase == Phase::InGrace && self.lacks(LeftOut::ExpirysGrace));
                match self.read(state) {
                    Clearance::Cleared(rule) if !sweeps || in_time(&rule, DEADLINE) || !overdue => {
                        self.send(state);
                        Waiter::Idle
                    }
                    Clearance::NotCleared if self.reads_first(sweeps) && !overdue => Waiter::PointsAfterReading,
                    Clearance::NotCleared if !sweeps => Waiter::Idle,
                    Clearance::NotCleared if !overdue => Waiter::PutsOff,
                    Clearance::Cleared(_) | Clearance::NotCleared if self.lacks(LeftOut::ExpiryAsksFirst) => {
                        Waiter::Expires
                    }
                    Clearance::Cleared(_) | Clearance::NotCleared | Clearance::NeedsPhone => Waiter::Asks,
                }
            }
            Waiter::Asks => {
                for owner in OWNERS {
                    // The poll age is within the grace, so that by its end everybody open is due to be asked again;
                    // right after the deadline, nobody need be.
                    if state.phase == Phase::Overdue
                        && is_asked_about(&self.verification(state, owner))
                        && let Some(newest) = state.newest_decision(owner)
                        && self.mark(state, owner, newest)
                    {
                        self.wake(state, owner);
                    }
                }
                Waiter::Expires
            }
            Waiter::PointsAfterReading => {
                if self.point(state) && sweeps {
                    Waiter::PutsOff
                } else {
                    Waiter::Idle
                }
            }
            Waiter::PutsOff => {
                if state.purchase == Standing::Waiting {
                    state.due = Due::AtDeadline;
                }
                Waiter::Idle
            }
            Waiter::Expires => {
                let cleared = self.cleared_in_time(state);
                let told = OWNERS.iter().any(|owner| self.was_told_in_time(state, *owner));
                let refused = cleared && !self.lacks(LeftOut::ExpirysClearance);
                if !refused && self.change(state, &PurchaseEvent::Expire) {
                    if cleared {
                        state.wrong = Some(Wrong::ExpiredCleared);
                    } else if told {
                        state.wrong = Some(Wrong::ExpiredEarly);
                    } else if OWNERS.iter().any(|owner| self.is_approved_unheard(state, *owner)) {
                        state.wrong = Some(Wrong::ExpiredUnasked);
                    }
                }
                Waiter::Idle
            }
        }
    }

    /// Whether a webhook that began before the deadline is about to mark this owner as verified in time.
    pub(super) fn was_told_in_time(&self, state: &State, owner: usize) -> bool {
        let Webhook::Marks(decision) = state.webhooks[owner] else {
            return false;
        };
        let approved = self.persona.decisions(owner)[usize::from(decision)] == InquiryStatus::Approved;
        let newest = state.verifications[owner].seen.is_none();
        let decided_in_time = state.decided[owner][usize::from(decision)] == Some(Phase::BeforeDeadline);
        state.begun_in_time[owner] && approved && newest && decided_in_time
    }

    /// Whether Persona approved this owner in time, still says so, and the table has heard nothing of it.
    pub(super) fn is_approved_unheard(&self, state: &State, owner: usize) -> bool {
        state.verifications[owner].seen.is_none()
            && state.newest_decision(owner).is_some_and(|newest| {
                self.persona.decisions(owner)[usize::from(newest)] == InquiryStatus::Approved
                    && state.decided[owner][usize::from(newest)] == Some(Phase::BeforeDeadline)
            })
    }

    pub(super) fn sweep_purchase(&self, state: &mut State) {
        if self.lacks(LeftOut::SweepsShortStep) && state.phase == Phase::BeforeDeadline {
            state.due = Due::AtDeadline;
        }
        state.purchase_sweep = if self.reads_first(true) { Waiter::Reads } else { Waiter::Points };
    }

    pub(super) fn sweep_verification(&self, state: &mut State, owner: u8) {
        let verification = self.verification(state, usize::from(owner));
        state.verification_sweep = if verification.verified_at().is_some() {
            VerificationSweep::Lists(owner, Read::Unchanged)
        } else if is_asked_about(&verification) {
            VerificationSweep::Asks(owner)
        } else {
            VerificationSweep::Sleeps(owner, Read::Unchanged)
        };
    }

    pub(super) fn verification_sweep(&self, state: &mut State) {
        state.verification_sweep = match state.verification_sweep {
            VerificationSweep::Idle => VerificationSweep::Idle,
            VerificationSweep::Asks(owner) => match state.newest_decision(usize::from(owner)) {
                Some(newest) if !self.lacks(LeftOut::Poll) => VerificationSweep::Marks(owner, newest),
                Some(_) | None => VerificationSweep::Idle,
            },
            VerificationSweep::Marks(owner, decision) => {
                if self.mark(state, usize::from(owner), decision) {
                    // It wakes, and leaves the due index to the next visit.
                    VerificationSweep::Lists(owner, Read::Changed)
                } else {
                    VerificationSweep::Idle
                }
            }
            VerificationSweep::Lists(owner, read) => {
                if self.wake(state, usize::from(owner)) {
                    VerificationSweep::Idle
                } else {
                    VerificationSweep::Sleeps(owner, read)
                }
            }
            VerificationSweep::Sleeps(owner, read) => {
                if read == Read::Unchanged || self.lacks(LeftOut::SleepsCondition) {
                    state.verifications[usize::from(owner)].due = false;
                }
                VerificationSweep::Idle
            }
        };
    }

    pub(super) fn webhook(&self, state: &mut State, owner: usize) {
        state.webhooks[owner] = match state.webhooks[owner] {
            Webhook::Idle => Webhook::Idle,
            Webhook::Marks(decision) if self.lacks(LeftOut::MarkBeforeList) => {
                self.wake(state, owner);
                Webhook::MarksAfterListing(decision)
            }
            Webhook::Marks(decision) => {
                if self.mark(state, owner, decision) {
                    Webhook::Lists
                } else {
                    Webhook::Idle
                }
            }
            Webhook::Lists => {
                self.wake(state, owner);
                Webhook::Idle
            }
            Webhook::MarksAfterListing(decision) => {
                self.mark(state, owner, decision);
                Webhook::Idle
            }
        };
        if state.webhooks[owner] == Webhook::Idle {
            state.begun_in_time[owner] = false;
        }
    }

    /// A worker is told: it reads who clears the purchase, or sees to the pointers of one that has ended.
    pub(super) fn tell(&self, state: &mut State) {
        state.worker = match state.purchase {
            Standing::NotAsked => Worker::Idle,
            Standing::Waiting => match self.clearance(state, &OWNERS) {
                Clearance::Cleared(rule) if in_time(&rule, DEADLINE) || self.lacks(LeftOut::ClaimsDeadline) => {
                    match rule {
                        ClearanceRule::VerifiedOwner { owner, .. } => {
                            Worker::Claims(u8::from(owner != self.owners[OWN]))
                        }
                        ClearanceRule::NotGated => unreachable!("the number is gated"),
                    }
                }
                Clearance::Cleared(_) | Clearance::NotCleared | Clearance::NeedsPhone => Worker::Idle,
            },
            Standing::Buying => Worker::Ends,
            Standing::Completed | Standing::Expired | Standing::Cancelled => {
                state.pointers = [false; 2];
                Worker::Idle
            }
        };
    }

    pub(super) fn work(&self, state: &mut State) {
        state.worker = match state.worker {
            Worker::Idle => Worker::Idle,
            Worker::Claims(owner) => {
                let checks = !self.lacks(LeftOut::ClaimsClearance) && !self.lacks(LeftOut::ClaimsDeadline);
                let claim = PurchaseEvent::Claim {
                    token: self.token.clone(),
                    account: self.account.clone(),
                    number: self.asked.number.clone(),
                };
                let in_time = self.owner_is_in_time(state, owner);
                if (!checks || in_time) && self.change(state, &claim) {
                    if !self.cleared_in_time(state) {
                        state.wrong = Some(Wrong::ClaimedUncleared);
                    }
                    Worker::Ends
                } else {
                    Worker::Idle
                }
            }
            Worker::Ends => {
                self.change(state, &PurchaseEvent::SeenOurs { sid: self.sid.clone() });
                Worker::Idle
            }
        };
    }

    pub(super) fn crash(&self, state: &mut State, function: Function) {
        state.course = Course::Rough;
        match function {
            Function::Request => state.request = Waiter::Idle,
            Function::Webhook(owner) => {
                state.webhooks[usize::from(owner)] = Webhook::Idle;
                state.begun_in_time[usize::from(owner)] = false;
            }
            Function::PurchaseSweep => state.purchase_sweep = Waiter::Idle,
            Function::VerificationSweep => state.verification_sweep = VerificationSweep::Idle,
            Function::Worker => state.worker = Worker::Idle,
        }
    }
}
