//! Events: what happened, with the resource as it was at that instant (docs.withpersona.com/events).

use serde_json::{Value, json};

use super::account::Account;
use super::clock::Moment;
use super::inquiry::Inquiry;
use super::resource::{self, Template};
use super::session::Session;
use super::verification::{Capture, Verification};
use super::wire::Wire;

/// The resource an event is about, as it was then.
#[derive(Clone, Debug)]
pub(super) enum Snapshot {
    /// An inquiry.
    Inquiry(Box<Inquiry>),
    /// A verification of an inquiry.
    Verification {
        /// The verification.
        verification: Verification,
        /// The inquiry it belongs to.
        inquiry_id: String,
    },
    /// Pictures that were shown in an inquiry.
    Capture {
        /// The pictures.
        capture: Capture,
        /// How far Persona is with them.
        status: &'static str,
        /// The inquiry they belong to.
        inquiry_id: String,
    },
    /// A visit to an inquiry.
    Session {
        /// The session.
        session: Session,
        /// The inquiry it belongs to.
        inquiry_id: String,
    },
    /// An account.
    Account(Box<Account>),
}

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// `evt_…`
    pub(super) id: String,
    /// Such as `inquiry.approved`.
    pub(super) name: &'static str,
    /// When it happened; no two events share an instant.
    pub(super) created_at: Moment,
    /// When its personal data was deleted, if it was.
    pub(super) redacted_at: Option<Moment>,
    /// What it is about.
    pub(super) snapshot: Snapshot,
}

impl Event {
    /// The id of the inquiry it is about, if it is about one.
    pub(super) fn inquiry_id(&self) -> Option<&str> {
        match &self.snapshot {
            Snapshot::Inquiry(inquiry) => Some(&inquiry.id),
            Snapshot::Verification { inquiry_id, .. }
            | Snapshot::Capture { inquiry_id, .. }
            | Snapshot::Session { inquiry_id, .. } => Some(inquiry_id),
            Snapshot::Account(_) => None,
        }
    }

    /// Deletes the personal data of its snapshot.
    pub(super) fn redact(&mut self, now: Moment) {
        self.redacted_at = Some(now);
        match &mut self.snapshot {
            Snapshot::Inquiry(inquiry) => inquiry.redact(now),
            Snapshot::Account(account) => account.redact(now),
            Snapshot::Verification { .. } | Snapshot::Capture { .. } | Snapshot::Session { .. } => {}
        }
    }

    /// The resource in kebab-case: what `GET /events/{id}` returns below `data` and what a webhook carries there.
    /// `include` is what newer versions do only where a webhook's allow-list says so.
    pub(super) fn resource(&self, template: &Template, wire: Wire, include: bool) -> Value {
        let mut payload = json!({"data": match &self.snapshot {
            Snapshot::Inquiry(inquiry) => resource::inquiry(inquiry, template, wire.version),
            Snapshot::Verification { verification, inquiry_id } => resource::verification(verification, inquiry_id),
            Snapshot::Capture { capture, status, inquiry_id } => resource::capture(capture, status, inquiry_id),
            Snapshot::Session { session, inquiry_id } => resource::session(session, inquiry_id),
            Snapshot::Account(account) => account.resource(),
        }});
        let mut context = json!({});
        if let Snapshot::Inquiry(inquiry) = &self.snapshot {
            if include || !wire.version.is_fields_only() {
                payload["included"] = resource::included_by_default(inquiry, template);
            }
            let (previous, next) = resource::step_names(inquiry);
            context = json!({"inquiry-previous-step-name": previous, "inquiry-next-step-name": next});
        }
        json!({
            "type": "event",
            "id": self.id,
            "attributes": {
                "name": self.name,
                "created-at": self.created_at.millis_text(),
                "redacted-at": self.redacted_at.map(Moment::seconds_text),
                "context": context,
                "payload": payload,
            }
        })
    }
}
