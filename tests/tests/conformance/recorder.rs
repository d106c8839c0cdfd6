//! Stands between a client and the simulator, and writes down what passes.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) form: String,
    pub(crate) headers: HeaderMap,
    pub(crate) status: u16,
    pub(crate) answer_headers: HeaderMap,
    pub(crate) answer: Vec<u8>,
}

/// A running recorder; it ends with its value.
pub(crate) struct Recorder {
    /// Where it listens.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Exchange>>>,
    _server: JoinSet<()>,
}

impl Recorder {
    /// Starts one in front of `target`.
    pub(crate) async fn start(target: &str) -> Self {
        let seen: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let (kept, target) = (Arc::clone(&seen), target.to_owned());
        let http = Client::builder().no_proxy().build().expect("a client");
        let pass = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let (kept, target, http) = (Arc::clone(&kept), target.clone(), http.clone());
            async move {
                let (exchange, response) = forward(&http, &target, method, uri, headers, body).await;
                // The simulator's own routes are no requests to Twilio.
                if !exchange.path.starts_with("/simulator/") {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
                }
                response
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port has an address"));
        let mut server = JoinSet::new();
        let router = Router::new().fallback(pass);
        server.spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, seen, _server: server }
    }

    /// What passed so far.
    pub(crate) fn seen(&self) -> Vec<Exchange> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn forward(
    http: &Client,
    target: &str,
    method: Method,
    uri: Uri,
    mut headers: HeaderMap,
    body: Bytes,
) -> (Exchange, Response) {
    let form = String::from_utf8_lossy(&body).into_owned();
    let recorded = headers.clone();
    headers.remove(CONTENT_LENGTH);
    let request = http.request(method.clone(), format!("{target}{uri}")).headers(headers).body(body);
    let answered = request.send().await.expect("the simulator answers");
    let (status, mut answer_headers) = (answered.status(), answered.headers().clone());
    let answer = answered.bytes().await.expect("a whole answer").to_vec();
    answer_headers.remove(TRANSFER_ENCODING);
    let mut response = Response::new(Body::from(answer.clone()));
    *response.status_mut() = status;
    *response.headers_mut() = answer_headers.clone();
    let exchange = Exchange {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        form,
        headers: recorded,
        status: StatusCode::as_u16(&status),
        answer_headers,
        answer,
    };
    (exchange, response)
}
