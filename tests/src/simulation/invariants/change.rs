//! What must hold of every change.

use adapters::items::{InquiryMap, keys};
use domain::{Actor, EarlierCreates, Owner, Pool, PoolState, Purchase, PurchaseState, Verification};

use super::{Violation, verified_at, violation};
use crate::simulation::carrier::LANDING_KNOWN_MS;
use crate::simulation::facts::{Fact, Facts};
use crate::simulation::shared::State;

/// A rule of what a purchase may become: before, if it was there, and after.
type Rule = fn(&State, Option<&Purchase>, &Purchase) -> Option<Violation>;

/// Every one.
pub(super) const RULES: [Rule; 6] = [
    permit_needs_clearance,
    permit_needs_its_pool,
    one_owner_per_number,
    completed_means_owned,
    failed_for_sure,
    expired_was_not_verified_in_time,
];

/// I2: a create of a gated number is permitted only in a transaction in which its owner is verified.
fn permit_needs_clearance(state: &State, before: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    let uncleared = after.gated && is_permitted(before, after) && verified_at(state, after).is_none();
    uncleared.then(|| violation("I2: a permit needs clearance", &after.id))
}

/// I13: nothing further is asked for once a pool is undone: it would be paid for, only to be given back.
fn permit_needs_its_pool(state: &State, before: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    let undone = state.known.pool_of(after).is_some_and(|pool| pool.state != PoolState::Buying);
    (undone && is_permitted(before, after)).then(|| violation("I13: a permit needs its pool", &after.id))
}

/// Whether the change permits a create.
fn is_permitted(before: Option<&Purchase>, after: &Purchase) -> bool {
    let Some(slot) = after.slot() else { return false };
    let further = before.and_then(|before| Some((before, before.slot()?))).is_none_or(|(before, slot_before)| {
        slot.last_post != slot_before.last_post || slot.creates > slot_before.creates || after.number != before.number
    });
    // What an operator lets go on has asked for nothing yet.
    slot.creates > 0 && further
}

/// I1: at most one purchase owns a number.
pub(super) fn one_owner_per_number(state: &State, _: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    let owns = |purchase: &Purchase| matches!(purchase.state, PurchaseState::Completed { .. });
    let same = |other: &Purchase| (&other.id, other.place) == (&after.id, after.place);
    let mut others = state.known.purchases.iter().filter(|other| !same(other));
    let second = owns(after) && others.any(|other| other.number == after.number && owns(other));
    second.then(|| violation("I1: one owner per number", &after.id))
}

/// I4: completed means that the carrier has the number, with our mark, under the recorded id.
pub(super) fn completed_means_owned(state: &State, _: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    let PurchaseState::Completed { sid, .. } = &after.state else { return None };
    let owned = state.carrier.owned.get(&after.number);
    let right = owned.is_some_and(|owned| owned.sid == *sid && owned.mark == after.id.as_str());
    (!right).then(|| violation("I4: completed means owned", &after.id))
}

/// I7, P2: what failed by itself is not ours, and will not be, unless a create takes longer than is known of any.
fn failed_for_sure(state: &State, before: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    let was_buying = before.is_some_and(|before| matches!(before.state, PurchaseState::Buying(_)));
    if !was_buying || !matches!(after.state, PurchaseState::Failed { .. }) {
        return None;
    }
    let id = after.id.as_str();
    let owned = state.carrier.owned.get(&after.number).is_some_and(|owned| owned.mark == id);
    (owned || state.carrier.is_under_way(&after.number, id, LANDING_KNOWN_MS))
        .then(|| violation("I7: what failed is not bought after all", &after.id))
}

/// P3: a purchase expires only while its owner is not known to have been verified in time.
fn expired_was_not_verified_in_time(state: &State, _: Option<&Purchase>, after: &Purchase) -> Option<Violation> {
    if !matches!(after.state, PurchaseState::Expired { .. }) {
        return None;
    }
    if !after.gated {
        return Some(violation("P3: what is not gated never expires", &after.id));
    }
    let in_time = verified_at(state, after).is_some_and(|at| at <= after.deadline);
    in_time.then(|| violation("P3: verified in time is not expired", &after.id))
}

/// P3, of a pool.
pub(super) fn pool_expired_was_not_verified_in_time(state: &State, after: &Pool) -> Option<Violation> {
    if !matches!(after.state, PoolState::Expired { .. }) {
        return None;
    }
    let in_time = state.known.verified_at(&after.sub_account).is_some_and(|at| at <= after.deadline);
    (in_time || !after.gated).then(|| violation("P3: verified in time is not expired", &after.id))
}

/// Notes what a change of a pool shows.
pub(super) fn note_pool(facts: &mut Facts, after: &Pool) {
    match after.state {
        PoolState::Completed { .. } => facts.insert(Fact::PoolCompleted),
        PoolState::PartiallyCompleted { .. } => facts.insert(Fact::PoolPartial),
        PoolState::Waiting
        | PoolState::Buying
        | PoolState::Releasing { .. }
        | PoolState::Failed { .. }
        | PoolState::Expired { .. }
        | PoolState::Cancelled { .. }
        | PoolState::Held { .. } => {}
    }
}

/// I10: an owner is verified only by an inquiry that we opened for it, and that Persona approved.
pub(super) fn verified_by_its_own_inquiry(state: &State, owner: &Owner, after: &Verification) -> Option<Violation> {
    after.verified_at()?;
    // Who is verified without an inquiry was so before the schedule began.
    let inquiry = &after.inquiry.as_ref()?.id;
    let map = state.rows.get(&keys::inquiry_map(inquiry)).and_then(|item| InquiryMap::from_item(item).ok());
    let right = state.persona.was_approved(inquiry) && map.is_some_and(|map| map.owner == *owner);
    (!right).then(|| violation("I10: verified by its own inquiry", inquiry))
}

/// Notes what a change shows.
pub(super) fn note(facts: &mut Facts, before: Option<&Purchase>, after: &Purchase) {
    let slot_before = before.and_then(Purchase::slot);
    match &after.state {
        PurchaseState::Completed { .. } => {
            if slot_before.is_some_and(|slot| slot.earlier == EarlierCreates::SomeUnknown) {
                facts.insert(Fact::InDoubtAndRecovered);
            }
            if after.gated && after.updated_at.ms_since(after.created_at) > 1000 {
                facts.insert(Fact::CompletedAfterWaiting);
            }
        }
        PurchaseState::Buying(slot) => {
            if slot_before.is_some_and(|before| before.token != slot.token) {
                facts.insert(Fact::LeaseTakenOver);
            }
        }
        PurchaseState::Expired { .. } => facts.insert(Fact::Expired),
        PurchaseState::Cancelled { .. } => facts.insert(Fact::Cancelled),
        PurchaseState::Held { .. } => facts.insert(Fact::Held),
        PurchaseState::Failed { .. } => {
            if before.is_some_and(|before| before.state == PurchaseState::Waiting) {
                facts.insert(Fact::LockTaken);
            }
            if slot_before.is_some_and(|slot| slot.absent_at.is_some()) {
                facts.insert(Fact::Settled);
            }
        }
        PurchaseState::Released { .. } => facts.insert(Fact::PoolUndone),
        PurchaseState::Waiting | PurchaseState::Releasing(_) => {}
    }
    if before.is_some_and(|before| before.given_up.len() < after.given_up.len()) {
        facts.insert(Fact::Switched);
    }
    if before.is_some_and(|before| matches!(before.state, PurchaseState::Held { .. }))
        && after.history.last().is_some_and(|entry| entry.by == Actor::Operator)
    {
        facts.insert(Fact::OperatorDecided);
    }
    if before.is_some_and(|before| !before.pointers.is_empty() && before.pointers.len() != after.pointers.len())
        && after.state == PurchaseState::Waiting
    {
        facts.insert(Fact::Moved);
    }
}
