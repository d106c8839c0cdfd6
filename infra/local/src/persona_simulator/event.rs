//! Events: what happened, with the resource as it was at that instant (docs.withpersona.com/events).

use serde_json::{Value, json};

use super::clock::Moment;
use super::inquiry::{Inquiry, Verification};
use super::resource::{self, Template};
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
        /// Its status at that instant.
        status: &'static str,
        /// The inquiry it belongs to.
        inquiry_id: String,
    },
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
    /// The id of the inquiry it is about.
    pub(super) fn inquiry_id(&self) -> &str {
        match &self.snapshot {
            Snapshot::Inquiry(inquiry) => &inquiry.id,
            Snapshot::Verification { inquiry_id, .. } => inquiry_id,
        }
    }

    /// Deletes the personal data of its snapshot.
    pub(super) fn redact(&mut self, now: Moment) {
        self.redacted_at = Some(now);
        match &mut self.snapshot {
            Snapshot::Inquiry(inquiry) => inquiry.redact(now),
            Snapshot::Verification { .. } => {}
        }
    }

    /// The resource in kebab-case: what `GET /events/{id}` returns below `data` and what a webhook carries there.
    pub(super) fn resource(&self, template: &Template, wire: Wire) -> Value {
        let mut payload = match &self.snapshot {
            Snapshot::Inquiry(inquiry) => json!({"data": resource::inquiry(inquiry, template, wire.version)}),
            Snapshot::Verification { verification, status, inquiry_id } => {
                json!({"data": resource::verification(verification, status, inquiry_id)})
            }
        };
        let mut context = json!({});
        if let Snapshot::Inquiry(inquiry) = &self.snapshot {
            // Newer versions include nothing unless the webhook's allow-list turns it on, which is not simulated.
            if !wire.version.is_fields_only() {
                payload["included"] = resource::included_by_default(inquiry, template);
            }
            let (previous, next) = resource::step_names(inquiry.status);
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
