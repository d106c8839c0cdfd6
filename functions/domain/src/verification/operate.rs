//! What an operator may decide of a verification.

use super::{Outcome, RevokedBy, Verification, VerificationEffect, VerificationState};
use crate::decision::Decision;
use crate::inquiry::{EventClass, Inquiry};
use crate::instant::Instant;

/// What an operator decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorAction {
    /// The owner counts as verified from now on, or from when Persona approved what waited for its names, whatever Persona
    /// said before; a later decision of Persona's counts again.
    Approve,
    /// The owner does not count as verified, until an operator approves it: nothing of Persona's undoes this.
    Revoke,
    /// No attempt counts as used; a locked owner may try again.
    ResetAttempts,
}

impl OperatorAction {
    /// Every action.
    pub const ALL: [Self; 3] = [Self::Approve, Self::Revoke, Self::ResetAttempts];
}

impl Verification {
    pub(super) fn operated(&self, action: OperatorAction, now: Instant) -> Outcome {
        match action {
            OperatorAction::Approve => self.approved(now),
            OperatorAction::Revoke => self.revoked(now),
            OperatorAction::ResetAttempts => self.attempts_reset(),
        }
    }

    fn approved(&self, now: Instant) -> Outcome {
        if self.verified_at().is_some() {
            return self.already_done();
        }
        // What was done in time stays so: only our comparing of names was missing. What Persona decided before this no longer
        // counts against it.
        let at = self.awaits_names_since().unwrap_or(now);
        let decided = Some((EventClass::Decision, now));
        let inquiry = self.inquiry.clone().map(|inquiry| match self.awaits_names_since() {
            Some(_) => Inquiry { seen: inquiry.seen.max(decided), ..inquiry },
            None => inquiry,
        });
        let next = Self {
            state: VerificationState::Verified { at },
            names: self.names.decided(),
            inquiry,
            attempts_used: self.attempts_used,
        };
        Decision::Applied { next, effects: VerificationEffect::WakeWaiters }
    }

    fn revoked(&self, now: Instant) -> Outcome {
        match self.state {
            VerificationState::Revoked { by: RevokedBy::Operator, .. } => self.already_done(),
            // Also of an owner that was never verified: it is kept from becoming so.
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { .. }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { by: RevokedBy::Persona, .. } => {
                let state = VerificationState::Revoked { at: now, by: RevokedBy::Operator };
                Decision::Applied { next: Self { state, ..self.clone() }, effects: VerificationEffect::None }
            }
        }
    }

    fn attempts_reset(&self) -> Outcome {
        let state = match self.state {
            // What locked it was a decision, or a failure that may still be decided.
            VerificationState::Locked => match self.inquiry.as_ref().and_then(|inquiry| inquiry.seen) {
                Some((EventClass::Decision, _)) => VerificationState::Declined,
                Some((EventClass::Progress | EventClass::Completion, _)) | None => VerificationState::Failed,
            },
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { .. }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Revoked { .. } => self.state,
        };
        let effects = VerificationEffect::None;
        Decision::Applied { next: Self { state, attempts_used: 0, ..self.clone() }, effects }
    }
}
