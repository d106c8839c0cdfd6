//! The events of Persona by name, and their bodies (Persona's documentation, "Events" and "Webhooks").

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Error, Result};

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The inquiry, with the status that it has then; none where the event leaves the status as it is.
    Inquiry(Option<&'static str>),
    /// Something that belongs to the inquiry: its resource's type and the prefix of its id, then its status.
    Part(&'static str, &'static str, &'static str),
    /// The inquiry's account.
    Account,
}

/// Every event that can be sent. Persona adds to its list: a receiver must bear names that it does not know.
pub const EVENTS: [(&str, Subject); 52] = [
    ("inquiry.created", Subject::Inquiry(Some("created"))),
    ("inquiry.started", Subject::Inquiry(Some("pending"))),
    ("inquiry.completed", Subject::Inquiry(Some("completed"))),
    ("inquiry.failed", Subject::Inquiry(Some("failed"))),
    ("inquiry.expired", Subject::Inquiry(Some("expired"))),
    ("inquiry.approved", Subject::Inquiry(Some("approved"))),
    ("inquiry.declined", Subject::Inquiry(Some("declined"))),
    ("inquiry.marked-for-review", Subject::Inquiry(Some("needs_review"))),
    ("inquiry.transitioned", Subject::Inquiry(None)),
    ("inquiry.redacted", Subject::Inquiry(None)),
    ("inquiry-session.started", Subject::Part("inquiry-session", "iqse", "active")),
    ("inquiry-session.expired", Subject::Part("inquiry-session", "iqse", "expired")),
    ("inquiry-session.canceled", Subject::Part("inquiry-session", "iqse", "canceled")),
    ("verification.created", Subject::Part("verification/government-id", "ver", "initiated")),
    ("verification.submitted", Subject::Part("verification/government-id", "ver", "submitted")),
    ("verification.passed", Subject::Part("verification/government-id", "ver", "passed")),
    ("verification.failed", Subject::Part("verification/government-id", "ver", "failed")),
    ("verification.requires-retry", Subject::Part("verification/government-id", "ver", "requires_retry")),
    ("verification.canceled", Subject::Part("verification/government-id", "ver", "canceled")),
    ("document.created", Subject::Part("document/government-id", "doc", "initiated")),
    ("document.submitted", Subject::Part("document/government-id", "doc", "submitted")),
    ("document.processed", Subject::Part("document/government-id", "doc", "processed")),
    ("document.errored", Subject::Part("document/government-id", "doc", "errored")),
    ("selfie.created", Subject::Part("selfie/profile-and-center", "self", "initiated")),
    ("selfie.submitted", Subject::Part("selfie/profile-and-center", "self", "submitted")),
    ("selfie.processed", Subject::Part("selfie/profile-and-center", "self", "processed")),
    ("selfie.errored", Subject::Part("selfie/profile-and-center", "self", "errored")),
    ("account.created", Subject::Account),
    ("account.redacted", Subject::Account),
    ("account.archived", Subject::Account),
    ("account.restored", Subject::Account),
    ("account.consolidated", Subject::Account),
    ("account.consolidated-with", Subject::Account),
    ("account.tag-added", Subject::Account),
    ("account.tag-removed", Subject::Account),
    ("account.updated-tags", Subject::Account),
    ("account.updated-fields", Subject::Account),
    ("account.status-updated", Subject::Account),
    ("account.added-relation", Subject::Account),
    ("account.removed-relation", Subject::Account),
    ("report/watchlist.ready", Subject::Part("report/watchlist", "rep", "ready")),
    ("report/watchlist.matched", Subject::Part("report/watchlist", "rep", "matched")),
    ("report/watchlist.errored", Subject::Part("report/watchlist", "rep", "errored")),
    ("case.created", Subject::Part("case", "case", "open")),
    ("case.assigned", Subject::Part("case", "case", "open")),
    ("case.resolved", Subject::Part("case", "case", "resolved")),
    ("case.reopened", Subject::Part("case", "case", "open")),
    ("case.updated", Subject::Part("case", "case", "open")),
    ("transaction.created", Subject::Part("transaction", "txn", "created")),
    ("transaction.redacted", Subject::Part("transaction", "txn", "created")),
    ("transaction.status-updated", Subject::Part("transaction", "txn", "approved")),
    ("workflow-run.errored", Subject::Part("workflow-run", "wfr", "errored")),
];

/// What the event is about; none for a name that is not in [`EVENTS`].
pub(crate) fn subject_of(name: &str) -> Option<Subject> {
    EVENTS.into_iter().find(|(known, _)| *known == name).map(|(_, subject)| subject)
}

/// What happens to an inquiry before this event, newest first.
pub(crate) fn history_before(name: &str) -> &'static [&'static str] {
    match name {
        "inquiry.created" => &[],
        "inquiry.started" => &["inquiry.created"],
        "inquiry.approved" | "inquiry.declined" | "inquiry.marked-for-review" | "inquiry.redacted" => {
            &["inquiry.completed", "inquiry.started", "inquiry.created"]
        }
        _ => &["inquiry.started", "inquiry.created"],
    }
}

/// An event's body about `inquiry`, which is the resource as Persona's API shows it, created at `at`.
///
/// # Errors
/// [`Error::UnexpectedAnswer`] if the instant cannot be written.
pub(crate) fn body(id: &str, name: &str, subject: Subject, inquiry: &Value, at: OffsetDateTime) -> Result<String> {
    let unwritable =
        |_| Error::UnexpectedAnswer { from: "the clock", what: "an instant that cannot be written".to_owned() };
    let created_at = at.format(&Rfc3339).map_err(unwritable)?;
    let resource = match subject {
        Subject::Inquiry(status) => {
            let mut inquiry = inquiry.clone();
            if let Some(status) = status {
                inquiry["attributes"]["status"] = status.into();
            }
            if name == "inquiry.redacted" {
                // The status stays; who it was is gone.
                inquiry["attributes"]["redacted-at"] = created_at.clone().into();
                inquiry["attributes"]["fields"] = json!({});
            }
            inquiry
        }
        Subject::Part(kind, prefix, status) => json!({
            "type": kind,
            "id": format!("{prefix}_{}", uuid::Uuid::new_v4().simple()),
            "attributes": {"status": status, "created-at": created_at},
            "relationships": {"inquiry": {"data": {"type": "inquiry", "id": inquiry["id"]}}},
        }),
        Subject::Account => json!({
            "type": "account",
            "id": inquiry["relationships"]["account"]["data"]["id"],
            "attributes": {"reference-id": inquiry["attributes"]["reference-id"], "fields": {}},
        }),
    };
    let event = json!({"data": {"type": "event", "id": id, "attributes": {
        "name": name, "created-at": created_at, "redacted-at": null, "context": {}, "payload": {"data": resource},
    }}});
    Ok(event.to_string())
}

#[cfg(test)]
mod tests {
    use super::{EVENTS, Subject, body, history_before, subject_of};
    use serde_json::{Value, json};
    use time::OffsetDateTime;

    fn inquiry() -> Value {
        json!({"type": "inquiry", "id": "inq_1", "attributes": {"status": "created", "reference-id": "s_1"},
               "relationships": {"account": {"data": {"type": "account", "id": "act_1"}}}})
    }

    #[test]
    fn every_event_has_a_body_with_its_name_and_says_what_it_is_about() {
        for (name, subject) in EVENTS {
            let body = body("evt_1", name, subject, &inquiry(), OffsetDateTime::UNIX_EPOCH).expect("a body");
            let body: Value = serde_json::from_str(&body).expect("JSON");
            let attributes = &body["data"]["attributes"];
            assert_eq!((&body["data"]["id"], &attributes["name"]), (&json!("evt_1"), &json!(name)));
            let resource = &attributes["payload"]["data"];
            match subject {
                Subject::Inquiry(status) => {
                    assert_eq!(resource["id"], "inq_1");
                    assert_eq!(resource["attributes"]["status"], status.unwrap_or("created"));
                }
                Subject::Part(kind, ..) => {
                    assert_eq!(resource["type"], kind);
                    assert_eq!(resource["relationships"]["inquiry"]["data"]["id"], "inq_1");
                }
                Subject::Account => assert_eq!(resource["id"], "act_1"),
            }
        }
    }

    #[test]
    fn names_are_listed_once_and_what_came_before_is_known() {
        for (position, (name, _)) in EVENTS.iter().enumerate() {
            assert!(EVENTS[position + 1..].iter().all(|(other, _)| other != name), "{name}");
            assert!(history_before(name).iter().all(|earlier| subject_of(earlier).is_some()), "{name}");
        }
        assert_eq!(subject_of("inquiry.pending"), None);
    }
}
