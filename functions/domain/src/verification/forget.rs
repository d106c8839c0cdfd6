//! What is left of a verification once its owner is forgotten.

use super::{NameCheck, RevokedBy, Verification, VerificationState};

impl Verification {
    /// The verification without its inquiry and its proof: the owner is unknown again. That it may not try again, by an
    /// operator's decision or since all attempts are used, stands, and so does how many are.
    #[must_use]
    pub fn forgotten(&self) -> Self {
        let state = match self.state {
            VerificationState::Locked | VerificationState::Revoked { by: RevokedBy::Operator, .. } => self.state,
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { .. }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Revoked { by: RevokedBy::Persona, .. } => VerificationState::Unverified,
        };
        Self { state, inquiry: None, attempts_used: self.attempts_used, names: NameCheck::NotWanted }
    }
}
