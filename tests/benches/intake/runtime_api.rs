//! Lambda's Runtime API on loopback (Lambda's developer guide, "Using the Lambda runtime API for custom runtimes"): hands
//! events to whichever sandbox asks next, one at a time to each, and notes when its answer came.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};

/// Largest answer of a function, in bytes (Lambda, "Quotas": 6 MB).
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What became of one event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    /// From its arrival to the function's answer, waiting for a sandbox included.
    pub(crate) took: Duration,
    /// The status that the function answered with; 0 when it failed.
    pub(crate) status: u64,
}

struct Work {
    event: String,
    arrived: Instant,
    done: oneshot::Sender<Done>,
}

/// Each event that was handed out, by its number: since when, and who waits for its answer.
type Running = HashMap<u64, (Instant, oneshot::Sender<Done>)>;

/// The API; ends with its runtime.
#[derive(Clone)]
pub(crate) struct RuntimeApi {
    /// Host and port.
    pub(crate) address: String,
    waiting: mpsc::UnboundedSender<Work>,
    next: Arc<AsyncMutex<mpsc::UnboundedReceiver<Work>>>,
    running: Arc<Mutex<Running>>,
    ids: Arc<AtomicU64>,
}

impl RuntimeApi {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port has an address").to_string();
        let (waiting, next) = mpsc::unbounded_channel();
        let api = Self {
            address,
            waiting,
            next: Arc::new(AsyncMutex::new(next)),
            running: Arc::default(),
            ids: Arc::default(),
        };
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .layer(DefaultBodyLimit::max(ANSWER_BYTES_MAX))
            .with_state(api.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        api
    }

    /// Hands an event in; what became of it comes when it has.
    pub(crate) fn invoke(&self, event: String) -> oneshot::Receiver<Done> {
        let (done, receiver) = oneshot::channel();
        self.waiting.send(Work { event, arrived: now(), done }).expect("the API holds the other end");
        receiver
    }

    fn finish(&self, id: &str, status: u64) -> StatusCode {
        let running =
            id.parse().ok().and_then(|id: u64| self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id));
        if let Some((arrived, done)) = running {
            // Whoever does not wait for it does not want it.
            let _nobody_waits = done.send(Done { took: arrived.elapsed(), status });
        }
        StatusCode::ACCEPTED
    }
}

/// The machine's clock.
#[expect(clippy::disallowed_methods, reason = "what is measured is time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

async fn next_invocation(State(api): State<RuntimeApi>) -> Response {
    const DEADLINE_MS: i64 = 4_000_000_000_000;
    let Some(work) = api.next.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let id = api.ids.fetch_add(1, Ordering::SeqCst);
    api.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (work.arrived, work.done));
    let headers = [
        ("lambda-runtime-aws-request-id", id.to_string()),
        ("lambda-runtime-deadline-ms", DEADLINE_MS.to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:intake".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect();
    (headers, work.event).into_response()
}

async fn response(State(api): State<RuntimeApi>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    let answer: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    api.finish(&id, answer["statusCode"].as_u64().unwrap_or_default())
}

async fn error(State(api): State<RuntimeApi>, Path(id): Path<String>) -> StatusCode {
    api.finish(&id, 0)
}

async fn init_error(body: Bytes) -> StatusCode {
    panic!("the function could not start: {}", String::from_utf8_lossy(&body));
}
