//! The table: verifications, pointers and the purchase, and their conditional changes.

use domain::{
    Actor, Attempt, Clearance, Decision, Inquiry, InquiryEvent, Instant, NameCheck, Polling, Purchase, PurchaseEvent,
    PurchaseState, Source, Verification, VerificationEffect, VerificationEvent, VerificationState, clear_purchase,
    in_time,
};

use super::{
    Course, DEADLINE, Known, LeftOut, OWN, OWNERS, Phase, Read, Standing, State, TIMING, VerificationSweep, Waiting,
    Wrong,
};

/// Whether the sweep asks Persona about the verification, some time.
pub(super) fn is_asked_about(verification: &Verification) -> bool {
    verification.polling() != Polling::Never
}

impl Waiting {
    pub(super) fn verification(&self, state: &State, owner: usize) -> Verification {
        let Known { state: known, seen, .. } = state.verifications[owner];
        let inquiry = Inquiry {
            id: self.inquiries[owner].clone(),
            template: None,
            seen,
            attempt: Attempt::Unused,
            session_at: Instant::from_unix_ms(0),
            sessions: 1,
            sessions_in_a_row: 1,
        };
        Verification { state: known, inquiry: Some(inquiry), attempts_used: 0, names: NameCheck::NotWanted }
    }

    /// What the table's verifications say of the purchase now.
    pub(super) fn clearance(&self, state: &State, owners: &[usize]) -> Clearance {
        let verifications: Vec<Verification> = owners.iter().map(|owner| self.verification(state, *owner)).collect();
        clear_purchase(true, owners.iter().map(|owner| &self.owners[*owner]).zip(&verifications))
    }

    pub(super) fn cleared_in_time(&self, state: &State) -> bool {
        match self.clearance(state, &OWNERS) {
            Clearance::Cleared(rule) => in_time(&rule, DEADLINE),
            Clearance::NotCleared | Clearance::NeedsPhone => false,
        }
    }

    pub(super) fn owner_is_in_time(&self, state: &State, owner: u8) -> bool {
        let owner = usize::from(owner);
        self.verification(state, owner).verified_at().is_some_and(|at| at <= DEADLINE)
    }

    /// The purchase as `domain` knows it, one that was claimed by this worker when it is being bought.
    pub(super) fn purchase(&self, standing: Standing) -> Option<Purchase> {
        let at = Phase::BeforeDeadline.instant(0);
        let state = match standing {
            Standing::NotAsked => return None,
            Standing::Waiting => PurchaseState::Waiting,
            Standing::Buying => {
                let claim = PurchaseEvent::Claim {
                    token: self.token.clone(),
                    account: self.account.clone(),
                    number: self.asked.number.clone(),
                };
                match self.asked.decide(&claim, Actor::Completion, at, &TIMING) {
                    Decision::Applied { next, .. } => next.state,
                    Decision::AlreadyDone { .. } | Decision::Illegal(_) => unreachable!("what waits can be claimed"),
                }
            }
            Standing::Completed => {
                PurchaseState::Completed { sid: self.sid.clone(), account: self.account.clone(), at }
            }
            Standing::Expired => PurchaseState::Expired { at },
            Standing::Cancelled => PurchaseState::Cancelled { at },
        };
        Some(Purchase { state, ..self.asked.clone() })
    }

    /// Decides on what stands and commits, with the pointers when it ends; whether anything changed.
    pub(super) fn change(&self, state: &mut State, event: &PurchaseEvent) -> bool {
        let now = if self.lacks(LeftOut::ExpirysGrace) { Phase::Overdue } else { state.phase }.instant(0);
        let Some(purchase) = self.purchase(state.purchase) else {
            return false;
        };
        let Decision::Applied { next, effects } = purchase.decide(event, Actor::Completion, now, &TIMING) else {
            return false;
        };
        state.purchase = match next.state {
            PurchaseState::Waiting => Standing::Waiting,
            PurchaseState::Buying(_) => Standing::Buying,
            PurchaseState::Completed { .. } => Standing::Completed,
            PurchaseState::Expired { .. } => Standing::Expired,
            PurchaseState::Cancelled { .. } => Standing::Cancelled,
            PurchaseState::Failed { .. }
            | PurchaseState::Releasing(_)
            | PurchaseState::Released { .. }
            | PurchaseState::Held { .. } => unreachable!("the carrier sells here"),
        };
        if effects.ends && !self.lacks(LeftOut::OneTransaction) {
            state.pointers = [false; 2];
        }
        true
    }

    /// Applies a decision of Persona's to an owner's verification; whether its waiters are to be woken.
    pub(super) fn mark(&self, state: &mut State, owner: usize, decision: u8) -> bool {
        let Some(decided) = state.decided[owner][usize::from(decision)] else {
            return false;
        };
        let mut verification = self.verification(state, owner);
        let at = decided.instant(i64::from(decision) + 1);
        let newer_is_known = state.verifications[owner].seen.is_some_and(|(_, seen_at)| seen_at > at);
        if self.lacks(LeftOut::EventOrder)
            && let Some(inquiry) = &mut verification.inquiry
        {
            inquiry.seen = None;
        }
        let event = VerificationEvent::Observed(InquiryEvent {
            inquiry: self.inquiries[owner].clone(),
            status: self.persona.decisions(owner)[usize::from(decision)],
            at,
            source: Source::Event,
        });
        let (next, effect) = match verification.decide(&event, state.phase.instant(0), &self.policy) {
            Decision::Applied { next, effects } => (next, effects),
            Decision::AlreadyDone { effects } => {
                return effects == VerificationEffect::WakeWaiters && !self.lacks(LeftOut::RepeatedWake);
            }
            Decision::Illegal(_) => return false,
        };
        if newer_is_known {
            state.wrong = Some(Wrong::Regressed);
        }
        let due = if next.verified_at().is_some() {
            !self.lacks(LeftOut::VerificationAsOutbox)
        } else {
            is_asked_about(&next)
        };
        let seen = next.inquiry.and_then(|inquiry| inquiry.seen);
        state.verifications[owner] = Known { state: next.state, seen, due };
        let changed = u8::from(owner != OWN);
        match &mut state.verification_sweep {
            VerificationSweep::Lists(read_owner, read) | VerificationSweep::Sleeps(read_owner, read)
                if *read_owner == changed =>
            {
                *read = Read::Changed;
            }
            VerificationSweep::Lists(..)
            | VerificationSweep::Sleeps(..)
            | VerificationSweep::Idle
            | VerificationSweep::Asks(_)
            | VerificationSweep::Marks(..) => {}
        }
        if self.clearance(state, &OWNERS) == Clearance::NotCleared {
            state.sent = false;
        }
        if matches!(next.state, VerificationState::Revoked { .. }) {
            state.course = Course::Rough;
        }
        effect == VerificationEffect::WakeWaiters
    }

    /// Sends a message: whether a worker that gets it would claim is all that counts here.
    pub(super) fn send(&self, state: &mut State) {
        if self.clearance(state, &OWNERS) != Clearance::NotCleared {
            state.sent = true;
        }
    }

    /// Lists who waits for an owner, and sends; whether anybody does.
    pub(super) fn wake(&self, state: &mut State, owner: usize) -> bool {
        let waits = state.pointers[owner];
        if waits {
            self.send(state);
        }
        waits
    }

    pub(super) fn point(&self, state: &mut State) -> bool {
        if state.purchase != Standing::Waiting && !self.lacks(LeftOut::PointersCheck) {
            return false;
        }
        state.pointers = [true, !self.lacks(LeftOut::AgencysPointer)];
        true
    }

    /// The second read: whoever is read as verified clears.
    pub(super) fn read(&self, state: &State) -> Clearance {
        if self.lacks(LeftOut::AgencysRead) { self.clearance(state, &[OWN]) } else { self.clearance(state, &OWNERS) }
    }
}
