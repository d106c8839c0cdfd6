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

use crate::decision::{Decision, Illegal};
use crate::ids::{InquiryId, Nonce};
use crate::inquiry::{Attempt, EventClass, Inquiry, InquiryEvent, InquiryStatus, Source};
use crate::instant::Instant;
use crate::limits::{ATTEMPTS_MAX_DEFAULT, RESUME_PAUSE_MS};

/// The proof of identity of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// What is known of the owner now.
    pub state: VerificationState,
    /// The inquiry that counts, once one was opened.
    pub inquiry: Option<Inquiry>,
    /// Declined and failed inquiries so far; an inquiry counts once.
    pub attempts_used: u32,
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
    /// A person at Persona or at the platform looks at it.
    InReview,
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
    },
    /// We resumed the current inquiry: a session was handed out.
    Resumed,
    /// Persona said something of an inquiry that we opened for the owner.
    Observed(InquiryEvent),
}

/// What follows a change of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationEffect {
    /// Nothing.
    None,
    /// The owner is verified now: wake every purchase that waits for it.
    WakeWaiters,
}

/// The settings that decide what an event means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerificationPolicy {
    /// Which statuses unlock.
    pub accepted: AcceptedStatuses,
    /// Declined and failed inquiries before the verification is locked.
    pub attempts_max: u32,
}

impl Default for VerificationPolicy {
    fn default() -> Self {
        Self { accepted: AcceptedStatuses::Approved, attempts_max: ATTEMPTS_MAX_DEFAULT }
    }
}

/// Which statuses unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedStatuses {
    /// Only a decision: the default.
    Approved,
    /// Completion too, where Persona's plan has no approval step (help article "Workflow steps by plan").
    ApprovedOrCompleted,
}

/// What an owner that asks for a session gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenPlan {
    /// A new inquiry.
    Create,
    /// Another session of this one.
    Resume(InquiryId),
    /// Nothing yet: a session was handed out a moment ago.
    TooSoon {
        /// When asking again gives one.
        at: Instant,
    },
    /// Nothing: the owner has done its part, or needs to do none.
    NothingToDo,
    /// Nothing: all attempts are used, or the verification was taken back.
    Refused,
}

impl Default for Verification {
    fn default() -> Self {
        Self { state: VerificationState::Unverified, inquiry: None, attempts_used: 0 }
    }
}

type Outcome = Decision<Verification, VerificationEffect>;

impl Verification {
    /// What `event` does to this verification. Total: every pair of state and event has an answer, listed in the
    /// snapshot `verification_table`.
    #[must_use]
    pub fn decide(&self, event: &VerificationEvent, now: Instant, policy: &VerificationPolicy) -> Outcome {
        let decision = match event {
            VerificationEvent::Opened { inquiry } => self.opened(inquiry, now),
            VerificationEvent::Resumed => self.resumed(now),
            VerificationEvent::Observed(event) => self.observed(event, policy),
        };
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
            | VerificationState::InReview
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => None,
        }
    }

    /// Whether Persona may still say something that changes this verification, so that it is worth asking.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self.state {
            VerificationState::InProgress { .. } | VerificationState::InReview | VerificationState::Failed => true,
            VerificationState::Unverified
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => false,
        }
    }

    /// What an owner that asks for a session at `now` gets: a live inquiry is resumed, a new one is made only when it
    /// must be (promise P6), and a page that asks again at once costs no session.
    #[must_use]
    pub fn open_plan(&self, now: Instant) -> OpenPlan {
        match self.state {
            VerificationState::Unverified | VerificationState::Declined | VerificationState::Failed => OpenPlan::Create,
            VerificationState::InProgress { phase: Phase::NeedsUser } | VerificationState::Expired => {
                match &self.inquiry {
                    None => OpenPlan::Create,
                    Some(inquiry) if now.ms_since(inquiry.session_at) < RESUME_PAUSE_MS => {
                        OpenPlan::TooSoon { at: inquiry.session_at.plus_ms(RESUME_PAUSE_MS) }
                    }
                    Some(inquiry) => OpenPlan::Resume(inquiry.id.clone()),
                }
            }
            VerificationState::InProgress { phase: Phase::Processing }
            | VerificationState::InReview
            | VerificationState::Verified { .. } => OpenPlan::NothingToDo,
            VerificationState::Locked | VerificationState::Revoked { .. } => OpenPlan::Refused,
        }
    }

    fn opened(&self, inquiry: &InquiryId, now: Instant) -> Outcome {
        match self.state {
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired => {
                if self.inquiry.as_ref().is_some_and(|current| current.id == *inquiry) {
                    return Decision::AlreadyDone { effects: VerificationEffect::None };
                }
                Decision::Applied {
                    next: Self {
                        state: VerificationState::InProgress { phase: Phase::NeedsUser },
                        inquiry: Some(Inquiry {
                            id: inquiry.clone(),
                            seen: None,
                            attempt: Attempt::Unused,
                            session_at: now,
                        }),
                        attempts_used: self.attempts_used,
                    },
                    effects: VerificationEffect::None,
                }
            }
            // Decided while we were opening: the new inquiry is left alone and nobody is sent to it.
            VerificationState::InReview
            | VerificationState::Verified { .. }
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => Decision::AlreadyDone { effects: VerificationEffect::None },
        }
    }

    fn resumed(&self, now: Instant) -> Outcome {
        let Some(inquiry) = &self.inquiry else {
            return Decision::AlreadyDone { effects: VerificationEffect::None };
        };
        let state = match self.state {
            // Persona's resume puts an expired inquiry back to pending (API reference, "Resume an inquiry").
            VerificationState::Expired | VerificationState::InProgress { .. } => {
                VerificationState::InProgress { phase: Phase::NeedsUser }
            }
            VerificationState::Unverified
            | VerificationState::InReview
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => {
                return Decision::AlreadyDone { effects: VerificationEffect::None };
            }
        };
        Decision::Applied {
            next: Self {
                state,
                inquiry: Some(Inquiry { session_at: now, ..inquiry.clone() }),
                attempts_used: self.attempts_used,
            },
            effects: VerificationEffect::None,
        }
    }

    fn observed(&self, event: &InquiryEvent, policy: &VerificationPolicy) -> Outcome {
        if let VerificationState::Revoked { by: RevokedBy::Operator, .. } = self.state {
            return Decision::Illegal(Illegal::OperatorDecides);
        }
        let class = class_of(event.status, policy);
        match &self.inquiry {
            Some(current) if current.id == event.inquiry => {
                let newer = current.seen.is_none_or(|(seen_class, seen_at)| {
                    class > seen_class || (class == seen_class && self.is_newer(event, seen_at))
                });
                if newer { self.apply(current, event, class, policy) } else { self.already_done() }
            }
            // An inquiry that is no longer the current one can only unlock.
            Some(_) | None => self.observed_elsewhere(event, class, policy),
        }
    }

    /// What was asked is known to the second, and must not look older than an event of that second; only a verification
    /// that stands is not taken back in the second in which it was given.
    fn is_newer(&self, event: &InquiryEvent, seen_at: Instant) -> bool {
        match event.source {
            Source::Event => event.at > seen_at,
            Source::Answer => {
                let same_second = event.at.whole_second() == seen_at.whole_second() && self.verified_at().is_none();
                event.at > seen_at || same_second
            }
        }
    }

    fn observed_elsewhere(&self, event: &InquiryEvent, class: EventClass, policy: &VerificationPolicy) -> Outcome {
        let unlocks = is_accepted(event.status, policy);
        let stands = match self.state {
            VerificationState::Verified { .. } => true,
            VerificationState::Revoked { at, .. } => event.at <= at,
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked => false,
        };
        if !unlocks || stands {
            return self.already_done();
        }
        let session_at = self.inquiry.as_ref().map_or(event.at, |current| current.session_at);
        let current =
            Inquiry { id: event.inquiry.clone(), seen: Some((class, event.at)), attempt: Attempt::Unused, session_at };
        self.verified(current, event.at)
    }

    fn apply(
        &self,
        current: &Inquiry,
        event: &InquiryEvent,
        class: EventClass,
        policy: &VerificationPolicy,
    ) -> Outcome {
        // Times are compared within a class only: a decision is not older than progress that came after it.
        let at = match current.seen {
            Some((seen_class, seen_at)) if seen_class == class => seen_at.max(event.at),
            Some(_) | None => event.at,
        };
        let seen = Inquiry { seen: Some((class, at)), ..current.clone() };
        if is_accepted(event.status, policy) {
            return match self.state {
                VerificationState::Verified { at } => self.verified(seen, at),
                VerificationState::Unverified
                | VerificationState::InProgress { .. }
                | VerificationState::InReview
                | VerificationState::Declined
                | VerificationState::Failed
                | VerificationState::Expired
                | VerificationState::Locked
                | VerificationState::Revoked { .. } => self.verified(seen, event.at),
            };
        }
        match self.state {
            VerificationState::Verified { .. } | VerificationState::Revoked { .. } => {
                if event.status == InquiryStatus::Declined {
                    let state = VerificationState::Revoked { at: event.at, by: RevokedBy::Persona };
                    self.moved(state, seen, self.attempts_used)
                } else {
                    self.already_done()
                }
            }
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked => self.not_accepted(seen, event.status, policy),
        }
    }

    /// What a status that does not unlock makes of an owner that is not verified.
    fn not_accepted(&self, seen: Inquiry, status: InquiryStatus, policy: &VerificationPolicy) -> Outcome {
        let locked = self.state == VerificationState::Locked;
        let used = match (status, seen.attempt) {
            (InquiryStatus::Declined | InquiryStatus::Failed, Attempt::Unused) => self.attempts_used + 1,
            (_, Attempt::Unused | Attempt::Used) => self.attempts_used,
        };
        let after_attempt = |state| {
            if used >= policy.attempts_max { VerificationState::Locked } else { state }
        };
        let (state, attempt) = match status {
            InquiryStatus::Created | InquiryStatus::Pending => {
                (VerificationState::InProgress { phase: Phase::NeedsUser }, seen.attempt)
            }
            InquiryStatus::Completed | InquiryStatus::Approved => {
                (VerificationState::InProgress { phase: Phase::Processing }, seen.attempt)
            }
            InquiryStatus::NeedsReview => (VerificationState::InReview, seen.attempt),
            InquiryStatus::Expired => (VerificationState::Expired, seen.attempt),
            InquiryStatus::Declined => (after_attempt(VerificationState::Declined), Attempt::Used),
            InquiryStatus::Failed => (after_attempt(VerificationState::Failed), Attempt::Used),
        };
        let state = if locked && status != InquiryStatus::NeedsReview { VerificationState::Locked } else { state };
        self.moved(state, Inquiry { attempt, ..seen }, used)
    }

    fn verified(&self, inquiry: Inquiry, at: Instant) -> Outcome {
        Decision::Applied {
            next: Self {
                state: VerificationState::Verified { at },
                inquiry: Some(inquiry),
                attempts_used: self.attempts_used,
            },
            effects: VerificationEffect::WakeWaiters,
        }
    }

    #[expect(clippy::unused_self, reason = "reads as a move of this verification, beside `verified`")]
    fn moved(&self, state: VerificationState, inquiry: Inquiry, attempts_used: u32) -> Outcome {
        Decision::Applied {
            next: Self { state, inquiry: Some(inquiry), attempts_used },
            effects: VerificationEffect::None,
        }
    }

    /// A repeated delivery to a verified owner repeats the wake-up: the first one may have died before it.
    fn already_done(&self) -> Outcome {
        let effects =
            if self.verified_at().is_some() { VerificationEffect::WakeWaiters } else { VerificationEffect::None };
        Decision::AlreadyDone { effects }
    }
}

fn is_accepted(status: InquiryStatus, policy: &VerificationPolicy) -> bool {
    match (status, policy.accepted) {
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

fn class_of(status: InquiryStatus, policy: &VerificationPolicy) -> EventClass {
    match status {
        InquiryStatus::Approved | InquiryStatus::Declined | InquiryStatus::NeedsReview => EventClass::Decision,
        InquiryStatus::Completed if is_accepted(status, policy) => EventClass::Decision,
        InquiryStatus::Created
        | InquiryStatus::Pending
        | InquiryStatus::Completed
        | InquiryStatus::Failed
        | InquiryStatus::Expired => EventClass::Progress,
    }
}

/// Where a caller that opens an inquiry stands: one opener at a time.
///
/// The nonce goes to Persona as `Idempotency-Key`, so that an opener that died is followed by one that gets the very
/// inquiry the first one made (Persona keeps keys for 24 h).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Sent to Persona as `Idempotency-Key`.
    pub nonce: Nonce,
    /// Until when nobody else opens.
    pub lease_until: Instant,
}
