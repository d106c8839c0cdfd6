//! The shapes of bodies, as tables of key paths and JSON types.
//!
//! Written down from the examples of docs.withpersona.com/api-reference/inquiries (create, retrieve, list, resume,
//! generate-one-time-link), /api-reference/events/list-all-events, /api-reference/webhooks (rotate-secret) and of the
//! inquiry webhooks. In a table `?` allows `null` and `*` stands for every key. Two oddities of the examples are left
//! out: an absent relationship is `{"data": null}`, not `{}`, and so is an unknown value of a field.

use reqwest::Method;
use serde_json::{Value, json};

use super::{WEBHOOK_SECRET, new_inquiry, persona, receiver, text};

const INQUIRY: &str = "
    id string
    type string
    attributes object
    attributes.status string
    attributes.reference-id string?
    attributes.note string?
    attributes.behaviors object
    attributes.behaviors.api-version-less-than-minimum-count number
    attributes.behaviors.autofill-cancels number
    attributes.behaviors.autofill-starts number
    attributes.behaviors.behavior-threat-level string
    attributes.behaviors.bot-score number
    attributes.behaviors.completion-time number
    attributes.behaviors.debugger-attached boolean
    attributes.behaviors.devtools-open boolean
    attributes.behaviors.distraction-events number
    attributes.behaviors.hesitation-baseline number
    attributes.behaviors.hesitation-count number
    attributes.behaviors.hesitation-percentage number
    attributes.behaviors.hesitation-time number
    attributes.behaviors.mobile-sdk-version-less-than-minimum-count number
    attributes.behaviors.request-spoof-attempts number
    attributes.behaviors.shortcut-copies number
    attributes.behaviors.shortcut-pastes number
    attributes.behaviors.user-agent-spoof-attempts number
    attributes.tags array
    attributes.creator string
    attributes.reviewer-comment string?
    attributes.created-at string
    attributes.updated-at string
    attributes.started-at string?
    attributes.expires-at string?
    attributes.completed-at string?
    attributes.failed-at string?
    attributes.marked-for-review-at string?
    attributes.decisioned-at string?
    attributes.expired-at string?
    attributes.redacted-at string?
    attributes.previous-step-name string?
    attributes.next-step-name string
    attributes.fields object
    attributes.fields.* object
    attributes.fields.*.type string
    attributes.fields.*.value any
    relationships object
    relationships.account object
    relationships.account.data object
    relationships.account.data.id string
    relationships.account.data.type string
    relationships.documents object
    relationships.documents.data array
    relationships.template object
    relationships.template.data null
    relationships.inquiry-template object
    relationships.inquiry-template.data object
    relationships.inquiry-template.data.id string
    relationships.inquiry-template.data.type string
    relationships.inquiry-template-version object
    relationships.inquiry-template-version.data object
    relationships.inquiry-template-version.data.id string
    relationships.inquiry-template-version.data.type string
    relationships.reports object
    relationships.reports.data array
    relationships.transaction object
    relationships.transaction.data null
    relationships.reviewer object
    relationships.reviewer.data null
    relationships.selfies object
    relationships.selfies.data array
    relationships.sessions object
    relationships.sessions.data array
    relationships.verifications object
    relationships.verifications.data array";

const EVENT: &str = "
    id string
    type string
    attributes object
    attributes.name string
    attributes.created-at string
    attributes.redacted-at null
    attributes.context object
    attributes.context.inquiry-previous-step-name string?
    attributes.context.inquiry-next-step-name string
    attributes.payload object
    attributes.payload.data any";

const WEBHOOK: &str = "
    id string
    type string
    attributes object
    attributes.status string
    attributes.url string
    attributes.secret string
    attributes.secrets array
    attributes.api-version string
    attributes.api-key-inflection string
    attributes.api-attributes-blocklist array
    attributes.file-access-token-expires-in number
    attributes.enabled-events array
    attributes.payload-filter object?
    attributes.created-at string";

/// Asserts that `value` has every path of the table, of its type, and no other key.
fn assert_shape(value: &Value, table: &str) {
    let lines = table.trim().lines().map(|line| line.trim().split_once(' ').expect("a path and a type"));
    let types: std::collections::BTreeMap<&str, &str> = lines.collect();
    let mut seen = std::collections::BTreeSet::new();
    walk(value, "", &types, &mut seen);
    for path in types.keys() {
        assert!(seen.contains(*path), "{path} is missing in {value:#}");
    }
}

fn walk<'a>(
    value: &Value,
    path: &str,
    types: &std::collections::BTreeMap<&'a str, &'a str>,
    seen: &mut std::collections::BTreeSet<&'a str>,
) {
    for (key, member) in value.as_object().into_iter().flatten() {
        let own = format!("{path}{key}");
        let (listed, kind) = types
            .get_key_value(own.as_str())
            .or_else(|| types.get_key_value(format!("{path}*").as_str()))
            .unwrap_or_else(|| panic!("{own} is not in the table"));
        let found = match member {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits = *kind == "any" || kind.trim_end_matches('?') == found || (kind.ends_with('?') && found == "null");
        assert!(fits, "{own} is {found}, not {kind}");
        seen.insert(listed);
        if *kind != "any" {
            walk(member, &format!("{listed}."), types, seen);
        }
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn inquiries_have_the_documented_shape_in_every_answer() {
    let persona = persona().await;
    let meta = json!({
        "auto-create-account-reference-id": "s_shape",
        "auto-create-inquiry-session": true,
        "auto-create-one-time-link": true,
    });
    let created = persona.call(Method::POST, "/api/v1/inquiries", new_inquiry(meta), 201).await;
    assert_eq!(keys(&created), ["data", "meta"]);
    assert_eq!(keys(&created["meta"]), ["one-time-link", "one-time-link-short", "session-token"]);
    assert_shape(&created["data"], INQUIRY);
    assert_eq!(created["data"]["attributes"]["status"], "created");
    assert_eq!(created["data"]["attributes"]["reference-id"], "s_shape");

    let path = format!("/api/v1/inquiries/{}", text(&created["data"]["id"]));
    let resumed = persona.post(&format!("{path}/resume"), json!({"meta": {}})).await;
    assert_eq!(keys(&resumed), ["data", "meta"]);
    assert_eq!(keys(&resumed["meta"]), ["session-token"]);
    assert_shape(&resumed["data"], INQUIRY);

    let linked = persona.post(&format!("{path}/generate-one-time-link"), json!({})).await;
    assert_eq!(keys(&linked["meta"]), ["one-time-link", "one-time-link-short"]);
    assert_eq!(linked["meta"]["one-time-link"], created["meta"]["one-time-link"], "an unused link is handed out again");
    assert!(text(&linked["meta"]["one-time-link"]).starts_with(&format!("{}/verify?code=us1-", persona.base)));

    persona.simulate(&text(&created["data"]["id"]), &["start_inquiry", "complete_inquiry", "approve_inquiry"]).await;
    let retrieved = persona.get(&path).await;
    assert_eq!(keys(&retrieved), ["data"]);
    assert_shape(&retrieved["data"], INQUIRY);
    let attributes = &retrieved["data"]["attributes"];
    for instant in ["created-at", "started-at", "completed-at", "decisioned-at"] {
        assert!(text(&attributes[instant]).ends_with(".000Z"), "{instant} has whole seconds");
    }

    let listed = persona.get("/api/v1/inquiries").await;
    assert_eq!(keys(&listed), ["data", "links"]);
    assert_eq!(keys(&listed["links"]), ["next", "prev"]);
    assert_shape(&listed["data"][0], INQUIRY);
}

#[tokio::test]
async fn events_have_the_documented_shape_in_lists_and_deliveries() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    persona.webhook(&receiver.url).await;
    let inquiry = persona.create("s_events").await;
    persona.simulate(&inquiry, &["start_inquiry", "complete_inquiry"]).await;
    let mut deliveries = [receiver.next().await, receiver.next().await, receiver.next().await];
    deliveries.sort_by_key(|delivery| text(&delivery.json()["data"]["attributes"]["created-at"]));

    let delivered = deliveries[2].json();
    assert_eq!(keys(&delivered), ["data"]);
    assert_shape(&delivered["data"], EVENT);
    let payload = &delivered["data"]["attributes"]["payload"];
    assert_eq!(keys(payload), ["data"], "nothing is included by default");
    assert_shape(&payload["data"], INQUIRY);
    assert!((2_000..10_000).contains(&deliveries[2].body.len()), "about as long as a real one");

    let listed = persona.get("/api/v1/events").await;
    assert_eq!(listed["data"][0], delivered["data"], "the list shows what was delivered, newest first");
    let event = persona.get(&format!("/api/v1/events/{}", text(&delivered["data"]["id"]))).await;
    assert_eq!(event["data"], delivered["data"]);
}

#[tokio::test]
async fn webhooks_have_the_documented_shape() {
    let persona = persona().await;
    let id = persona.webhook("http://127.0.0.1:9/nobody").await;
    let path = format!("/api/v1/webhooks/{id}");
    let webhook = persona.get(&path).await;
    assert_shape(&webhook["data"], WEBHOOK);
    assert_eq!(webhook["data"]["attributes"]["secret"], WEBHOOK_SECRET);
    let rotation = json!({"meta": {"expires-in-seconds": 7_200}});
    let rotated = persona.post(&format!("{path}/rotate-secret"), rotation).await;
    assert_shape(&rotated["data"], WEBHOOK);
    let secrets = rotated["data"]["attributes"]["secrets"].as_array().expect("secrets").clone();
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0]["value"], rotated["data"]["attributes"]["secret"]);
    assert_eq!(secrets[1]["value"], WEBHOOK_SECRET);
    let change =
        json!({"data": {"attributes": {"api-key-inflection": "camel", "enabled-events": ["inquiry.approved"]}}});
    let changed = persona.call(Method::PATCH, &path, change, 200).await;
    assert_eq!(changed["data"]["attributes"]["api-key-inflection"], "camel");
    assert_eq!(persona.get("/api/v1/webhooks").await["data"], json!([changed["data"]]));
}

#[tokio::test]
async fn versions_and_inflections_change_the_shape_as_documented() {
    let persona = persona().await;
    let id = persona.create("s_versions").await;
    persona.simulate(&id, &["start_inquiry", "complete_inquiry"]).await;
    let get = async |version: &str, inflection: &str| {
        let request = persona.request(Method::GET, &format!("/api/v1/inquiries/{id}"));
        let request = request.header("Persona-Version", version).header("Key-Inflection", inflection);
        super::body_of(request.send().await.expect("an answer"), 200).await
    };
    let new = get("2025-12-08", "camel").await;
    assert_eq!(new["data"]["attributes"]["referenceId"], "s_versions");
    assert_eq!(new["data"]["attributes"]["fields"]["name-first"]["value"], "Alexander", "names of fields stay");
    assert_eq!(new["data"]["attributes"].get("nameFirst"), None);
    assert_eq!(new["data"]["relationships"]["inquiryTemplate"]["data"]["type"], "inquiry-template");
    let old = get("2023-01-05", "snake").await;
    assert_eq!(old["data"]["attributes"]["name_first"], "Alexander", "older versions have flat personal data");
    assert_eq!(old["data"]["attributes"]["fields"]["name_first"]["value"], "Alexander");
    assert_eq!(old["included"][0]["type"], "inquiry-template", "and include related resources");
}
