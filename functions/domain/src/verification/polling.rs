//! How Persona is asked about an inquiry while no event comes: a webhook may be lost, all its repetitions too.

use super::{FormerInquiry, Reviewer, RevokedBy, Verification, VerificationState};
use crate::limits::{BACKED_OFF_ASKS_MAX, BACKED_OFF_DOUBLINGS_MAX, FORMER_OPEN_MS};

/// How often it is worth asking Persona about the current inquiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polling {
    /// It is under way: at an even pace, until it is decided or abandoned.
    Steadily,
    /// It was decided against, failed or was abandoned: a reviewer may still reverse that, or the person go on with it
    /// through a session whose record was lost, seldom and late. Ever more rarely, and not for ever.
    BackingOff,
    /// Nothing that Persona could say is worth asking for.
    Never,
}

impl Verification {
    /// How often it is worth asking Persona.
    ///
    /// A verified owner is not asked about: there is no end to how many there are. That Persona took one back is known
    /// by its event alone, which it delivers for two days ("Webhooks", Persona's documentation).
    #[must_use]
    pub fn polling(&self) -> Polling {
        if self.inquiry.is_none() {
            return Polling::Never;
        }
        match self.state {
            VerificationState::InProgress { .. } | VerificationState::InReview { by: Reviewer::Persona } => {
                Polling::Steadily
            }
            VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { by: RevokedBy::Persona, .. } => Polling::BackingOff,
            VerificationState::Unverified
            | VerificationState::InReview { by: Reviewer::Names { .. } }
            | VerificationState::Verified { .. }
            | VerificationState::Revoked { by: RevokedBy::Operator, .. } => Polling::Never,
        }
    }

    /// How long after an ask the next one is due, in milliseconds, when `asks` asks since the last change led nowhere;
    /// none when no further one is worth it.
    #[must_use]
    pub fn next_ask_ms(&self, asks: u32, poll_age_ms: i64) -> Option<i64> {
        match self.polling() {
            Polling::Steadily => Some(poll_age_ms),
            Polling::BackingOff => backed_off_ms(asks, poll_age_ms),
            Polling::Never => None,
        }
    }
}

impl FormerInquiry {
    /// The same for an inquiry that another has replaced: the first [`steady_asks`](Self::steady_asks) come at an even pace.
    #[must_use]
    pub fn next_ask_ms(asks: u32, poll_age_ms: i64) -> Option<i64> {
        let steadily = Self::steady_asks(poll_age_ms);
        if asks < steadily { Some(poll_age_ms) } else { backed_off_ms(asks - steadily, poll_age_ms) }
    }

    /// How many asks at an even pace there are of one that is still open, and as how many it counts that it is not: whoever
    /// has its page open may finish it, for as long as it is open; else a reviewer may reverse what was decided, seldom.
    #[must_use]
    pub fn steady_asks(poll_age_ms: i64) -> u32 {
        u32::try_from(FORMER_OPEN_MS / poll_age_ms).unwrap_or(u32::MAX)
    }
}

fn backed_off_ms(asks: u32, poll_age_ms: i64) -> Option<i64> {
    (asks < BACKED_OFF_ASKS_MAX).then(|| poll_age_ms << asks.min(BACKED_OFF_DOUBLINGS_MAX))
}
