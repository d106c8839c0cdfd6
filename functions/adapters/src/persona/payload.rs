//! What a signed delivery says, as far as we read it: which inquiry, which status, when. Nothing else is parsed, so
//! nothing personal can leak; key inflection (kebab, camel, snake) and payload generation do not matter.

use domain::{EventId, InquiryEvent, InquiryId, InquiryStatus, Source};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::VerifiedWebhook;
use crate::rfc3339::instant_of;

/// What a delivery is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An inquiry's status, in an event that we act on.
    Inquiry {
        /// The event's id.
        event_id: EventId,
        /// What it says.
        event: InquiryEvent,
        /// The template it was made from, where the event says so.
        template: Option<String>,
    },
    /// An event that we have no use for.
    Ignored,
    /// Signed, but not in a form that we know: a repetition would not help.
    Unreadable,
}

#[derive(Deserialize)]
struct Envelope {
    data: EventData,
}

#[derive(Deserialize)]
struct EventData {
    id: String,
    attributes: EventAttributes,
}

#[derive(Deserialize)]
struct EventAttributes {
    name: String,
    #[serde(rename = "created-at", alias = "createdAt", alias = "created_at")]
    created_at: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    data: Resource,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    attributes: InquiryAttributes,
    #[serde(default)]
    relationships: Option<Relationships>,
}

#[derive(Deserialize)]
struct InquiryAttributes {
    status: String,
}

#[derive(Deserialize)]
struct Relationships {
    // Named by Persona's own word: an older relationship that is called `template` stands beside it.
    #[serde(rename = "inquiry-template", alias = "inquiryTemplate", alias = "inquiry_template", default)]
    inquiry_template: Option<Relationship>,
}

#[derive(Deserialize)]
struct Relationship {
    #[serde(default)]
    data: Option<Linked>,
}

#[derive(Deserialize)]
struct Linked {
    id: String,
}

/// Events whose inquiry's status we act on. `inquiry.transitioned` is a change of screen, `inquiry.redacted` keeps the
/// status (Persona, "Events").
const INQUIRY_EVENTS: [&str; 8] = [
    "inquiry.created",
    "inquiry.started",
    "inquiry.completed",
    "inquiry.failed",
    "inquiry.expired",
    "inquiry.approved",
    "inquiry.declined",
    "inquiry.marked-for-review",
];

/// Reads a signed delivery.
#[must_use]
pub fn parse_delivery(webhook: &VerifiedWebhook) -> Delivery {
    /// Just the name: an event of another resource need not have an inquiry's form.
    #[derive(Deserialize)]
    struct NameOnly {
        data: NameData,
    }
    #[derive(Deserialize)]
    struct NameData {
        attributes: NameAttributes,
    }
    #[derive(Deserialize)]
    struct NameAttributes {
        name: String,
    }

    let Ok(named) = serde_json::from_slice::<NameOnly>(webhook.body()) else {
        return Delivery::Unreadable;
    };
    if !INQUIRY_EVENTS.contains(&named.data.attributes.name.as_str()) {
        return Delivery::Ignored;
    }
    // The error is dropped unread: serde's text quotes the value that it stumbled over.
    let Ok(envelope) = serde_json::from_slice::<Envelope>(webhook.body()) else {
        return Delivery::Unreadable;
    };
    inquiry_delivery(envelope.data).unwrap_or(Delivery::Unreadable)
}

fn inquiry_delivery(data: EventData) -> Option<Delivery> {
    let resource = data.attributes.payload.data;
    if resource.kind != "inquiry" || !INQUIRY_EVENTS.contains(&data.attributes.name.as_str()) {
        return None;
    }
    let at = OffsetDateTime::parse(&data.attributes.created_at, &Rfc3339).ok()?;
    Some(Delivery::Inquiry {
        event_id: EventId::parse(&data.id).ok()?,
        event: InquiryEvent {
            inquiry: InquiryId::parse(&resource.id).ok()?,
            status: parse_status(&resource.attributes.status)?,
            at: instant_of(at),
            source: Source::Event,
        },
        template: resource.relationships.and_then(|links| links.inquiry_template?.data).map(|linked| linked.id),
    })
}

/// A status by any of the names that Persona's pages use for it.
pub(super) fn parse_status(status: &str) -> Option<InquiryStatus> {
    Some(match status {
        "created" => InquiryStatus::Created,
        "pending" => InquiryStatus::Pending,
        "completed" => InquiryStatus::Completed,
        "failed" => InquiryStatus::Failed,
        "expired" => InquiryStatus::Expired,
        "needs_review" | "needs-review" | "needsReview" | "needs review" => InquiryStatus::NeedsReview,
        "approved" => InquiryStatus::Approved,
        "declined" => InquiryStatus::Declined,
        _ => return None,
    })
}

/// The form of an answer that we only read the status from.
#[derive(Deserialize)]
pub(super) struct InquiryList {
    pub(super) data: Vec<ListedInquiry>,
}

#[derive(Deserialize)]
pub(super) struct ListedInquiry {
    pub(super) id: String,
    pub(super) attributes: ListedAttributes,
}

#[derive(Deserialize)]
pub(super) struct ListedAttributes {
    pub(super) status: String,
    #[serde(rename = "updated-at")]
    pub(super) updated_at: String,
}

/// The form of the answer to create and resume.
#[derive(Deserialize)]
pub(super) struct InquiryWithSession {
    pub(super) data: InquiryIdOnly,
    pub(super) meta: SessionMeta,
}

#[derive(Deserialize)]
pub(super) struct InquiryIdOnly {
    pub(super) id: String,
}

#[derive(Deserialize)]
pub(super) struct SessionMeta {
    #[serde(rename = "session-token")]
    pub(super) session_token: String,
    #[serde(rename = "one-time-link", default)]
    pub(super) one_time_link: Option<String>,
}

/// The form of the answer to a request for a one-time link.
#[derive(Deserialize)]
pub(super) struct InquiryWithLink {
    pub(super) meta: LinkMeta,
}

#[derive(Deserialize)]
pub(super) struct LinkMeta {
    #[serde(rename = "one-time-link")]
    pub(super) one_time_link: String,
}
