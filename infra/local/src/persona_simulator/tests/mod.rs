//! The simulator, driven over HTTP as Persona's customers drive Persona.

mod accounts;
mod deliveries;
mod flow;
mod inquiries;
mod protocol;
mod shapes;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{Decision, Settings, serve};

const API_KEY: &str = "persona_sandbox_test-key";
const TEMPLATE: &str = "itmpl_test";
const TEMPLATE_VERSION: &str = "itmplv_test";
const WEBHOOK_SECRET: &str = "wbhsec_test-secret";

/// What most tests subscribe to: the events of inquiries and verifications.
const EVENTS: [&str; 12] = [
    "inquiry.created",
    "inquiry.started",
    "inquiry.completed",
    "inquiry.failed",
    "inquiry.expired",
    "inquiry.approved",
    "inquiry.declined",
    "inquiry.marked-for-review",
    "verification.created",
    "verification.submitted",
    "verification.passed",
    "verification.failed",
];

/// How long a test waits for something that must come. Never reached when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running simulator; it ends with this value.
struct Persona {
    base: String,
    client: reqwest::Client,
    _tasks: JoinSet<()>,
}

/// A simulator in real time whose workflow decides nothing.
async fn persona() -> Persona {
    persona_with(1.0, Decision::None).await
}

async fn persona_with(clock_scale: f64, decision: Decision) -> Persona {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let settings = Settings {
        api_key: API_KEY.to_owned(),
        template_id: TEMPLATE.to_owned(),
        template_version_id: TEMPLATE_VERSION.to_owned(),
        public_url: base.clone(),
        webhook_secret: Some(WEBHOOK_SECRET.to_owned()),
        clock_scale,
        decision,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { serve(listener, settings, std::future::pending()).await.expect("it serves") });
    Persona { base, client: reqwest::Client::builder().no_proxy().build().expect("a client"), _tasks: tasks }
}

impl Persona {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(API_KEY)
    }

    /// A call that must be answered with this status; returns the body.
    async fn call(&self, method: Method, path: &str, body: Value, status: u16) -> Value {
        body_of(self.request(method, path).json(&body).send().await.expect("an answer"), status).await
    }

    async fn get(&self, path: &str) -> Value {
        body_of(self.request(Method::GET, path).send().await.expect("an answer"), 200).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(Method::POST, path, body, 200).await
    }

    /// A new inquiry for this reference id; returns its id.
    async fn create(&self, reference_id: &str) -> String {
        let body = new_inquiry(json!({"auto-create-account-reference-id": reference_id}));
        text(&self.call(Method::POST, "/api/v1/inquiries", body, 201).await["data"]["id"])
    }

    /// A new inquiry that does not expire while a test moves the clock.
    async fn create_long_lived(&self) {
        let body = new_inquiry(json!({"expiration-after-create-interval-seconds": 1_000_000_000_u64}));
        self.call(Method::POST, "/api/v1/inquiries", body, 201).await;
    }

    /// Performs simulate actions, in order.
    async fn simulate(&self, inquiry: &str, actions: &[&str]) -> Value {
        let template = json!({"verification-template-id": "vtmpl_test"});
        let actions: Vec<Value> = actions.iter().map(|kind| json!({"type": kind, "data": template})).collect();
        let path = format!("/api/v1/inquiries/{inquiry}/perform-simulate-actions");
        self.post(&path, json!({"meta": {"simulate-actions": actions}})).await
    }

    async fn status(&self, inquiry: &str) -> String {
        text(&self.get(&format!("/api/v1/inquiries/{inquiry}")).await["data"]["attributes"]["status"])
    }

    async fn faults(&self, body: Value) {
        self.call(Method::POST, "/simulator/faults", body, 204).await;
    }

    async fn advance(&self, wait_s: u64) {
        self.call(Method::POST, "/simulator/clock", json!({"advance_s": wait_s}), 204).await;
    }

    async fn state(&self) -> Value {
        self.get("/simulator/state").await
    }

    /// Asks for the state until it is as wanted.
    async fn state_when(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let state = self.state().await;
                if wanted(&state) {
                    return state;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the state is reached")
    }

    /// Registers and enables a webhook for what happens to inquiries and verifications; returns its id.
    async fn webhook(&self, url: &str) -> String {
        self.webhook_for(url, &EVENTS).await
    }

    /// Registers and enables a webhook for these events; returns its id.
    async fn webhook_for(&self, url: &str, events: &[&str]) -> String {
        let body = json!({"data": {"attributes": {"url": url, "enabled-events": events}}});
        let created = self.call(Method::POST, "/api/v1/webhooks", body, 201).await;
        assert_eq!(created["data"]["attributes"]["status"], "disabled");
        let id = text(&created["data"]["id"]);
        self.post(&format!("/api/v1/webhooks/{id}/enable"), json!({})).await;
        id
    }
}

async fn body_of(response: Response, status: u16) -> Value {
    let found = response.status().as_u16();
    let text = response.text().await.expect("a body");
    assert_eq!(found, status, "{text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("a JSON body") }
}

fn new_inquiry(meta: Value) -> Value {
    json!({"data": {"attributes": {"inquiry-template-id": TEMPLATE}}, "meta": meta})
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// What a webhook's receiver got.
#[derive(Debug)]
struct Received {
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name} is missing")).to_str().expect("a text")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    fn name(&self) -> String {
        text(&self.json()["data"]["attributes"]["name"])
    }
}

/// A receiver of webhooks; it ends with this value.
struct Receiver {
    url: String,
    received: mpsc::UnboundedReceiver<Received>,
    _tasks: JoinSet<()>,
}

#[derive(Clone)]
struct ReceiverState {
    sender: mpsc::UnboundedSender<Received>,
    statuses: Arc<Mutex<VecDeque<u16>>>,
}

/// A receiver that answers with these statuses, then with 200.
async fn receiver(statuses: &[u16]) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, received) = mpsc::unbounded_channel();
    let statuses = Arc::new(Mutex::new(statuses.iter().copied().collect()));
    let router = Router::new().fallback(receive).with_state(ReceiverState { sender, statuses });
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    Receiver { url, received, _tasks: tasks }
}

async fn receive(State(state): State<ReceiverState>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // The test may have what it wanted and be gone.
    let _gone = state.sender.send(Received { headers, body });
    let status = state.statuses.lock().expect("a lock").pop_front().unwrap_or(200);
    StatusCode::from_u16(status).expect("a status")
}

impl Receiver {
    async fn next(&mut self) -> Received {
        tokio::time::timeout(PATIENCE, self.received.recv()).await.expect("a delivery").expect("a receiver")
    }
}
