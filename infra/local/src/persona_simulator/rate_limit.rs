//! The rate limit (docs.withpersona.com/rate-limiting): a number of requests in a window that starts with the first.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::clock::Moment;

/// Requests a production environment may make in one window.
pub(super) const REQUESTS_PER_WINDOW: u32 = 300;

/// The window, in real milliseconds: traffic is not scaled with the calendar.
const WINDOW_MS: i64 = 60_000;

/// What is left of the present window.
#[derive(Debug)]
pub(super) struct RateLimit {
    limit: u32,
    used: u32,
    window_ends: Moment,
}

impl RateLimit {
    /// A limit of `limit` requests in a window.
    pub(super) fn new(limit: u32, now: Moment) -> Self {
        Self { limit, used: 0, window_ends: now }
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
        let reset_s = (self.window_ends.unix_ms() - now.unix_ms() + 999) / 1_000;
        let headers = [
            (HeaderName::from_static("ratelimit-limit"), HeaderValue::from(self.limit)),
            (HeaderName::from_static("ratelimit-remaining"), HeaderValue::from(self.limit - self.used)),
            (HeaderName::from_static("ratelimit-reset"), HeaderValue::from(reset_s)),
        ];
        (HeaderMap::from_iter(headers), allowed)
    }
}
