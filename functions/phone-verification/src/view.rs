//! A phone verification as callers see it.

use adapters::items::{channel_name, phone_state_name};
use adapters::rfc3339;
use domain::{CheckResult, PASSCODE_CHECKS_MAX, PhoneState, PhoneVerification};
use serde_json::{Value, json};

/// The verification as JSON.
pub(crate) fn view(verification: &PhoneVerification) -> Value {
    let mut view = json!({
        "id": verification.id.as_str(),
        "sub_account": verification.sub_account.as_str(),
        "phone_number": verification.number.as_str(),
        "country": verification.country.to_string(),
        "channel": channel_name(&verification.channel),
        "state": phone_state_name(&verification.state),
        "created_at": rfc3339(verification.created_at),
    });
    match &verification.state {
        PhoneState::Pending { checks, .. } => {
            view["attempts_left"] = json!(PASSCODE_CHECKS_MAX.saturating_sub(*checks));
            view["expires_at"] = json!(verification.good_until().map(rfc3339));
        }
        PhoneState::Approved { at } => view["approved_at"] = json!(rfc3339(*at)),
        PhoneState::Starting { .. }
        | PhoneState::Refused { .. }
        | PhoneState::UsedUp { .. }
        | PhoneState::Expired { .. } => {}
    }
    view
}

/// The verification with what a check came to.
pub(crate) fn checked_view(verification: &PhoneVerification, result: CheckResult) -> Value {
    let mut view = view(verification);
    view["result"] = json!(match result {
        CheckResult::Approved => "approved",
        CheckResult::AlreadyApproved => "already_approved",
        CheckResult::WrongCode => "wrong_code",
        CheckResult::Expired => "expired",
        CheckResult::UsedUp => "used_up",
        CheckResult::NotSent => "not_sent",
    });
    view
}
