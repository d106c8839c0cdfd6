//! The name on the ID and the phone's owner: when they are compared, and what that decides.
//!
//! `report` lets an approval count at once and records how well the names fit; `require` keeps it in review until they
//! were compared. A name that fits, or of which nobody knows, counts; one that differs waits for an operator.

use super::{Outcome, Reviewer, Verification, VerificationEffect, VerificationPolicy, VerificationState};
use crate::decision::Decision;
use crate::ids::InquiryId;
use crate::inquiry::Inquiry;
use crate::instant::Instant;
use crate::phone::{NameLevels, NameStanding, judge_names, name_standing};

/// Whether the name on the ID of the current inquiry is compared with the phone's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameCheck {
    /// Nobody wants to know.
    #[default]
    NotWanted,
    /// It will be, once there is an approved phone.
    Wanted,
    /// It was: how well they fit. The names themselves are never kept.
    Compared(NameLevels),
}

impl NameCheck {
    /// How well the names fit, once that is known.
    #[must_use]
    pub fn levels(self) -> Option<NameLevels> {
        match self {
            Self::Compared(levels) => Some(levels),
            Self::NotWanted | Self::Wanted => None,
        }
    }

    /// The same once somebody decided without it: nothing more is asked.
    pub(super) fn decided(self) -> Self {
        match self {
            Self::Compared(_) => self,
            Self::NotWanted | Self::Wanted => Self::NotWanted,
        }
    }

    fn wanted(self) -> Self {
        match self {
            Self::NotWanted | Self::Wanted => Self::Wanted,
            Self::Compared(_) => self,
        }
    }
}

impl Verification {
    /// The inquiry whose name is to be compared now, if any is: one that Persona approved and that still counts.
    #[must_use]
    pub fn names_to_compare(&self) -> Option<&InquiryId> {
        let approved = self.verified_at().or(self.awaits_names_since()).is_some();
        let inquiry = self.inquiry.as_ref().filter(|_| approved && self.names == NameCheck::Wanted)?;
        Some(&inquiry.id)
    }

    /// When Persona approved what does not count yet, because the names must fit first.
    #[must_use]
    pub fn awaits_names_since(&self) -> Option<Instant> {
        match self.state {
            VerificationState::InReview { by: Reviewer::Names { approved_at } } => Some(approved_at),
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { by: Reviewer::Persona }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => None,
        }
    }

    /// Whether an approved phone is what it waits for, if there is none yet.
    #[must_use]
    pub fn needs_phone(&self) -> bool {
        self.awaits_names_since().is_some() && self.names == NameCheck::Wanted
    }

    /// Whether what is still to be done about it is ours, not Persona's: to wake who waits, or to compare names.
    #[must_use]
    pub fn is_for_us(&self) -> bool {
        self.verified_at().is_some() || self.names_to_compare().is_some()
    }

    /// What is known of the names of this inquiry: nothing, unless it is the current one.
    pub(super) fn names_of(&self, inquiry: &InquiryId) -> NameCheck {
        if self.is_current(inquiry) { self.names } else { NameCheck::NotWanted }
    }

    /// Persona approved `inquiry` at `at`: it counts, unless the names must be compared first.
    pub(super) fn approved_by_persona(&self, inquiry: Inquiry, at: Instant, policy: &VerificationPolicy) -> Outcome {
        let names = self.names_of(&inquiry.id);
        let compared = names.levels().map(judge_names);
        match name_standing(policy.name_match, compared) {
            NameStanding::Counts => self.verified(inquiry, at, names),
            NameStanding::CountsAndCompare => self.verified(inquiry, at, names.wanted()),
            NameStanding::Compare | NameStanding::OperatorDecides => {
                let state = VerificationState::InReview { by: Reviewer::Names { approved_at: at } };
                let inquiry = Some(inquiry);
                let next = Self { state, inquiry, attempts_used: self.attempts_used, names: names.wanted() };
                Decision::Applied { next, effects: VerificationEffect::None }
            }
        }
    }

    /// The names of `inquiry` were compared. Once: what was said of an inquiry stands.
    pub(super) fn names_compared(&self, inquiry: &InquiryId, levels: NameLevels) -> Outcome {
        if self.names_to_compare() != Some(inquiry) {
            return self.already_done();
        }
        let next = Self { names: NameCheck::Compared(levels), ..self.clone() };
        match (self.state, judge_names(levels).counts()) {
            (VerificationState::InReview { by: Reviewer::Names { approved_at } }, true) => Decision::Applied {
                next: Self { state: VerificationState::Verified { at: approved_at }, ..next },
                effects: VerificationEffect::WakeWaiters,
            },
            (
                VerificationState::InReview { .. }
                | VerificationState::Verified { .. }
                | VerificationState::Unverified
                | VerificationState::InProgress { .. }
                | VerificationState::Declined
                | VerificationState::Failed
                | VerificationState::Expired
                | VerificationState::Locked
                | VerificationState::Revoked { .. },
                _,
            ) => Decision::Applied { next, effects: VerificationEffect::None },
        }
    }

    pub(super) fn verified(&self, inquiry: Inquiry, at: Instant, names: NameCheck) -> Outcome {
        let state = VerificationState::Verified { at };
        Decision::Applied {
            next: Self { state, inquiry: Some(inquiry), attempts_used: self.attempts_used, names },
            effects: VerificationEffect::WakeWaiters,
        }
    }
}
