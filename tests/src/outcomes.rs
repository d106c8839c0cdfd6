//! What Twilio may answer to a create, and what each answer means to us: one list for the tests of the client and for the
//! stories of purchases.
//!
//! Codes and words: Twilio, "Error and warning dictionary" (<https://www.twilio.com/docs/api/errors>) and the pages of
//! the single errors below it. Twilio documents no HTTP status for most of them; those here are what its clients' tests
//! agree on, and nothing depends on them.

use domain::Reason;

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The number is gone, or is ours already: look before believing either.
    LookThenBelieve,
    /// Refused for good.
    Refused(Reason),
    /// Refused for good, and by our own fault: never processed, never repeated by itself, and somebody is told.
    OurMistake,
    /// Not processed: costs no try.
    NotProcessed,
    /// Our credential: an operator must act.
    Unauthorised,
    /// May have been done.
    Unknown,
}

/// An error of Twilio's.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// Its code.
    pub code: u32,
    /// The HTTP status that it usually comes with.
    pub status: u16,
    /// What it says, shortened.
    pub says: &'static str,
    /// What it means.
    pub outcome: Outcome,
}

const fn refusal(code: u32, status: u16, says: &'static str, outcome: Outcome) -> Refusal {
    Refusal { code, status, says, outcome }
}

const ADDRESS: Outcome = Outcome::Refused(Reason::AddressRequired);
const ACCOUNT: Outcome = Outcome::Refused(Reason::AccountRestricted);
const NUMBER: Outcome = Outcome::Refused(Reason::NumberUnavailable);

/// Every error that a create may meet.
pub const REFUSALS: [Refusal; 46] = [
    refusal(21_421, 400, "phone number is invalid", NUMBER),
    refusal(21_401, 400, "invalid phone number (older words)", NUMBER),
    refusal(21_422, 400, "phone number is not available", Outcome::LookThenBelieve),
    // We never buy by area code, and never from a sub-resource.
    refusal(21_451, 400, "invalid area code", Outcome::OurMistake),
    refusal(21_452, 400, "no numbers found in the area code", Outcome::OurMistake),
    refusal(21_457, 400, "area code is not supported here", Outcome::OurMistake),
    refusal(21_458, 400, "number is of another type", Outcome::OurMistake),
    // We send neither addresses nor applications.
    refusal(21_402, 400, "invalid URL", Outcome::OurMistake),
    refusal(21_403, 400, "invalid HTTP method", Outcome::OurMistake),
    refusal(21_405, 400, "fallback URL without a first one", Outcome::OurMistake),
    refusal(21_406, 400, "SMS not supported by this type", Outcome::OurMistake),
    refusal(21_407, 400, "caller id lookup not supported by this type", Outcome::OurMistake),
    refusal(21_409, 400, "application of another account", Outcome::OurMistake),
    refusal(21_420, 400, "invalid application", Outcome::OurMistake),
    refusal(20_001, 400, "unknown or missing parameter", Outcome::OurMistake),
    refusal(20_422, 422, "invalid parameter: never processed, always safe to retry", Outcome::OurMistake),
    refusal(20_423, 422, "invalid id: never processed, always safe to retry", Outcome::OurMistake),
    // Not a lack of funds: a trial account.
    refusal(21_404, 400, "not available to trial accounts", ACCOUNT),
    refusal(10_002, 400, "trial accounts do not support the feature", ACCOUNT),
    refusal(10_001, 403, "account is not active", ACCOUNT),
    refusal(20_005, 403, "account is not active", ACCOUNT),
    refusal(20_006, 403, "access denied", ACCOUNT),
    refusal(20_008, 403, "not for test credentials", ACCOUNT),
    refusal(20_010, 403, "action is disabled", ACCOUNT),
    refusal(20_403, 403, "account is suspended or closed", ACCOUNT),
    refusal(22_300, 400, "restricted from provisioning new numbers", ACCOUNT),
    refusal(21_470, 400, "invalid account", ACCOUNT),
    refusal(21_471, 400, "account does not exist", ACCOUNT),
    refusal(21_472, 400, "account is not active", ACCOUNT),
    refusal(21_473, 400, "accounts are not parent and child", ACCOUNT),
    refusal(21_474, 400, "needs the parent's credentials", ACCOUNT),
    // In the address of a create nothing but the account can be missing.
    refusal(20_404, 404, "not found", ACCOUNT),
    refusal(21_631, 400, "number requires an address", ADDRESS),
    refusal(21_613, 400, "number requires certification", ADDRESS),
    refusal(21_615, 400, "number requires a local address", ADDRESS),
    refusal(21_649, 400, "number requires a bundle", ADDRESS),
    refusal(21_650, 400, "number requires an identity document", ADDRESS),
    refusal(21_651, 400, "document does not satisfy the regulation", ADDRESS),
    refusal(21_628, 400, "address is not valid", ADDRESS),
    refusal(21_629, 400, "address cannot be changed", ADDRESS),
    refusal(21_630, 400, "address belongs to a verified document", ADDRESS),
    refusal(20_003, 401, "permission denied", Outcome::Unauthorised),
    refusal(20_429, 429, "too many requests: never processed, always safe to retry", Outcome::NotProcessed),
    refusal(20_500, 500, "internal server error, or a timeout in the API", Outcome::Unknown),
    refusal(20_503, 503, "service unavailable", Outcome::Unknown),
    // Twilio's dictionary has it for a restricted API key; its code is the status.
    refusal(403, 403, "key without this permission", Outcome::Unauthorised),
];
