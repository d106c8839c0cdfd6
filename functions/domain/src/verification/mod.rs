//! The proof of identity of one owner, and what Persona's events may change about it.
//!
//! ```text
//! unverified ──opened──▶ in_progress ──approved──▶ verified ──declined, newer──▶ revoked ──approved, newer──▶ verified
//!                          │  │  └──needs_review──▶ in_review ──approved──▶ verified
//!                          │  └──expired──▶ expired ──resumed──▶ in_progress        (no attempt used)
//!                          └──declined, failed──▶ declined, failed ──opened──▶ …    (one attempt used, then locked)
//! ```
//! Verified is for good (promise P5): only a decision that is newer takes it away, and that is recorded. Persona
//! delivers events repeatedly and out of order, so they are ordered per inquiry by Persona's own `created-at`, and a
//! decision outranks progress whatever their times (Persona: "Webhooks best practices").

mod forget;
mod names;
mod observe;
mod operate;
mod policy;
mod polling;
mod session;

use crate::decision::Decision;
use crate::ids::{InquiryId, TemplateId};
use crate::inquiry::{Inquiry, InquiryEvent};
use crate::instant::Instant;
use crate::invariants::{VERIFICATION_INVARIANTS, broken_by};
use crate::phone::NameLevels;

pub use names::NameCheck;
pub use observe::FormerInquiry;
pub use operate::OperatorAction;
pub use policy::{AcceptedStatuses, VerificationPolicy};
pub use polling::Polling;
pub use session::{OpenPlan, Opening};

/// The proof of identity of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What is known of the owner now.
    pub state: VerificationState,
    /// The inquiry that counts, once one was opened.
    pub inquiry: Option<Inquiry>,
    /// Declined and failed inquiries so far; an inquiry counts once.
    pub attempts_used: u32,
    /// Whether the name on the ID is compared with the phone's owner, and what that said.
    pub names: NameCheck,
}

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationState {
    /// Never asked.
    Unverified,
    /// An inquiry is open.
    InProgress {
        /// Who must act next.
        phase: Phase,
    },
    /// It is looked at before it counts.
    InReview {
        /// By whom.
        by: Reviewer,
    },
    /// The owner has proved who it is.
    Verified {
        /// When, by Persona's clock.
        at: Instant,
    },
    /// The last inquiry was declined; another may be opened.
    Declined,
    /// The last inquiry failed; another may be opened.
    Failed,
    /// The last inquiry was abandoned; it can be resumed.
    Expired,
    /// All attempts are used.
    Locked,
    /// Verified once, taken back by a later decision.
    Revoked {
        /// When, by the decider's clock.
        at: Instant,
        /// Who took it back.
        by: RevokedBy,
    },
}

/// Who looks at a verification before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reviewer {
    /// A person at Persona.
    Persona,
    /// We: Persona approved, and the name on the ID is compared with the phone's owner. An operator, once they differ.
    Names {
        /// When Persona approved, by its clock.
        approved_at: Instant,
    },
}

/// Who must act next on an open inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The person in front of the camera.
    NeedsUser,
    /// Persona.
    Processing,
}

/// Who took a verification back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedBy {
    /// A reviewer at Persona; a newer approval gives it again.
    Persona,
    /// An operator of the platform; only an operator gives it again.
    Operator,
}

/// What can happen to a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerificationEvent {
    /// We opened an inquiry for the owner.
    Opened {
        /// Its id at Persona.
        inquiry: InquiryId,
        /// What it was made from.
        template: TemplateId,
    },
    /// We resume the current inquiry: a session is about to be handed out.
    Resumed,
    /// Persona said something of the current inquiry.
    Observed(InquiryEvent),
    /// Persona said something of an inquiry that we opened for the owner and that another has replaced.
    ObservedFormer(InquiryEvent, FormerInquiry),
    /// Persona, asked about the current inquiry, had redacted it before anything was decided of it: nobody can go on with it.
    Redacted(InquiryId),
    /// The name on the ID of this inquiry was compared with the phone's owner.
    NamesCompared(InquiryId, NameLevels),
    /// An operator decided.
    Operated(OperatorAction),
}

/// What follows a change of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationEffect {
    /// Nothing.
    None,
    /// The owner is verified now: wake every purchase that waits for it.
    WakeWaiters,
}

impl Default for Verification {
    fn default() -> Self {
        Self { state: VerificationState::Unverified, inquiry: None, attempts_used: 0, names: NameCheck::NotWanted }
    }
}

type Outcome = Decision<Verification, VerificationEffect>;

impl Verification {
    /// What `event` does to this verification. Total: every pair of state and event has an answer, listed in the
    /// snapshot `verification_table`.
    #[must_use]
    pub fn decide(&self, event: &VerificationEvent, now: Instant, policy: &VerificationPolicy) -> Outcome {
        let decision = match event {
            VerificationEvent::Opened { inquiry, template } => self.opened(inquiry, template, now),
            VerificationEvent::Resumed => self.resumed(now),
            VerificationEvent::Observed(event) => self.observed(event, policy),
            VerificationEvent::ObservedFormer(event, former) => self.observed_former(event, former, policy),
            VerificationEvent::Redacted(inquiry) => self.redacted(inquiry, policy),
            VerificationEvent::NamesCompared(inquiry, levels) => self.names_compared(inquiry, *levels),
            VerificationEvent::Operated(action) => self.operated(*action, now),
        };
        debug_assert_eq!(broken_by(&VERIFICATION_INVARIANTS, self, &decision), None, "{event:?}");
        match decision {
            // Asking again and hearing the same changes nothing.
            Decision::Applied { next, .. } if next == *self => self.already_done(),
            Decision::Applied { .. } | Decision::AlreadyDone { .. } | Decision::Illegal(_) => decision,
        }
    }

    /// When the owner proved who it is, if that still stands.
    #[must_use]
    pub fn verified_at(&self) -> Option<Instant> {
        match self.state {
            VerificationState::Verified { at } => Some(at),
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => None,
        }
    }

    /// Whether this is the inquiry that counts.
    #[must_use]
    pub fn is_current(&self, inquiry: &InquiryId) -> bool {
        self.inquiry.as_ref().is_some_and(|current| current.id == *inquiry)
    }

    /// Whether all that differs from `before` is how far the person is in the same open inquiry.
    #[must_use]
    pub fn only_progresses(&self, before: &Self) -> bool {
        let is_open = |verification: &Self| matches!(verification.state, VerificationState::InProgress { .. });
        let same_inquiry = self.inquiry.as_ref().is_some_and(|inquiry| before.is_current(&inquiry.id));
        is_open(self) && is_open(before) && same_inquiry && self.attempts_used == before.attempts_used
    }

    /// Whether `event` would change where this stands: only then is what it says worth asking Persona about.
    #[must_use]
    pub fn would_change(&self, event: &VerificationEvent, now: Instant, policy: &VerificationPolicy) -> bool {
        match self.decide(event, now, policy) {
            Decision::Applied { next, .. } => next.state != self.state,
            Decision::AlreadyDone { .. } | Decision::Illegal(_) => false,
        }
    }

    fn moved(&self, state: VerificationState, inquiry: Inquiry, attempts_used: u32) -> Outcome {
        let names = self.names_of(&inquiry.id);
        Decision::Applied {
            next: Self { state, inquiry: Some(inquiry), attempts_used, names },
            effects: VerificationEffect::None,
        }
    }

    /// What follows when nothing changes: a repeated delivery to a verified owner repeats the wake-up, since the first
    /// one may have died before it.
    #[must_use]
    pub fn wake_up(&self) -> VerificationEffect {
        if self.verified_at().is_some() { VerificationEffect::WakeWaiters } else { VerificationEffect::None }
    }

    fn already_done(&self) -> Outcome {
        Decision::AlreadyDone { effects: self.wake_up() }
    }
}
