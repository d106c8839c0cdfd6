//! Webhooks: what is sent, how it is signed, how often it is tried.

use aws_lc_rs::hmac;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Received, WEBHOOK_SECRET, persona, persona_with, receiver, text};
use crate::persona_simulator::{Decision, SANDBOX_PERSON};

/// Seconds from the first attempt to each (docs.withpersona.com/webhooks).
const SCHEDULE_S: [u64; 8] = [0, 3, 67, 796, 4_892, 20_517, 67_173, 184_822];

/// How many of the signature's sets were made with this secret, by Persona's documented rule.
fn sets_signed_with(received: &Received, secret: &str) -> usize {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let is_ours = |set: &&str| {
        let (t, v1) = set.split_once(",v1=").expect("t and v1");
        let message = [t.strip_prefix("t=").expect("t").as_bytes(), b".", &received.body].concat();
        hmac::verify(&key, &message, &hex::decode(v1).expect("hex")).is_ok()
    };
    received.header("persona-signature").split(' ').filter(is_ours).count()
}

fn states(state: &Value) -> Vec<&str> {
    state["deliveries"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| each["state"].as_str().expect("a state"))
        .collect()
}

#[tokio::test]
async fn deliveries_are_signed_and_carry_the_person() {
    let persona = persona_with(1.0, Decision::ApproveOnCompletion { after_ms: 0 }).await;
    let mut receiver = receiver(&[]).await;
    persona.webhook(&receiver.url).await;
    let id = persona.create("s_signed").await;
    let created = receiver.next().await;
    assert_eq!(created.name(), "inquiry.created");
    assert_eq!(created.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(created.header("persona-webhook-attempts-made"), "1");
    assert_eq!(created.header("persona-webhook-attempts-left"), "7");
    assert_eq!(sets_signed_with(&created, WEBHOOK_SECRET), 1);
    assert_eq!(sets_signed_with(&created, "wbhsec_other"), 0);

    persona.simulate(&id, &["create_passed_verification", "complete_inquiry"]).await;
    let mut rest = Vec::new();
    for _event in 0..6 {
        rest.push(receiver.next().await);
    }
    rest.sort_by_key(|event| text(&event.json()["data"]["attributes"]["created-at"]));
    let names: Vec<String> = rest.iter().map(Received::name).collect();
    let expected = [
        "inquiry.started",
        "verification.created",
        "verification.submitted",
        "verification.passed",
        "inquiry.completed",
        "inquiry.approved",
    ];
    assert_eq!(names, expected);
    let approved = rest[5].json();
    for field in SANDBOX_PERSON {
        let found = &approved["data"]["attributes"]["payload"]["data"]["attributes"]["fields"][field.name];
        assert_eq!(found, &json!({"type": field.kind, "value": field.value}));
    }
}

#[tokio::test]
async fn failures_are_tried_eight_times_at_the_documented_instants() {
    let persona = persona().await;
    // A redirect and an unusual success are failures too.
    let mut receiver = receiver(&[500, 302, 206, 404, 500, 503, 401, 500]).await;
    persona.webhook(&receiver.url).await;
    persona.create_long_lived().await;
    let first_attempted_at = receiver.next().await.header("persona-webhook-first-attempted-at").to_owned();
    for made in 1..8 {
        let state =
            persona.state_when(|state| state["deliveries"][0]["attempts"].as_array().map(Vec::len) == Some(made)).await;
        let delivery = &state["deliveries"][0];
        let first_ms = delivery["first_attempted_at_ms"].as_u64().expect("ms");
        let next_ms = delivery["next_attempt_at_ms"].as_u64().expect("ms");
        assert_eq!(next_ms - first_ms, SCHEDULE_S[made] * 1_000, "attempt {}", made + 1);
        persona.advance(SCHEDULE_S[made] - SCHEDULE_S[made - 1]).await;
        let attempt = receiver.next().await;
        assert_eq!(attempt.header("persona-webhook-attempts-made"), (made + 1).to_string());
        assert_eq!(attempt.header("persona-webhook-attempts-left"), (7 - made).to_string());
        assert_eq!(attempt.header("persona-webhook-first-attempted-at"), first_attempted_at);
        assert_eq!(sets_signed_with(&attempt, WEBHOOK_SECRET), 1);
    }
    let state = persona.state_when(|state| states(state) == ["exhausted"]).await;
    assert_eq!(state["deliveries"][0]["attempts"], json!([500, 302, 206, 404, 500, 503, 401, 500]));
}

#[tokio::test]
async fn a_scaled_clock_runs_the_whole_schedule_by_itself() {
    // Two days take 185 ms.
    let persona = persona_with(1_000_000.0, Decision::None).await;
    let mut receiver = receiver(&[500; 7]).await;
    persona.webhook(&receiver.url).await;
    persona.create_long_lived().await;
    for made in 1..=8 {
        assert_eq!(receiver.next().await.header("persona-webhook-attempts-made"), made.to_string());
    }
    persona.state_when(|state| states(state) == ["succeeded"]).await;
}

#[tokio::test]
async fn during_a_rotation_both_secrets_sign() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    let id = persona.webhook(&receiver.url).await;
    let rotation = json!({"meta": {"expires-in-seconds": 7_200}});
    let rotated = persona.post(&format!("/api/v1/webhooks/{id}/rotate-secret"), rotation).await;
    let new_secret = text(&rotated["data"]["attributes"]["secret"]);
    assert_ne!(new_secret, WEBHOOK_SECRET);

    persona.create("s_rotation").await;
    let both = receiver.next().await;
    assert_eq!(both.header("persona-signature").split(' ').count(), 2);
    assert_eq!((sets_signed_with(&both, &new_secret), sets_signed_with(&both, WEBHOOK_SECRET)), (1, 1));

    persona.advance(7_200).await;
    persona.create("s_rotation").await;
    let new_only = receiver.next().await;
    assert_eq!(new_only.header("persona-signature").split(' ').count(), 1);
    assert_eq!(sets_signed_with(&new_only, &new_secret), 1);
}

#[tokio::test]
async fn a_repeated_attempt_can_carry_its_first_time() {
    let persona = persona().await;
    persona.faults(json!({"signature_time": "first_attempt"})).await;
    let mut receiver = receiver(&[500, 500]).await;
    persona.webhook(&receiver.url).await;
    persona.create("s_stale").await;
    let signed_at_s = |received: &Received| -> i64 {
        let signature = received.header("persona-signature").strip_prefix("t=").expect("t");
        signature.split_once(',').expect("v1").0.parse().expect("seconds")
    };
    let first_s = signed_at_s(&receiver.next().await);
    persona.state_when(|state| states(state) == ["waiting"]).await;
    persona.advance(3).await;
    receiver.next().await;
    persona.state_when(|state| states(state) == ["waiting"]).await;
    persona.advance(64).await;
    let third_s = signed_at_s(&receiver.next().await);
    // The machine's clock went on by the test's own duration only.
    assert!((first_s - 67..first_s - 57).contains(&third_s), "{first_s} {third_s}");
}

#[tokio::test]
async fn disabling_cancels_what_waits() {
    let persona = persona().await;
    let mut receiver = receiver(&[500]).await;
    let id = persona.webhook(&receiver.url).await;
    persona.create("s_disabled").await;
    receiver.next().await;
    persona.state_when(|state| states(state) == ["waiting"]).await;
    persona.post(&format!("/api/v1/webhooks/{id}/disable"), json!({})).await;
    assert_eq!(states(&persona.state().await), ["cancelled"]);
    persona.create("s_disabled").await;
    persona.post(&format!("/api/v1/webhooks/{id}/enable"), json!({})).await;
    persona.advance(200_000).await;
    // What was cancelled, and what happened while it was disabled, never comes; the next event does. Both inquiries
    // expired when the clock moved.
    for _event in 0..2 {
        assert_eq!(receiver.next().await.name(), "inquiry.expired");
    }
    assert_eq!(states(&persona.state().await)[0], "cancelled");
}

#[tokio::test]
async fn deliveries_can_be_held_reversed_doubled_and_lost() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    persona.webhook(&receiver.url).await;
    persona.faults(json!({"webhooks": "hold", "webhook_copies": 2})).await;
    let id = persona.create("s_faults").await;
    persona.simulate(&id, &["start_inquiry"]).await;
    assert_eq!(states(&persona.state().await), ["waiting"; 4]);
    persona.faults(json!({"webhooks": "deliver_reversed", "webhook_copies": 1})).await;
    let mut names = Vec::new();
    for _delivery in 0..4 {
        names.push(receiver.next().await.name());
    }
    assert_eq!(names, ["inquiry.started", "inquiry.started", "inquiry.created", "inquiry.created"]);

    persona.faults(json!({"webhooks": "drop"})).await;
    persona.simulate(&id, &["complete_inquiry"]).await;
    persona.faults(json!({"webhooks": "deliver"})).await;
    persona.post(&format!("/api/v1/inquiries/{id}/approve"), json!({})).await;
    assert_eq!(receiver.next().await.name(), "inquiry.approved");
    assert_eq!(states(&persona.state().await)[4], "dropped");
    let newest = persona.get("/api/v1/events?page[size]=2").await;
    assert_eq!(newest["data"][1]["attributes"]["name"], "inquiry.completed", "a lost event is still in the log");
}

#[tokio::test]
async fn a_webhook_has_its_own_events_version_and_casing() {
    let persona = persona().await;
    let mut receiver = receiver(&[]).await;
    let id = persona.webhook(&receiver.url).await;
    let change = json!({"data": {"attributes": {
        "enabled-events": ["inquiry.approved"], "api-version": "2023-01-05", "api-key-inflection": "camel"
    }}});
    persona.call(Method::PATCH, &format!("/api/v1/webhooks/{id}"), change, 200).await;
    let inquiry = persona.create("s_own").await;
    persona.post(&format!("/api/v1/inquiries/{inquiry}/approve"), json!({})).await;
    let approved = receiver.next().await;
    assert_eq!(approved.name(), "inquiry.approved");
    let payload = &approved.json()["data"]["attributes"]["payload"];
    assert_eq!(payload["data"]["attributes"]["nameFirst"], "Alexander");
    assert!(payload["included"].is_array());
    assert_eq!(persona.state().await["deliveries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_receiver_that_takes_five_seconds_has_failed() {
    let persona = persona().await;
    // The kernel accepts the connection; nobody ever answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let began = std::time::Instant::now();
    persona.webhook(&format!("http://{}", listener.local_addr().expect("an address"))).await;
    persona.create("s_slow").await;
    persona.state_when(|state| state["deliveries"][0]["attempts"][0] == "timeout").await;
    assert!(began.elapsed().as_secs() >= 5);
}
