//! Errors as callers see them: RFC 9457 problem documents of a closed list of types.
//!
//! Each type has a page under `functions/problems/`, which its `type` names.

use lambda_http::http::StatusCode;
use serde_json::json;
use tracing::{error, warn};

use crate::http_event::HttpAnswer;
use crate::store::StoreError;

/// What went wrong, as far as a caller may branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemType {
    /// The request cannot be understood.
    InvalidRequest,
    /// The number is no E.164 number.
    InvalidPhoneNumber,
    /// The header `Idempotency-Key` is missing or malformed.
    IdempotencyKeyMissing,
    /// No token.
    Unauthenticated,
    /// The token is for something else.
    InsufficientScope,
    /// There is no such thing, or it is not the caller's.
    NotFound,
    /// Buying has begun.
    PurchaseNotCancellable,
    /// No further attempts to verify.
    VerificationLocked,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// Nothing of the purchase is held.
    PurchaseNotHeld,
    /// Purchases wait for what is to be erased.
    PurchasesWaiting,
    /// As many purchases wait as may.
    TooManyOpenPurchases,
    /// Too much was asked for at once.
    TooManyRequests,
    /// The carrier does not answer.
    CarrierUnavailable,
    /// Numbers of this country are not sent passcodes.
    PhoneCountryRefused,
    /// The line cannot receive a passcode over the channel.
    PhoneLineUnsuitable,
    /// The number looks like SMS pumping.
    PhoneRiskRefused,
    /// Passcodes do not travel over this channel.
    PhoneChannelUnavailable,
    /// Too many passcodes were asked for.
    PhoneVerificationLimited,
    /// The number waits once before it is sent a passcode.
    PhoneVerificationSlowed,
    /// Twilio Verify does not answer.
    PasscodesUnavailable,
    /// Persona does not answer.
    PersonaUnavailable,
    /// The table or the queue does not answer.
    TemporarilyUnavailable,
}

impl ProblemType {
    /// Every type: the closed list.
    pub const ALL: [Self; 23] = [
        Self::InvalidRequest,
        Self::InvalidPhoneNumber,
        Self::IdempotencyKeyMissing,
        Self::Unauthenticated,
        Self::InsufficientScope,
        Self::NotFound,
        Self::PurchaseNotCancellable,
        Self::VerificationLocked,
        Self::IdempotencyKeyReused,
        Self::PurchaseNotHeld,
        Self::PurchasesWaiting,
        Self::TooManyOpenPurchases,
        Self::TooManyRequests,
        Self::CarrierUnavailable,
        Self::PhoneCountryRefused,
        Self::PhoneLineUnsuitable,
        Self::PhoneRiskRefused,
        Self::PhoneChannelUnavailable,
        Self::PhoneVerificationLimited,
        Self::PhoneVerificationSlowed,
        Self::PasscodesUnavailable,
        Self::PersonaUnavailable,
        Self::TemporarilyUnavailable,
    ];

    /// Its name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::InvalidPhoneNumber => "invalid-phone-number",
            Self::IdempotencyKeyMissing => "idempotency-key-missing",
            Self::Unauthenticated => "unauthenticated",
            Self::InsufficientScope => "insufficient-scope",
            Self::NotFound => "not-found",
            Self::PurchaseNotCancellable => "purchase-not-cancellable",
            Self::VerificationLocked => "verification-locked",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::PurchaseNotHeld => "purchase-not-held",
            Self::PurchasesWaiting => "purchases-waiting",
            Self::TooManyOpenPurchases => "too-many-open-purchases",
            Self::TooManyRequests => "too-many-requests",
            Self::CarrierUnavailable => "carrier-unavailable",
            Self::PhoneCountryRefused => "phone-country-refused",
            Self::PhoneLineUnsuitable => "phone-line-unsuitable",
            Self::PhoneRiskRefused => "phone-risk-refused",
            Self::PhoneChannelUnavailable => "phone-channel-unavailable",
            Self::PhoneVerificationLimited => "phone-verification-limited",
            Self::PhoneVerificationSlowed => "phone-verification-slowed",
            Self::PasscodesUnavailable => "passcodes-unavailable",
            Self::PersonaUnavailable => "persona-unavailable",
            Self::TemporarilyUnavailable => "temporarily-unavailable",
        }
    }

    /// The status that goes with it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::InvalidPhoneNumber | Self::IdempotencyKeyMissing => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::PurchaseNotCancellable
            | Self::PurchaseNotHeld
            | Self::PurchasesWaiting
            | Self::VerificationLocked => StatusCode::CONFLICT,
            Self::IdempotencyKeyReused
            | Self::PhoneCountryRefused
            | Self::PhoneLineUnsuitable
            | Self::PhoneRiskRefused
            | Self::PhoneChannelUnavailable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyOpenPurchases
            | Self::TooManyRequests
            | Self::PhoneVerificationLimited
            | Self::PhoneVerificationSlowed => StatusCode::TOO_MANY_REQUESTS,
            Self::CarrierUnavailable | Self::PasscodesUnavailable | Self::PersonaUnavailable => StatusCode::BAD_GATEWAY,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request cannot be understood",
            Self::InvalidPhoneNumber => "The phone number is not in E.164 form",
            Self::IdempotencyKeyMissing => "The Idempotency-Key is missing or malformed",
            Self::Unauthenticated => "No valid token",
            Self::InsufficientScope => "The token does not allow this",
            Self::NotFound => "Not found",
            Self::PurchaseNotCancellable => "The purchase can no longer be cancelled",
            Self::VerificationLocked => "The verification is locked",
            Self::IdempotencyKeyReused => "The Idempotency-Key was used for another request",
            Self::PurchaseNotHeld => "Nothing of the purchase is held",
            Self::PurchasesWaiting => "Purchases wait for the verification",
            Self::TooManyOpenPurchases => "Too many purchases wait",
            Self::TooManyRequests => "Too many requests",
            Self::CarrierUnavailable => "The carrier does not answer",
            Self::PhoneCountryRefused => "Passcodes are not sent to this country",
            Self::PhoneLineUnsuitable => "The line cannot receive a passcode",
            Self::PhoneRiskRefused => "No passcode can be sent to this number",
            Self::PhoneChannelUnavailable => "The channel is not available",
            Self::PhoneVerificationLimited => "Too many passcodes",
            Self::PhoneVerificationSlowed => "Wait before the passcode is sent",
            Self::PasscodesUnavailable => "Passcodes are not available",
            Self::PersonaUnavailable => "Persona does not answer",
            Self::TemporarilyUnavailable => "Temporarily unavailable",
        }
    }
}

/// An error as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What went wrong.
    pub kind: ProblemType,
    /// What to do about it, for people; never repeats what was sent.
    pub detail: String,
    /// When asking again is worth it, in seconds.
    pub retry_after_s: Option<u32>,
}

/// What a caller sees when the table does not answer; a bug is logged for the alarm, and looks the same.
#[must_use]
pub fn unavailable(error: &StoreError) -> Problem {
    match error {
        StoreError::Unavailable(_) => warn!(%error, "A request could not be answered for now."),
        StoreError::Broken(_) => error!(%error, metric = "bug", "A request met something that should not be."),
    }
    Problem::try_again()
}

impl Problem {
    /// A problem with a sentence for people.
    #[must_use]
    pub fn new(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), retry_after_s: None }
    }

    /// What is not there and what is not yours look the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ProblemType::NotFound, "There is no such resource, or your token does not cover it.")
    }

    /// The table or the queue does not answer.
    #[must_use]
    pub fn try_again() -> Self {
        const RETRY_AFTER_S: u32 = 1;
        let detail = "Nothing was lost. Send the same request again, with the same Idempotency-Key.";
        Self { retry_after_s: Some(RETRY_AFTER_S), ..Self::new(ProblemType::TemporarilyUnavailable, detail) }
    }

    /// The problem document.
    #[must_use]
    pub fn into_answer(self) -> HttpAnswer {
        let status = self.kind.status();
        let body = json!({
            "type": format!("/problems/{}", self.kind.name()),
            "title": self.kind.title(),
            "status": status.as_u16(),
            "detail": self.detail,
        });
        let answer = HttpAnswer::json(status, &body).with("content-type", "application/problem+json");
        match self.retry_after_s {
            None => answer,
            Some(seconds) => answer.with("retry-after", seconds.to_string()),
        }
    }
}
