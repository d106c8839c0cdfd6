//! An inquiry and the moves its status allows. Rules: docs.withpersona.com/model-lifecycle and the reference pages of
//! the single calls. Which moves are refused is documented only in part; what is not documented is marked below.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::clock::Moment;
use super::ids;
use super::person::SANDBOX_PERSON;
use super::session::{OneTimeLink, Session};
use super::verification::{ATTEMPTS_MAX, Capture, Choices, Kind, Progress, Verification};

/// How long a new inquiry lives, in simulated seconds, unless the request says otherwise: 24 hours.
pub(super) const LIFE_AFTER_CREATE_S: u64 = 24 * 60 * 60;

/// How long a resumed inquiry lives, in simulated seconds, unless the request says otherwise: 24 hours.
pub(super) const LIFE_AFTER_RESUME_S: u64 = 24 * 60 * 60;

/// The status of an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// Nobody began.
    Created,
    /// The end user is at it.
    Pending,
    /// Everything required was passed.
    Completed,
    /// The attempts are used up.
    Failed,
    /// Its time ran out.
    Expired,
    /// A reviewer must look.
    NeedsReview,
    /// Decided in favour.
    Approved,
    /// Decided against.
    Declined,
}

/// Every status, in the order of the documentation.
pub(super) const STATUSES: [Status; 8] = [
    Status::Created,
    Status::Pending,
    Status::Completed,
    Status::Failed,
    Status::Expired,
    Status::NeedsReview,
    Status::Approved,
    Status::Declined,
];

/// Something that happens to an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// The end user creates or submits the first verification.
    Start,
    /// The last required verification is passed.
    Complete,
    /// The last attempt is used up.
    Fail,
    /// The clock, or a call, ends it.
    Expire,
    /// A call opens it again.
    Resume,
    /// A workflow, a call or a reviewer approves.
    Approve,
    /// A workflow, a call or a reviewer declines.
    Decline,
    /// A workflow, a call or a reviewer asks for a look.
    MarkForReview,
}

/// What a move does to a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It becomes this one.
    To(Status),
    /// It stays, and that is fine.
    Stays,
    /// The move is refused with 409.
    Illegal,
}

impl Status {
    /// Its name on the wire.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::NeedsReview => "needs_review",
            Self::Approved => "approved",
            Self::Declined => "declined",
        }
    }

    /// The status of that name; `needs-review` is read as well, the documentation's prose uses both.
    pub(super) fn parse(text: &str) -> Option<Self> {
        STATUSES.into_iter().find(|status| status.text() == text.replace('-', "_"))
    }

    /// What `step` makes of this status.
    ///
    /// Not documented, and chosen here: decisions are possible before completion (the simulate actions' own examples
    /// go from start to approve) and may be reversed (reviewers do it), but an expired inquiry must be resumed first.
    pub(super) fn after(self, step: Move) -> Outcome {
        use Status::{Approved, Completed, Created, Declined, Expired, Failed, NeedsReview, Pending};
        match (step, self) {
            (Move::Start, Created) | (Move::Resume, Expired) => Outcome::To(Pending),
            (Move::Start, Pending) | (Move::Resume, Created | Pending) => Outcome::Stays,
            (Move::Complete, Pending) => Outcome::To(Completed),
            (Move::Fail, Pending) => Outcome::To(Failed),
            (Move::Expire, Created | Pending) => Outcome::To(Expired),
            (Move::Approve, Created | Pending | Completed | Failed | NeedsReview | Declined) => Outcome::To(Approved),
            (Move::Decline, Created | Pending | Completed | Failed | NeedsReview | Approved) => Outcome::To(Declined),
            (Move::MarkForReview, Created | Pending | Completed | Failed) => Outcome::To(NeedsReview),
            (Move::Start, Completed | Failed | Expired | NeedsReview | Approved | Declined)
            | (
                Move::Complete | Move::Fail,
                Created | Completed | Failed | Expired | NeedsReview | Approved | Declined,
            )
            | (Move::Expire, Completed | Failed | Expired | NeedsReview | Approved | Declined)
            | (Move::Resume, Completed | Failed | NeedsReview | Approved | Declined)
            | (Move::Approve, Expired | Approved)
            | (Move::Decline, Expired | Declined)
            | (Move::MarkForReview, Expired | NeedsReview | Approved | Declined) => Outcome::Illegal,
        }
    }
}

impl Move {
    /// The event that announces the move, if there is one (docs.withpersona.com/events): resuming has none.
    pub(super) fn event_name(self) -> Option<&'static str> {
        match self {
            Self::Start => Some("inquiry.started"),
            Self::Complete => Some("inquiry.completed"),
            Self::Fail => Some("inquiry.failed"),
            Self::Expire => Some("inquiry.expired"),
            Self::Resume => None,
            Self::Approve => Some("inquiry.approved"),
            Self::Decline => Some("inquiry.declined"),
            Self::MarkForReview => Some("inquiry.marked-for-review"),
        }
    }
}

/// How long an inquiry lives, in simulated seconds, after each of the three instants that restart its clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    /// After creation.
    pub(super) create_s: u64,
    /// After it became pending; the value for creation, if not given.
    pub(super) start_s: u64,
    /// After it was resumed.
    pub(super) resume_s: u64,
}

/// A field of the template with its value.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its JSON:API type.
    pub(super) kind: &'static str,
    /// Its value, `null` while unknown.
    pub(super) value: Value,
}

/// Where the end user is in the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Chooses the document's country.
    Country,
    /// Chooses what kind of document it is.
    Document,
    /// Shows it.
    GovernmentId,
    /// Shows their face.
    Selfie,
    /// Has nothing more to do.
    Done,
}

/// Who decided, as far as the `reviewer` relationship shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reviewer {
    /// Nobody yet, or a call with an API key.
    None,
    /// The template's workflow, with the id of its run.
    WorkflowRun(String),
}

/// A decision that the template's workflow will take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planned {
    /// When.
    pub(super) due: Moment,
    /// Which.
    pub(super) step: Move,
}

/// An inquiry. The optional instants are the wire's own attributes, `null` until they happen.
#[derive(Clone, Debug)]
pub(super) struct Inquiry {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) reference_id: Option<String>,
    pub(super) account_id: Option<String>,
    pub(super) note: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) creator: String,
    pub(super) reviewer: Reviewer,
    pub(super) reviewer_comment: Option<String>,
    pub(super) created_at: Moment,
    pub(super) updated_at: Moment,
    pub(super) started_at: Option<Moment>,
    pub(super) expires_at: Option<Moment>,
    pub(super) completed_at: Option<Moment>,
    pub(super) failed_at: Option<Moment>,
    pub(super) marked_for_review_at: Option<Moment>,
    pub(super) decisioned_at: Option<Moment>,
    pub(super) expired_at: Option<Moment>,
    pub(super) redacted_at: Option<Moment>,
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) lifetimes: Lifetimes,
    pub(super) sessions: Vec<Session>,
    pub(super) link: Option<OneTimeLink>,
    pub(super) verifications: Vec<Verification>,
    pub(super) captures: Vec<Capture>,
    pub(super) choices: Choices,
    /// Where the hosted flow leads when it is done.
    pub(super) redirect_uri: Option<String>,
    /// The template's version when the inquiry was made; it never changes.
    pub(super) template_version_id: String,
    pub(super) planned: Option<Planned>,
}

impl Inquiry {
    /// Where the end user is.
    pub(super) fn step(&self) -> Step {
        match self.status {
            Status::Created | Status::Pending | Status::Expired => {}
            Status::Completed | Status::Failed | Status::NeedsReview | Status::Approved | Status::Declined => {
                return Step::Done;
            }
        }
        match (self.choices.country, self.choices.class) {
            _ if self.verification_in(Kind::GovernmentId, Progress::Passed).is_some() => Step::Selfie,
            (None, _) => Step::Country,
            (Some(_), None) => Step::Document,
            (Some(_), Some(_)) => Step::GovernmentId,
        }
    }

    /// The verification of that kind that is so far.
    pub(super) fn verification_in(&self, kind: Kind, progress: Progress) -> Option<&Verification> {
        self.verifications.iter().find(|check| check.kind == kind && check.progress == progress)
    }

    /// How often a verification of that kind can still be tried.
    pub(super) fn attempts_left(&self, kind: Kind) -> usize {
        let failed = |check: &&Verification| check.kind == kind && check.progress == Progress::Failed;
        ATTEMPTS_MAX.saturating_sub(self.verifications.iter().filter(failed).count())
    }

    /// Fills the template's fields with the sandbox's person, as a verification does. The name is always overwritten;
    /// what else was sent at creation stays.
    pub(super) fn extract_person(&mut self) {
        for (name, chosen) in [
            ("selected-country-code", self.choices.country.map(|country| country.code)),
            ("identification-class", self.choices.class.map(|class| class.code)),
        ] {
            if let (Some(chosen), Some(field)) = (chosen, self.fields.get_mut(name)) {
                field.value = chosen.into();
            }
        }
        for field in SANDBOX_PERSON {
            let entry = self.fields.entry(field.name.to_owned());
            let entry = entry.or_insert(Field { kind: field.kind, value: Value::Null });
            if field.always_extracted || entry.value.is_null() {
                entry.value = Value::from(field.value);
            }
        }
        for (name, kind, class, prefix) in [
            ("current-government-id", Kind::GovernmentId, "Document::GovernmentId", "doc"),
            ("current-selfie", Kind::Selfie, "Selfie::ProfileAndCenter", "self"),
        ] {
            let shown = self.captures.iter().rfind(|capture| capture.kind == kind).map(|capture| capture.id.clone());
            let id = shown.unwrap_or_else(|| ids::new_id(prefix));
            let value = json!({"id": id, "type": class});
            self.fields
                .entry(name.to_owned())
                .or_insert_with(|| Field { kind: name.trim_start_matches("current-"), value });
        }
    }

    /// Deletes what is personal: every field's value, the note and the comment. The status stays.
    pub(super) fn redact(&mut self, now: Moment) {
        self.redacted_at = Some(now);
        self.updated_at = now;
        self.note = None;
        self.reviewer_comment = None;
        for field in self.fields.values_mut() {
            field.value = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Move, Outcome, STATUSES};

    /// Every status (column) under every move (row): the new status's first letters, `.` for no change, `-` for 409.
    const MOVES: &str = "
        Start         pending . - - - - - -
        Complete      - completed - - - - - -
        Fail          - failed - - - - - -
        Expire        expired expired - - - - - -
        Resume        . . - - pending - - -
        Approve       approved approved approved approved - approved - approved
        Decline       declined declined declined declined - declined declined -
        MarkForReview needs_review needs_review needs_review needs_review - - - -";

    #[test]
    fn every_move_from_every_status() {
        let moves = [
            Move::Start,
            Move::Complete,
            Move::Fail,
            Move::Expire,
            Move::Resume,
            Move::Approve,
            Move::Decline,
            Move::MarkForReview,
        ];
        for (step, line) in moves.into_iter().zip(MOVES.trim().lines()) {
            let expected: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(expected[0], format!("{step:?}"));
            let found: Vec<&str> = STATUSES
                .into_iter()
                .map(|status| match status.after(step) {
                    Outcome::To(next) => next.text(),
                    Outcome::Stays => ".",
                    Outcome::Illegal => "-",
                })
                .collect();
            assert_eq!(found, expected[1..], "{step:?}");
        }
    }
}
