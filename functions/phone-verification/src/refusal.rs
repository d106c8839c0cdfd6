//! Refusals as callers see them: each its problem type, and a time to try again. None says what a score was, or which
//! limit is how far: that would teach a campaign.

use adapters::items::refusal_name;
use adapters::problem::{Problem, ProblemType};
use domain::{CountryCode, Instant, Refusal};
use tracing::info;

/// The refusal as a problem; counted by country.
pub(crate) fn refused(why: Refusal, again_at: Instant, now: Instant, country: Option<CountryCode>) -> Problem {
    let country = country.map_or_else(|| "none".to_owned(), |country| country.to_string());
    info!(metric = "phone_refused", why = refusal_name(&why), country, "No passcode was sent.");
    let (kind, detail) = match why {
        Refusal::Country => {
            (ProblemType::PhoneCountryRefused, "Numbers of this country cannot be verified. Use another phone.")
        }
        Refusal::Limit => {
            (ProblemType::PhoneVerificationLimited, "Too many passcodes were asked for. Wait, then ask again.")
        }
        Refusal::LineType => (
            ProblemType::PhoneLineUnsuitable,
            "This line cannot receive a passcode over this channel. Use a mobile phone, or ask for a call.",
        ),
        Refusal::SlowedDown => {
            (ProblemType::PhoneVerificationSlowed, "Wait a moment, then ask again with the same Idempotency-Key.")
        }
        Refusal::Risk => {
            (ProblemType::PhoneRiskRefused, "No passcode can be sent to this number now. Use another phone.")
        }
        Refusal::Channel => {
            (ProblemType::PhoneChannelUnavailable, "Passcodes are not available over this channel. Choose another one.")
        }
    };
    Problem { retry_after_s: Some(again_at.whole_seconds_from(now)), ..Problem::new(kind, detail) }
}
