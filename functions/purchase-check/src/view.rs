//! Purchases and verifications as the contract shows them.

use adapters::items::{reason_name, state_name, verification_state_name};
use adapters::persona::Session;
use adapters::rfc3339;
use domain::{Phase, Purchase, PurchaseState, Reason, Verification, VerificationPolicy, VerificationState};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

/// When asking again about a purchase that waits for a person is worth it, in seconds.
const RETRY_AFTER_PERSON_S: u32 = 5;
/// When asking again about a purchase that is under way is worth it, in seconds.
const RETRY_AFTER_MACHINE_S: u32 = 1;

/// What a purchase that has not ended stands on.
#[derive(Debug)]
pub(crate) enum Standing {
    /// It is cleared: it is on its way.
    Cleared,
    /// It waits for this verification; with a session where one was just handed out.
    Waiting(Verification, Option<Session>),
    /// Its own state says everything.
    Ended,
}

impl Standing {
    /// When asking again is worth it; none once the purchase has ended.
    pub(crate) fn retry_after_s(&self, purchase: &Purchase) -> Option<u32> {
        match (&purchase.state, self) {
            (PurchaseState::Waiting, Self::Waiting(..)) => Some(RETRY_AFTER_PERSON_S),
            (PurchaseState::Waiting | PurchaseState::Buying(_), _) => Some(RETRY_AFTER_MACHINE_S),
            (
                PurchaseState::Completed { .. }
                | PurchaseState::Failed { .. }
                | PurchaseState::Expired { .. }
                | PurchaseState::Cancelled { .. }
                | PurchaseState::Held { .. },
                _,
            ) => None,
        }
    }
}

/// A purchase as the contract shows it.
pub(crate) fn purchase_view(purchase: &Purchase, standing: &Standing) -> Value {
    let mut view = Map::new();
    let mut set = |name: &str, value: Value| view.insert(name.to_owned(), value);
    set("id", json!(purchase.id.as_str()));
    set("sub_account", json!(purchase.sub_account.as_str()));
    set("kind", json!("number"));
    set("state", json!(shown_state(&purchase.state, standing)));
    if let PurchaseState::Failed { reason, .. } = &purchase.state {
        set("reason", json!(reason_name(reason)));
    }
    if let Some(action) = next_action(&purchase.state, standing) {
        set("next_action", json!(action));
    }
    set("created_at", json!(rfc3339(purchase.created_at)));
    set("updated_at", json!(rfc3339(purchase.updated_at)));
    set("numbers", json!([number_view(purchase)]));
    if let Standing::Waiting(verification, session) = standing {
        set("deadline", json!(rfc3339(purchase.deadline)));
        set("verification", waiting_view(verification, session.as_ref()));
    }
    Value::Object(view)
}

/// A verification as the contract shows it, with its session where one was just handed out.
pub(crate) fn verification_view(
    verification: &Verification,
    session: Option<&Session>,
    policy: &VerificationPolicy,
) -> Value {
    let mut view = waiting_view(verification, session);
    view["attempts_left"] = json!(policy.attempts_max.saturating_sub(verification.attempts_used));
    if let Some(action) = verification_action(verification) {
        view["next_action"] = json!(action);
    }
    if let Some(at) = verification.verified_at() {
        view["verified_at"] = json!(rfc3339(at));
    }
    view
}

fn waiting_view(verification: &Verification, session: Option<&Session>) -> Value {
    let mut view = json!({"state": verification_state_name(&verification.state)});
    if let VerificationState::InProgress { phase } = verification.state {
        view["phase"] = json!(match phase {
            Phase::NeedsUser => "needs_user",
            Phase::Processing => "processing",
        });
    }
    if let Some(inquiry) = &verification.inquiry {
        view["inquiry_id"] = json!(inquiry.id.as_str());
    }
    if let Some(session) = session {
        view["session_token"] = json!(session.token.expose_secret());
        if let Some(link) = &session.one_time_link {
            view["one_time_link"] = json!(link.expose_secret());
        }
    }
    view
}

fn number_view(purchase: &Purchase) -> Value {
    let mut view = json!({"phone_number": purchase.number.as_str()});
    let state = match &purchase.state {
        PurchaseState::Waiting => "waiting",
        PurchaseState::Buying(_) | PurchaseState::Held { .. } => "buying",
        PurchaseState::Completed { sid, .. } => {
            view["sid"] = json!(sid.as_str());
            "bought"
        }
        PurchaseState::Failed { reason, .. } => {
            view["reason"] = json!(reason_name(reason));
            "failed"
        }
        // Never asked for, and never will be.
        PurchaseState::Expired { .. } | PurchaseState::Cancelled { .. } => "waiting",
    };
    view["state"] = json!(state);
    view
}

fn shown_state(state: &PurchaseState, standing: &Standing) -> &'static str {
    match (state, standing) {
        (PurchaseState::Waiting, Standing::Waiting(..)) => "awaiting_verification",
        (PurchaseState::Waiting, Standing::Cleared | Standing::Ended) => "queued",
        (
            PurchaseState::Buying(_)
            | PurchaseState::Completed { .. }
            | PurchaseState::Failed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Held { .. },
            _,
        ) => state_name(state),
    }
}

fn next_action(state: &PurchaseState, standing: &Standing) -> Option<&'static str> {
    match (state, standing) {
        (PurchaseState::Waiting, Standing::Waiting(verification, _)) => verification_action(verification),
        (PurchaseState::Failed { reason, .. }, _) => match reason {
            Reason::NumberUnavailable => Some("choose_another_number"),
            Reason::DuplicatePurchase => None,
            Reason::CarrierRefused
            | Reason::AddressRequired
            | Reason::AccountRestricted
            | Reason::VerificationRevoked
            | Reason::CarrierUnresponsive => Some("contact_support"),
        },
        (PurchaseState::Held { .. }, _) => Some("contact_support"),
        (
            PurchaseState::Waiting
            | PurchaseState::Buying(_)
            | PurchaseState::Completed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. },
            _,
        ) => None,
    }
}

fn verification_action(verification: &Verification) -> Option<&'static str> {
    match verification.state {
        VerificationState::Unverified
        | VerificationState::Declined
        | VerificationState::Failed
        | VerificationState::Expired => Some("start_verification"),
        VerificationState::InProgress { phase: Phase::NeedsUser } => Some("complete_verification"),
        VerificationState::InProgress { phase: Phase::Processing }
        | VerificationState::InReview
        | VerificationState::Verified { .. } => None,
        VerificationState::Locked | VerificationState::Revoked { .. } => Some("contact_support"),
    }
}
