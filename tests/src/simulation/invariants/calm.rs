//! What must hold once nothing fails any more and nothing is left to do.

use adapters::items::keys::POINTER_PREFIX;
use adapters::items::{SLOT, keys};
use adapters::store::Value;
use domain::{Actor, Decision, FailedNumber, Owner, PoolEvent, PoolState, Purchase, PurchaseState, Timing};

use super::change::{completed_means_owned, one_owner_per_number};
use super::{Violation, paid_for_twice, verified_at, violation};
use crate::events::PERSONAL;
use crate::simulation::facts::Fact;
use crate::simulation::shared::State;
use crate::simulation::size::Size;

/// A rule of how everything ends.
type Rule = fn(&State) -> Vec<Violation>;

/// Every one.
pub(super) const RULES: [Rule; 13] = [
    everything_has_ended,
    what_is_ours_is_ours_still,
    nothing_was_paid_for_twice,
    every_charge_is_accounted_for,
    nobody_is_called_for_nothing,
    nothing_foreign_was_touched,
    no_pointer_is_left,
    locks_guard_what_is_owned,
    nobody_waits_for_the_deadline,
    one_inquiry_per_attempt,
    a_pool_is_what_its_numbers_are,
    an_undone_pool_keeps_nothing,
    nothing_personal_is_stored,
];

/// I6, P4: every purchase has ended, and nothing is due again but to ask, ever more rarely and not for ever, whether a
/// decision against somebody was reversed, or whether somebody went on with an inquiry that another has replaced.
fn everything_has_ended(state: &State) -> Vec<Violation> {
    let running = state.known.purchases.iter().filter(|purchase| match &purchase.state {
        PurchaseState::Waiting
        | PurchaseState::Buying(_)
        | PurchaseState::Releasing(_)
        | PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. } => true,
        PurchaseState::Completed { .. }
        | PurchaseState::Released { .. }
        | PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
        | PurchaseState::Expired { .. }
        | PurchaseState::Cancelled { .. }
        | PurchaseState::Held { .. } => false,
    });
    let running =
        running.map(|purchase| violation("I6: every purchase ends", format!("{} {:?}", purchase.id, purchase.state)));
    let pools = state.known.pools.iter().filter(|pool| pool.due_at(state.now, 0).is_some());
    let pools = pools.map(|pool| violation("I6: every purchase ends", format!("{} {:?}", pool.id, pool.state)));
    let running = running.chain(pools);
    let due = state.rows.due().filter(|(_, key)| state.is_to_be_done(key));
    let due = due.map(|(_, key)| violation("I6: nothing is left to do", format!("{key:?}")));
    running.chain(due).collect()
}

/// I1 and I4 once more: what became ours is ours still.
fn what_is_ours_is_ours_still(state: &State) -> Vec<Violation> {
    let purchases = state.known.purchases.iter();
    let of = |purchase| [one_owner_per_number(state, None, purchase), completed_means_owned(state, None, purchase)];
    purchases.flat_map(of).flatten().collect()
}

/// I1: no number was paid for twice, however late what was sent for it landed.
fn nothing_was_paid_for_twice(state: &State) -> Vec<Violation> {
    state.carrier.charges.keys().filter_map(|number| paid_for_twice(state, number)).collect()
}

/// I11: nothing that Persona knows of a person stands in the table. To search it takes as long as to play a small
/// schedule, so this is done after the large ones; `tests/tests/canaries` searches everything else.
fn nothing_personal_is_stored(state: &State) -> Vec<Violation> {
    fn tells(value: &Value) -> bool {
        match value {
            Value::S(text) => PERSONAL.iter().any(|personal| text.contains(personal)),
            Value::N(_) | Value::Bool(_) => false,
            Value::Map(item) => item.iter().any(|(_, value)| tells(value)),
            Value::List(values) => values.iter().any(tells),
        }
    }
    let rows =
        state.rows.iter().filter(|(_, item)| state.size == Size::Large && item.iter().any(|(_, value)| tells(value)));
    rows.map(|(key, _)| violation("I11: nothing personal is stored", format!("{key:?}"))).collect()
}

/// I5: every number that we paid for belongs to a completed purchase, or to one that an operator was called for.
fn every_charge_is_accounted_for(state: &State) -> Vec<Violation> {
    let unaccounted = state.carrier.owned.iter().filter(|(number, owned)| {
        !owned.foreign
            && !state.known.purchases.iter().any(|purchase| {
                let owns = match purchase.state {
                    PurchaseState::Completed { .. } => purchase.number == **number,
                    PurchaseState::Held { .. } => true,
                    PurchaseState::Waiting
                    | PurchaseState::Buying(_)
                    | PurchaseState::Failed { .. }
                    | PurchaseState::Expired { .. }
                    | PurchaseState::Cancelled { .. }
                    | PurchaseState::Releasing(_)
                    | PurchaseState::Released { .. } => false,
                };
                purchase.id.as_str() == owned.mark && owns
            })
    });
    let unaccounted = unaccounted.map(|(_, owned)| format!("{} {}", owned.sid, owned.mark));
    unaccounted.map(|seen| violation("I5: every charge is accounted for", seen)).collect()
}

/// P4: whatever can be settled without a person is. An operator is called for only where a number was somebody else's, or
/// where a create landed after all that is known of how long one takes.
fn nobody_is_called_for_nothing(state: &State) -> Vec<Violation> {
    if state.facts.contains(Fact::ForeignNumber) || state.carrier.landed_beyond_known {
        return Vec::new();
    }
    let held = state.known.purchases.iter().filter(|purchase| matches!(purchase.state, PurchaseState::Held { .. }));
    held.map(|purchase| violation("P4: nobody is called for nothing", format!("{} {:?}", purchase.id, purchase.state)))
        .collect()
}

/// P2: a number that we did not buy keeps its mark.
fn nothing_foreign_was_touched(state: &State) -> Vec<Violation> {
    let touched = state.carrier.owned.values().filter(|owned| owned.foreign && owned.mark != "somebody's desk");
    touched.map(|owned| violation("P2: a number that we did not buy is never touched", &owned.mark)).collect()
}

/// A purchase that has ended wakes nobody and is woken by nobody.
fn no_pointer_is_left(state: &State) -> Vec<Violation> {
    let left = state.rows.iter().filter(|(key, _)| key.sk.starts_with(POINTER_PREFIX));
    left.map(|(key, _)| violation("no pointer outlives its purchase", format!("{key:?}"))).collect()
}

/// A lock stands for each completed purchase, for held ones, and for nothing else.
fn locks_guard_what_is_owned(state: &State) -> Vec<Violation> {
    let locks = || {
        let locks = state.rows.iter().filter(|(key, _)| key.sk.starts_with(keys::LOCK_PREFIX));
        locks.filter_map(|(_, item)| match item.get(SLOT) {
            Some(Value::S(id)) => Some(id.as_ref()),
            _ => None,
        })
    };
    let wrong = state.known.purchases.iter().filter(|purchase| {
        let slot = keys::slot_name(purchase);
        let locked = locks().any(|holder| holder == slot);
        match &purchase.state {
            PurchaseState::Completed { .. } => !locked,
            PurchaseState::Held { .. } => false,
            PurchaseState::Waiting
            | PurchaseState::Buying(_)
            | PurchaseState::Failed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Releasing(_)
            | PurchaseState::Released { .. }
            | PurchaseState::Cancelled { .. } => locked,
        }
    });
    let wrong = wrong.map(|purchase| format!("{} {:?}", purchase.id, purchase.state));
    wrong.map(|seen| violation("locks guard what is owned", seen)).collect()
}

/// P3: a purchase whose owner is verified completes within hours of calm weather, not when its deadline comes. Not so
/// where a decision against the owner was reversed: if the news was lost, that is found when the purchase would expire.
fn nobody_waits_for_the_deadline(state: &State) -> Vec<Violation> {
    /// Longest time in calm weather from the verification to the number, in milliseconds: six hours, since a carrier's
    /// unanswered creates are settled one after the other.
    const WAIT_MS_MAX: i64 = 6 * 3_600_000;
    let Some(calm_since) = state.calm_since else { return Vec::new() };
    let late = state.known.purchases.iter().filter(|purchase| {
        let (PurchaseState::Completed { at, .. }, true) = (&purchase.state, purchase.gated) else { return false };
        if state.known.was_reversed(&Owner::SubAccount(purchase.sub_account.clone())) {
            return false;
        }
        verified_at(state, purchase).is_some_and(|verified| at.ms_since(verified.max(calm_since)) > WAIT_MS_MAX)
    });
    let told = late.map(|purchase| {
        let owner = keys::owner_pk(&Owner::SubAccount(purchase.sub_account.clone()));
        let audit = state.rows.iter().filter(|(key, _)| key.pk == owner && key.sk.starts_with(keys::AUDIT_PREFIX));
        let audit = audit.map(|(key, item)| format!("{} {:?} {:?}", key.sk, item.get("at"), item.get("to")));
        let audit: Vec<String> = audit.collect();
        format!(
            "{} {:?} {:?}, calm since {calm_since:?}, its owner: {audit:?}",
            purchase.id, purchase.state, purchase.history
        )
    });
    told.map(|seen| violation("P3: nobody waits for the deadline", seen)).collect()
}

/// An attempt to open an inquiry makes one, whatever answer is lost (people and money: each is paid for).
fn one_inquiry_per_attempt(state: &State) -> Vec<Violation> {
    let inquiries = &state.persona.inquiries;
    let again = inquiries
        .iter()
        .enumerate()
        .filter(|(position, inquiry)| inquiries[..*position].iter().any(|other| other.nonce == inquiry.nonce));
    again.map(|(_, inquiry)| violation("one inquiry per attempt", inquiry.nonce.as_str())).collect()
}

/// I13: a pool is what its numbers say, and they add up to what was asked for.
fn a_pool_is_what_its_numbers_are(state: &State) -> Vec<Violation> {
    let wrong = state.known.pools.iter().filter(|pool| {
        let members: Vec<Purchase> =
            state.known.purchases.iter().filter(|purchase| purchase.id == pool.id).cloned().collect();
        let all_there = if pool.has_begun() { pool.numbers.len() } else { 0 };
        let decision = pool.decide(&PoolEvent::Members(&members), Actor::Sweeper, state.now, &Timing::default());
        members.len() != all_there
            || !matches!(decision, Decision::AlreadyDone { .. })
            || !domain::a_pool_is_what_its_numbers_are(pool, &members)
    });
    let wrong = wrong.map(|pool| format!("{} {:?}", pool.id, pool.state));
    wrong.map(|seen| violation("I13: a pool is what its numbers are", seen)).collect()
}

/// I13: of a pool that failed as a whole nothing is kept.
fn an_undone_pool_keeps_nothing(state: &State) -> Vec<Violation> {
    let kept = state.known.purchases.iter().filter(|purchase| {
        let failed = state.known.pool_of(purchase).is_some_and(|pool| matches!(pool.state, PoolState::Failed { .. }));
        failed && matches!(purchase.state, PurchaseState::Completed { .. })
    });
    kept.map(|purchase| violation("I13: an undone pool keeps nothing", &purchase.id)).collect()
}
