//! A server that gives every request the same answer, and remembers what was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::servers::{Server, listener};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method, path and query.
    pub(crate) line: String,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: String,
}

impl Seen {
    /// A header's value; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A running server and what it saw.
pub(crate) struct Canned {
    /// The server.
    pub(crate) server: Server,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) struct Can {
    /// The status.
    pub(crate) status: u16,
    /// A header.
    pub(crate) header: (&'static str, String),
    /// The body.
    pub(crate) body: String,
}

impl Can {
    /// A JSON answer.
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self { status, header: ("content-type", "application/json".to_owned()), body: body.into() }
    }
}

impl Canned {
    /// Starts a server that answers so.
    pub(crate) async fn start(can: Can) -> Self {
        Self::in_turn(vec![can]).await
    }

    /// Starts a server that gives these answers in turn, and the last one from then on.
    pub(crate) async fn in_turn(cans: Vec<Can>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let answer = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let body = String::from_utf8_lossy(&body).into_owned();
            let mut kept = kept.lock().expect("a lock");
            let can = cans.get(kept.len()).or(cans.last()).expect("there is an answer").clone();
            kept.push(Seen { line: format!("{method} {uri}"), headers, body });
            async move { respond(&can) }
        };
        let (listener, url) = listener().await;
        let router = Router::new().fallback(answer);
        let server = Server::running(url, async move { axum::serve(listener, router).await.expect("it serves") });
        Self { server, seen }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("a lock").clone()
    }
}

fn respond(can: &Can) -> Response {
    let status = StatusCode::from_u16(can.status).expect("is a status");
    let (name, value) = &can.header;
    (status, [(*name, value.clone())], Body::from(can.body.clone())).into_response()
}
