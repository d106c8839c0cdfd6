//! Everything the simulator knows, and the operations on it. All of it is synchronous and runs under one lock; what is
//! sent to webhooks waits in the outbox, and sending is `sender`'s work.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::clock::{Clock, Moment};
use super::errors::ApiError;
use super::event::{Event, Snapshot};
use super::ids;
use super::inquiry::{Field, Inquiry, Lifetimes, Move, Outcome, Planned, Reviewer, STATUSES, Status, Verification};
use super::outbox::Outbox;
use super::resource::Template;
use super::session::{ONE_TIME_LINK_LIFE_S, OneTimeLink, SESSIONS_MAX, Session, SessionState};
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
    initial_decision: Decision,
    session_key: hmac::Key,
    records: Records,
}

/// What a reset forgets.
#[derive(Debug, Default)]
struct Records {
    inquiries: Vec<Inquiry>,
    inquiry_indexes: HashMap<String, usize>,
    /// When an inquiry may have something to do. An entry can be out of date: what is due is worked out on arrival.
    due_inquiries: BTreeSet<(Moment, usize)>,
    /// Account ids by their reference id in lower case: Persona compares them without case.
    accounts: BTreeMap<String, Account>,
    events: Vec<Event>,
}

/// An account, as far as inquiries need one.
#[derive(Clone, Debug)]
struct Account {
    id: String,
    reference_id: Option<String>,
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
    /// The inquiry's own reference id.
    pub(super) reference_id: Option<String>,
    pub(super) note: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) creator: Option<String>,
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) lifetimes: Lifetimes,
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
            template: Template { id: settings.template_id.clone(), version_id: settings.template_version_id.clone() },
            public_url: settings.public_url.trim_end_matches('/').to_owned(),
            decision: settings.decision,
            outbox: Outbox::new(clock.clone(), settings.webhook_secret.clone()),
            initial_decision: settings.decision,
            session_key: hmac::Key::new(hmac::HMAC_SHA256, ids::random_text(32).as_bytes()),
            records: Records::default(),
            clock,
        }
    }

    /// Forgets everything but the registered webhooks, which are configuration, and takes every fault back.
    pub(super) fn reset(&mut self) {
        self.records = Records::default();
        self.outbox.forget_deliveries();
        self.decision = self.initial_decision;
    }

    /// Does what time alone brings about: inquiries that expire, decisions of the workflow.
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
        }
    }

    /// Makes an inquiry, and the account it needs.
    pub(super) fn create(&mut self, new: NewInquiry) -> Result<&Inquiry, ApiError> {
        let now = self.clock.now();
        let account = match new.account {
            AccountChoice::None => None,
            AccountChoice::Anonymous => Some(self.add_account(None)),
            AccountChoice::OfReference(reference_id) => Some(self.account_of(reference_id)),
            AccountChoice::Existing(id) => {
                let found = self.records.accounts.values().find(|account| account.id == id).cloned();
                Some(found.ok_or_else(|| ApiError::not_found("The account does not exist."))?)
            }
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

    /// Every event, newest first.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.records.events.iter().rev()
    }

    /// Moves an inquiry, with everything that follows from it. 409 if its state does not allow the move.
    pub(super) fn perform(&mut self, id: &str, step: Move, actor: Actor) -> Result<(), ApiError> {
        let index = self.index(id)?;
        self.perform_at(index, step, actor)
    }

    /// Opens an inquiry again and gives it a live session: an unused one if there is one, else a new one.
    pub(super) fn resume(&mut self, id: &str) -> Result<String, ApiError> {
        let index = self.index(id)?;
        self.perform_at(index, Move::Resume, Actor::Caller(None))?;
        self.open_session(id)
    }

    /// The token of a live session.
    pub(super) fn open_session(&mut self, id: &str) -> Result<String, ApiError> {
        let now = self.clock.now();
        let index = self.index(id)?;
        let inquiry = &mut self.records.inquiries[index];
        if let Some(session) = inquiry.sessions.iter().find(|session| session.is_reusable(now)) {
            return Ok(session.token.clone());
        }
        if inquiry.sessions.len() >= SESSIONS_MAX {
            return Err(ApiError::conflict(format!("Inquiry already has the maximum of {SESSIONS_MAX} sessions")));
        }
        let session = Session::new(&self.session_key, &self.public_url, now, inquiry.expires_at.unwrap_or(now));
        let token = session.token.clone();
        inquiry.sessions.push(session);
        Ok(token)
    }

    /// `one-time-link` and its short form: those of the previous link while it is unused and valid.
    pub(super) fn one_time_link(&mut self, id: &str, life_s: Option<u64>) -> Result<Value, ApiError> {
        let now = self.clock.now();
        let index = self.index(id)?;
        let inquiry = &mut self.records.inquiries[index];
        refuse_redacted(inquiry)?;
        match inquiry.status {
            Status::Created | Status::Pending => {}
            Status::Completed
            | Status::Failed
            | Status::Expired
            | Status::NeedsReview
            | Status::Approved
            | Status::Declined => return Err(already(inquiry.status)),
        }
        let link = match inquiry.link.take_if(|link| now < link.expires_at) {
            Some(link) => link,
            None => {
                let expires_at = self.clock.after(now, life_s.unwrap_or(ONE_TIME_LINK_LIFE_S));
                OneTimeLink::new(inquiry.expires_at.map_or(expires_at, |inquiry_ends| inquiry_ends.min(expires_at)))
            }
        };
        Ok(inquiry.link.insert(link).meta(&self.public_url))
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
            expire_sessions(inquiry, now);
            for event in self.records.events.iter_mut().filter(|event| event.inquiry_id() == id) {
                event.redact(now);
            }
            self.emit_inquiry("inquiry.redacted", index);
        }
        Ok(())
    }

    /// A finished verification, with the three events of its life.
    pub(super) fn add_verification(
        &mut self,
        id: &str,
        kind: &'static str,
        status: &'static str,
    ) -> Result<(), ApiError> {
        let index = self.index(id)?;
        refuse_redacted(&self.records.inquiries[index])?;
        if self.records.inquiries[index].status == Status::Created {
            self.perform_at(index, Move::Start, Actor::EndUser)?;
        }
        let created_at = self.clock.now();
        let verification = Verification { id: ids::new_id("ver"), kind, status, created_at };
        self.records.inquiries[index].verifications.push(verification.clone());
        let last = if status == "passed" { "verification.passed" } else { "verification.failed" };
        for (name, then) in
            [("verification.created", "initiated"), ("verification.submitted", "submitted"), (last, status)]
        {
            let (verification, inquiry_id) = (verification.clone(), id.to_owned());
            self.emit(name, Snapshot::Verification { verification, status: then, inquiry_id });
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

    fn index(&self, id: &str) -> Result<usize, ApiError> {
        let found = self.records.inquiry_indexes.get(id).copied();
        found.ok_or_else(|| ApiError::not_found("The inquiry does not exist."))
    }

    fn account_of(&mut self, reference_id: String) -> Account {
        match self.records.accounts.get(&reference_id.to_lowercase()) {
            Some(account) => account.clone(),
            None => self.add_account(Some(reference_id)),
        }
    }

    fn add_account(&mut self, reference_id: Option<String>) -> Account {
        let account = Account { id: ids::new_id("act"), reference_id };
        let key = account.reference_id.as_ref().unwrap_or(&account.id).to_lowercase();
        self.records.accounts.insert(key, account.clone());
        account
    }

    fn perform_at(&mut self, index: usize, step: Move, actor: Actor) -> Result<(), ApiError> {
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
                if let Some(name) = step.event_name() {
                    self.emit_inquiry(name, index);
                }
                Ok(())
            }
        }
    }

    /// Notes when an inquiry next has something to do.
    fn watch(&mut self, index: usize) {
        let inquiry = &self.records.inquiries[index];
        let due = inquiry.planned.map(|planned| planned.due).into_iter().chain(inquiry.expires_at);
        self.records.due_inquiries.extend(due.map(|due| (due, index)));
    }

    fn emit_inquiry(&mut self, name: &'static str, index: usize) {
        let snapshot = Snapshot::Inquiry(Box::new(self.records.inquiries[index].clone()));
        self.emit(name, snapshot);
    }

    fn emit(&mut self, name: &'static str, snapshot: Snapshot) {
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
            if let Some(session) = inquiry.sessions.iter_mut().rfind(|session| session.is_reusable(now)) {
                session.state = SessionState::Started(now);
            }
        }
        Move::Complete => inquiry.completed_at = Some(now),
        Move::Fail => inquiry.failed_at = Some(now),
        Move::Expire => {
            inquiry.expired_at = Some(now);
            inquiry.link = None;
            expire_sessions(inquiry, now);
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

fn expire_sessions(inquiry: &mut Inquiry, now: Moment) {
    for session in &mut inquiry.sessions {
        match session.state {
            SessionState::Unused | SessionState::Started(_) => session.state = SessionState::Expired(now),
            SessionState::Expired(_) => {}
        }
    }
}

fn refuse_redacted(inquiry: &Inquiry) -> Result<(), ApiError> {
    match inquiry.redacted_at {
        Some(_) => Err(ApiError::conflict("Inquiry already redacted")),
        None => Ok(()),
    }
}

fn already(status: Status) -> ApiError {
    ApiError::conflict(format!("Inquiry already {}", status.text()))
}
