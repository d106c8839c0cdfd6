//! The bounds of phone verification that no preset changes, with their sources.

/// A day, in milliseconds.
pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How long a passcode is good for, in milliseconds: 10 minutes (Twilio Verify, "Rate limits and timeouts"; only
/// Twilio's support can change it).
pub const PASSCODE_LIFE_MS: i64 = 10 * 60 * 1000;

/// Wrong passcodes after which a verification is used up (Twilio Verify: "5 checks per verification", error 60202).
pub const PASSCODE_CHECKS_MAX: u32 = 5;

/// How long one start may take before another takes over, in milliseconds: longer than the function's time-out.
pub const START_LEASE_MS: i64 = 30_000;

/// How long after a passcode's end Twilio's list of attempts is believed when it shows no conversion, in milliseconds: a
/// minute. Whether the list lags behind a check is not documented.
pub const ATTEMPTS_LAG_MS: i64 = 60_000;

/// The pause after the first message to a phone, in milliseconds: 30 s (Twilio, "Best practices for retry logic in
/// SMS 2FA"). Each further message doubles it.
pub const RESEND_PAUSE_MS: i64 = 30_000;

/// The longest pause between two messages to a phone, in milliseconds: as long as a passcode is good for.
pub const RESEND_PAUSE_MS_MAX: i64 = PASSCODE_LIFE_MS;

/// How long a number that is slowed down waits before it may ask again, in milliseconds. Long enough to make a robot
/// move on, short enough for a person to stay.
pub const SLOW_DOWN_MS: i64 = 60_000;

/// How long a number that waited is not slowed down again, in milliseconds: an hour.
pub const SLOWED_FOR_MS: i64 = 60 * 60 * 1000;

/// How long a range of numbers is refused after one of it was refused for its risk, in milliseconds: 12 hours, as
/// long as Twilio's Fraud Guard blocks a prefix (Twilio, error 60410).
pub const PREFIX_BLOCK_MS: i64 = 12 * 60 * 60 * 1000;

/// When a country that is not served is worth asking for again, in milliseconds: a day. Only a setting opens it.
pub const COUNTRY_AGAIN_MS: i64 = DAY_MS;

/// How long a country that Twilio refuses over a channel is not asked for again, in milliseconds: an hour. An operator's
/// change at Twilio counts at once there ("Verify Geo Permissions"), and here no later than that.
pub const COUNTRY_REFUSED_MS: i64 = 60 * 60 * 1000;

/// How many phones, each approved at least once, make a country one that the sub-account serves: few enough to be quick,
/// enough that a traveller or two do not. Ours; no source names a number.
pub const SERVED_AFTER_PHONES: usize = 5;

/// How long what was learned about a sub-account's country is kept after its last use, in milliseconds: 30 days.
pub const SERVED_FOR_MS: i64 = 30 * DAY_MS;

/// How long a phone verification is kept after what happened to it last, in milliseconds: a day, so that a repeated request
/// finds its answer. The approved phone itself stays.
pub const PHONE_VERIFICATION_KEPT_MS: i64 = DAY_MS;

/// Countries that a sub-account's profile may name: no country is left out by it, and the item stays small.
pub const SERVED_COUNTRIES_MAX: usize = 64;
