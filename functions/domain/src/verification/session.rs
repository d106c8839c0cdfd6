//! Sessions: when an owner gets one, of which inquiry, and what opening and resuming change.
//!
//! A live inquiry is resumed; a new one is made only when it must be: none is open, the last was declined or failed,
//! the setting names another template and the person has not submitted anything yet, [`SESSIONS_MAX`] sessions were
//! asked for, or Persona has it no more (promise P6). Each is paid for. Pages that ask again and again use up neither
//! Persona's 25 sessions per inquiry nor its rate limit, nor do they make one inquiry after another: the pause between two
//! sessions grows with their number, which a replacement goes on counting until something is decided, or nobody came for
//! half an hour in which there was one to be had.

use super::{Outcome, Phase, Verification, VerificationEffect, VerificationPolicy, VerificationState};
use crate::decision::Decision;
use crate::ids::{InquiryId, Nonce, TemplateId};
use crate::inquiry::{Attempt, Inquiry};
use crate::instant::Instant;
use crate::limits::{
    RESUME_PAUSE_MS, RESUME_PAUSE_MS_MAX, SESSIONS_BEFORE_DOUBLING, SESSIONS_MAX, SESSIONS_WITH_LINKS_MAX,
};

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

/// Where a caller that opens an inquiry stands: one opener at a time.
///
/// The nonce goes to Persona as `Idempotency-Key`, so that an opener that died is followed by one that gets the very
/// inquiry the first one made (Persona keeps keys for 24 h).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Sent to Persona as `Idempotency-Key`.
    pub nonce: Nonce,
    /// What the inquiry is made from: the key is good for no other request (Persona, "Idempotence"). Unknown for one that was
    /// written down before this was kept.
    pub template: Option<TemplateId>,
    /// Until when nobody else opens.
    pub lease_until: Instant,
}

impl Verification {
    /// What an owner that asks for a session at `now` gets, where new inquiries are made from `template`: none beyond the
    /// attempts that the policy leaves, whatever it left before.
    #[must_use]
    pub fn open_plan(&self, now: Instant, template: &TemplateId, policy: &VerificationPolicy) -> OpenPlan {
        match self.plan(now, template) {
            OpenPlan::Create if policy.leaves_none(self.attempts_used) => OpenPlan::Refused,
            plan @ (OpenPlan::Create
            | OpenPlan::Resume(_)
            | OpenPlan::TooSoon { .. }
            | OpenPlan::NothingToDo
            | OpenPlan::Refused) => plan,
        }
    }

    fn plan(&self, now: Instant, template: &TemplateId) -> OpenPlan {
        match (self.state, &self.inquiry) {
            (VerificationState::Unverified | VerificationState::Declined | VerificationState::Failed, _)
            | (VerificationState::InProgress { phase: Phase::NeedsUser } | VerificationState::Expired, None) => {
                OpenPlan::Create
            }
            (VerificationState::InProgress { phase: Phase::NeedsUser } | VerificationState::Expired, Some(inquiry)) => {
                let at = inquiry.session_at.plus_ms(session_pause_ms(inquiry.sessions_in_a_row));
                if now < at {
                    OpenPlan::TooSoon { at }
                } else if inquiry.is_of(template) && inquiry.sessions < SESSIONS_MAX {
                    OpenPlan::Resume(inquiry.id.clone())
                } else {
                    OpenPlan::Create
                }
            }
            // Whatever it was made from: the person has done its part, and what Persona decides of it counts.
            (
                VerificationState::InProgress { phase: Phase::Processing }
                | VerificationState::InReview { .. }
                | VerificationState::Verified { .. },
                _,
            ) => OpenPlan::NothingToDo,
            (VerificationState::Locked | VerificationState::Revoked { .. }, _) => OpenPlan::Refused,
        }
    }

    /// This again, as it stood before a session was noted that Persona then refused to give: only the pause before the next
    /// one stays, for Persona is not to be asked by every page that is loaded again.
    #[must_use]
    pub fn session_refused(&self, at: Instant) -> Self {
        let inquiry = self.inquiry.as_ref().map(|inquiry| {
            let sessions_in_a_row = in_a_row_at(inquiry, at);
            Inquiry { session_at: at, sessions_in_a_row, ..inquiry.clone() }
        });
        Self { inquiry, ..self.clone() }
    }

    /// Whether Persona's 25 sessions of the current inquiry may be used up, each of ours and the link that came with it: then
    /// that it gives no further one is for good.
    #[must_use]
    pub fn may_have_used_its_sessions(&self) -> bool {
        self.inquiry.as_ref().is_some_and(|inquiry| inquiry.sessions >= SESSIONS_WITH_LINKS_MAX)
    }

    pub(super) fn opened(&self, inquiry: &InquiryId, template: &TemplateId, now: Instant) -> Outcome {
        if self.is_current(inquiry) {
            return Decision::AlreadyDone { effects: VerificationEffect::None };
        }
        let in_a_row_before = match self.state {
            VerificationState::Unverified | VerificationState::Declined | VerificationState::Failed => 0,
            VerificationState::InProgress { phase: Phase::NeedsUser } | VerificationState::Expired => {
                self.inquiry.as_ref().map_or(0, |inquiry| in_a_row_at(inquiry, now))
            }
            // Decided, or done by the person, while we were opening: the new inquiry is left alone and nobody is sent
            // to it.
            VerificationState::InProgress { phase: Phase::Processing }
            | VerificationState::InReview { .. }
            | VerificationState::Verified { .. }
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => {
                return Decision::AlreadyDone { effects: VerificationEffect::None };
            }
        };
        let inquiry = Inquiry {
            id: inquiry.clone(),
            template: Some(template.clone()),
            seen: None,
            attempt: Attempt::Unused,
            session_at: now,
            sessions: 1,
            sessions_in_a_row: in_a_row_before.saturating_add(1),
        };
        self.moved(VerificationState::InProgress { phase: Phase::NeedsUser }, inquiry, self.attempts_used)
    }

    pub(super) fn resumed(&self, now: Instant) -> Outcome {
        let Some(inquiry) = &self.inquiry else {
            return Decision::AlreadyDone { effects: VerificationEffect::None };
        };
        match self.state {
            // Persona's resume puts an expired inquiry back to pending (API reference, "Resume an inquiry").
            VerificationState::Expired | VerificationState::InProgress { .. } => {
                let sessions = inquiry.sessions.saturating_add(1);
                let sessions_in_a_row = in_a_row_at(inquiry, now).saturating_add(1);
                self.moved(
                    VerificationState::InProgress { phase: Phase::NeedsUser },
                    Inquiry { session_at: now, sessions, sessions_in_a_row, ..inquiry.clone() },
                    self.attempts_used,
                )
            }
            VerificationState::Unverified
            | VerificationState::InReview { .. }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => Decision::AlreadyDone { effects: VerificationEffect::None },
        }
    }
}

/// How many sessions in a row there were before one that is handed out at `now`: whoever comes back after a while, when it
/// could long have had one, begins anew.
fn in_a_row_at(inquiry: &Inquiry, now: Instant) -> u32 {
    let in_a_row_ms = session_pause_ms(inquiry.sessions_in_a_row) + RESUME_PAUSE_MS_MAX;
    if now.ms_since(inquiry.session_at) > in_a_row_ms { 0 } else { inquiry.sessions_in_a_row }
}

/// How long after the last of `sessions` sessions the next one is given, in milliseconds.
fn session_pause_ms(sessions: u32) -> i64 {
    let doublings = sessions.saturating_sub(SESSIONS_BEFORE_DOUBLING).min(i64::BITS / 4);
    (RESUME_PAUSE_MS << doublings).min(RESUME_PAUSE_MS_MAX)
}
