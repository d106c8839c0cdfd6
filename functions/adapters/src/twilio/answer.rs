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
        // Invalid number (two generations of the code).
        Some(21_421 | 21_401) => Created::Refused(Reason::NumberUnavailable),
        // An address, a bundle or a document is required, or does not fit.
        Some(21_613 | 21_615 | 21_628..=21_631 | 21_649..=21_651) => Created::Refused(Reason::AddressRequired),
        // The account may not buy: trial, no funds, suspended, restricted, feature off. Or there is no such account
        // (20404): nothing else in the address of a create can be missing, so that another number would fare no better.
        Some(
            10_001 | 10_002 | 20_005 | 20_006 | 20_008 | 20_010 | 20_403 | 20_404 | 21_404 | 22_300 | 21_470..=21_474,
        ) => Created::Refused(Reason::AccountRestricted),
        // "The request was never processed and is always safe to retry."
        Some(20_429) => Created::NotProcessed { retry_after_s },
        // A wrong credential, or a key without this permission (error 403, whose code is its status).
        Some(20_003 | 403) => Created::Unauthorised,
        // "Internal server error or a timeout in the API", "service unavailable": may have been done.
        Some(20_500 | 20_503) => Created::Unknown,
        Some(code) if is_our_mistake(code) => Created::Refused(Reason::CarrierRefused),
        Some(_) | None => by_status(status, code.is_some(), retry_after_s),
    }
}

/// Whether a code says that our request itself is wrong, or a setting of ours in it: a parameter or an id that Twilio
/// does not take (20001, 20422, 20423), an area code, which we never buy by (21451, 21452, 21457, 21458), addresses and
/// applications, which we never send (21402 to 21409, 21420).
///
/// Such a request was never processed ("a 422 request is never processed and is always safe to retry", Twilio, errors
/// 20422 and 20423), whatever its HTTP status: so it is a definite refusal, and leaves no doubt behind. It is not
/// repeated by itself: the same request would be refused again, for as long as its customer waits, until somebody has
/// mended it. The customer may ask again; the operator is told.
#[must_use]
pub const fn is_our_mistake(code: u32) -> bool {
    matches!(
        code,
        20_001 | 20_422 | 20_423 | 21_402 | 21_403 | 21_405
            ..=21_407 | 21_409 | 21_420 | 21_451 | 21_452 | 21_457 | 21_458
    )
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
