//! One inquiry at Persona: what it said of it, and what we remember.

use crate::ids::{InquiryId, TemplateId};
use crate::instant::Instant;

/// The inquiry that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    /// Its id at Persona.
    pub id: InquiryId,
    /// What it was made from; unknown for one that was written down before this was kept.
    pub template: Option<TemplateId>,
    /// The newest of what Persona said of it, once it said something.
    pub seen: Option<Seen>,
    /// Whether it has used one of the owner's attempts.
    pub attempt: Attempt,
    /// When a session was last handed out.
    pub session_at: Instant,
    /// How many sessions were handed out, the first one included.
    pub sessions: u32,
    /// How many were handed out in a row, of those that it replaced as well: since something was decided, or since nobody
    /// asked for a while.
    pub sessions_in_a_row: u32,
}

/// How new what we know of an inquiry is: its class, then Persona's own time of it.
pub type Seen = (EventClass, Instant);

impl Inquiry {
    /// Whether it was made from this template, as far as we know, by the template's id: an inquiry keeps what it was
    /// created on, the version that was published then included (Persona, "Resuming inquiries").
    #[must_use]
    pub fn is_of(&self, template: &TemplateId) -> bool {
        self.template.as_ref().is_none_or(|own| own == template)
    }
}

/// Whether an inquiry has used one of its owner's attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It has not been declined and has not failed.
    Unused,
    /// It was declined or failed, once or more often.
    Used,
}

/// A status of an inquiry at Persona.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InquiryStatus {
    /// Opened, nothing submitted.
    Created,
    /// The person has begun.
    Pending,
    /// The person has done everything; a decision may follow.
    Completed,
    /// The person used up the tries inside the inquiry; a decision may follow.
    Failed,
    /// Nobody finished in time; can be resumed.
    Expired,
    /// A person must decide.
    NeedsReview,
    /// Accepted.
    Approved,
    /// Refused.
    Declined,
}

impl InquiryStatus {
    /// Whether somebody may still finish the inquiry, or decide it, without its being resumed first.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Created | Self::Pending | Self::Completed | Self::NeedsReview => true,
            Self::Failed | Self::Expired | Self::Approved | Self::Declined => false,
        }
    }
}

/// Decisions outrank what went before them, whatever their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventClass {
    /// Where the person is in the flow.
    Progress,
    /// That the person has done everything, where that proves who it is: whatever is decided of it outranks it.
    Completion,
    /// What Persona or a reviewer decided.
    Decision,
}

/// What Persona said of an inquiry, in an event or when asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InquiryEvent {
    /// The inquiry; one that we opened for this owner.
    pub inquiry: InquiryId,
    /// Its status.
    pub status: InquiryStatus,
    /// When, by Persona's clock: an event's `created-at`; of an inquiry that was asked about the `decisioned-at` of a
    /// decision, the `completed-at` of a completion, else the `updated-at`.
    pub at: Instant,
    /// How we know.
    pub source: Source,
}

/// How we know what Persona said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It told us, with a time in milliseconds.
    Event,
    /// We asked, and it answered with a time in whole seconds.
    Answer,
}
