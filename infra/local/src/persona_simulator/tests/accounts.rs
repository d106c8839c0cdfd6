//! Accounts, quotas, changes of inquiries and versions of the template.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Persona, body_of, new_inquiry, persona, receiver, text};
use crate::persona_simulator::SANDBOX_PERSON;

impl Persona {
    async fn account(&self, reference_id: &str, status: u16) -> Value {
        let fields = json!({"name": {"type": "hash", "value": {"first": {"type": "string", "value": "Zoe"}}}});
        let body = json!({"data": {"attributes": {"reference-id": reference_id, "fields": fields}}});
        self.call(Method::POST, "/api/v1/accounts", body, status).await
    }
}

#[tokio::test]
async fn an_account_is_made_found_and_unique_without_regard_to_case() {
    let persona = persona().await;
    let made = persona.account("s_Account", 201).await;
    let id = text(&made["data"]["id"]);
    assert_eq!(persona.get(&format!("/api/v1/accounts/{id}")).await["data"], made["data"]);
    let refused = persona.account("S_ACCOUNT", 409).await;
    assert_eq!(refused["errors"][0]["title"], "Record not unique");
    let inquiry = persona.create("s_aCCount").await;
    let inquiry = persona.get(&format!("/api/v1/inquiries/{inquiry}")).await;
    assert_eq!(inquiry["data"]["relationships"]["account"]["data"]["id"], id);
    let found = persona.get("/api/v1/accounts?filter[reference-id]=s_account").await;
    assert_eq!(found["data"], json!([made["data"]]));
    persona.call(Method::GET, "/api/v1/accounts/act_unknown", json!({}), 404).await;
    persona.call(Method::GET, "/api/v1/accounts?filter[colour]=blue", json!({}), 400).await;
}

#[tokio::test]
async fn merged_accounts_give_up_their_inquiries_and_their_name_once() {
    let persona = persona().await;
    let destination = text(&persona.account("s_into", 201).await["data"]["id"]);
    let source = text(&persona.account("s_from", 201).await["data"]["id"]);
    let inquiry = persona.create("s_from").await;
    let call = format!("/api/v1/accounts/{destination}/consolidate");
    persona.call(Method::POST, &call, json!({"meta": {}}), 400).await;
    let body = json!({"meta": {"source-account-ids": [source]}});
    persona.call(Method::POST, &call, body.clone(), 202).await;
    let inquiry = persona.get(&format!("/api/v1/inquiries/{inquiry}")).await;
    assert_eq!(inquiry["data"]["relationships"]["account"]["data"]["id"], destination);
    let archived = persona.get(&format!("/api/v1/accounts/{source}")).await;
    assert_eq!(archived["data"]["attributes"]["account-status"], "Archived");
    persona.call(Method::POST, &call, body, 422).await;
    persona.call(Method::POST, &call, json!({"meta": {"source-account-ids": [destination]}}), 422).await;
    persona.account("s_from", 201).await;
    let events = persona.get("/api/v1/events?page[size]=100").await.to_string();
    for name in ["account.created", "account.consolidated", "account.consolidated-with", "account.archived"] {
        assert!(events.contains(&format!("\"{name}\"")), "{name}");
    }
}

#[tokio::test]
async fn redacting_an_account_redacts_its_inquiries() {
    let persona = persona().await;
    let account = text(&persona.account("s_forget", 201).await["data"]["id"]);
    let inquiry = persona.create("s_forget").await;
    persona.simulate(&inquiry, &["start_inquiry", "complete_inquiry"]).await;
    let path = format!("/api/v1/accounts/{account}");
    let redacted = persona.call(Method::DELETE, &path, json!({}), 200).await;
    assert!(redacted["data"]["attributes"]["redacted-at"].is_string());
    assert_eq!(redacted["data"]["attributes"]["fields"], json!({}));
    let inquiry = persona.get(&format!("/api/v1/inquiries/{inquiry}")).await;
    assert!(inquiry["data"]["attributes"]["redacted-at"].is_string());
    assert!(!inquiry.to_string().contains(SANDBOX_PERSON[3].value));
    let events = persona.get("/api/v1/events").await.to_string();
    assert!(events.contains("\"account.redacted\"") && events.contains("\"inquiry.redacted\""));
    assert_eq!(persona.call(Method::DELETE, &path, json!({}), 200).await, redacted, "once is enough");
}

#[tokio::test]
async fn calls_on_accounts_give_the_fields_asked_for_and_no_more() {
    const CREATED_AT: &str = "fields[account]=created-at&include=";
    let persona = persona().await;
    let thin = |account: &Value| {
        let attributes = account["attributes"].as_object().expect("attributes");
        assert_eq!(attributes.keys().collect::<Vec<_>>(), ["created-at"], "{account}");
        assert_eq!(account.get("relationships"), None, "{account}");
    };
    let body = json!({"data": {"attributes": {"reference-id": "s_thin", "fields": {"name_first": "Zoe"}}}});
    let made = persona.call(Method::POST, &format!("/api/v1/accounts?{CREATED_AT}"), body, 201).await;
    thin(&made["data"]);
    let account = format!("/api/v1/accounts/{}", text(&made["data"]["id"]));
    thin(&persona.get(&format!("{account}?{CREATED_AT}")).await["data"]);
    thin(&persona.get(&format!("/api/v1/accounts?filter[reference-id]=s_thin&{CREATED_AT}")).await["data"][0]);
    let first_name = persona.get(&format!("{account}?fields[account]=fields.name_first")).await;
    assert_eq!(first_name["data"]["attributes"], json!({"fields": {"name_first": "Zoe"}}));
    let source = json!({"meta": {"source-account-ids": [persona.account("s_thin_too", 201).await["data"]["id"]]}});
    thin(&persona.call(Method::POST, &format!("{account}/consolidate?{CREATED_AT}"), source, 202).await["data"]);
    persona.call(Method::DELETE, &format!("{account}?include=inquiries"), json!({}), 400).await;
    thin(&persona.call(Method::DELETE, &format!("{account}?{CREATED_AT}"), json!({}), 200).await["data"]);
    assert!(persona.get(&account).await["data"]["attributes"]["redacted-at"].is_string());
}

#[tokio::test]
async fn lists_give_the_fields_asked_for_and_include_nothing() {
    let persona = persona().await;
    persona.webhook("http://127.0.0.1:9/nobody").await;
    let created = new_inquiry(json!({"auto-create-inquiry-session": true}));
    persona.call(Method::POST, "/api/v1/inquiries", created, 201).await;
    for (list, kind, attribute) in [
        ("accounts", "account", "created-at"),
        ("events", "event", "name"),
        ("inquiries", "inquiry", "status"),
        ("inquiry-sessions", "inquiry-session", "status"),
        ("webhooks", "webhook", "url"),
    ] {
        let path = format!("/api/v1/{list}");
        let listed = persona.get(&format!("{path}?fields[{kind}]={attribute}&include=")).await;
        let attributes = listed["data"][0]["attributes"].as_object().expect("attributes");
        assert_eq!(attributes.keys().collect::<Vec<_>>(), [attribute], "{list}");
        persona.call(Method::GET, &format!("{path}?include=inquiry"), json!({}), 400).await;
        if list != "webhooks" {
            let one = format!("{path}/{}", text(&listed["data"][0]["id"]));
            assert_eq!(persona.get(&format!("{one}?fields[{kind}]={attribute}")).await["data"], listed["data"][0]);
            persona.call(Method::GET, &format!("{one}?include=colour"), json!({}), 400).await;
        }
    }
}

#[tokio::test]
async fn what_is_made_has_a_quota_of_its_own() {
    let persona = persona().await;
    persona.faults(json!({"create_quota": 2})).await;
    let mut remaining = Vec::new();
    for status in [201, 201, 429] {
        let request = persona.request(Method::POST, "/api/v1/inquiries").json(&new_inquiry(json!({})));
        let answer = request.header("Idempotency-Key", format!("{status}-{}", remaining.len())).send().await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.headers()["quota-limit"], "2");
        remaining.push(answer.headers()["quota-remaining"].to_str().expect("a number").to_owned());
        assert!(answer.headers().contains_key("quota-reset") && answer.headers().contains_key("ratelimit-limit"));
        body_of(answer, status).await;
    }
    assert_eq!(remaining, ["1", "0", "0"]);
    persona.get("/api/v1/inquiries").await;
    let shown = persona.get("/api/v1/rate-limits").await;
    assert_eq!(shown["data"][0]["type"], "rate-limit/api");
    assert_eq!(shown["data"][0]["attributes"]["limit"], 300);
    assert_eq!(shown["data"][0]["attributes"]["remaining"], 300 - 5);
    persona.advance(60).await;
    persona.create("s_next_window").await;
}

#[tokio::test]
async fn an_inquiry_can_be_changed_at_any_time_and_nobody_is_told() {
    let persona = persona().await;
    let id = persona.create("s_changed").await;
    persona.simulate(&id, &["start_inquiry", "complete_inquiry"]).await;
    let events = persona.state().await["events"].clone();
    let change =
        json!({"data": {"attributes": {"note": "seen", "tags": ["vip"], "fields": {"birthdate": "1990-01-02"}}}});
    let changed = persona.call(Method::PATCH, &format!("/api/v1/inquiries/{id}"), change, 200).await;
    let attributes = &changed["data"]["attributes"];
    assert_eq!((&attributes["note"], &attributes["tags"]), (&json!("seen"), &json!(["vip"])));
    assert_eq!(attributes["fields"]["birthdate"]["value"], "1990-01-02");
    assert_eq!(attributes["fields"]["name-first"]["value"], "Alexander", "what is not named stays");
    assert_eq!(persona.state().await["events"], events);
}

#[tokio::test]
async fn an_inquiry_stays_on_the_version_that_it_was_made_from() {
    let persona = persona().await;
    let version = async |id: &str| {
        let inquiry = persona.get(&format!("/api/v1/inquiries/{id}")).await;
        text(&inquiry["data"]["relationships"]["inquiry-template-version"]["data"]["id"])
    };
    let old = persona.create("s_pinned").await;
    persona.faults(json!({"template_version_id": "itmplv_newer"})).await;
    let new = persona.create("s_pinned").await;
    persona.post(&format!("/api/v1/inquiries/{old}/resume"), json!({})).await;
    assert_eq!((version(&old).await.as_str(), version(&new).await.as_str()), ("itmplv_test", "itmplv_newer"));
    let pinned = async |version_id: &str, status: u16| {
        let body = json!({"data": {"attributes": {"inquiry-template-version-id": version_id}}});
        persona.call(Method::POST, "/api/v1/inquiries", body, status).await["data"]["id"].clone()
    };
    for version_id in ["itmplv_test", "itmplv_newer"] {
        assert_eq!(version(&text(&pinned(version_id, 201).await)).await, version_id);
    }
    pinned("itmplv_never", 404).await;
    persona.call(Method::POST, "/simulator/reset", json!({}), 204).await;
    assert_eq!(version(&persona.create("s_pinned").await).await, "itmplv_test");
    pinned("itmplv_newer", 404).await;
}

#[tokio::test]
async fn a_webhook_leaves_out_what_its_blocklist_names_and_can_be_archived() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    let id = persona.webhook(&receiver.url).await;
    let path = format!("/api/v1/webhooks/{id}");
    let entries = json!(["/data/attributes/*", "!/data/attributes/status"]);
    let change =
        json!({"data": {"attributes": {"api-attributes-blocklist": entries, "enabled-events": ["inquiry.created"]}}});
    let changed = persona.call(Method::PATCH, &path, change, 200).await;
    assert_eq!(changed["data"]["attributes"]["api-attributes-blocklist"], entries);
    let bad = json!({"data": {"attributes": {"api-attributes-blocklist": ["a/b"]}}});
    persona.call(Method::PATCH, &path, bad, 400).await;
    persona.create("s_thin").await;
    let delivered = receiver.next().await.json();
    let payload = &delivered["data"]["attributes"]["payload"]["data"];
    assert_eq!(payload["attributes"], json!({"status": "created"}));
    assert_eq!(delivered["data"]["attributes"]["name"], "inquiry.created");

    persona.post(&format!("{path}/archive"), json!({})).await;
    persona.call(Method::POST, &format!("{path}/enable"), json!({}), 409).await;
}

#[tokio::test]
async fn bodies_can_be_long_and_include_what_belongs_to_them() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    persona.webhook_for(&receiver.url, &["*"]).await;
    persona.faults(json!({"webhook_included": true, "webhook_padding_bytes": 300_000})).await;
    persona.create("s_long").await;
    let (one, other) = (receiver.next().await, receiver.next().await);
    let inquiry = if one.name() == "inquiry.created" { one } else { other };
    assert!(inquiry.body.len() > 300_000);
    assert_eq!(inquiry.json()["data"]["attributes"]["payload"]["included"][0]["type"], "inquiry-template");
    persona.call(Method::POST, "/simulator/faults", json!({"webhook_padding_bytes": 1_000_000_000}), 400).await;
}

#[tokio::test]
async fn an_event_can_be_sent_again_by_hand() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    persona.webhook(&receiver.url).await;
    persona.create("s_again").await;
    let first = receiver.next().await;
    let event = text(&first.json()["data"]["id"]);
    persona.call(Method::POST, "/simulator/deliveries/retry", json!({"event_id": event}), 204).await;
    let again = receiver.next().await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("persona-webhook-attempts-made"), "2");
    persona.call(Method::POST, "/simulator/deliveries/retry", json!({"event_id": "evt_unknown"}), 404).await;
}
