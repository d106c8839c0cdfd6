//! How many requests may be made in a minute, and what those who ask for them leave to each other.

use crate::instant::Instant;

/// The minute that an allowance is counted over, in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// Which part of a minute's requests may come all at once: a third, since people come in crowds. The others come evenly
/// after it.
const AT_ONCE_PART: i64 = 3;

/// An allowance of requests, of which no minute sees more than it holds, whenever that minute begins: some at once, and
/// one more every so often (the generic cell rate algorithm, ITU-T I.371). What is kept of it is one instant: until when
/// its requests are spoken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests that may come at once.
    at_once: i64,
    /// How long after one the next may come, in milliseconds, once those have come.
    every_ms: i64,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody cannot begin without it: the whole allowance is there for it.
    First,
    /// Somebody has had it before: half of what may come at once is left to those who have not.
    Again,
    /// Somebody gets it some other way, only later: three quarters are left to the others.
    Sooner,
}

impl Allowance {
    /// At most so many requests in any minute. Fewer than [`Self::REQUESTS_MIN`] count as that many.
    #[must_use]
    pub const fn of_any_minute(requests: i64) -> Self {
        let requests = if requests < Self::REQUESTS_MIN { Self::REQUESTS_MIN } else { requests };
        let at_once = requests / AT_ONCE_PART;
        let steadily = requests - at_once;
        Self { at_once, every_ms: (MINUTE_MS + steadily - 1) / steadily }
    }

    /// Until when an allowance is spoken for from which so many requests, once taken, were not made.
    #[must_use]
    pub const fn give_back(&self, spent_until: Instant, requests: i64) -> Instant {
        spent_until.plus_ms(-requests * self.every_ms)
    }

    /// The smallest allowance, in requests a minute: half of what it gives at once still is [`Self::TAKEN_MAX`].
    pub const REQUESTS_MIN: i64 = 2 * Self::TAKEN_MAX * AT_ONCE_PART;

    /// Most requests that are taken together.
    pub const TAKEN_MAX: i64 = 2;

    /// Takes up to [`Self::TAKEN_MAX`] requests of an allowance that is spoken for until `spent_until`: until when it is
    /// then; refused, when there will be room for them.
    ///
    /// # Errors
    /// When there is no room at `now`: the instant at which there is, if nobody else takes it.
    pub fn take(
        &self,
        spent_until: Instant,
        requests: i64,
        urgency: Urgency,
        now: Instant,
    ) -> Result<Instant, Instant> {
        let at_once = match urgency {
            Urgency::First => self.at_once,
            Urgency::Again => self.at_once / 2,
            Urgency::Sooner => self.at_once / 4,
        };
        // No clock but a wrong one speaks for more than may come at once.
        let spent_until = spent_until.min(now.plus_ms(self.at_once * self.every_ms)).max(now);
        let next = spent_until.plus_ms(requests * self.every_ms);
        let room_at = next.plus_ms(-at_once * self.every_ms);
        if room_at > now { Err(room_at) } else { Ok(next) }
    }
}
