//! What must always hold, and what must hold once everything has calmed down. Each is a named function of the state; a
//! new one is a function and its place in a list.

mod answers;
mod calm;
mod change;

use std::collections::BTreeMap;
use std::fmt;

use adapters::items::keys;
use adapters::store::Key;
use domain::{
    AccountSid, Instant, Invariant, NumberSid, Owner, POOL_INVARIANTS, PURCHASE_INVARIANTS, PhoneNumber, Purchase,
    PurchaseState, VERIFICATION_INVARIANTS, VerificationState, broken,
};

pub(super) use answers::{Expected, after_answer};

use super::facts::Fact;
use super::known::Changed;
use super::operators::LIMIT;
use super::orders::sub_account;
use super::shared::State;

/// How long after the switch was turned a create may still be asked for, in milliseconds: what was read of it counts for
/// five seconds, and a lease is a minute.
const SWITCH_LATE_MS_MAX: i64 = 70_000;

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

/// After every write that was committed, and after every transaction as a whole: what stands at these keys has changed.
pub(super) fn after_changes(state: &mut State, keys: &[Key]) {
    // All of it is known before any of it is judged.
    let State { known, rows, .. } = state;
    let changes: Vec<Changed> = keys.iter().map(|key| known.learn(key, rows.get(key))).collect();
    for (key, changed) in keys.iter().zip(changes) {
        after_change(state, key, changed);
    }
}

fn after_change(state: &mut State, key: &Key, changed: Changed) {
    match changed {
        Changed::Purchase(place, before) => {
            let after = &state.known.purchases[place];
            let found = change::RULES.iter().filter_map(|rule| rule(state, before.as_deref(), after));
            let found: Vec<Violation> =
                found.chain(broken_by(&PURCHASE_INVARIANTS, before.as_deref(), after)).collect();
            change::note(&mut state.facts, before.as_deref(), after);
            if after.gated && matches!(after.state, PurchaseState::Completed { .. }) && !own_proof(state, after) {
                state.facts.insert(Fact::ClearedByAgency);
            }
            state.violations.extend(found);
        }
        Changed::Pool(place, before) => {
            let after = &state.known.pools[place];
            let found = change::pool_expired_was_not_verified_in_time(state, after);
            change::note_pool(&mut state.facts, after);
            let found = found.into_iter().chain(broken_by(&POOL_INVARIANTS, before.as_deref(), after));
            state.violations.extend(found);
        }
        Changed::Withdrawn => state.facts.insert(Fact::Withdrawn),
        Changed::Switch(on) => {
            if !on {
                state.facts.insert(Fact::SwitchedOff);
            }
            let since = state.off_since.unwrap_or(state.now);
            state.off_since = (!on).then_some(since);
        }
        Changed::Verification(place, before) => {
            let (owner, after) = state.known.verification_at(place);
            let found = change::verified_by_its_own_inquiry(state, owner, after);
            if before.as_ref().is_some_and(|before| before.verified_at().is_some()) && after.verified_at().is_none() {
                state.facts.insert(Fact::Revoked);
            }
            let found = found.into_iter().chain(broken_by(&VERIFICATION_INVARIANTS, before.as_deref(), after));
            state.violations.extend(found);
        }
        Changed::Unreadable => state.violate(violation("what is there stays, and stays readable", format!("{key:?}"))),
        Changed::Other => {}
    }
}

/// What `domain` says of the change, as of what the table says.
fn broken_by<S: fmt::Debug>(invariants: &[Invariant<S>], before: Option<&S>, after: &S) -> Option<Violation> {
    let before = before?;
    broken(invariants, before, after).map(|invariant| violation(invariant, format!("{before:?} became {after:?}")))
}

/// After every create.
pub(super) fn after_create(state: &mut State, number: &PhoneNumber) {
    let found = paid_for_twice(state, number);
    state.violations.extend(found);
}

/// I1: no number is paid for twice; what was given back may be bought again.
fn paid_for_twice(state: &State, number: &PhoneNumber) -> Option<Violation> {
    let count = |counts: &BTreeMap<PhoneNumber, u32>| counts.get(number).copied().unwrap_or(0);
    let (charges, releases) = (count(&state.carrier.charges), count(&state.carrier.releases));
    (charges > 1 + releases).then(|| violation("I1: one charge per number", format!("{number:?}: {charges}")))
}

/// P1, P2 at the carrier's door: a create is asked for only by a purchase that is buying this number, with a live lease.
pub(super) fn before_create(state: &mut State, account: &AccountSid, number: &PhoneNumber, mark: &str) {
    let mut purchases = state.known.purchases.iter().filter(|purchase| purchase.id.as_str() == mark);
    let right = purchases.any(|purchase| {
        // Whose lease was taken over may still ask; nobody asks for what was never begun.
        let asked = purchase.number == *number || purchase.given_up.contains(number);
        asked && !matches!(purchase.state, PurchaseState::Waiting)
    });
    if !right {
        state.violate(violation("P2: only a buying purchase creates", mark));
    }
    let buyer = state.known.purchases.iter().find(|purchase| purchase.id.as_str() == mark);
    if buyer.is_some_and(|buyer| state.known.account(&buyer.sub_account) != *account) {
        state.facts.insert(Fact::AccountFrozen);
    }
    // What was read of the switch may be five seconds old, and a worker may stop for as long as its lease.
    let off_for_ms = state.off_since.map_or(0, |since| state.now.ms_since(since));
    if off_for_ms > SWITCH_LATE_MS_MAX {
        state.violate(violation("nothing is bought while an operator has stopped buying", format!("{off_for_ms} ms")));
    }
    let owned = state.carrier.owned.get(number);
    if owned.is_some_and(|owned| owned.foreign && owned.account == *account && owned.listed_from <= state.now) {
        state.violate(violation("P2: a number that we did not buy is never touched", mark));
    }
}

/// P2: nothing is given back but what was bought for a pool that is undone.
pub(super) fn before_release(state: &mut State, sid: &NumberSid) {
    let Some(owned) = state.carrier.fetch(sid) else { return };
    let releasing = state.known.purchases.iter().any(|purchase| {
        let undone = state.known.pool_of(purchase).is_some_and(|pool| pool.undone().is_some());
        let same = matches!(&purchase.state, PurchaseState::Releasing(release) if release.sid == *sid);
        undone && same && purchase.number == owned.number && purchase.id.as_str() == owned.mark
    });
    if !releasing {
        state.violate(violation("P2: nothing is given back but what an undone pool bought", sid));
    }
}

/// I15: once no request is under way, no more purchases of a sub-account wait than may, but for those whose request died
/// before it could withdraw.
pub(super) fn when_quiet(state: &mut State) {
    let sub_account = sub_account(0);
    // What was found cleared only after its pointers were written is on its way, and waits for nobody.
    if state.known.verified_at(&sub_account).is_some() {
        return;
    }
    let own = keys::owner_pk(&Owner::SubAccount(sub_account));
    let waiting = state.rows.iter().filter(|(of, _)| of.pk == own && of.sk.starts_with(keys::POINTER_PREFIX)).count();
    let most = usize::try_from(LIMIT + state.faults).unwrap_or(usize::MAX);
    // What was asked for while its sub-account was cleared waits as well once that is taken back, or its agency is another.
    let uncleared = state.facts.contains(Fact::Revoked) || state.facts.contains(Fact::Moved);
    if state.limited && waiting > most && !uncleared {
        state.violate(violation("I15: no more wait than may", format!("{waiting} of {most}")));
    }
}

/// Everything that must hold once nothing fails any more and nothing is left to do.
pub(super) fn when_calm(state: &mut State) {
    for rule in calm::RULES {
        let found = rule(state);
        state.violations.extend(found);
    }
}

/// Whether the purchase's own sub-account has proved who it is.
fn own_proof(state: &State, purchase: &Purchase) -> bool {
    let own = state.known.verification(&Owner::SubAccount(purchase.sub_account.clone()));
    matches!(own, Some(VerificationState::Verified { .. } | VerificationState::Revoked { .. }))
}

/// The earliest proof that covers the purchase now.
fn verified_at(state: &State, purchase: &Purchase) -> Option<Instant> {
    state.known.verified_at(&purchase.sub_account)
}
