//! The settings that decide what Persona's statuses mean.

use crate::ids::Owner;
use crate::inquiry::{EventClass, InquiryStatus};
use crate::limits::ATTEMPTS_MAX_DEFAULT;
use crate::phone::NameMatchPolicy;

/// The settings that decide what an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationPolicy {
    /// Which statuses unlock.
    pub accepted: AcceptedStatuses,
    /// Declined and failed inquiries before the verification is locked.
    pub attempts_max: u32,
    /// Whether the name on the ID must be that of the phone's owner.
    pub name_match: NameMatchPolicy,
}

/// Which statuses unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedStatuses {
    /// Only a decision: the default.
    Approved,
    /// Completion too, where Persona's plan has no approval step (help article "Workflow steps by plan").
    ApprovedOrCompleted,
}

impl Default for VerificationPolicy {
    fn default() -> Self {
        Self {
            accepted: AcceptedStatuses::Approved,
            attempts_max: ATTEMPTS_MAX_DEFAULT,
            name_match: NameMatchPolicy::Off,
        }
    }
}

impl VerificationPolicy {
    /// The same for this owner: an agency has no phone of its own, so that no names are compared for it.
    #[must_use]
    pub fn for_owner(self, owner: &Owner) -> Self {
        let name_match = match owner {
            Owner::SubAccount(_) => self.name_match,
            Owner::Agency(_) => NameMatchPolicy::Off,
        };
        Self { name_match, ..self }
    }

    /// Whether an inquiry of this status proves who the owner is.
    pub(super) fn accepts(&self, status: InquiryStatus) -> bool {
        match (status, self.accepted) {
            (InquiryStatus::Approved, _) | (InquiryStatus::Completed, AcceptedStatuses::ApprovedOrCompleted) => true,
            (InquiryStatus::Completed, AcceptedStatuses::Approved)
            | (
                InquiryStatus::Created
                | InquiryStatus::Pending
                | InquiryStatus::Failed
                | InquiryStatus::Expired
                | InquiryStatus::NeedsReview
                | InquiryStatus::Declined,
                _,
            ) => false,
        }
    }

    /// Whether no attempt is left to somebody who has used so many.
    pub(super) fn leaves_none(&self, attempts_used: u32) -> bool {
        attempts_used >= self.attempts_max
    }

    /// Whether an inquiry of this status may still be decided either way.
    pub(super) fn leaves_open(&self, status: InquiryStatus) -> bool {
        match status {
            InquiryStatus::Created
            | InquiryStatus::Pending
            | InquiryStatus::Completed
            | InquiryStatus::Expired
            | InquiryStatus::NeedsReview => !self.accepts(status),
            InquiryStatus::Approved | InquiryStatus::Declined | InquiryStatus::Failed => false,
        }
    }

    /// Whether a status is a decision, progress, or a completion that counts.
    pub(super) fn class_of(&self, status: InquiryStatus) -> EventClass {
        match status {
            InquiryStatus::Approved | InquiryStatus::Declined | InquiryStatus::NeedsReview => EventClass::Decision,
            InquiryStatus::Completed if self.accepts(status) => EventClass::Completion,
            InquiryStatus::Created
            | InquiryStatus::Pending
            | InquiryStatus::Completed
            | InquiryStatus::Failed
            | InquiryStatus::Expired => EventClass::Progress,
        }
    }
}
