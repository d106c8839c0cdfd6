//! What must hold of every answer.

use domain::PurchaseId;
use serde_json::Value;

use super::violation;
use crate::simulation::shared::State;

/// What an answer must be.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulation) enum Expected {
    /// It is not looked at.
    Anything,
    /// The purchase that stands under the request's key, if any.
    Purchase(&'static PurchaseId),
    /// A refusal: the key stands for another request.
    Reused,
    /// That there is no such purchase.
    Hidden,
    /// That the delivery is not Persona's.
    NotPersonas,
}

/// After every answer of an HTTP function. Where a neighbour fails, it may say so instead.
pub(in crate::simulation) fn after_answer(state: &mut State, expected: Expected, answer: &Value) {
    let status = answer["statusCode"].as_u64().unwrap_or_default();
    let broken = match expected {
        Expected::Anything => None,
        Expected::Purchase(id) => same_key_same_purchase(status, &answer["body"], id),
        Expected::Reused => another_body_is_refused(status),
        Expected::Hidden => nobody_elses_is_seen(status),
        Expected::NotPersonas => unsigned_changes_nothing(status),
    };
    if let Some(invariant) = broken {
        state.violate(violation(invariant, format!("{status} {}", answer["body"])));
    }
}

/// I8: the same key with the same body is the same purchase.
fn same_key_same_purchase(status: u64, body: &Value, id: &PurchaseId) -> Option<&'static str> {
    let named = || body.as_str().is_some_and(|body| body.contains(id.as_str()));
    let broken = status == 422 || status < 300 && !named();
    broken.then_some("I8: the same key is the same purchase")
}

/// I8: the same key with another body is refused.
fn another_body_is_refused(status: u64) -> Option<&'static str> {
    (status != 422 && status < 500).then_some("I8: another body under the same key is refused")
}

/// I9: another sub-account's purchase looks like one that does not exist.
fn nobody_elses_is_seen(status: u64) -> Option<&'static str> {
    (status != 404 && status < 500).then_some("I9: nobody sees another sub-account's purchase")
}

/// I10: a delivery without a valid signature is refused.
fn unsigned_changes_nothing(status: u64) -> Option<&'static str> {
    (status != 401).then_some("I10: what Persona did not sign is refused")
}
