//! What a signed delivery says, as far as we read it: which inquiry, which status, when. Nothing else is parsed, so
//! nothing personal can leak; key inflection (kebab, camel, snake) and payload generation do not matter.

use domain::{EventId, InquiryEvent, InquiryId, InquiryStatus, Instant, Source};
use serde::Deserialize;
use serde::de::IgnoredAny;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Looked, VerifiedWebhook};
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
    /// Signed, but not as we know Persona: a repetition would not help.
    Drift {
        /// What is unknown.
        what: Drift,
        /// The event's id, where it can be read.
        event_id: Option<EventId>,
    },
}

/// What Persona may change one day without asking us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// The event's name.
    Event,
    /// The inquiry's status.
    Status,
    /// The form of the whole.
    Form,
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

/// Events whose inquiry's status we act on (Persona, "Events").
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

/// Events of an inquiry that say nothing of its status: a change of screen, and a redaction, which keeps the status.
const SILENT_INQUIRY_EVENTS: [&str; 2] = ["inquiry.transitioned", "inquiry.redacted"];

/// Resources whose events are no news of an inquiry's status, as their names start (Persona, "Events"). An open list:
/// Persona adds to it.
const OTHER_RESOURCES: [&str; 10] = [
    "account.",
    "case.",
    "document.",
    "inquiry-session.",
    "report.",
    "report/",
    "selfie.",
    "transaction.",
    "verification.",
    "workflow-run.",
];

/// Longest name of an event or status that is looked at, in bytes; Persona's longest has 25.
const NAME_BYTES_MAX: usize = 64;

/// Reads a signed delivery. Errors of the parser are dropped unread: their text quotes the value that it stumbled over.
#[must_use]
pub fn parse_delivery(webhook: &VerifiedWebhook<'_>) -> Delivery {
    /// Just the name: an event of another resource need not have an inquiry's form.
    #[derive(Deserialize)]
    struct NameOnly {
        data: NameData,
    }
    #[derive(Deserialize)]
    struct NameData {
        id: String,
        attributes: NameAttributes,
    }
    #[derive(Deserialize)]
    struct NameAttributes {
        name: String,
    }

    let Ok(NameOnly { data: NameData { id, attributes } }) = serde_json::from_slice(webhook.body()) else {
        return Delivery::Drift { what: Drift::Form, event_id: None };
    };
    let event_id = EventId::parse(&id).ok();
    let name = in_kebab(&attributes.name);
    if SILENT_INQUIRY_EVENTS.contains(&name.as_str()) || OTHER_RESOURCES.iter().any(|start| name.starts_with(start)) {
        return Delivery::Ignored;
    }
    if !INQUIRY_EVENTS.contains(&name.as_str()) {
        return Delivery::Drift { what: Drift::Event, event_id };
    }
    let read = serde_json::from_slice::<Envelope>(webhook.body()).map_err(|_| Drift::Form);
    read.and_then(|envelope| inquiry_delivery(envelope.data)).unwrap_or_else(|what| Delivery::Drift { what, event_id })
}

fn inquiry_delivery(data: EventData) -> Result<Delivery, Drift> {
    let resource = data.attributes.payload.data;
    if resource.kind != "inquiry" {
        return Err(Drift::Form);
    }
    Ok(Delivery::Inquiry {
        event_id: EventId::parse(&data.id).map_err(|_| Drift::Form)?,
        event: InquiryEvent {
            inquiry: InquiryId::parse(&resource.id).map_err(|_| Drift::Form)?,
            status: parse_status(&resource.attributes.status).ok_or(Drift::Status)?,
            at: parse_instant(&data.attributes.created_at)?,
            source: Source::Event,
        },
        template: resource.relationships.and_then(|links| links.inquiry_template?.data).map(|linked| linked.id),
    })
}

fn parse_instant(text: &str) -> Result<Instant, Drift> {
    OffsetDateTime::parse(text, &Rfc3339).map(instant_of).map_err(|_| Drift::Form)
}

/// A status by any of the names that Persona's pages use for it: "needs review" is found in four spellings.
fn parse_status(status: &str) -> Option<InquiryStatus> {
    Some(match in_kebab(status).as_str() {
        "created" => InquiryStatus::Created,
        "pending" => InquiryStatus::Pending,
        "completed" => InquiryStatus::Completed,
        "failed" => InquiryStatus::Failed,
        "expired" => InquiryStatus::Expired,
        "needs-review" => InquiryStatus::NeedsReview,
        "approved" => InquiryStatus::Approved,
        "declined" => InquiryStatus::Declined,
        _ => return None,
    })
}

/// A name in kebab case, whichever way it was written: which way is a setting in Persona's dashboard. One that is too
/// long for a name comes out empty.
fn in_kebab(name: &str) -> String {
    if name.len() > NAME_BYTES_MAX {
        return String::new();
    }
    let mut kebab = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '_' | ' ' => kebab.push('-'),
            'A'..='Z' => {
                kebab.push('-');
                kebab.push(character.to_ascii_lowercase());
            }
            _ => kebab.push(character),
        }
    }
    kebab
}

/// The form of an answer that we only read the status from.
#[derive(Deserialize)]
pub(super) struct InquiryList {
    pub(super) data: Vec<Listed>,
}

/// One entry of such an answer, read on its own: a strange one does not hide the others.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Listed {
    /// In the form that we know.
    Known(ListedInquiry),
    /// In another.
    Unknown(IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct ListedInquiry {
    id: String,
    attributes: ListedAttributes,
}

#[derive(Deserialize)]
struct ListedAttributes {
    status: String,
    #[serde(rename = "completed-at", default)]
    completed_at: Option<String>,
    #[serde(rename = "decisioned-at", default)]
    decisioned_at: Option<String>,
    #[serde(rename = "updated-at", default)]
    updated_at: Option<String>,
    #[serde(rename = "redacted-at", default)]
    redacted_at: Option<String>,
}

impl Listed {
    /// What the entry says. The time of a decision, and of a completion, which may count as one, is when it came about:
    /// `updated-at` also moves on a note, a tag, a change or a redaction, which must make none look newer than it is.
    pub(super) fn looked(self) -> Result<Looked, Drift> {
        let Self::Known(ListedInquiry { id, attributes }) = self else { return Err(Drift::Form) };
        let ListedAttributes { status, completed_at, decisioned_at, updated_at, redacted_at } = attributes;
        let status = parse_status(&status).ok_or(Drift::Status)?;
        let came_about_at = match status {
            InquiryStatus::Approved | InquiryStatus::Declined => decisioned_at,
            InquiryStatus::Completed => completed_at,
            InquiryStatus::Created
            | InquiryStatus::Pending
            | InquiryStatus::Failed
            | InquiryStatus::Expired
            | InquiryStatus::NeedsReview => None,
        };
        let event = InquiryEvent {
            inquiry: InquiryId::parse(&id).map_err(|_| Drift::Form)?,
            status,
            at: parse_instant(&came_about_at.or(updated_at).ok_or(Drift::Form)?)?,
            source: Source::Answer,
        };
        Ok(Looked { event, redacted: redacted_at.is_some() })
    }
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

/// The form of an answer that the name on the ID is read from, whichever way the template names its fields.
#[derive(Deserialize)]
pub(super) struct InquiryWithName {
    pub(super) data: NamedInquiry,
}

#[derive(Deserialize)]
pub(super) struct NamedInquiry {
    pub(super) attributes: NamedAttributes,
}

#[derive(Deserialize)]
pub(super) struct NamedAttributes {
    #[serde(default)]
    pub(super) fields: NameFields,
}

#[derive(Deserialize, Default)]
pub(super) struct NameFields {
    #[serde(rename = "name-first", alias = "name_first", alias = "nameFirst", default)]
    pub(super) first: Option<NameField>,
    #[serde(rename = "name-last", alias = "name_last", alias = "nameLast", default)]
    pub(super) last: Option<NameField>,
}

#[derive(Deserialize)]
pub(super) struct NameField {
    #[serde(default)]
    pub(super) value: Option<String>,
}

/// The form of a list of accounts, of which the ids only are read.
#[derive(Deserialize)]
pub(super) struct AccountList {
    pub(super) data: Vec<AccountIdOnly>,
}

#[derive(Deserialize)]
pub(super) struct AccountIdOnly {
    pub(super) id: String,
}
