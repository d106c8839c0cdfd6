//! The end user's side: the pages that Persona's browser SDK opens in an iframe (`/widget`) and that one-time links lead
//! to (`/verify`), and the calls that they make.
//!
//! The pages speak the messages of the official SDK (npm `persona`), which opens them through its `customHost` option.
//! They need neither an API key nor a network beyond this machine. No picture is taken: an end user of the sandbox
//! chooses whether what they would show holds.
//!
//! Chosen here, since it is not public: the form of the calls. Inquiries cannot be created from a browser, which a
//! template's "Security" page can forbid at Persona too.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Simulator;
use super::verification::Progress;
use super::visit::{Action, Refusal, Ticket, Visit};

const PAGE: &str = include_str!("flow/page.html");
const SCRIPT: &str = include_str!("flow/flow.js");
const STYLES: &str = include_str!("flow/flow.css");
const ARROW: &str = include_str!("flow/arrow.svg");

/// What a page may load and call: what comes from the simulator itself, no inline script and no inline style.
const OWN_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                        base-uri 'none'; form-action 'none'";

/// Who may embed the widget. In the sandbox Persona lets `localhost` in by default, on any port.
const EMBEDDERS: &str = "frame-ancestors http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:*";

/// `GET /widget`: the flow inside another page.
pub(super) async fn widget() -> Response {
    asset("text/html; charset=utf-8", &format!("{OWN_ONLY}; {EMBEDDERS}"), PAGE)
}

/// `GET /verify`: the flow as a page of its own, which nobody may embed.
pub(super) async fn verify() -> Response {
    asset("text/html; charset=utf-8", &format!("{OWN_ONLY}; frame-ancestors 'none'"), PAGE)
}

/// `GET /preload`: what the SDK loads to warm the browser's cache. It shows nothing and says nothing.
pub(super) async fn preload() -> Response {
    let page = "<!doctype html><html lang=\"en\"><title>Preload</title>\
                <link rel=\"stylesheet\" href=\"flow/flow.css\"></html>\n";
    asset("text/html; charset=utf-8", &format!("{OWN_ONLY}; {EMBEDDERS}"), page)
}

/// `GET /flow/flow.js`
pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", OWN_ONLY, SCRIPT)
}

/// `GET /flow/flow.css`
pub(super) async fn styles() -> Response {
    asset("text/css; charset=utf-8", OWN_ONLY, STYLES)
}

/// `GET /flow/arrow.svg`
pub(super) async fn arrow() -> Response {
    asset("image/svg+xml", OWN_ONLY, ARROW)
}

/// The body of `POST /flow/enter`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnterBody {
    inquiry_id: Option<String>,
    session_token: Option<String>,
    code: Option<String>,
}

/// The body of `POST /flow/act`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ActBody {
    inquiry_id: String,
    session_token: String,
    action: ActionBody,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ActionBody {
    Country(String),
    Document(String),
    GovernmentId(SwitchBody),
    Selfie(SwitchBody),
}

/// The sandbox's switch.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SwitchBody {
    Pass,
    Fail,
}

/// `POST /flow/enter`: lets an end user in; answers what the page shows.
pub(super) async fn enter(State(simulator): State<Arc<Simulator>>, body: Bytes) -> Result<Response, Problem> {
    let body: EnterBody = serde_json::from_slice(&body).map_err(|_unreadable| Problem::InvalidConfig)?;
    let ticket = match (body.inquiry_id, body.session_token, body.code) {
        (Some(id), token, None) => Ticket::Inquiry { id, token },
        (None, None, Some(code)) => Ticket::Code(code),
        (None | Some(_), _, _) => return Err(Problem::InvalidConfig),
    };
    let visit = simulator.world().enter(ticket)?;
    shown(&simulator, &visit)
}

/// `POST /flow/act`: does what the end user did; answers what the page shows then.
pub(super) async fn act(State(simulator): State<Arc<Simulator>>, body: Bytes) -> Result<Response, Problem> {
    let body: ActBody = serde_json::from_slice(&body).map_err(|_unreadable| Problem::InvalidConfig)?;
    let visit = Visit { inquiry_id: body.inquiry_id, token: body.session_token };
    let end = |switch| match switch {
        SwitchBody::Pass => Progress::Passed,
        SwitchBody::Fail => Progress::Failed,
    };
    let action = match body.action {
        ActionBody::Country(code) => Action::Country(code),
        ActionBody::Document(code) => Action::Document(code),
        ActionBody::GovernmentId(switch) => Action::GovernmentId(end(switch)),
        ActionBody::Selfie(switch) => Action::Selfie(end(switch)),
    };
    simulator.world().act(&visit, action)?;
    shown(&simulator, &visit)
}

fn shown(simulator: &Simulator, visit: &Visit) -> Result<Response, Problem> {
    let state = simulator.world().page_state(visit)?;
    simulator.changed.notify_one();
    Ok(private(StatusCode::OK, state))
}

/// Why a page does not go on, in the words of the SDK's `onError`: a status and a code.
#[derive(Debug)]
pub(super) enum Problem {
    /// The page was opened with parameters that do not belong together.
    InvalidConfig,
    /// The inquiry does not let the end user further.
    Refused(Refusal),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::InvalidConfig => (400, "invalid_config", "This link is not complete."),
            Self::Refused(Refusal::Gone) => (400, "invalid_config", "This verification does not exist any more."),
            Self::Refused(Refusal::Unauthenticated) => (409, "unauthenticated", "This session has expired."),
            Self::Refused(Refusal::LinkOver) => (409, "unauthenticated", "This link was used before, or is too old."),
            Self::Refused(Refusal::TooManySessions) => {
                (409, "unauthenticated", "This verification was opened too often.")
            }
            Self::Refused(Refusal::NotNow) => (409, "application_error", "This step is not the present one."),
            Self::Refused(Refusal::NoSuchChoice) => (422, "application_error", "This document is not accepted."),
        };
        let http_status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        private(http_status, json!({"error": {"status": status, "code": code, "message": message}}))
    }
}

/// An answer that holds a session's token and is kept nowhere.
fn private(status: StatusCode, body: Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

fn asset(content_type: &'static str, policy: &str, text: &'static str) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, policy),
        // The address holds the session's token.
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
