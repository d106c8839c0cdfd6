//! What Twilio Verify's refusals mean: a closed mapping, so that nothing of Twilio's reaches a caller by accident.
//!
//! Judged by the error's `code` (Twilio, "Error and warning dictionary"); several of them have no documented status.

use domain::{CheckAnswer, Refusal};

use super::{Checking, Sending};

/// The names under which our limits are passed along as Twilio's own (Verify, "Service rate limits"). Which of them
/// exist at the service is a setting: Twilio refuses a name that it does not know.
pub const RATE_LIMIT_NAMES: [&str; 3] = ["number_prefix", "sub_account", "source_address"];

/// How long a verification blocks further messages once Twilio has sent five, in seconds: until it expires.
const SENDS_USED_UP_S: u32 = 600;

/// How long Fraud Guard blocks a prefix, in seconds: some 12 hours (error 60410).
const FRAUD_GUARD_S: u32 = 12 * 3600;

/// When something that only a setting changes is worth asking again, in seconds: a day.
const SETTING_S: u32 = 24 * 3600;

/// What a refusal of a start means.
#[must_use]
pub fn meaning_of_start_refusal(status: u16, code: Option<u32>, retry_after_s: Option<u32>) -> Sending {
    let refused = |why, again_after_s, blocks_prefix| Sending::Refused { why, again_after_s, blocks_prefix };
    match code {
        // "Invalid parameter: To." Where it is another one, nobody asks here.
        Some(60_200) => Sending::NotANumber,
        // Five sends, or five checks, of one verification.
        Some(60_202 | 60_203) => refused(Refusal::Limit, retry_after_s.unwrap_or(SENDS_USED_UP_S), false),
        // Not a landline's.
        Some(60_205) => refused(Refusal::LineType, SETTING_S, false),
        // Fraud Guard: the prefix is blocked. Device intelligence: this device is.
        Some(60_410) => refused(Refusal::Risk, retry_after_s.unwrap_or(FRAUD_GUARD_S), true),
        Some(60_413) => refused(Refusal::Risk, retry_after_s.unwrap_or(FRAUD_GUARD_S), false),
        // Geo permissions; countries that Twilio does not send to; vetting.
        Some(60_605 | 60_238 | 60_220) => refused(Refusal::Country, SETTING_S, false),
        // The channel is off, or not possible with this service.
        Some(60_204 | 60_206 | 60_214 | 60_217 | 60_223) => refused(Refusal::Channel, SETTING_S, false),
        // "The request was never processed and is always safe to retry"; too many at once for this phone.
        Some(20_429 | 60_212) => Sending::NotProcessed { retry_after_s },
        // Wrong credential, no such service, rate limits that the service does not have.
        Some(20_003 | 20_404 | 60_207..=60_211) => Sending::Misconfigured,
        Some(20_500 | 20_503) => Sending::Unknown,
        Some(_) | None => match status {
            429 => Sending::NotProcessed { retry_after_s },
            401 | 403 | 404 => Sending::Misconfigured,
            // A definite no that we do not know: an operator must look.
            400..=499 if code.is_some() => Sending::Misconfigured,
            _ => Sending::Unknown,
        },
    }
}

/// What a refusal of a check means.
#[must_use]
pub fn meaning_of_check_refusal(status: u16, code: Option<u32>, retry_after_s: Option<u32>) -> Checking {
    match code {
        Some(60_202) => Checking::Answered(CheckAnswer::UsedUp),
        // Expired, unknown, or approved before: Twilio forgets all three.
        Some(20_404) => Checking::Gone,
        // "Invalid parameter: Code."
        Some(60_200) => Checking::Answered(CheckAnswer::Wrong),
        Some(20_429 | 60_212) => Checking::NotProcessed { retry_after_s },
        Some(20_003) => Checking::Misconfigured,
        Some(20_500 | 20_503) => Checking::Unknown,
        Some(_) | None => match status {
            429 => Checking::NotProcessed { retry_after_s },
            401 | 403 => Checking::Misconfigured,
            400..=499 if code.is_some() => Checking::Misconfigured,
            _ => Checking::Unknown,
        },
    }
}
