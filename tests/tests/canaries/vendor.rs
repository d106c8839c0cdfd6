//! A server that answers as Persona and Twilio do and puts every marker into whatever it says: good answers, refusals
//! that echo, and nonsense.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::markers::{ONE_TIME_LINK, SESSION_TOKEN, fields, members};

/// How the vendors answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As they should.
    Good,
    /// With this status and an error that echoes what it knows of the person.
    Refuses(u16),
    /// With JSON that is none of theirs.
    Strange,
    /// With no JSON at all.
    Nonsense,
}

/// The moods that are gone through.
pub(crate) const MOODS: [Mood; 10] = [
    Mood::Good,
    Mood::Refuses(400),
    Mood::Refuses(401),
    Mood::Refuses(404),
    Mood::Refuses(409),
    Mood::Refuses(422),
    Mood::Refuses(429),
    Mood::Refuses(500),
    Mood::Strange,
    Mood::Nonsense,
];

/// The server; ends with its runtime.
#[derive(Clone)]
pub(crate) struct Vendor {
    mood: Arc<Mutex<Mood>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Where it is.
    pub(crate) url: String,
}

impl Vendor {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let vendor = Self { mood: Arc::new(Mutex::new(Mood::Good)), asked: Arc::default(), url };
        let router = Router::new().fallback(answer).with_state(vendor.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        vendor
    }

    /// How it answers from now on.
    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap_or_else(PoisonError::into_inner) = mood;
    }

    /// Every request line that it got.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(vendor): State<Vendor>, method: Method, uri: Uri, body: Bytes) -> Response {
    vendor.asked.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{method} {uri}"));
    let mood = *vendor.mood.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, text) = match mood {
        Mood::Good => good(&method, &uri, &String::from_utf8_lossy(&body)),
        Mood::Refuses(status) => {
            let told = Value::Object(members()).to_string();
            let error = json!({
                "errors": [{"title": "Bad Request", "details": told, "source": members()}],
                "code": 60200, "message": told, "more_info": told, "status": status,
            });
            (status, error.to_string())
        }
        Mood::Strange => (200, json!({"data": members(), "meta": fields(), "sid": members()}).to_string()),
        Mood::Nonsense => (200, format!("<html>{}</html>", Value::Object(members()))),
    };
    let status = StatusCode::from_u16(status).expect("is a status");
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// What they should say, and everything else that they know.
fn good(method: &Method, uri: &Uri, body: &str) -> (u16, String) {
    let path = uri.path();
    let told = members();
    if let Some(rest) = path.strip_prefix("/api/v1/inquiries") {
        let mut meta = json!({
            "session-token": SESSION_TOKEN, "one-time-link": ONE_TIME_LINK, "one-time-link-short": ONE_TIME_LINK,
        });
        // Persona tells a resumed session's link only where it is asked for ("Resume an Inquiry").
        if path.ends_with("/resume") {
            meta = json!({"session-token": SESSION_TOKEN});
        }
        let id = rest.trim_start_matches('/').split('/').next().filter(|id| !id.is_empty()).unwrap_or("inq_1");
        if *method == Method::GET && rest.is_empty() {
            let asked = uri.query().unwrap_or_default().split('&');
            let ids = asked.filter_map(|part| part.strip_prefix("filter%5Binquiry-id%5D=")).next().unwrap_or_default();
            let listed: Vec<Value> = ids.split("%2C").map(|id| inquiry(id, "pending")).collect();
            return (200, json!({"data": listed, "included": [fields()], "links": {"next": null}}).to_string());
        }
        let status = if *method == Method::POST && rest.is_empty() { 201 } else { 200 };
        return (status, json!({"data": inquiry(id, "created"), "meta": meta, "included": [fields()]}).to_string());
    }
    if path.starts_with("/api/v1/accounts") {
        let account = json!({"type": "account", "id": "act_1", "attributes": told});
        let data = if *method == Method::GET { json!([account]) } else { account };
        return (200, json!({"data": data, "included": [fields()]}).to_string());
    }
    let mut answer = json!({
        "sid": "VE00000000000000000000000000000001", "status": "pending", "valid": true, "to": "+12125550100",
        "send_code_attempts": [told], "sna": told, "lookup": told, "amount": null,
        "incoming_phone_numbers": [], "available_phone_numbers": [], "message": told.get("error-echo"),
        "line_type_intelligence": {"type": "mobile", "error_code": null, "carrier_name": told},
        "sms_pumping_risk": {"sms_pumping_risk_score": 3, "number_blocked": false, "error_code": null, "more": told},
        "caller_name": told, "identity_match": {"first_name_match": "exact_match", "last_name_match": "exact_match"},
    });
    if path.ends_with("/IncomingPhoneNumbers.json") && *method == Method::POST {
        answer["code"] = json!(21422);
        return (400, answer.to_string());
    }
    if path.ends_with("/VerificationCheck") {
        answer["status"] = json!(if body.contains("0000") { "approved" } else { "pending" });
    }
    (if *method == Method::POST { 201 } else { 200 }, answer.to_string())
}

fn inquiry(id: &str, status: &str) -> Value {
    let mut attributes = members();
    attributes.insert("status".to_owned(), json!(status));
    attributes.insert("decisioned-at".to_owned(), Value::Null);
    attributes.insert("updated-at".to_owned(), json!("2026-11-22T12:00:00.000Z"));
    attributes.insert("fields".to_owned(), fields());
    json!({"type": "inquiry", "id": id, "attributes": attributes, "relationships": {"account": {"data": members()}}})
}
