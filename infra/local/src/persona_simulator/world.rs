//! Everything the simulator knows, and the operations on it. All of it is synchronous and runs under one lock; what is
//! sent to webhooks waits in the outbox, and sending is `sender`'s work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::account::{Account, NewAccount};
use super::clock::{Clock, Moment};
use super::errors::ApiError;
use super::event::{Event, Snapshot};
use super::ids;
use super::inquiry::{Field, Inquiry, Lifetimes, Move, Outcome, Planned, Reviewer, STATUSES, Status};
use super::outbox::Outbox;
use super::resource::Template;
use super::session::SessionState;
use super::verification::Choices;
use super::{Decision, Settings};

/// How long a workflow takes when its decision has no time of its own, in real milliseconds.
const WORKFLOW_AT_ONCE_MS: u64 = 0;

/// Everything the simulator knows.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) template: Template,
    pub(super) public_url: String,
    /// What the template's workflow does; can be changed while running.
    pub(super) decision: Decision,
    /// What is on its way to the receivers of webhooks.
    pub(super) outbox: Outbox,
    pub(super) session_key: hmac::Key,
    pub(super) records: Records,
    initial: Initial,
}

/// What a reset goes back to.
#[derive(Debug)]
struct Initial {
    decision: Decision,
    template_version_id: String,
}

/// What a reset forgets.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) inquiries: Vec<Inquiry>,
    inquiry_indexes: HashMap<String, usize>,
    /// When an inquiry may have something to do. An entry can be out of date: what is due is worked out on arrival.
    due_inquiries: BTreeSet<(Moment, usize)>,
    /// In the order of their creation.
    pub(super) accounts: Vec<Account>,
    events: Vec<Event>,
}

/// Who makes a move.
#[derive(Clone, Debug)]
pub(super) enum Actor {
    /// A call with an API key, perhaps with a comment.
    Caller(Option<String>),
    /// The end user in the flow.
    EndUser,
    /// The template's workflow.
    Workflow,
    /// The passing of time.
    Time,
}

/// A request for an inquiry, checked.
#[derive(Clone, Debug)]
pub(super) struct NewInquiry {
    pub(super) account: AccountChoice,
    /// The version that it is pinned to, or the published one.
    pub(super) template_version_id: String,
    /// The inquiry's own reference id.
    pub(super) reference_id: Option<String>,
    pub(super) note: Option<String>,
    /// Where the hosted flow leads when it is done.
    pub(super) redirect_uri: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) creator: Option<String>,
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) lifetimes: Lifetimes,
}

/// A change of an inquiry; what is `None` stays.
#[derive(Clone, Debug)]
pub(super) struct InquiryChange {
    pub(super) note: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) fields: BTreeMap<String, Field>,
}

/// Which account a new inquiry belongs to.
#[derive(Clone, Debug)]
pub(super) enum AccountChoice {
    /// None at all.
    None,
    /// This existing one.
    Existing(String),
    /// The one of this reference id, made if there is none.
    OfReference(String),
    /// A new one that nobody can find by a reference.
    Anonymous,
}

impl World {
    /// An empty world.
    pub(super) fn new(settings: &Settings, clock: Clock) -> Self {
        Self {
            template: Template::new(settings.template_id.clone(), settings.template_version_id.clone()),
            public_url: settings.public_url.trim_end_matches('/').to_owned(),
            decision: settings.decision,
            outbox: Outbox::new(clock.clone(), settings.webhook_secret.clone()),
            initial: Initial { decision: settings.decision, template_version_id: settings.template_version_id.clone() },
            session_key: hmac::Key::new(hmac::HMAC_SHA256, ids::random_text(32).as_bytes()),
            records: Records::default(),
            clock,
        }
    }

    /// Forgets everything but the registered webhooks, which are configuration, and takes every fault back.
    pub(super) fn reset(&mut self) {
        self.records = Records::default();
        self.outbox.forget_deliveries();
        self.decision = self.initial.decision;
        self.template = Template::new(self.template.id.clone(), self.initial.template_version_id.clone());
    }

    /// Does what time alone brings about: inquiries and sessions that expire, decisions of the workflow.
    pub(super) fn settle(&mut self) {
        let now = self.clock.now();
        while let Some((due, index)) = self.records.due_inquiries.first().copied() {
            if due > now {
                break;
            }
            self.records.due_inquiries.pop_first();
            let inquiry = &mut self.records.inquiries[index];
            if let Some(planned) = inquiry.planned.take_if(|planned| planned.due <= now) {
                // A reviewer may have decided first; the workflow's move is then refused, as it should be.
                let _refused = self.perform_at(index, planned.step, Actor::Workflow);
            }
            if self.records.inquiries[index].expires_at.is_some_and(|expires_at| expires_at <= now) {
                let _refused = self.perform_at(index, Move::Expire, Actor::Time);
            }
            self.end_sessions(index, |session| session.expires_at <= now);
        }
    }

    /// Makes an inquiry, and the account it needs.
    pub(super) fn create(&mut self, new: NewInquiry) -> Result<&Inquiry, ApiError> {
        let now = self.clock.now();
        let account = match new.account {
            AccountChoice::None => None,
            AccountChoice::Anonymous => Some(self.add_account(NewAccount::called(None))),
            AccountChoice::OfReference(reference_id) => Some(self.account_of(reference_id)),
            AccountChoice::Existing(id) => Some(self.account(&id)?.clone()),
        };
        let inquiry = Inquiry {
            id: ids::new_id("inq"),
            status: Status::Created,
            reference_id: new
                .reference_id
                .or_else(|| account.as_ref().and_then(|account| account.reference_id.clone())),
            account_id: account.map(|account| account.id),
            note: new.note,
            tags: new.tags,
            creator: new.creator.unwrap_or_else(|| "API".to_owned()),
            reviewer: Reviewer::None,
            reviewer_comment: None,
            created_at: now,
            updated_at: now,
            started_at: None,
            expires_at: Some(self.clock.after(now, new.lifetimes.create_s)),
            completed_at: None,
            failed_at: None,
            marked_for_review_at: None,
            decisioned_at: None,
            expired_at: None,
            redacted_at: None,
            fields: new.fields,
            lifetimes: new.lifetimes,
            sessions: Vec::new(),
            link: None,
            verifications: Vec::new(),
            captures: Vec::new(),
            choices: Choices::default(),
            redirect_uri: new.redirect_uri,
            template_version_id: new.template_version_id,
            planned: None,
        };
        let index = self.records.inquiries.len();
        self.records.inquiry_indexes.insert(inquiry.id.clone(), index);
        self.records.inquiries.push(inquiry);
        self.watch(index);
        self.emit_inquiry("inquiry.created", index);
        Ok(&self.records.inquiries[index])
    }

    /// The inquiry of that id.
    pub(super) fn inquiry(&self, id: &str) -> Result<&Inquiry, ApiError> {
        self.index(id).map(|index| &self.records.inquiries[index])
    }

    /// Every inquiry, newest first.
    pub(super) fn inquiries(&self) -> impl Iterator<Item = &Inquiry> {
        self.records.inquiries.iter().rev()
    }

    /// Changes what can be changed at any time, without an event (changelog of 2024-02-26).
    pub(super) fn update(&mut self, id: &str, change: InquiryChange) -> Result<(), ApiError> {
        let now = self.clock.now();
        let index = self.index(id)?;
        let inquiry = &mut self.records.inquiries[index];
        refuse_redacted(inquiry)?;
        inquiry.note = change.note.or(inquiry.note.take());
        if let Some(tags) = change.tags {
            inquiry.tags = tags;
        }
        inquiry.fields.extend(change.fields);
        inquiry.updated_at = now;
        Ok(())
    }

    /// Every event, newest first.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.records.events.iter().rev()
    }

    /// Moves an inquiry, with everything that follows from it. 409 if its state does not allow the move.
    pub(super) fn perform(&mut self, id: &str, step: Move, actor: Actor) -> Result<(), ApiError> {
        let index = self.index(id)?;
        self.perform_at(index, step, actor)
    }

    /// Deletes an inquiry's personal data, also from the events about it. A second time changes nothing.
    pub(super) fn redact(&mut self, id: &str) -> Result<(), ApiError> {
        let now = self.clock.now();
        let index = self.index(id)?;
        let inquiry = &mut self.records.inquiries[index];
        if inquiry.redacted_at.is_none() {
            inquiry.redact(now);
            inquiry.link = None;
            inquiry.planned = None;
            inquiry.expires_at = None;
            self.end_sessions(index, |_| true);
            for event in self.records.events.iter_mut().filter(|event| event.inquiry_id() == Some(id)) {
                event.redact(now);
            }
            self.emit_inquiry("inquiry.redacted", index);
        }
        Ok(())
    }

    /// When there is something to do next: here, or in the outbox.
    pub(super) fn next_due(&self) -> Option<Moment> {
        let inquiry = self.records.due_inquiries.first().map(|(due, _)| *due);
        inquiry.into_iter().chain(self.outbox.next_due()).min()
    }

    /// What `/simulator/state` shows of this world.
    pub(super) fn shown(&self) -> Value {
        let count = |status: Status| self.inquiries().filter(|inquiry| inquiry.status == status).count();
        let by_status = STATUSES.map(|status| (status.text().to_owned(), count(status).into()));
        json!({
            "now_ms": self.clock.now().unix_ms(),
            "inquiries": {
                "created": self.records.inquiries.len(),
                "by_status": Value::Object(by_status.into_iter().collect()),
            },
            "sessions": self.inquiries().map(|inquiry| inquiry.sessions.len()).sum::<usize>(),
            "events": self.records.events.len(),
            "deliveries": self.outbox.shown(),
        })
    }

    /// The position of an inquiry.
    pub(super) fn index(&self, id: &str) -> Result<usize, ApiError> {
        let found = self.records.inquiry_indexes.get(id).copied();
        found.ok_or_else(|| ApiError::not_found("The inquiry does not exist."))
    }

    /// Moves the inquiry at that position, with everything that follows from it.
    pub(super) fn perform_at(&mut self, index: usize, step: Move, actor: Actor) -> Result<(), ApiError> {
        let now = self.clock.now();
        let inquiry = &mut self.records.inquiries[index];
        refuse_redacted(inquiry)?;
        match inquiry.status.after(step) {
            Outcome::Illegal => Err(already(inquiry.status)),
            Outcome::Stays => {
                // Resuming restarts the clock of a pending inquiry, but never shortens what is left.
                if step == Move::Resume && inquiry.status == Status::Pending {
                    let resumed_until = self.clock.after(now, inquiry.lifetimes.resume_s);
                    inquiry.expires_at = inquiry.expires_at.max(Some(resumed_until));
                    self.watch(index);
                }
                Ok(())
            }
            Outcome::To(next) => {
                inquiry.status = next;
                inquiry.updated_at = now;
                enter(inquiry, step, actor, now, &self.clock);
                if matches!(step, Move::Complete | Move::Fail) {
                    inquiry.planned = plan(self.decision, step, now);
                }
                self.watch(index);
                if step == Move::Expire {
                    self.end_sessions(index, |_| true);
                    self.cancel_verifications(index);
                }
                if let Some(name) = step.event_name() {
                    self.emit_inquiry(name, index);
                }
                Ok(())
            }
        }
    }

    /// Notes when an inquiry, or an open session of it, next has something to do.
    pub(super) fn watch(&mut self, index: usize) {
        let inquiry = &self.records.inquiries[index];
        let open = inquiry.sessions.iter().filter(|session| session.is_open()).map(|session| session.expires_at);
        let due = inquiry.planned.map(|planned| planned.due).into_iter().chain(inquiry.expires_at).chain(open);
        self.records.due_inquiries.extend(due.map(|due| (due, index)));
    }

    /// Tells of the inquiry at that position as it is now.
    pub(super) fn emit_inquiry(&mut self, name: &'static str, index: usize) {
        let snapshot = Snapshot::Inquiry(Box::new(self.records.inquiries[index].clone()));
        self.emit(name, snapshot);
    }

    /// Tells of something that happened.
    pub(super) fn emit(&mut self, name: &'static str, snapshot: Snapshot) {
        let now = self.clock.now();
        // Receivers put events in order by this instant, so no two share one.
        let earliest = self.records.events.last().map(|event| event.created_at.plus_ms(1));
        let created_at = earliest.map_or(now, |earliest| earliest.max(now));
        let event = Event { id: ids::new_id("evt"), name, created_at, redacted_at: None, snapshot };
        self.outbox.post(&event, &self.template);
        self.records.events.push(event);
    }
}

/// Sets what a move changes beside the status.
fn enter(inquiry: &mut Inquiry, step: Move, actor: Actor, now: Moment, clock: &Clock) {
    match step {
        Move::Start => {
            inquiry.started_at = Some(now);
            inquiry.expires_at = Some(clock.after(now, inquiry.lifetimes.start_s));
            // A call that plays the end user opened no session of its own: it uses up the one that was handed out.
            let visited = inquiry.sessions.iter().any(|session| matches!(session.state, SessionState::Started(_)));
            let handed_out = inquiry.sessions.iter_mut().rfind(|session| session.is_reusable(now));
            if let Some(session) = handed_out.filter(|_| !visited) {
                session.state = SessionState::Started(now);
            }
        }
        Move::Complete => inquiry.completed_at = Some(now),
        Move::Fail => inquiry.failed_at = Some(now),
        Move::Expire => {
            inquiry.expired_at = Some(now);
            inquiry.link = None;
        }
        Move::Resume => {
            inquiry.expired_at = None;
            inquiry.expires_at = Some(clock.after(now, inquiry.lifetimes.resume_s));
        }
        Move::Approve | Move::Decline => inquiry.decisioned_at = Some(now),
        Move::MarkForReview => inquiry.marked_for_review_at = Some(now),
    }
    match step {
        Move::Start | Move::Resume => {}
        Move::Expire => inquiry.expires_at = None,
        Move::Complete | Move::Fail | Move::Approve | Move::Decline | Move::MarkForReview => {
            inquiry.expires_at = None;
            inquiry.planned = None;
            inquiry.extract_person();
        }
    }
    match actor {
        Actor::Workflow => inquiry.reviewer = Reviewer::WorkflowRun(ids::new_id("wfr")),
        Actor::Caller(comment) => {
            inquiry.reviewer = Reviewer::None;
            inquiry.reviewer_comment = comment.or(inquiry.reviewer_comment.take());
        }
        Actor::EndUser | Actor::Time => {}
    }
}

/// What the template's workflow will do after `step`.
fn plan(decision: Decision, step: Move, now: Moment) -> Option<Planned> {
    let (step, after_ms) = match (decision, step) {
        (Decision::None, _) => return None,
        (Decision::ApproveOnCompletion { after_ms }, Move::Fail) => (Move::Decline, after_ms),
        (Decision::ApproveOnCompletion { after_ms }, _) => (Move::Approve, after_ms),
        (Decision::Review, _) => (Move::MarkForReview, WORKFLOW_AT_ONCE_MS),
        (Decision::Decline, _) => (Move::Decline, WORKFLOW_AT_ONCE_MS),
    };
    Some(Planned { due: now.plus_ms(i64::try_from(after_ms).unwrap_or(i64::MAX)), step })
}

/// 409 for an inquiry whose personal data was deleted.
pub(super) fn refuse_redacted(inquiry: &Inquiry) -> Result<(), ApiError> {
    match inquiry.redacted_at {
        Some(_) => Err(ApiError::conflict("Inquiry already redacted")),
        None => Ok(()),
    }
}

/// 409 for an inquiry whose status does not allow a move.
pub(super) fn already(status: Status) -> ApiError {
    ApiError::conflict(format!("Inquiry already {}", status.text()))
}
