//! The rate limit (docs.withpersona.com/rate-limiting): a number of requests in a window that starts with the first.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::Simulator;
use super::clock::Moment;
use super::wire::Wire;

/// Requests a production environment may make in one window.
pub(super) const REQUESTS_PER_WINDOW: u32 = 300;

/// Inquiries, and accounts, that an environment may make in one window: the example of the same page. Each product has
/// a quota of its own; the simulator has one for both.
pub(super) const CREATIONS_PER_WINDOW: u32 = 150;

/// The window, in real milliseconds: traffic is not scaled with the calendar.
const WINDOW_MS: i64 = 60_000;

/// What a limit is on.
#[derive(Clone, Copy, Debug)]
pub(super) enum LimitKind {
    /// Every request.
    Requests,
    /// What makes something that is paid for.
    Creations,
}

impl LimitKind {
    fn headers(self) -> [&'static str; 3] {
        match self {
            Self::Requests => ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
            Self::Creations => ["quota-limit", "quota-remaining", "quota-reset"],
        }
    }
}

/// What is left of the present window.
#[derive(Debug)]
pub(super) struct RateLimit {
    kind: LimitKind,
    limit: u32,
    used: u32,
    window_ends: Moment,
}

impl RateLimit {
    /// A limit of `limit` requests in a window.
    pub(super) fn new(kind: LimitKind, limit: u32, now: Moment) -> Self {
        Self { kind, limit, used: 0, window_ends: now }
    }

    /// What a call would be told of it, without being counted: the limit, what is left, and seconds until it is whole.
    fn left(&self, now: Moment) -> (u32, u32, i64) {
        if now >= self.window_ends {
            return (self.limit, self.limit, 0);
        }
        (self.limit, self.limit - self.used, self.reset_s(now))
    }

    fn reset_s(&self, now: Moment) -> i64 {
        (self.window_ends.unix_ms() - now.unix_ms() + 999) / 1_000
    }

    /// Counts a request. The headers of its answer, and whether it is within the limit.
    pub(super) fn count(&mut self, now: Moment) -> (HeaderMap, bool) {
        if now >= self.window_ends {
            self.window_ends = now.plus_ms(WINDOW_MS);
            self.used = 0;
        }
        let allowed = self.used < self.limit;
        if allowed {
            self.used += 1;
        }
        let [limit, remaining, reset] = self.kind.headers();
        let headers = [
            (HeaderName::from_static(limit), HeaderValue::from(self.limit)),
            (HeaderName::from_static(remaining), HeaderValue::from(self.limit - self.used)),
            (HeaderName::from_static(reset), HeaderValue::from(self.reset_s(now))),
        ];
        (HeaderMap::from_iter(headers), allowed)
    }
}

/// `GET /rate-limits`
pub(super) async fn show(State(simulator): State<Arc<Simulator>>, wire: Wire) -> Response {
    let (limit, remaining, reset_s) = simulator.faults().rate_limit.left(simulator.clock.now());
    let attributes = json!({"limit": limit, "remaining": remaining, "seconds-to-reset": reset_s});
    wire.respond(StatusCode::OK, json!({"data": [{"type": "rate-limit/api", "attributes": attributes}]}))
}
