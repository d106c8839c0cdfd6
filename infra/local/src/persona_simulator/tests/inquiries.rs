//! The life of an inquiry: creation, expiry, sessions, decisions, redaction, lists.

use data_encoding::BASE64URL_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Persona, TEMPLATE, new_inquiry, persona, persona_with, text};
use crate::persona_simulator::{Decision, SANDBOX_PERSON};

const DAY_S: u64 = 24 * 60 * 60;

async fn refused(persona: &Persona, path: &str, body: Value, status: u16) -> String {
    let answer = persona.call(Method::POST, path, body, status).await;
    assert!(answer["errors"][0]["title"].is_string(), "{answer}");
    text(&answer["errors"][0]["details"])
}

fn claims(token: &Value) -> Value {
    let token = text(token);
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&BASE64URL_NOPAD.decode(claims.as_bytes()).expect("base64")).expect("JSON")
}

#[tokio::test]
async fn creation_refuses_what_contradicts_itself() {
    let persona = persona().await;
    let with = |attributes: Value| json!({"data": {"attributes": attributes}});
    let cases = [
        (with(json!({})), 400, "data.attributes.inquiry-template-id is missing"),
        (with(json!({"inquiry-template-id": "itmpl_other"})), 404, "The inquiry template does not exist."),
        (with(json!({"template-id": "tmpl_old"})), 404, "The inquiry template does not exist."),
        (
            with(json!({"inquiry-template-id": TEMPLATE, "account-id": "act_1", "reference-id": "s_1"})),
            400,
            "data.attributes.account-id and a reference id exclude each other",
        ),
        (
            new_inquiry(json!({"auto-create-account": false, "auto-create-account-reference-id": "s_1"})),
            400,
            "meta.auto-create-account-reference-id needs meta.auto-create-account",
        ),
        (
            with(json!({"inquiry-template-id": TEMPLATE, "redirect-uri": "javascript:alert(1)"})),
            400,
            "data.attributes.redirect-uri must begin with https:// or http://",
        ),
        (
            new_inquiry(json!({"expiration-after-create-interval-seconds": 0})),
            400,
            "meta.expiration-after-create-interval-seconds must be a positive number of seconds",
        ),
    ];
    for (body, status, details) in cases {
        assert_eq!(refused(&persona, "/api/v1/inquiries", body, status).await, details);
    }
    assert_eq!(persona.state().await["inquiries"]["created"], 0);
}

#[tokio::test]
async fn a_reference_id_finds_its_account_whatever_its_case() {
    let persona = persona().await;
    let account = async |id: String| {
        persona.get(&format!("/api/v1/inquiries/{id}")).await["data"]["relationships"]["account"]["data"]["id"].clone()
    };
    let first = account(persona.create("s_abc").await).await;
    assert_eq!(account(persona.create("S_ABC").await).await, first);
    assert_ne!(account(persona.create("s_abd").await).await, first);
    let accountless = new_inquiry(json!({"auto-create-account": false}));
    let accountless = persona.call(Method::POST, "/api/v1/inquiries", accountless, 201).await;
    assert_eq!(accountless["data"]["relationships"]["account"], json!({"data": null}));
}

#[tokio::test]
async fn an_inquiry_expires_by_its_clock_and_can_be_resumed() {
    let persona = persona().await;
    let meta = json!({"auto-create-inquiry-session": true, "expiration-after-resume-interval-seconds": 600});
    let created = persona.call(Method::POST, "/api/v1/inquiries", new_inquiry(meta), 201).await;
    let id = text(&created["data"]["id"]);
    let path = format!("/api/v1/inquiries/{id}");

    persona.advance(DAY_S - 60).await;
    assert_eq!(persona.status(&id).await, "created");
    persona.advance(60).await;
    let expired = persona.get(&path).await;
    assert_eq!(expired["data"]["attributes"]["status"], "expired");
    assert!(expired["data"]["attributes"]["expired-at"].is_string());
    refused(&persona, &format!("{path}/generate-one-time-link"), json!({}), 409).await;

    let resumed = persona.post(&format!("{path}/resume"), json!({})).await;
    assert_eq!(resumed["data"]["attributes"]["status"], "pending");
    assert_ne!(resumed["meta"]["session-token"], created["meta"]["session-token"], "expiry ends sessions");
    persona.advance(600).await;
    assert_eq!(persona.status(&id).await, "expired", "a resumed inquiry has its own life");
}

#[tokio::test]
async fn a_scaled_clock_lets_a_day_pass_in_no_time() {
    // A day takes 86 ms. Nothing asks meanwhile: the expiry must come by itself.
    let persona = persona_with(1_000_000.0, Decision::None).await;
    persona.create("s_scaled").await;
    let state = persona.state_when(|state| state["inquiries"]["by_status"]["expired"] == 1).await;
    assert_eq!(state["events"], 3, "account and inquiry created, inquiry expired");
}

#[tokio::test]
async fn sessions_carry_the_documented_claims_and_are_reused_until_used() {
    let persona = persona().await;
    let created = new_inquiry(json!({"auto-create-inquiry-session": true}));
    let created = persona.call(Method::POST, "/api/v1/inquiries", created, 201).await;
    let id = text(&created["data"]["id"]);
    let resume = format!("/api/v1/inquiries/{id}/resume");
    let resumed = persona.post(&resume, json!({})).await;
    assert_eq!(resumed["data"]["attributes"]["status"], "created", "resuming does not start an inquiry");
    assert_eq!(resumed["meta"]["session-token"], created["meta"]["session-token"]);

    let claims = claims(&created["meta"]["session-token"]);
    let keys: Vec<&String> = claims.as_object().expect("claims").keys().collect();
    assert_eq!(keys, ["aud", "exp", "iat", "iss", "jti", "nbf", "sid", "sub"]);
    assert_eq!((&claims["aud"], &claims["sid"]), (&json!("persona-verify"), &claims["sub"]));
    assert!(text(&claims["sub"]).starts_with("iqse_"));
    let life_s = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(life_s, i64::try_from(DAY_S).expect("fits"));

    persona.simulate(&id, &["start_inquiry"]).await;
    let again = persona.post(&resume, json!({})).await;
    assert_ne!(again["meta"]["session-token"], created["meta"]["session-token"], "the first session is in use");
    assert_eq!(again["data"]["attributes"]["status"], "pending");
}

#[tokio::test]
async fn an_inquiry_has_at_most_25_sessions() {
    let persona = persona().await;
    let id = persona.create("s_sessions").await;
    let path = format!("/api/v1/inquiries/{id}");
    for _session in 0..25 {
        persona.post(&format!("{path}/resume"), json!({})).await;
        persona.post(&format!("{path}/expire"), json!({})).await;
    }
    let details = refused(&persona, &format!("{path}/resume"), json!({}), 409).await;
    assert!(details.contains("25"), "{details}");
    assert_eq!(persona.state().await["sessions"], 25);
}

#[tokio::test]
async fn illegal_moves_are_conflicts() {
    let persona = persona().await;
    let id = persona.create("s_moves").await;
    let path = format!("/api/v1/inquiries/{id}");
    persona.simulate(&id, &["start_inquiry", "complete_inquiry"]).await;
    persona.post(&format!("{path}/approve"), json!({"meta": {"comment": "seen"}})).await;
    for call in ["approve", "mark-for-review", "expire", "resume"] {
        let details = refused(&persona, &format!("{path}/{call}"), json!({}), 409).await;
        assert_eq!(details, "Inquiry already approved");
    }
    let declined = persona.post(&format!("{path}/decline"), json!({})).await;
    assert_eq!(declined["data"]["attributes"]["status"], "declined", "a reviewer may change their mind");
    assert_eq!(declined["data"]["attributes"]["reviewer-comment"], "seen");
    refused(&persona, "/api/v1/inquiries/inq_unknown/approve", json!({}), 404).await;
}

#[tokio::test]
async fn the_workflow_decides_as_it_is_set() {
    let persona = persona_with(1.0, Decision::ApproveOnCompletion { after_ms: 3_600_000 }).await;
    let id = persona.create("s_workflow").await;
    persona.simulate(&id, &["create_passed_verification", "create_passed_verification", "complete_inquiry"]).await;
    assert_eq!(persona.status(&id).await, "completed");
    persona.advance(3_600).await;
    let approved = persona.get(&format!("/api/v1/inquiries/{id}?include=verifications")).await;
    assert_eq!(approved["data"]["attributes"]["status"], "approved");
    assert_eq!(approved["data"]["relationships"]["reviewer"]["data"]["type"], "workflow-run");
    let kinds: Vec<&Value> =
        approved["included"].as_array().expect("included").iter().map(|each| &each["type"]).collect();
    assert_eq!(kinds, ["verification/government-id", "verification/selfie"]);

    let cases = [
        (json!({"approve_on_completion": {"after_ms": 0}}), "fail_inquiry", "declined"),
        (json!("review"), "complete_inquiry", "needs_review"),
        (json!("decline"), "complete_inquiry", "declined"),
        (json!("none"), "fail_inquiry", "failed"),
    ];
    for (decision, ended_by, status) in cases {
        persona.faults(json!({"decision": decision})).await;
        let id = persona.create("s_workflow").await;
        persona.simulate(&id, &["start_inquiry", ended_by]).await;
        assert_eq!(persona.status(&id).await, status, "{decision}");
    }
}

#[tokio::test]
async fn redaction_deletes_personal_data_everywhere_and_is_final() {
    let persona = persona().await;
    let id = persona.create("s_redacted").await;
    persona.simulate(&id, &["start_inquiry", "complete_inquiry"]).await;
    let path = format!("/api/v1/inquiries/{id}");
    let marker = SANDBOX_PERSON[3].value;
    assert!(persona.get(&path).await.to_string().contains(marker), "there is something to delete");
    assert!(persona.get("/api/v1/events").await.to_string().contains(marker));

    let redacted = persona.call(Method::DELETE, &path, json!({}), 200).await;
    assert!(redacted["data"]["attributes"]["redacted-at"].is_string());
    assert_eq!(redacted["data"]["attributes"]["status"], "completed");
    for body in [redacted, persona.get("/api/v1/events").await] {
        for field in SANDBOX_PERSON.iter().filter(|field| field.value.len() > 8) {
            assert!(!body.to_string().contains(field.value), "{} is still there", field.name);
        }
    }
    assert_eq!(refused(&persona, &format!("{path}/approve"), json!({}), 409).await, "Inquiry already redacted");
}

#[tokio::test]
async fn prefilled_fields_are_kept_but_for_the_name() {
    let persona = persona().await;
    let mut body = new_inquiry(json!({}));
    body["data"]["attributes"]["fields"] = json!({"name_first": "Zoe", "birthdate": "1990-01-02", "colour": "blue"});
    let created = persona.call(Method::POST, "/api/v1/inquiries", body, 201).await;
    let fields = &created["data"]["attributes"]["fields"];
    assert_eq!(fields["name-first"], json!({"type": "string", "value": "Zoe"}));
    assert_eq!(fields["phone-number"], json!({"type": "string", "value": null}));
    assert_eq!(fields["colour"], json!({"type": "string", "value": "blue"}));
    let id = text(&created["data"]["id"]);
    let completed = persona.simulate(&id, &["start_inquiry", "complete_inquiry"]).await;
    let fields = &completed["data"]["attributes"]["fields"];
    assert_eq!(fields["name-first"]["value"], "Alexander");
    assert_eq!(fields["birthdate"], json!({"type": "date", "value": "1990-01-02"}));
}

#[tokio::test]
async fn lists_filter_page_and_thin_out() {
    let persona = persona().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(persona.create(&format!("s_list_{number}")).await);
    }
    persona.simulate(&ids[1], &["start_inquiry"]).await;
    persona.simulate(&ids[2], &["start_inquiry", "approve_inquiry"]).await;
    let found = async |query: &str| {
        let listed = persona.get(&format!("/api/v1/inquiries?{query}")).await;
        let items = listed["data"].as_array().expect("a list").clone();
        let positions = items.iter().map(|item| ids.iter().position(|id| *id == item["id"]).expect("ours"));
        (positions.collect::<Vec<_>>(), listed)
    };
    assert_eq!(found("").await.0, [4, 3, 2, 1, 0]);
    assert_eq!(found("filter[status]=pending,approved").await.0, [2, 1]);
    assert_eq!(found("filter[reference-id]=S_LIST_3").await.0, [3]);
    assert_eq!(found(&format!("filter[inquiry-id]={},{}", ids[0], ids[4])).await.0, [4, 0]);
    assert_eq!(found(&format!("filter[inquiry-template-id]={TEMPLATE}&filter[status]=approved")).await.0, [2]);
    assert_eq!(found("filter[inquiry-template-id]=itmpl_other").await.0, [0; 0]);
    assert_eq!(found("filter[created-at-end]=2020-01-01T00:00:00Z").await.0, [0; 0]);
    assert_eq!(found("filter[created-at-start]=2020-01-01T00:00:00Z").await.0.len(), 5);

    let thin = found("filter[status]=approved&fields[inquiry]=status,reference-id").await.1;
    let expected =
        json!({"type": "inquiry", "id": ids[2], "attributes": {"status": "approved", "reference-id": "s_list_2"}});
    assert_eq!(thin["data"], json!([expected]), "no other attribute and no relationship");

    let (first, answer) = found("page[size]=2&filter[status]=created").await;
    assert_eq!(first, [4, 3]);
    let next = text(&answer["links"]["next"]);
    assert!(next.starts_with("/api/v1/inquiries?") && next.ends_with(&format!("page%5Bafter%5D={}", ids[3])), "{next}");
    let second = persona.get(&next).await;
    assert_eq!((&second["data"][0]["id"], &second["links"]["next"]), (&json!(ids[0]), &Value::Null));
    assert_eq!(persona.get(&text(&second["links"]["prev"])).await["data"], answer["data"]);

    let too_many = vec!["inq_x"; 101].join(",");
    for query in [
        format!("filter[inquiry-id]={too_many}"),
        "filter[note]=a&filter[status]=created".to_owned(),
        "filter[colour]=blue".to_owned(),
        "filter[status]=odd".to_owned(),
        "include=sessions".to_owned(),
    ] {
        persona.call(Method::GET, &format!("/api/v1/inquiries?{query}"), json!({}), 400).await;
    }
}
