//! The bodies of resources, in kebab-case. Shapes: the examples on Persona's reference pages ("Create an Inquiry",
//! "Retrieve an Inquiry", "Inquiry webhooks") and docs.withpersona.com/response-body.

use serde_json::{Map, Value, json};

use super::clock::Moment;
use super::inquiry::{Inquiry, Reviewer, Status, Step};
use super::session::{Session, SessionState};
use super::verification::{Capture, Kind, Progress, Verification};
use super::wire::Version;

/// The one inquiry template the simulator knows.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// `itmpl_…`
    pub(super) id: String,
    /// `itmplv_…`, its published version.
    pub(super) version_id: String,
    /// Those that were published before it. An inquiry can still be made from each.
    pub(super) earlier_version_ids: Vec<String>,
}

impl Template {
    /// A template with one version.
    pub(super) fn new(id: String, version_id: String) -> Self {
        Self { id, version_id, earlier_version_ids: Vec::new() }
    }

    /// Publishes a version, a new one or an earlier one again.
    pub(super) fn publish(&mut self, version_id: String) {
        let replaced = std::mem::replace(&mut self.version_id, version_id);
        self.earlier_version_ids.push(replaced);
    }

    /// Whether that version was ever published.
    pub(super) fn has_version(&self, version_id: &str) -> bool {
        self.version_id == version_id || self.earlier_version_ids.iter().any(|earlier| earlier == version_id)
    }
}

/// An inquiry with every attribute and relationship.
pub(super) fn inquiry(inquiry: &Inquiry, template: &Template, version: Version) -> Value {
    let at = |moment: Option<Moment>| moment.map(Moment::seconds_text);
    let (previous_step, next_step) = step_names(inquiry);
    let mut attributes = json!({
        "status": inquiry.status.text(),
        "reference-id": inquiry.reference_id,
        "note": inquiry.note,
        "behaviors": behaviors(),
        "tags": inquiry.tags,
        "creator": inquiry.creator,
        "reviewer-comment": inquiry.reviewer_comment,
        "created-at": inquiry.created_at.seconds_text(),
        "updated-at": inquiry.updated_at.seconds_text(),
        "started-at": at(inquiry.started_at),
        "expires-at": at(inquiry.expires_at),
        "completed-at": at(inquiry.completed_at),
        "failed-at": at(inquiry.failed_at),
        "marked-for-review-at": at(inquiry.marked_for_review_at),
        "decisioned-at": at(inquiry.decisioned_at),
        "expired-at": at(inquiry.expired_at),
        "redacted-at": at(inquiry.redacted_at),
        "previous-step-name": previous_step,
        "next-step-name": next_step,
    });
    let mut fields = Map::new();
    for (name, field) in &inquiry.fields {
        fields.insert(name.clone(), json!({"type": field.kind, "value": field.value}));
        if !version.is_fields_only() {
            attributes[name] = field.value.clone();
        }
    }
    attributes["fields"] = Value::Object(fields);
    json!({"type": "inquiry", "id": inquiry.id, "attributes": attributes, "relationships": relationships(inquiry, template)})
}

/// A verification, as far as an inquiry needs one.
pub(super) fn verification(verification: &Verification, inquiry_id: &str) -> Value {
    let at = verification.created_at.seconds_text();
    let (submitted, ended) = match verification.progress {
        Progress::Initiated | Progress::Canceled => (false, false),
        Progress::Submitted => (true, false),
        Progress::Passed | Progress::Failed => (true, true),
    };
    json!({
        "type": verification.kind.text(),
        "id": verification.id,
        "attributes": {
            "status": verification.progress.text(),
            "created-at": at,
            "submitted-at": submitted.then_some(&at),
            "completed-at": ended.then_some(&at),
            "checks": [],
        },
        "relationships": {"inquiry": {"data": {"type": "inquiry", "id": inquiry_id}}}
    })
}

/// Pictures, as far as an inquiry needs them: there are none behind them.
pub(super) fn capture(capture: &Capture, status: &str, inquiry_id: &str) -> Value {
    json!({
        "type": capture.kind.capture_text(),
        "id": capture.id,
        "attributes": {
            "status": status,
            "created-at": capture.created_at.seconds_text(),
            "processed-at": (status == "processed").then(|| capture.created_at.seconds_text()),
        },
        "relationships": {"inquiry": {"data": {"type": "inquiry", "id": inquiry_id}}}
    })
}

/// What versions before 2025-10-27 include without being asked.
pub(super) fn included_by_default(inquiry: &Inquiry, template: &Template) -> Value {
    let mut resources: Vec<Value> = inquiry.sessions.iter().map(|each| session(each, &inquiry.id)).collect();
    resources.push(template_resource(template));
    resources.into()
}

/// The resources of an `include` parameter: `sessions`, `verifications`, `account` and `inquiry-template`. An unknown
/// relationship is an error that names it.
pub(super) fn included(inquiry: &Inquiry, template: &Template, include: &str) -> Result<Value, String> {
    let mut resources = Vec::new();
    for relationship in include.split(',').map(str::trim).filter(|relationship| !relationship.is_empty()) {
        match relationship {
            "sessions" => resources.extend(inquiry.sessions.iter().map(|each| session(each, &inquiry.id))),
            "verifications" => resources.extend(
                inquiry.verifications.iter().map(|check| verification(check, &inquiry.id)),
            ),
            "account" => resources.extend(inquiry.account_id.iter().map(|id| {
                json!({"type": "account", "id": id, "attributes": {"reference-id": inquiry.reference_id, "fields": {}}})
            })),
            "inquiry-template" => resources.push(template_resource(template)),
            unknown => return Err(unknown.to_owned()),
        }
    }
    Ok(resources.into())
}

/// Cuts a resource down to the named attributes, as `fields[inquiry]=status,fields.name-first` asks. Relationships go
/// too, as in the examples of docs.withpersona.com/response-body.
pub(super) fn sparse(resource: &mut Value, attributes: &str) {
    let mut kept = Map::new();
    for name in attributes.split(',').map(|name| super::inflection::kebab(name.trim())) {
        let all = &resource["attributes"];
        match name.strip_prefix("fields.") {
            Some(asked) => {
                let present = all["fields"].as_object().into_iter().flatten();
                // A field's own name may have any casing, as the asked one may: those of accounts are in snake_case.
                for (field, value) in present.filter(|(field, _)| super::inflection::kebab(field) == asked) {
                    let fields = kept.entry("fields").or_insert_with(|| json!({}));
                    fields[field] = value.clone();
                }
            }
            None => kept.extend(all.get(&name).map(|value| (name.clone(), value.clone()))),
        }
    }
    resource["attributes"] = Value::Object(kept);
    if let Some(members) = resource.as_object_mut() {
        members.remove("relationships");
    }
}

/// The names of the flow's steps before and after the present one.
pub(super) fn step_names(inquiry: &Inquiry) -> (Value, Value) {
    const ID: &str = "verification_government_id";
    const SELFIE: &str = "verification_selfie";
    match (inquiry.status, inquiry.step()) {
        (Status::Created, _) => (Value::Null, "start".into()),
        (Status::Pending | Status::Expired, Step::Selfie) => (ID.into(), SELFIE.into()),
        (Status::Pending | Status::Expired, Step::Country | Step::Document | Step::GovernmentId | Step::Done) => {
            ("start".into(), ID.into())
        }
        (Status::Completed | Status::NeedsReview | Status::Approved | Status::Declined, _) => {
            (SELFIE.into(), "success".into())
        }
        (Status::Failed, _) => (SELFIE.into(), "fail".into()),
    }
}

fn relationships(inquiry: &Inquiry, template: &Template) -> Value {
    let one = |kind: &str, id: &str| json!({"data": {"type": kind, "id": id}});
    let none = json!({"data": null});
    let empty = json!({"data": []});
    let verifications = inquiry.verifications.iter().map(|check| json!({"type": check.kind.text(), "id": check.id}));
    let captures = |kind: Kind| {
        let shown = inquiry.captures.iter().filter(move |capture| capture.kind == kind);
        shown.map(|capture| json!({"type": capture.kind.capture_text(), "id": capture.id})).collect::<Vec<_>>()
    };
    let sessions = inquiry.sessions.iter().map(|session| json!({"type": "inquiry-session", "id": session.id}));
    json!({
        "account": inquiry.account_id.as_deref().map_or_else(|| none.clone(), |id| one("account", id)),
        "template": none,
        "inquiry-template": one("inquiry-template", &template.id),
        "inquiry-template-version": one("inquiry-template-version", &inquiry.template_version_id),
        "transaction": none,
        "reviewer": match &inquiry.reviewer {
            Reviewer::None => none.clone(),
            Reviewer::WorkflowRun(id) => one("workflow-run", id),
        },
        "reports": empty,
        "documents": {"data": captures(Kind::GovernmentId)},
        "selfies": {"data": captures(Kind::Selfie)},
        "verifications": {"data": verifications.collect::<Vec<_>>()},
        "sessions": {"data": sessions.collect::<Vec<_>>()},
    })
}

/// A visit of an end user.
pub(super) fn session(session: &Session, inquiry_id: &str) -> Value {
    let (started_at, expired_at) = match session.state {
        SessionState::Unused => (None, None),
        SessionState::Started(at) => (Some(at.seconds_text()), None),
        SessionState::Expired(at) => (None, Some(at.seconds_text())),
    };
    json!({
        "type": "inquiry-session",
        "id": session.id,
        "attributes": {
            "status": session.state.text(),
            "created-at": session.created_at.seconds_text(),
            "started-at": started_at,
            "expired-at": expired_at,
            // An address reserved for documentation (RFC 5737).
            "ip-address": "192.0.2.10",
            "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
            "os-name": "Linux",
            "os-full-version": null,
            "device-type": "desktop",
            "device-name": null,
            "browser-name": "Chrome",
            "browser-full-version": "140.0.0.0",
            "mobile-sdk-name": null,
            "mobile-sdk-full-version": null,
            "device-handoff-method": null,
            "is-proxy": false,
            "is-tor": false,
            "is-datacenter": false,
            "is-vpn": false,
            "threat-level": "low",
            "country-code": "US",
            "country-name": "United States",
            "region-code": "CA",
            "region-name": "California",
            "latitude": 37.77,
            "longitude": -122.41,
        },
        "relationships": {"inquiry": {"data": {"type": "inquiry", "id": inquiry_id}}}
    })
}

fn template_resource(template: &Template) -> Value {
    json!({
        "type": "inquiry-template",
        "id": template.id,
        "attributes": {"name": "Government ID and Selfie", "status": "active"},
        "relationships": {
            "latest-published-version": {"data": {"type": "inquiry-template-version", "id": template.version_id}}
        }
    })
}

/// What Persona observed of the end user. The fractions matter: a receiver that parses and writes the body anew before
/// checking its signature changes them.
fn behaviors() -> Value {
    json!({
        "api-version-less-than-minimum-count": 0,
        "autofill-cancels": 0,
        "autofill-starts": 0,
        "behavior-threat-level": "low",
        "bot-score": 7,
        "completion-time": 52.304_118_755,
        "debugger-attached": false,
        "devtools-open": false,
        "distraction-events": 1,
        "hesitation-baseline": 30_118,
        "hesitation-count": 2,
        "hesitation-percentage": 91.774_021_508_331_62,
        "hesitation-time": 27_641,
        "mobile-sdk-version-less-than-minimum-count": 0,
        "request-spoof-attempts": 0,
        "shortcut-copies": 0,
        "shortcut-pastes": 0,
        "user-agent-spoof-attempts": 0,
    })
}
