//! Switches that Persona does not have: faults on demand, a clock that can be moved, a view of what happened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::clock::Moment;
use super::errors::ApiError;
use super::idempotency::Answers;
use super::outbox::{SignatureTime, WebhookMode};
use super::rate_limit::{CREATIONS_PER_WINDOW, LimitKind, REQUESTS_PER_WINDOW, RateLimit};
use super::{Decision, Simulator};

/// Stands for one segment of a path in a fault's `match`.
const ANY_SEGMENT: &str = "*";

/// Copies of each delivery at most.
const COPIES_MAX: u32 = 100;

/// Bytes that can be added to each delivery: far beyond what a receiver should read.
const PADDING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The faults that are still to happen, and counts of what did.
#[derive(Debug)]
pub(super) struct Faults {
    /// What is left of the rate limit.
    pub(super) rate_limit: RateLimit,
    /// What is left of the quota of what can be made.
    pub(super) create_quota: RateLimit,
    /// Calls of each route.
    pub(super) requests: BTreeMap<String, u64>,
    /// POSTs that were answered with a kept answer.
    pub(super) replays: u64,
    next: Vec<PlannedFault>,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// How long its answer is held back once its work is done, in real time.
    pub(super) delay: Duration,
    /// What becomes of it.
    pub(super) outcome: FaultOutcome,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultOutcome {
    /// It is answered as it should be.
    None,
    /// It is answered with this status and not carried out.
    Status(StatusCode),
    /// The connection breaks and nothing was done.
    DropBefore,
    /// It is carried out, and the connection breaks before the answer.
    DropAfter,
}

#[derive(Clone, Debug)]
struct PlannedFault {
    pattern: Option<String>,
    times: u32,
    fault: Fault,
}

/// The body of `POST /simulator/faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsBody {
    #[serde(default)]
    next: Vec<FaultBody>,
    webhooks: Option<WebhookMode>,
    webhook_copies: Option<u32>,
    signature_time: Option<SignatureTime>,
    webhook_included: Option<bool>,
    webhook_padding_bytes: Option<usize>,
    rate_limit: Option<u32>,
    create_quota: Option<u32>,
    template_version_id: Option<String>,
    decision: Option<Decision>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultBody {
    #[serde(rename = "match")]
    pattern: Option<String>,
    times: Option<u32>,
    status: Option<u16>,
    drop: Option<DropWhen>,
    delay_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DropWhen {
    Before,
    After,
}

/// The body of `POST /simulator/clock`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    advance_s: u64,
}

/// The body of `POST /simulator/deliveries/retry`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RetryBody {
    event_id: String,
}

impl Faults {
    /// No faults, nothing counted.
    pub(super) fn new(now: Moment) -> Self {
        let rate_limit = RateLimit::new(LimitKind::Requests, REQUESTS_PER_WINDOW, now);
        let create_quota = RateLimit::new(LimitKind::Creations, CREATIONS_PER_WINDOW, now);
        Self { rate_limit, create_quota, requests: BTreeMap::new(), replays: 0, next: Vec::new() }
    }

    /// The first planned fault that matches, used up by one.
    pub(super) fn take(&mut self, method: &Method, path: &str) -> Fault {
        let line = format!("{method} {path}");
        let matching =
            |planned: &PlannedFault| planned.pattern.as_deref().is_none_or(|pattern| matches(pattern, &line));
        let Some(position) = self.next.iter().position(matching) else {
            return Fault { delay: Duration::ZERO, outcome: FaultOutcome::None };
        };
        let planned = &mut self.next[position];
        planned.times -= 1;
        let fault = planned.fault;
        if planned.times == 0 {
            self.next.remove(position);
        }
        fault
    }
}

/// `POST /simulator/faults`: plans faults and turns switches; what is not named stays as it is.
pub(super) async fn plan(State(simulator): State<Arc<Simulator>>, body: Bytes) -> Result<StatusCode, ApiError> {
    let body: FaultsBody = parse(&body)?;
    let planned = body.next.into_iter().map(FaultBody::into_planned).collect::<Result<Vec<_>, _>>()?;
    if body.webhook_copies.is_some_and(|copies| !(1..=COPIES_MAX).contains(&copies)) {
        return Err(ApiError::bad_request(format!("webhook_copies must be between 1 and {COPIES_MAX}")));
    }
    if body.webhook_padding_bytes.is_some_and(|bytes| bytes > PADDING_BYTES_MAX) {
        return Err(ApiError::bad_request(format!("webhook_padding_bytes must be at most {PADDING_BYTES_MAX}")));
    }
    {
        let mut world = simulator.world();
        if let Some(version_id) = body.template_version_id {
            world.template.publish(version_id);
        }
        let webhook_faults = &mut world.outbox.faults;
        webhook_faults.included = body.webhook_included.unwrap_or(webhook_faults.included);
        webhook_faults.padding_bytes = body.webhook_padding_bytes.unwrap_or(webhook_faults.padding_bytes);
        world.decision = body.decision.unwrap_or(world.decision);
        world.outbox.faults.copies = body.webhook_copies.unwrap_or(world.outbox.faults.copies);
        world.outbox.faults.signature_time = body.signature_time.unwrap_or(world.outbox.faults.signature_time);
        if let Some(mode) = body.webhooks {
            world.outbox.set_mode(mode);
        }
    }
    {
        let mut faults = simulator.faults();
        faults.next.extend(planned);
        if let Some(limit) = body.rate_limit {
            faults.rate_limit = RateLimit::new(LimitKind::Requests, limit, simulator.clock.now());
        }
        if let Some(limit) = body.create_quota {
            faults.create_quota = RateLimit::new(LimitKind::Creations, limit, simulator.clock.now());
        }
    }
    simulator.changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /simulator/clock`: moves the clock forward.
pub(super) async fn advance(State(simulator): State<Arc<Simulator>>, body: Bytes) -> Result<StatusCode, ApiError> {
    let body: ClockBody = parse(&body)?;
    simulator.clock.advance(body.advance_s);
    simulator.changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /simulator/deliveries/retry`: sends an event's deliveries once more.
pub(super) async fn retry_delivery(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let body: RetryBody = parse(&body)?;
    simulator.world().outbox.retry(&body.event_id)?;
    simulator.changed.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /simulator/reset`: forgets everything but the registered webhooks.
pub(super) async fn reset(State(simulator): State<Arc<Simulator>>) -> StatusCode {
    simulator.world().reset();
    *simulator.faults() = Faults::new(simulator.clock.now());
    *simulator.answers.lock().await = Answers::default();
    simulator.changed.notify_one();
    StatusCode::NO_CONTENT
}

/// `GET /simulator/state`: what happened so far.
pub(super) async fn state(State(simulator): State<Arc<Simulator>>) -> Response {
    let mut shown = simulator.world().shown();
    let faults = simulator.faults();
    shown["requests"] = json!(faults.requests);
    shown["replays"] = json!(faults.replays);
    shown["planned_faults"] = json!(faults.next.len());
    Json(shown).into_response()
}

impl FaultBody {
    fn into_planned(self) -> Result<PlannedFault, ApiError> {
        let outcome = match (self.status, self.drop) {
            (None, None) if self.delay_ms.is_none() => {
                return Err(ApiError::bad_request("a fault needs one of status, drop, delay_ms"));
            }
            (None, None) => FaultOutcome::None,
            (Some(status), None) => FaultOutcome::Status(
                StatusCode::from_u16(status)
                    .map_err(|_| ApiError::bad_request(format!("{status} is not an HTTP status")))?,
            ),
            (None, Some(DropWhen::Before)) => FaultOutcome::DropBefore,
            (None, Some(DropWhen::After)) => FaultOutcome::DropAfter,
            (Some(_), Some(_)) => return Err(ApiError::bad_request("status and drop exclude each other")),
        };
        let times = self.times.unwrap_or(1);
        if times == 0 {
            return Err(ApiError::bad_request("times must be at least 1"));
        }
        let delay = Duration::from_millis(self.delay_ms.unwrap_or_default());
        Ok(PlannedFault { pattern: self.pattern, times, fault: Fault { delay, outcome } })
    }
}

fn matches(pattern: &str, line: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), line.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == ANY_SEGMENT || wanted == found => {}
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::bad_request(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_one_segment() {
        let line = "POST /api/v1/inquiries/inq_1/resume";
        assert!(matches(line, line));
        assert!(matches("POST /api/v1/inquiries/*/resume", line));
        assert!(!matches("POST /api/v1/inquiries/*", line));
        assert!(!matches("GET /api/v1/inquiries/*/resume", line));
    }
}
