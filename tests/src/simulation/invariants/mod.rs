//! What must always hold, and what must hold once everything has calmed down. Each is a named function of the state; a
//! new one is a function and its place in a list.

mod calm;
mod change;

use adapters::store::Key;
use domain::{Owner, PhoneNumber, Purchase, PurchaseState, Slot, VerificationState};

use super::known::Changed;
use super::shared::State;

/// One broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

fn violation(invariant: &'static str, seen: impl ToString) -> Violation {
    Violation { invariant, seen: seen.to_string() }
}

/// After every committed change of an item.
pub(super) fn after_change(state: &mut State, key: &Key) {
    match state.known.learn(key, state.rows.get(key)) {
        Changed::Purchase(place, before) => {
            let after = &state.known.purchases[place];
            let found = change::RULES.iter().filter_map(|rule| rule(state, before.as_deref(), after));
            let found: Vec<Violation> = found.collect();
            change::note(&mut state.facts, before.as_deref(), after);
            state.violations.extend(found);
        }
        Changed::Verification(before, after) => {
            let found = change::verified_is_for_good(&mut state.facts, before, after);
            state.violations.extend(found);
        }
        Changed::Unreadable => state.violate(violation("what is there stays, and stays readable", format!("{key:?}"))),
        Changed::Other => {}
    }
}

/// P1, P2 at the carrier's door: a create is asked for only by a purchase that is buying this number, with a live lease.
pub(super) fn before_create(state: &mut State, number: &PhoneNumber, mark: &str) {
    let mut purchases = state.known.purchases.iter().filter(|purchase| purchase.id.as_str() == mark);
    let right = purchases.any(|purchase| {
        purchase.number == *number && slot_of(purchase).is_some() || !matches!(purchase.state, PurchaseState::Waiting)
    });
    if !right {
        state.violate(violation("P2: only a buying purchase creates", mark));
    }
    let owned = state.carrier.owned.get(number);
    if owned.is_some_and(|owned| owned.foreign && owned.listed_from <= state.now) {
        state.violate(violation("P2: a number that we did not buy is never touched", mark));
    }
}

/// Everything that must hold once nothing fails any more and nothing is left to do.
pub(super) fn when_calm(state: &mut State) {
    for rule in calm::RULES {
        let found = rule(state);
        state.violations.extend(found);
    }
}

fn slot_of(purchase: &Purchase) -> Option<&Slot> {
    match &purchase.state {
        PurchaseState::Buying(slot) => Some(slot),
        PurchaseState::Waiting
        | PurchaseState::Completed { .. }
        | PurchaseState::Failed { .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. }
        | PurchaseState::Held { .. } => None,
    }
}

fn verification_of(state: &State, purchase: &Purchase) -> Option<VerificationState> {
    state.known.verification(&Owner::SubAccount(purchase.sub_account.clone()))
}
