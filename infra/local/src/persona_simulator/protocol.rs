//! What every call of the API goes through, from the outside in: faults that were asked for, the request id, the API
//! key, the rate limit, idempotency. The order matters: answers 401 and 429 are never kept for an `Idempotency-Key`,
//! every other one is (docs.withpersona.com/idempotence).

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Simulator;
use super::errors::ApiError;
use super::faults::{Fault, FaultOutcome};
use super::{idempotency, ids};

/// The largest body that is read. Persona documents no limit; ours are a few kilobytes.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The calls that make something that is paid for.
const CREATING: [&str; 2] = ["/api/v1/inquiries", "/api/v1/accounts"];

/// Guards a call of the API.
pub(super) async fn guard(State(simulator): State<Arc<Simulator>>, request: Request, next: Next) -> Response {
    let fault = simulator.faults().take(request.method(), request.uri().path());
    count(&simulator, &request);
    if fault.outcome == FaultOutcome::DropBefore {
        return broken();
    }
    let mut response = check(&simulator, fault, request, next).await;
    simulator.changed.notify_one();
    if let Ok(request_id) = HeaderValue::try_from(ids::new_id("req")) {
        response.headers_mut().insert("request-id", request_id);
    }
    tokio::time::sleep(fault.delay).await;
    if fault.outcome == FaultOutcome::DropAfter {
        return broken();
    }
    response
}

fn count(simulator: &Simulator, request: &Request) {
    let path = request.extensions().get::<MatchedPath>().map_or("unknown route", MatchedPath::as_str);
    let route = format!("{} {path}", request.method());
    *simulator.faults().requests.entry(route).or_default() += 1;
}

async fn check(simulator: &Simulator, fault: Fault, request: Request, next: Next) -> Response {
    let key = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if key.and_then(|value| value.strip_prefix("Bearer ")) != Some(simulator.api_key.as_str()) {
        return ApiError::unauthorized().into_response();
    }
    let (headers, allowed) = limits(simulator, &request);
    let mut response = match fault.outcome {
        _ if !allowed => ApiError::too_many_requests().into_response(),
        FaultOutcome::Status(status @ (StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS)) => {
            ApiError::injected(status).into_response()
        }
        FaultOutcome::None | FaultOutcome::DropBefore | FaultOutcome::DropAfter | FaultOutcome::Status(_) => {
            once(simulator, fault, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
    };
    response.headers_mut().extend(headers);
    response
}

/// Counts a request against the limits that it falls under: their headers, and whether it is within all of them.
fn limits(simulator: &Simulator, request: &Request) -> (HeaderMap, bool) {
    let now = simulator.clock.now();
    let mut faults = simulator.faults();
    let (mut headers, mut allowed) = faults.rate_limit.count(now);
    if allowed && request.method() == Method::POST && CREATING.contains(&request.uri().path()) {
        let (quota, within) = faults.create_quota.count(now);
        headers.extend(quota);
        allowed = within;
    }
    (headers, allowed)
}

/// Answers, for a repeated POST with what was answered before.
async fn once(simulator: &Simulator, fault: Fault, request: Request, next: Next) -> Result<Response, ApiError> {
    let key = request.headers().get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Some(key) = key.filter(|_| request.method() == Method::POST) else {
        return Ok(handle(fault, request, next).await);
    };
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let kept_request = idempotency::Request { target: parts.uri.to_string(), body: body.clone() };
    // Held until the answer is kept: of two simultaneous requests with one key the second gets the first one's answer.
    let mut answers = simulator.answers.lock().await;
    if let Some(answer) = answers.recall(&key, &kept_request, simulator.clock.now())? {
        simulator.faults().replays += 1;
        return Ok(answer);
    }
    let (parts, body) = handle(fault, Request::from_parts(parts, Body::from(body)), next).await.into_parts();
    let body = read(body).await?;
    answers.keep(key, kept_request, parts.status, body.clone(), &simulator.clock);
    Ok(Response::from_parts(parts, Body::from(body)))
}

async fn handle(fault: Fault, request: Request, next: Next) -> Response {
    match fault.outcome {
        FaultOutcome::Status(status) => ApiError::injected(status).into_response(),
        FaultOutcome::None | FaultOutcome::DropBefore | FaultOutcome::DropAfter => next.run(request).await,
    }
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| ApiError::bad_request("The body could not be read."))
}

/// An answer that never arrives: a body that fails before its first byte makes the server close the connection with
/// nothing written.
fn broken() -> Response {
    let failure = futures::stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset))]);
    Response::new(Body::from_stream(failure))
}
