//! What Twilio's refusals mean. Judged by the error's `code`; the HTTP status alone is not documented.

use domain::{Instant, Reason};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::Created;
use crate::rfc3339::instant_of;

/// What a refusal of a create means, by HTTP status and by the error's code where the body had one (Twilio, "Error and
/// warning dictionary").
#[must_use]
pub fn meaning_of_refusal(status: u16, code: Option<u32>, retry_after_s: Option<u32>) -> Created {
    match code {
        // Not Twilio's number, or reserved for another account; also said of a number that is ours already.
        Some(21_422) => Created::NotAvailable,
        // Invalid number (two generations of the code), no such resource for it.
        Some(21_421 | 21_401 | 20_404) => Created::Refused(Reason::NumberUnavailable),
        // An address, a bundle or a document is required, or does not fit.
        Some(21_613 | 21_615 | 21_628..=21_631 | 21_649..=21_651) => Created::Refused(Reason::AddressRequired),
        // The account may not buy: trial, no funds, suspended, restricted, feature off.
        Some(10_001 | 10_002 | 20_005 | 20_006 | 20_008 | 20_010 | 20_403 | 21_404 | 22_300 | 21_470..=21_474) => {
            Created::Refused(Reason::AccountRestricted)
        }
        // "The request was never processed and is always safe to retry."
        Some(20_429) => Created::NotProcessed { retry_after_s },
        // Wrong credential.
        Some(20_003) => Created::Unauthorised,
        // "Internal server error or a timeout in the API", "service unavailable": may have been done.
        Some(20_500 | 20_503) => Created::Unknown,
        Some(_) | None => by_status(status, code.is_some(), retry_after_s),
    }
}

fn by_status(status: u16, has_code: bool, retry_after_s: Option<u32>) -> Created {
    match status {
        429 => Created::NotProcessed { retry_after_s },
        401 | 403 => Created::Unauthorised,
        // Only a body with one of Twilio's codes is Twilio's own word; anything else may come from between us.
        400..=499 if has_code => Created::Refused(Reason::CarrierRefused),
        _ => Created::Unknown,
    }
}

/// A date of Twilio's v2010 API: RFC 2822, whole seconds.
#[must_use]
pub fn parse_created_at(text: &str) -> Option<Instant> {
    OffsetDateTime::parse(text, &Rfc2822).ok().map(instant_of)
}
