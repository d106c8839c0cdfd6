//! The simulator's time: what waits, waits by it.

use std::time::{Duration, Instant};

/// Runs a constant factor faster than the wall clock, and can be pushed forward.
pub(super) struct Clock {
    started: Instant,
    scale: f64,
    advanced: Duration,
}

/// An instant of the simulator's time: how long after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Duration);

impl Moment {
    /// The moment this many seconds after it.
    pub(super) fn later_by_s(self, wait_s: u64) -> Self {
        Self(self.0.saturating_add(Duration::from_secs(wait_s)))
    }
}

impl Clock {
    /// Starts now.
    pub(super) fn new(scale: f64) -> Self {
        Self { started: Instant::now(), scale, advanced: Duration::ZERO }
    }

    /// The present.
    pub(super) fn now(&self) -> Moment {
        let passed_s = self.started.elapsed().as_secs_f64() * self.scale;
        // Too long for a `Duration` is for ever.
        Moment(Duration::try_from_secs_f64(passed_s).unwrap_or(Duration::MAX).saturating_add(self.advanced))
    }

    /// The moment this many milliseconds from now.
    pub(super) fn in_ms(&self, wait_ms: u64) -> Moment {
        Moment(self.now().0.saturating_add(Duration::from_millis(wait_ms)))
    }

    /// How many whole seconds are left until this moment, rounded up; 0 once it is past.
    pub(super) fn left_s(&self, moment: Moment) -> u32 {
        let left = moment.0.saturating_sub(self.now().0);
        let whole_s = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        u32::try_from(whole_s).unwrap_or(u32::MAX)
    }

    /// Lets this many milliseconds pass at once.
    pub(super) fn advance_ms(&mut self, passing_ms: u64) {
        self.advanced = self.advanced.saturating_add(Duration::from_millis(passing_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_passes_in_a_millisecond_at_such_a_scale() {
        let clock = Clock::new(3_600_000.0);
        let in_an_hour = clock.in_ms(3_600_000);
        let started = Instant::now();
        while clock.now() < in_an_hour {
            assert!(started.elapsed() < Duration::from_secs(10), "the clock stands still");
        }
    }

    #[test]
    fn no_scale_overflows() {
        let clock = Clock::new(f64::MAX);
        assert!(clock.in_ms(u64::MAX) >= clock.now());
    }
}
