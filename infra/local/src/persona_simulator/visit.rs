//! The end user's visits to an inquiry: sessions and one-time links that let them in, and what they do there.
//! Rules: docs.withpersona.com/inquiry-sessions, /resuming-inquiries and /inquiry-expiration.

use serde_json::{Value, json};

use super::documents::{class_of, country_of, shown_classes, shown_countries};
use super::errors::ApiError;
use super::event::Snapshot;
use super::inquiry::{Inquiry, Move, Status, Step};
use super::session::{
    Followed, ONE_TIME_LINK_GRACE_S, ONE_TIME_LINK_LIFE_S, OneTimeLink, SESSIONS_MAX, Session, SessionState,
};
use super::verification::{Kind, Progress};
use super::world::{Actor, World, already, refuse_redacted};

/// What an end user shows to be let in.
#[derive(Clone, Debug)]
pub(super) enum Ticket {
    /// An inquiry, with the token of a session of it, or without.
    Inquiry {
        /// `inq_…`
        id: String,
        /// The session's token.
        token: Option<String>,
    },
    /// The code of a one-time link.
    Code(String),
}

/// An end user who was let in.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) inquiry_id: String,
    pub(super) token: String,
}

/// What an end user does.
#[derive(Clone, Debug)]
pub(super) enum Action {
    /// Chooses the document's country.
    Country(String),
    /// Chooses the document's class.
    Document(String),
    /// Shows the document; the sandbox's switch decides whether it holds.
    GovernmentId(Progress),
    /// Shows their face; the sandbox's switch decides whether it holds.
    Selfie(Progress),
}

/// Why an end user gets no further. The browser SDK's own codes are in `persona`'s documentation, "Embedded flow: errors".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such inquiry, or a redacted one.
    Gone,
    /// The session is over, or the inquiry needs one.
    Unauthenticated,
    /// The link was used, or its time is over.
    LinkOver,
    /// The inquiry has had all its sessions.
    TooManySessions,
    /// The flow is at another step.
    NotNow,
    /// The template does not have what was chosen.
    NoSuchChoice,
}

impl World {
    /// Opens an inquiry again and gives it a live session: an unused one if there is one, else a new one.
    pub(super) fn resume(&mut self, id: &str) -> Result<String, ApiError> {
        let index = self.index(id)?;
        self.perform_at(index, Move::Resume, Actor::Caller(None))?;
        self.open_session(id)
    }

    /// The token of a live session that nobody uses yet.
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
        self.watch(index);
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
        let link = match inquiry.link.take_if(|link| link.is_unused(now)) {
            Some(link) => link,
            None => {
                let expires_at = self.clock.after(now, life_s.unwrap_or(ONE_TIME_LINK_LIFE_S));
                OneTimeLink::new(inquiry.expires_at.map_or(expires_at, |inquiry_ends| inquiry_ends.min(expires_at)))
            }
        };
        Ok(inquiry.link.insert(link).meta(&self.public_url))
    }

    /// Lets an end user in. An inquiry that nobody began opens without a token; one that was begun needs a session's, so
    /// that a closed tab is followed by "session expired" until a server resumes the inquiry.
    pub(super) fn enter(&mut self, ticket: Ticket) -> Result<Visit, Refusal> {
        let now = self.clock.now();
        let visit = match ticket {
            Ticket::Inquiry { id, token: Some(token) } => {
                self.visited(&id, &token)?;
                Visit { inquiry_id: id, token }
            }
            Ticket::Inquiry { id, token: None } => {
                let inquiry = self.inquiry(&id).map_err(|_absent| Refusal::Gone)?;
                match (inquiry.redacted_at, inquiry.status) {
                    (Some(_), _) => return Err(Refusal::Gone),
                    (None, Status::Created) => {}
                    (
                        None,
                        Status::Pending
                        | Status::Completed
                        | Status::Failed
                        | Status::Expired
                        | Status::NeedsReview
                        | Status::Approved
                        | Status::Declined,
                    ) => return Err(Refusal::Unauthenticated),
                }
                let token = self.open_session(&id).map_err(|_full| Refusal::TooManySessions)?;
                Visit { inquiry_id: id, token }
            }
            Ticket::Code(code) => {
                let linked = |inquiry: &&Inquiry| inquiry.link.as_ref().is_some_and(|link| link.has_code(&code));
                let inquiry = self.inquiries().find(linked).ok_or(Refusal::LinkOver)?;
                let (id, followed) = (inquiry.id.clone(), inquiry.link.as_ref().map(|link| link.follow(now)));
                match followed {
                    Some(Followed::Again(token)) => {
                        self.visited(&id, &token)?;
                        Visit { inquiry_id: id, token }
                    }
                    Some(Followed::First) => {
                        let token = self.open_session(&id).map_err(|_full| Refusal::TooManySessions)?;
                        let grace_ends = self.clock.after(now, ONE_TIME_LINK_GRACE_S);
                        let index = self.index(&id).map_err(|_absent| Refusal::Gone)?;
                        if let Some(link) = &mut self.records.inquiries[index].link {
                            link.used(grace_ends, token.clone());
                        }
                        Visit { inquiry_id: id, token }
                    }
                    Some(Followed::Over) | None => return Err(Refusal::LinkOver),
                }
            }
        };
        self.start_session(&visit);
        Ok(visit)
    }

    /// Does what the end user did, if the flow is at that step.
    pub(super) fn act(&mut self, visit: &Visit, action: Action) -> Result<(), Refusal> {
        let index = self.visited(&visit.inquiry_id, &visit.token)?;
        let step = self.records.inquiries[index].step();
        let country = self.records.inquiries[index].choices.country;
        match (step, action) {
            // Going back is possible until the document was shown.
            (Step::Country | Step::Document | Step::GovernmentId, Action::Country(code)) => {
                let choices = &mut self.records.inquiries[index].choices;
                choices.country = Some(country_of(&code).ok_or(Refusal::NoSuchChoice)?);
                choices.class = None;
            }
            (Step::Document | Step::GovernmentId, Action::Document(code)) => {
                let class = country.and_then(|country| class_of(country, &code)).ok_or(Refusal::NoSuchChoice)?;
                self.records.inquiries[index].choices.class = Some(class);
                self.begin_verification(&visit.inquiry_id, Kind::GovernmentId).map_err(|_gone| Refusal::Gone)?;
            }
            (Step::GovernmentId, Action::GovernmentId(end)) => self.show(visit, Kind::GovernmentId, end)?,
            (Step::Selfie, Action::Selfie(end)) => self.show(visit, Kind::Selfie, end)?,
            (
                Step::Country | Step::Document | Step::GovernmentId | Step::Selfie | Step::Done,
                Action::Country(_) | Action::Document(_) | Action::GovernmentId(_) | Action::Selfie(_),
            ) => return Err(Refusal::NotNow),
        }
        Ok(())
    }

    /// What the page shows of an inquiry.
    pub(super) fn page_state(&self, visit: &Visit) -> Result<Value, Refusal> {
        let inquiry = self.inquiry(&visit.inquiry_id).map_err(|_absent| Refusal::Gone)?;
        let (step, kind) = match inquiry.step() {
            Step::Country => ("country", Kind::GovernmentId),
            Step::Document => ("document", Kind::GovernmentId),
            Step::GovernmentId => ("government_id", Kind::GovernmentId),
            Step::Selfie => ("selfie", Kind::Selfie),
            Step::Done => ("done", Kind::Selfie),
        };
        let fields = inquiry
            .fields
            .iter()
            .map(|(name, field)| (name.clone(), json!({"type": field.kind, "value": field.value})));
        let fields = Value::Object(fields.collect());
        Ok(json!({
            "inquiryId": inquiry.id,
            "sessionToken": visit.token,
            "status": inquiry.status.text(),
            "step": step,
            "country": inquiry.choices.country.map(|country| json!({"code": country.code, "name": country.name})),
            "document": inquiry.choices.class.map(|class| {
                json!({"code": class.code, "name": class.name, "twoSided": class.two_sided})
            }),
            "countries": shown_countries(),
            "documents": inquiry.choices.country.map(shown_classes),
            "attemptsLeft": inquiry.attempts_left(kind),
            "redirectTo": redirect_to(inquiry, &fields),
            "fields": fields,
        }))
    }

    /// Every session, of the newest inquiry first.
    pub(super) fn sessions(&self) -> impl Iterator<Item = (&Inquiry, &Session)> {
        self.inquiries().flat_map(|inquiry| inquiry.sessions.iter().rev().map(move |session| (inquiry, session)))
    }

    /// Ends one session; its inquiry stays. A second time changes nothing.
    pub(super) fn expire_session(&mut self, id: &str) -> Result<(), ApiError> {
        let found = self.sessions().find(|(_, session)| session.id == id).map(|(inquiry, _)| inquiry.id.clone());
        let inquiry_id = found.ok_or_else(|| ApiError::not_found("The inquiry session does not exist."))?;
        let index = self.index(&inquiry_id)?;
        self.end_sessions(index, |session| session.id == id);
        Ok(())
    }

    /// Ends the sessions that are still open and are `wanted`, with an event for each.
    pub(super) fn end_sessions(&mut self, index: usize, wanted: impl Fn(&Session) -> bool) {
        let now = self.clock.now();
        let inquiry = &mut self.records.inquiries[index];
        let inquiry_id = inquiry.id.clone();
        let mut ended = Vec::new();
        for session in inquiry.sessions.iter_mut().filter(|session| session.is_open() && wanted(session)) {
            session.state = SessionState::Expired(now);
            ended.push(session.clone());
        }
        for session in ended {
            self.emit("inquiry-session.expired", Snapshot::Session { session, inquiry_id: inquiry_id.clone() });
        }
    }

    /// The position of an inquiry that this token opens.
    fn visited(&self, id: &str, token: &str) -> Result<usize, Refusal> {
        let now = self.clock.now();
        let index = self.index(id).map_err(|_absent| Refusal::Gone)?;
        let inquiry = &self.records.inquiries[index];
        if inquiry.redacted_at.is_some() {
            return Err(Refusal::Gone);
        }
        let opens = |session: &Session| session.token == token && session.is_live(now);
        if inquiry.sessions.iter().any(opens) { Ok(index) } else { Err(Refusal::Unauthenticated) }
    }

    fn start_session(&mut self, visit: &Visit) {
        let now = self.clock.now();
        let Ok(index) = self.index(&visit.inquiry_id) else { return };
        let sessions = &mut self.records.inquiries[index].sessions;
        let unused = |session: &&mut Session| session.token == visit.token && session.state == SessionState::Unused;
        if let Some(session) = sessions.iter_mut().find(unused) {
            session.state = SessionState::Started(now);
            let (session, inquiry_id) = (session.clone(), visit.inquiry_id.clone());
            self.emit("inquiry-session.started", Snapshot::Session { session, inquiry_id });
        }
    }

    /// Ends a verification, and with it perhaps the inquiry: the last one passed completes it, the last attempt fails it.
    fn show(&mut self, visit: &Visit, kind: Kind, end: Progress) -> Result<(), Refusal> {
        let id = visit.inquiry_id.as_str();
        let gone = |_refused: ApiError| Refusal::Gone;
        self.begin_verification(id, kind).map_err(gone)?;
        self.finish_verification(id, kind, end).map_err(gone)?;
        let index = self.index(id).map_err(gone)?;
        match (kind, end) {
            (Kind::Selfie, Progress::Passed) => self.perform_at(index, Move::Complete, Actor::EndUser).map_err(gone)?,
            (Kind::GovernmentId, Progress::Passed) => self.emit_inquiry("inquiry.transitioned", index),
            (Kind::GovernmentId | Kind::Selfie, _) => {
                if self.records.inquiries[index].attempts_left(kind) == 0 {
                    self.perform_at(index, Move::Fail, Actor::EndUser).map_err(gone)?;
                }
            }
        }
        Ok(())
    }
}

/// Where the hosted flow leads when it is done, with what Persona tells there of the inquiry; `fields` are personal
/// (docs.withpersona.com/hosted-flow-redirecting-on-complete). They are a map, whose form in an address is not
/// documented: here it is JSON.
fn redirect_to(inquiry: &Inquiry, fields: &Value) -> Option<String> {
    let mut target = reqwest::Url::parse(inquiry.redirect_uri.as_deref()?).ok()?;
    let told = [
        ("inquiry-id", Some(inquiry.id.clone())),
        ("reference-id", inquiry.reference_id.clone()),
        ("status", Some(inquiry.status.text().to_owned())),
        ("fields", Some(fields.to_string())),
    ];
    target.query_pairs_mut().extend_pairs(told.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Some(target.into())
}
