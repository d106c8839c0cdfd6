//! Points in time, as data.

/// Milliseconds since 1970-01-01T00:00:00Z. The domain never reads a clock: every instant is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(i64);

impl Instant {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Self(unix_ms)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// This instant moved by `ms` milliseconds; stops at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub const fn ms_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole seconds from `now` to this instant, rounded up, and at least one: how long a caller should wait for it.
    #[must_use]
    pub fn whole_seconds_from(self, now: Self) -> u32 {
        let ms = self.ms_since(now).max(1);
        u32::try_from((ms - 1) / 1000 + 1).unwrap_or(u32::MAX)
    }

    /// The start of this instant's second: what a vendor that keeps whole seconds would say.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self(self.0 - self.0.rem_euclid(1000))
    }
}
