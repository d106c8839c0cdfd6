//! What every call has in common: key, headers, limits, idempotency, faults.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PATIENCE, body_of, new_inquiry, persona};
use crate::persona_simulator::{Decision, Settings, serve};

#[tokio::test]
async fn only_the_api_key_opens_the_api() {
    let persona = persona().await;
    let url = format!("{}/api/v1/inquiries", persona.base);
    for request in [persona.client.get(&url), persona.client.get(&url).bearer_auth("persona_sandbox_other")] {
        let answer = request.send().await.expect("an answer");
        assert!(answer.headers()["request-id"].to_str().expect("a text").starts_with("req_"));
        assert_eq!(body_of(answer, 401).await["errors"][0]["title"], "Unauthorized");
    }
    persona.call(Method::PUT, "/api/v1/inquiries", json!({}), 404).await;
    persona.call(Method::GET, "/api/v1/nothing", json!({}), 404).await;
    let bad = persona.request(Method::GET, "/api/v1/inquiries").header("Persona-Version", "2024-02-05");
    body_of(bad.send().await.expect("an answer"), 400).await;
}

#[tokio::test]
async fn over_the_rate_limit_is_429_until_the_window_ends() {
    let persona = persona().await;
    persona.faults(json!({"rate_limit": 2})).await;
    let mut remaining = Vec::new();
    for status in [200, 200, 429] {
        let answer = persona.request(Method::GET, "/api/v1/inquiries").send().await.expect("an answer");
        assert_eq!(answer.headers()["ratelimit-limit"], "2");
        remaining.push(answer.headers()["ratelimit-remaining"].to_str().expect("a number").to_owned());
        let reset_s: u32 = answer.headers()["ratelimit-reset"].to_str().expect("a number").parse().expect("seconds");
        assert!((1..=60).contains(&reset_s));
        body_of(answer, status).await;
    }
    assert_eq!(remaining, ["1", "0", "0"]);
    persona.advance(60).await;
    persona.get("/api/v1/inquiries").await;
}

#[tokio::test]
async fn an_idempotency_key_replays_the_first_answer_for_a_day() {
    let persona = persona().await;
    let create = async |key: &str, body: &Value, status: u16| {
        let request = persona.request(Method::POST, "/api/v1/inquiries").header("Idempotency-Key", key).json(body);
        body_of(request.send().await.expect("an answer"), status).await
    };
    let body = new_inquiry(json!({"auto-create-inquiry-session": true}));
    let first = create("key-1", &body, 201).await;
    assert_eq!(create("key-1", &body, 201).await, first);
    assert_eq!(persona.state().await["inquiries"]["created"], 1);
    assert_eq!(persona.state().await["replays"], 1);

    let refused = create("key-1", &new_inquiry(json!({})), 400).await;
    assert!(refused["errors"][0]["details"].as_str().expect("details").contains("same parameters"), "{refused}");

    persona.faults(json!({"next": [{"match": "POST /api/v1/inquiries", "status": 503}]})).await;
    create("key-2", &body, 503).await;
    create("key-2", &body, 503).await;
    assert_eq!(persona.state().await["inquiries"]["created"], 1, "a kept failure stays one");
    create("key-3", &body, 201).await;

    persona.faults(json!({"next": [{"status": 429}]})).await;
    create("key-4", &body, 429).await;
    create("key-4", &body, 201).await;

    persona.advance(24 * 60 * 60).await;
    assert_ne!(create("key-1", &body, 201).await["data"]["id"], first["data"]["id"], "forgotten after a day");
}

#[tokio::test]
async fn dropped_connections_bring_no_answer_and_say_whether_the_work_was_done() {
    let persona = persona().await;
    let body = new_inquiry(json!({}));
    persona.faults(json!({"next": [{"drop": "before"}, {"match": "POST /api/v1/inquiries", "drop": "after"}]})).await;
    for created in [0, 1] {
        let request = persona.request(Method::POST, "/api/v1/inquiries").header("Idempotency-Key", "key").json(&body);
        let error = request.send().await.expect_err("no answer");
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        assert_eq!(persona.state().await["inquiries"]["created"], created);
    }
    let request = persona.request(Method::POST, "/api/v1/inquiries").header("Idempotency-Key", "key").json(&body);
    body_of(request.send().await.expect("an answer"), 201).await;
    assert_eq!(persona.state().await["inquiries"]["created"], 1, "the kept answer of the dropped call");
    assert_eq!(persona.state().await["requests"]["POST /api/v1/inquiries"], 3);
}

#[tokio::test]
async fn a_delayed_answer_has_done_its_work() {
    let persona = persona().await;
    persona.faults(json!({"next": [{"match": "POST /api/v1/inquiries", "delay_ms": 600_000}]})).await;
    let call = persona.request(Method::POST, "/api/v1/inquiries").json(&new_inquiry(json!({}))).send();
    let done = persona.state_when(|state| state["inquiries"]["created"] == 1);
    tokio::select! {
        answer = call => panic!("answered without delay: {answer:?}"),
        _state = done => {}
    }
}

#[tokio::test]
async fn a_reset_keeps_webhooks_and_forgets_the_rest() {
    let persona = persona().await;
    let webhook = persona.webhook("http://127.0.0.1:9/nobody").await;
    persona.create("s_reset").await;
    persona.faults(json!({"rate_limit": 1, "next": [{"status": 500}]})).await;
    persona.call(Method::POST, "/simulator/reset", json!({}), 204).await;
    let state = persona.state().await;
    for count in [&state["inquiries"]["created"], &state["events"], &state["planned_faults"]] {
        assert_eq!(count, &json!(0), "{state}");
    }
    assert_eq!(persona.get("/api/v1/webhooks").await["data"][0]["id"], webhook.as_str());
    persona.call(Method::POST, "/simulator/faults", json!({"colour": "blue"}), 400).await;
    persona.call(Method::POST, "/simulator/faults", json!({"next": [{}]}), 400).await;
}

#[tokio::test]
async fn a_clock_that_cannot_run_is_refused() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let settings = Settings {
        api_key: String::new(),
        template_id: String::new(),
        template_version_id: String::new(),
        public_url: String::new(),
        webhook_secret: None,
        clock_scale: 0.0,
        decision: Decision::None,
    };
    let error = serve(listener, settings, async {}).await.expect_err("refused");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn it_ends_when_told_to_also_with_an_open_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/simulator/state", listener.local_addr().expect("an address"));
    let settings = Settings {
        api_key: String::new(),
        template_id: String::new(),
        template_version_id: String::new(),
        public_url: String::new(),
        webhook_secret: None,
        clock_scale: 1.0,
        decision: Decision::None,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, settings, async move { stopped.await.unwrap_or_default() }));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    body_of(client.get(&url).send().await.expect("an answer"), 200).await;
    stop.send(()).expect("it runs");
    tokio::time::timeout(PATIENCE, server).await.expect("it ends").expect("no panic").expect("no error");
}
