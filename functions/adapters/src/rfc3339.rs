//! Instants in text: RFC 3339 in UTC, with milliseconds.

use domain::Instant;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The instant as `2026-11-22T15:04:05.678Z`.
#[must_use]
pub fn rfc3339(instant: Instant) -> String {
    let nanoseconds = i128::from(instant.unix_ms()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| "0000-00-00T00:00:00Z".to_owned())
}

/// The instant of a parsed time, to the millisecond.
#[must_use]
pub(crate) fn instant_of(time: OffsetDateTime) -> Instant {
    Instant::from_unix_ms(i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX))
}
