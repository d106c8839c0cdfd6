//! What Persona's word about an inquiry does to a verification.
//!
//! Order is per inquiry, by Persona's own `created-at`, and decisions outrank progress. The current inquiry's order is
//! kept in the verification. One that another has replaced can only unlock; its order is kept in its own item, so that
//! an approval which Persona took back cannot unlock because it is delivered last.

use super::{
    Outcome, Phase, Reviewer, RevokedBy, Verification, VerificationEvent, VerificationPolicy, VerificationState,
};
use crate::decision::{Decision, Illegal};
use crate::ids::{InquiryId, TemplateId};
use crate::inquiry::{Attempt, EventClass, Inquiry, InquiryEvent, InquiryStatus, Seen, Source};

/// What is remembered of an inquiry that another has replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerInquiry {
    /// The newest of what Persona said of it, once it said something.
    pub seen: Option<Seen>,
    /// What it was made from.
    pub template: TemplateId,
    /// Whether it has used one of the owner's attempts.
    pub attempt: Attempt,
}

impl FormerInquiry {
    /// What is to be remembered of it after `event`; none when the event is not news.
    #[must_use]
    pub fn news(&self, event: &InquiryEvent, policy: &VerificationPolicy) -> Option<Seen> {
        let class = policy.class_of(event.status);
        self.seen.is_none_or(|seen| (class, event.at) > seen).then_some((class, event.at))
    }
}

impl Verification {
    /// What Persona's word is to this verification: of the current inquiry, or of another, of which `former` is remembered.
    ///
    /// A redacted inquiry keeps its status (Persona, "Redact an inquiry"): what was decided of it counts, and what was not
    /// never will be.
    #[must_use]
    pub fn said(
        &self,
        event: InquiryEvent,
        redacted: bool,
        former: Option<&FormerInquiry>,
        policy: &VerificationPolicy,
    ) -> VerificationEvent {
        match former.filter(|_| !self.is_current(&event.inquiry)) {
            Some(former) => VerificationEvent::ObservedFormer(event, former.clone()),
            None if redacted && policy.leaves_open(event.status) => VerificationEvent::Redacted(event.inquiry),
            None => VerificationEvent::Observed(event),
        }
    }

    pub(super) fn redacted(&self, inquiry: &InquiryId, policy: &VerificationPolicy) -> Outcome {
        let Some(current) = self.inquiry.as_ref().filter(|current| current.id == *inquiry) else {
            return self.already_done();
        };
        match self.state {
            VerificationState::InProgress { .. } | VerificationState::InReview { by: Reviewer::Persona } => {
                // A reviewer may have looked at the last attempt: there is none after it.
                let locks = policy.leaves_none(self.attempts_used);
                let state = if locks { VerificationState::Locked } else { VerificationState::Expired };
                self.moved(state, current.clone(), self.attempts_used)
            }
            VerificationState::Unverified
            | VerificationState::InReview { by: Reviewer::Names { .. } }
            | VerificationState::Verified { .. }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => self.already_done(),
        }
    }

    pub(super) fn observed(&self, event: &InquiryEvent, policy: &VerificationPolicy) -> Outcome {
        if let VerificationState::Revoked { by: RevokedBy::Operator, .. } = self.state {
            return Decision::Illegal(Illegal::OperatorDecides);
        }
        match &self.inquiry {
            Some(current) if current.id == event.inquiry => {
                let class = policy.class_of(event.status);
                // Nobody has decided otherwise: a review that began is no reason not to believe what came before it.
                let completes = class == EventClass::Completion
                    && self.state == VerificationState::InReview { by: Reviewer::Persona };
                let is_newer = self.is_newer(event, class, current.seen) || completes;
                let is_news = is_newer && !is_outlived(event, current);
                if is_news && !self.is_expected(event) {
                    self.apply(current, event, class, policy)
                } else {
                    self.already_done()
                }
            }
            // Replaced since the caller looked; it looks again.
            Some(_) | None => self.already_done(),
        }
    }

    pub(super) fn observed_former(
        &self,
        event: &InquiryEvent,
        former: &FormerInquiry,
        policy: &VerificationPolicy,
    ) -> Outcome {
        let stands = match self.state {
            VerificationState::Revoked { by: RevokedBy::Operator, .. } => {
                return Decision::Illegal(Illegal::OperatorDecides);
            }
            VerificationState::Verified { .. } | VerificationState::InReview { by: Reviewer::Names { .. } } => true,
            VerificationState::Revoked { at, by: RevokedBy::Persona } => event.at <= at,
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview { by: Reviewer::Persona }
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked => false,
        };
        let class = policy.class_of(event.status);
        if !policy.accepts(event.status) || stands || !self.is_newer(event, class, former.seen) {
            return self.already_done();
        }
        let (session_at, sessions, sessions_in_a_row) = self
            .inquiry
            .as_ref()
            .map_or((event.at, 0, 0), |current| (current.session_at, current.sessions, current.sessions_in_a_row));
        let current = Inquiry {
            id: event.inquiry.clone(),
            template: Some(former.template.clone()),
            seen: Some((class, event.at)),
            attempt: former.attempt,
            session_at,
            sessions,
            sessions_in_a_row,
        };
        self.approved_by_persona(current, event.at, policy)
    }

    /// Whether it says that the person whose turn it is has its turn, or has begun: nothing follows from that, and it is not
    /// worth a write.
    fn is_expected(&self, event: &InquiryEvent) -> bool {
        let has_its_turn = self.state == VerificationState::InProgress { phase: Phase::NeedsUser };
        match event.status {
            InquiryStatus::Created | InquiryStatus::Pending => has_its_turn,
            InquiryStatus::Completed
            | InquiryStatus::Failed
            | InquiryStatus::Expired
            | InquiryStatus::NeedsReview
            | InquiryStatus::Approved
            | InquiryStatus::Declined => false,
        }
    }

    /// Whether nothing but that the person has done everything proves who the owner is: whatever was decided of it, by
    /// whichever clock, came after that.
    pub(crate) fn stands_on_a_completion(&self) -> bool {
        let seen = self.inquiry.as_ref().and_then(|inquiry| inquiry.seen);
        let completed = |at| seen.is_some_and(|(class, seen_at)| class == EventClass::Completion && at <= seen_at);
        self.verified_at().is_some_and(completed)
    }

    /// What was asked is known to the second, and must not look older than an event of that second; only a verification
    /// that stands is not taken back in the second in which it was given.
    fn is_newer(&self, event: &InquiryEvent, class: EventClass, seen: Option<Seen>) -> bool {
        let Some((seen_class, seen_at)) = seen else { return true };
        if class != seen_class {
            return class > seen_class;
        }
        match event.source {
            // What was asked is known to the second: an event of that second is as likely to be older.
            Source::Event => {
                let same_second = seen_at == event.at.whole_second() && self.verified_at().is_some();
                event.at > seen_at && !same_second
            }
            Source::Answer => {
                let same_second = event.at.whole_second() == seen_at.whole_second() && self.verified_at().is_none();
                event.at > seen_at || same_second
            }
        }
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
        let seen = Inquiry { seen: current.seen.max(Some((class, at))), ..current.clone() };
        if policy.accepts(event.status) {
            return match self.state {
                VerificationState::Verified { at } if self.stands_on_a_completion() => {
                    self.verified(seen, at.min(event.at), self.names)
                }
                VerificationState::Verified { at } => self.verified(seen, at, self.names),
                VerificationState::InReview { by: Reviewer::Names { approved_at } } => {
                    self.approved_by_persona(seen, approved_at, policy)
                }
                VerificationState::Unverified
                | VerificationState::InProgress { .. }
                | VerificationState::InReview { by: Reviewer::Persona }
                | VerificationState::Declined
                | VerificationState::Failed
                | VerificationState::Expired
                | VerificationState::Locked
                | VerificationState::Revoked { .. } => self.approved_by_persona(seen, event.at, policy),
            };
        }
        let state = VerificationState::Revoked { at: event.at, by: RevokedBy::Persona };
        match (self.state, event.status) {
            // An operator may have approved after Persona's reviewer declined: only a later decision takes it away. One that
            // stands on a completion alone no decision was before.
            (VerificationState::Verified { at: verified_at }, InquiryStatus::Declined)
                if event.at > verified_at || self.stands_on_a_completion() =>
            {
                self.moved(state, seen, self.attempts_used)
            }
            (VerificationState::Revoked { .. }, InquiryStatus::Declined) => self.moved(state, seen, self.attempts_used),
            (VerificationState::Verified { .. } | VerificationState::Revoked { .. }, _) => self.already_done(),
            (
                VerificationState::Unverified
                | VerificationState::InProgress { .. }
                | VerificationState::InReview { .. }
                | VerificationState::Declined
                | VerificationState::Failed
                | VerificationState::Expired
                | VerificationState::Locked,
                status,
            ) => self.not_accepted(seen, status, policy),
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
            if policy.leaves_none(used) { VerificationState::Locked } else { state }
        };
        let (state, attempt) = match status {
            InquiryStatus::Created | InquiryStatus::Pending => {
                (VerificationState::InProgress { phase: Phase::NeedsUser }, seen.attempt)
            }
            InquiryStatus::Completed | InquiryStatus::Approved => {
                (VerificationState::InProgress { phase: Phase::Processing }, seen.attempt)
            }
            InquiryStatus::NeedsReview => (VerificationState::InReview { by: Reviewer::Persona }, seen.attempt),
            InquiryStatus::Expired => (VerificationState::Expired, seen.attempt),
            InquiryStatus::Declined => (after_attempt(VerificationState::Declined), Attempt::Used),
            InquiryStatus::Failed => (after_attempt(VerificationState::Failed), Attempt::Used),
        };
        let state = if locked && status != InquiryStatus::NeedsReview { VerificationState::Locked } else { state };
        self.moved(state, Inquiry { attempt, ..seen }, used)
    }
}

/// Whether an expiry was undone by a session that we handed out after it: delivered late, it says nothing of the inquiry
/// as it is now, and nobody would ask Persona about one that is taken for abandoned. What Persona answers when asked is how
/// it is.
fn is_outlived(event: &InquiryEvent, current: &Inquiry) -> bool {
    match event.source {
        Source::Event => event.status == InquiryStatus::Expired && event.at <= current.session_at,
        Source::Answer => false,
    }
}
