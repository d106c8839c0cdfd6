//! The simulator's time: real instants, shortened waits.
//!
//! Instants on the wire are real ones, because the receivers under test compare them with their own clock. Only waits
//! shrink: with a scale of 60 an inquiry that lives for 24 hours expires after 24 minutes, and its `expires-at` says so.
//! For tests the clock can also be moved forward at once; what was due in between happens right away.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use tokio::sync::watch;

/// Milliseconds in a second.
const MS_PER_S: i64 = 1_000;

/// The simulator's clock. Clones share the same time.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    scale: f64,
    moved_ms: Arc<watch::Sender<i64>>,
}

impl Clock {
    /// A clock on which `scale` simulated seconds of waiting pass in one real second. The scale must be finite and
    /// greater than zero; `serve` checks it.
    pub(super) fn new(scale: f64) -> Self {
        Self { scale, moved_ms: Arc::new(watch::Sender::new(0)) }
    }

    /// Now, including every move of the clock.
    pub(super) fn now(&self) -> Moment {
        wall().plus_ms(*self.moved_ms.borrow())
    }

    /// The instant at which a wait of `wait_s` simulated seconds that began at `start` ends.
    pub(super) fn after(&self, start: Moment, wait_s: u64) -> Moment {
        start.plus_ms(self.scaled_ms(wait_s))
    }

    /// Moves the clock forward by what a wait of `wait_s` simulated seconds takes, and wakes everyone who sleeps by it.
    pub(super) fn advance(&self, wait_s: u64) {
        let step_ms = self.scaled_ms(wait_s);
        self.moved_ms.send_modify(|moved_ms| *moved_ms = moved_ms.saturating_add(step_ms));
    }

    /// Sleeps until `due` (for ever if there is none), however the clock is moved meanwhile.
    pub(super) async fn sleep_until(&self, due: Option<Moment>) {
        let Some(due) = due else { return pending().await };
        let mut moves = self.moved_ms.subscribe();
        loop {
            let left_ms = u64::try_from(due.0.saturating_sub(self.now().0)).unwrap_or(0);
            if left_ms == 0 {
                return;
            }
            // A moved clock ends the sleep early; the loop then works out what is left.
            let _ended = tokio::time::timeout(Duration::from_millis(left_ms), moves.changed()).await;
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a cast from f64 saturates")]
    fn scaled_ms(&self, wait_s: u64) -> i64 {
        (wait_s as f64 * MS_PER_S as f64 / self.scale).round() as i64
    }
}

/// The machine's clock, whatever the simulator's was moved to. Signatures are dated by it: a receiver judges their age.
pub(super) fn wall() -> Moment {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// An instant, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(i64);

impl Moment {
    /// The instant `step_ms` milliseconds later (earlier, if negative).
    pub(super) fn plus_ms(self, step_ms: i64) -> Self {
        Self(self.0.saturating_add(step_ms))
    }

    /// Whole seconds since the epoch.
    pub(super) fn unix_s(self) -> i64 {
        self.0.div_euclid(MS_PER_S)
    }

    /// Whole milliseconds since the epoch.
    pub(super) fn unix_ms(self) -> i64 {
        self.0
    }

    /// The instant of an RFC 3339 text, or `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
        i64::try_from(parsed.unix_timestamp_nanos() / 1_000_000).ok().map(Self)
    }

    /// As Persona writes the instants of inquiries, sessions and webhooks: whole seconds, `2023-03-29T19:06:45.000Z`.
    pub(super) fn seconds_text(self) -> String {
        Self(self.unix_s().saturating_mul(MS_PER_S)).millis_text()
    }

    /// As Persona writes the instants of events: milliseconds, `2024-02-15T23:48:17.732Z`.
    pub(super) fn millis_text(self) -> String {
        let at = OffsetDateTime::from_unix_timestamp(self.unix_s()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, (hour, minute, second)) = (at.date(), at.to_hms());
        let (year, month, day, ms) = (date.year(), u8::from(date.month()), date.day(), self.0.rem_euclid(MS_PER_S));
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Moment};

    #[test]
    fn instants_are_written_with_the_precision_of_their_resource() {
        let at = Moment::parse("2024-02-15T23:48:17.732Z").expect("an instant");
        assert_eq!(at.millis_text(), "2024-02-15T23:48:17.732Z");
        assert_eq!(at.seconds_text(), "2024-02-15T23:48:17.000Z");
        assert_eq!(Moment::parse("yesterday"), None);
    }

    #[test]
    fn waits_shrink_by_the_scale_and_instants_stay_real() {
        let clock = Clock::new(60.0);
        let start = Moment::parse("2026-01-01T00:00:00Z").expect("an instant");
        assert_eq!(clock.after(start, 3_600), start.plus_ms(60_000));
    }

    #[tokio::test]
    async fn moving_the_clock_ends_a_sleep() {
        let clock = Clock::new(1.0);
        let due = clock.after(clock.now(), 86_400);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Some(due)).await }
        });
        clock.advance(86_400);
        sleeper.await.expect("the sleep ends");
        assert!(clock.now() >= due);
    }
}
