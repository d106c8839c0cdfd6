//! A simulator of Persona (withpersona.com) that speaks its wire format: REST calls in JSON:API, sessions, one-time
//! links, expiry, decisions, signed webhooks with Persona's retries. Everything is kept in memory.
//!
//! What it knows it knows from docs.withpersona.com; where the documentation is silent, a comment beside the choice says
//! so. It behaves like a sandbox environment with one inquiry template, whose only person is "Alexander J Sample".
//!
//! # Calls
//!
//! Below `/api/v1`, with `Authorization: Bearer <api key>`: inquiries (create, retrieve, list, update, resume,
//! generate-one-time-link, approve, decline, mark-for-review, expire, redact by `DELETE`, perform-simulate-actions),
//! inquiry sessions (list, retrieve, expire), accounts (create, list, retrieve, redact, consolidate), events (list,
//! retrieve), webhooks (create, list, retrieve, update, enable, disable, archive, rotate-secret) and rate-limits.
//! Not simulated: tags by their own calls, search, PDF, copies of webhooks, `set-simulate-stubs` (its form is not public).
//!
//! For end users, without a key: `/widget`, which Persona's official browser SDK opens, `/verify`, where one-time links
//! lead, and `/preload`; see [`flow`].
//!
//! # Time
//!
//! Instants are real; waits (expiry, the retries of webhooks, kept idempotent answers) are shortened by
//! [`Settings::clock_scale`]. Rate limits, time limits and the delay of a decision are not scaled.
//!
//! # Faults on demand
//!
//! These routes are the simulator's own; Persona has none of them. They need no key.
//!
//! - `POST /simulator/faults` plans faults and turns switches. Every member is optional, what is left out stays:
//!   ```json
//!   {"next": [{"match": "POST /api/v1/inquiries", "status": 503},
//!             {"match": "POST /api/v1/inquiries/*/resume", "drop": "after", "times": 2},
//!             {"delay_ms": 1500}],
//!    "webhooks": "hold", "webhook_copies": 2, "signature_time": "first_attempt", "rate_limit": 10,
//!    "decision": {"approve_on_completion": {"after_ms": 0}}}
//!   ```
//!   - `next`: each is used up by the first `times` (1) calls that match its method and path, where `*` stands for one
//!     segment; without `match` by any call. `status` answers without doing anything (and is kept for an
//!     `Idempotency-Key` like every answer but 401 and 429); `drop` breaks the connection `before` or `after` the work
//!     is done; `delay_ms` holds the answer back after the work is done and goes with each of the others.
//!   - `webhooks`: `deliver`; `hold` until told otherwise; `deliver_reversed` lets go of what was held, newest first and
//!     one at a time; `drop` loses the deliveries of new events (they stay in `GET /events`).
//!   - `webhook_copies`: each event is sent this often.
//!   - `signature_time`: whether `t` of a repeated attempt is when it is `sent` or when the `first_attempt` would have
//!     been made. Which of the two Persona does is not documented.
//!   - `webhook_included`: whether bodies carry `included`, which newer versions do only by a webhook's allow-list.
//!   - `webhook_padding_bytes`: bytes by which each body is longer than it need be.
//!   - `rate_limit`: requests in a minute; `create_quota`: inquiries and accounts that can be made in a minute.
//!   - `template_version_id`: publishes another version of the template; what was created stays on its own, and
//!     an inquiry can still be made from an earlier one by its id.
//!   - `decision`: what the template's workflow does, see [`Decision`]; also `"none"`, `"review"`, `"decline"`.
//! - `POST /simulator/deliveries/retry` with `{"event_id": "evt_…"}` sends an event once more, as a person can in
//!   Persona's dashboard, whatever became of it.
//! - `POST /simulator/clock` with `{"advance_s": 86400}` moves the clock forward by that many simulated seconds; what
//!   was due in between happens at once. Signatures are still dated by the machine's clock.
//! - `POST /simulator/reset` forgets everything but the registered webhooks, and every fault. The clock stays.
//! - `GET /simulator/state` shows counts of inquiries, sessions, events and requests, and every delivery with the
//!   results of its attempts.

mod account;
mod account_api;
mod api;
mod blocklist;
mod body;
mod clock;
mod documents;
mod errors;
mod event;
mod faults;
mod filter;
mod flow;
mod idempotency;
mod ids;
mod inflection;
mod inquiry;
mod outbox;
mod page;
mod person;
mod protocol;
mod rate_limit;
mod resource;
mod sender;
mod session;
mod session_api;
mod verification;
mod visit;
mod webhook;
mod webhook_api;
mod wire;
mod world;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::clock::Clock;
use self::faults::Faults;
use self::idempotency::Answers;
use self::world::World;

pub use self::person::{SANDBOX_PERSON, SandboxField};

/// What a simulator is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one API key that is accepted.
    pub api_key: String,
    /// The one inquiry template, `itmpl_…`.
    pub template_id: String,
    /// Its published version, `itmplv_…`.
    pub template_version_id: String,
    /// Where browsers reach the simulator, such as `http://localhost:4010`; links begin with it.
    pub public_url: String,
    /// The secret of the first webhook that is created; without one, a random secret like those of all later ones.
    pub webhook_secret: Option<String>,
    /// Simulated seconds of waiting that pass in one real second: 1.0 is real time. Must be finite and above zero.
    pub clock_scale: f64,
    /// What the template's workflow does.
    pub decision: Decision,
}

/// What the template's workflow does once an inquiry is completed or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Approves what is completed and declines what is failed.
    ApproveOnCompletion {
        /// How long it takes, in real milliseconds. About four seconds have been observed at Persona.
        after_ms: u64,
    },
    /// Nothing: `completed` and `failed` are final unless somebody decides. So it is on plans without an approval step.
    None,
    /// Marks both for review.
    Review,
    /// Declines both.
    Decline,
}

/// Serves the simulator on `listener` until `shutdown` ends. Calls that are being answered are finished, deliveries of
/// webhooks are not.
///
/// # Errors
///
/// `InvalidInput` if the clock's scale is not finite and above zero; otherwise what the listener or the HTTP client
/// that sends webhooks reports.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    if !(settings.clock_scale.is_finite() && settings.clock_scale > 0.0) {
        let problem = format!("clock_scale is {}; give a finite number above zero", settings.clock_scale);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    let client = sender::client().map_err(io::Error::other)?;
    let simulator = Arc::new(Simulator::new(&settings));
    // Ends with this function, whichever way it ends: a set aborts its tasks when it is dropped.
    let mut background = JoinSet::new();
    background.spawn(sender::run(Arc::clone(&simulator), client));
    axum::serve(listener, router(simulator)).with_graceful_shutdown(shutdown).await
}

/// What every call shares.
#[derive(Debug)]
struct Simulator {
    api_key: String,
    clock: Clock,
    /// Wakes the background task after a change.
    changed: Notify,
    answers: tokio::sync::Mutex<Answers>,
    faults: Mutex<Faults>,
    world: Mutex<World>,
}

impl Simulator {
    fn new(settings: &Settings) -> Self {
        let clock = Clock::new(settings.clock_scale);
        Self {
            api_key: settings.api_key.clone(),
            changed: Notify::new(),
            answers: tokio::sync::Mutex::default(),
            faults: Mutex::new(Faults::new(clock.now())),
            world: Mutex::new(World::new(settings, clock.clone())),
            clock,
        }
    }

    /// The world as it is now: what time alone brings about is done first.
    fn world(&self) -> MutexGuard<'_, World> {
        // A panic under the lock is a failed request, not the end of the simulator.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.settle();
        world
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router(simulator: Arc<Simulator>) -> Router {
    let api = Router::new()
        .route("/api/v1/inquiries", get(api::list).post(api::create))
        .route("/api/v1/inquiries/{id}", get(api::retrieve).patch(api::update).delete(api::redact))
        .route("/api/v1/inquiries/{id}/resume", post(api::resume))
        .route("/api/v1/inquiries/{id}/generate-one-time-link", post(api::generate_one_time_link))
        .route("/api/v1/inquiries/{id}/approve", post(api::approve))
        .route("/api/v1/inquiries/{id}/decline", post(api::decline))
        .route("/api/v1/inquiries/{id}/mark-for-review", post(api::mark_for_review))
        .route("/api/v1/inquiries/{id}/expire", post(api::expire))
        .route("/api/v1/inquiries/{id}/perform-simulate-actions", post(api::perform_simulate_actions))
        .route("/api/v1/inquiry-sessions", get(session_api::list))
        .route("/api/v1/inquiry-sessions/{id}", get(session_api::retrieve))
        .route("/api/v1/inquiry-sessions/{id}/expire", post(session_api::expire))
        .route("/api/v1/accounts", get(account_api::list).post(account_api::create))
        .route("/api/v1/accounts/{id}", get(account_api::retrieve).delete(account_api::redact))
        .route("/api/v1/accounts/{id}/consolidate", post(account_api::consolidate))
        .route("/api/v1/rate-limits", get(rate_limit::show))
        .route("/api/v1/events", get(api::list_events))
        .route("/api/v1/events/{id}", get(api::retrieve_event))
        .route("/api/v1/webhooks", get(webhook_api::list).post(webhook_api::create))
        .route("/api/v1/webhooks/{id}", get(webhook_api::retrieve).patch(webhook_api::update))
        .route("/api/v1/webhooks/{id}/enable", post(webhook_api::enable))
        .route("/api/v1/webhooks/{id}/disable", post(webhook_api::disable))
        .route("/api/v1/webhooks/{id}/archive", post(webhook_api::archive))
        .route("/api/v1/webhooks/{id}/rotate-secret", post(webhook_api::rotate_secret))
        .fallback(api::unknown_route)
        .method_not_allowed_fallback(api::unknown_route)
        .layer(from_fn_with_state(Arc::clone(&simulator), protocol::guard));
    Router::new()
        .route("/widget", get(flow::widget))
        .route("/verify", get(flow::verify))
        .route("/preload", get(flow::preload))
        .route("/flow/flow.js", get(flow::script))
        .route("/flow/flow.css", get(flow::styles))
        .route("/flow/arrow.svg", get(flow::arrow))
        .route("/flow/enter", post(flow::enter))
        .route("/flow/act", post(flow::act))
        .route("/simulator/deliveries/retry", post(faults::retry_delivery))
        .route("/simulator/faults", post(faults::plan))
        .route("/simulator/clock", post(faults::advance))
        .route("/simulator/reset", post(faults::reset))
        .route("/simulator/state", get(faults::state))
        .merge(api)
        .with_state(simulator)
}
