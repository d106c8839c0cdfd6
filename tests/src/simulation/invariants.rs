//! What must always hold, and what must hold once everything has calmed down. Each is a named function.

use adapters::items::{purchase_from_item, verification_from_item};
use adapters::store::{Item, Key};
use domain::{
    FailedNumber, Owner, PhoneNumber, Purchase, PurchaseId, PurchaseState, RevokedBy, Slot, VerificationState,
};

use super::shared::{Fact, State};

/// One broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
}

fn violation(invariant: &'static str, seen: impl Into<String>) -> Violation {
    Violation { invariant, seen: seen.into() }
}

/// After every committed change of an item.
pub(super) fn after_change(state: &mut State, key: &Key, before: Option<&Item>) {
    let after = state.table.get(key).cloned();
    if key.sk.starts_with("P#") {
        let before = before.and_then(|item| purchase_from_item(item).ok()).map(|(purchase, _)| purchase);
        let Some(after) = after.and_then(|item| purchase_from_item(&item).ok()).map(|(purchase, _)| purchase) else {
            return state.violate(violation("a purchase never vanishes", format!("{key:?}")));
        };
        permit_needs_clearance(state, before.as_ref(), &after);
        buying_ends_by_proof(state, before.as_ref(), &after);
        expired_was_not_verified_in_time(state, &after);
        note_purchase(state, before.as_ref(), &after);
    } else if key.sk == "V" {
        let read = |item: &Item| verification_from_item(item).ok().map(|stored| stored.verification.state);
        let (before, after) = (before.and_then(read), after.as_ref().and_then(read));
        verified_is_for_good(state, before, after);
    }
}

/// I2: a create of a gated number is permitted only in a transaction in which its owner is verified.
fn permit_needs_clearance(state: &mut State, before: Option<&Purchase>, after: &Purchase) {
    let last_post = |purchase: &Purchase| slot_of(purchase).map(|slot| slot.last_post);
    let permitted = last_post(after).is_some() && before.and_then(last_post) != last_post(after);
    if !permitted || !after.gated {
        return;
    }
    if verification_of(state, after).is_none_or(|state| !matches!(state, VerificationState::Verified { .. })) {
        state.violate(violation("I2: a permit needs clearance", after.id.to_string()));
    }
}

/// I7: from buying the only ways out are completed, failed and held.
fn buying_ends_by_proof(state: &mut State, before: Option<&Purchase>, after: &Purchase) {
    let Some(Purchase { state: PurchaseState::Buying(slot), .. }) = before else { return };
    match &after.state {
        PurchaseState::Buying(_) | PurchaseState::Completed { .. } | PurchaseState::Held { .. } => {}
        PurchaseState::Failed { .. } => {
            // Settled or definite: `domain` decides; what must hold at the carrier is checked when all is calm.
            if slot.absent_at.is_some() {
                state.facts.insert(Fact::Settled);
            }
        }
        PurchaseState::Waiting
        | PurchaseState::Expired { .. }
        | PurchaseState::Releasing(_)
        | PurchaseState::Released { .. }
        | PurchaseState::Cancelled { .. } => {
            state.violate(violation("I7: buying ends by proof", after.id.to_string()));
        }
    }
}

/// I3: a verified owner becomes something else only by a newer decision.
fn verified_is_for_good(state: &mut State, before: Option<VerificationState>, after: Option<VerificationState>) {
    if let (Some(VerificationState::Verified { at }), Some(after)) = (before, after) {
        match after {
            VerificationState::Verified { .. } => {}
            VerificationState::Revoked { at: revoked_at, by: RevokedBy::Persona } if revoked_at > at => {
                state.facts.insert(Fact::Revoked);
            }
            VerificationState::Unverified
            | VerificationState::InProgress { .. }
            | VerificationState::InReview
            | VerificationState::Declined
            | VerificationState::Failed
            | VerificationState::Expired
            | VerificationState::Locked
            | VerificationState::Revoked { .. } => {
                state.violate(violation("I3: verified is for good", format!("{after:?}")));
            }
        }
    }
}

/// P1, P2 at the carrier's door: a create is asked for only by a purchase that is buying this number, with a live lease.
pub(super) fn before_create(state: &mut State, number: &PhoneNumber, mark: &str) {
    let purchase = purchases(state).into_iter().find(|purchase| purchase.id.as_str() == mark);
    let right = purchase.is_some_and(|purchase| {
        purchase.number == *number && slot_of(&purchase).is_some() || !matches!(purchase.state, PurchaseState::Waiting)
    });
    if !right {
        state.violate(violation("P2: only a buying purchase creates", mark.to_owned()));
    }
    if state.carrier.owned.get(number).is_some_and(|owned| owned.foreign) {
        let listed = state.carrier.owned.get(number).is_some_and(|owned| owned.listed_from <= state.now);
        if listed {
            state.violate(violation("P2: a number that we did not buy is never touched", mark.to_owned()));
        }
    }
}

/// Everything that must hold once nothing fails any more and nothing is left to do.
pub(super) fn when_calm(state: &mut State) {
    for check in [
        everything_has_ended,
        one_owner_per_number,
        completed_means_owned,
        every_charge_is_accounted_for,
        nothing_foreign_was_touched,
        no_pointer_is_left,
        locks_guard_what_is_owned,
        nobody_waits_for_the_deadline,
        one_inquiry_per_attempt,
    ] {
        check(state);
    }
}

/// I6, P4: every purchase has ended, and is not due again.
fn everything_has_ended(state: &mut State) {
    for purchase in purchases(state) {
        let ended = match &purchase.state {
            PurchaseState::Waiting
            | PurchaseState::Buying(_)
            | PurchaseState::Releasing(_)
            | PurchaseState::Failed { lock: FailedNumber::LockedUntil { .. }, .. } => false,
            PurchaseState::Completed { .. }
            | PurchaseState::Released { .. }
            | PurchaseState::Failed { lock: FailedNumber::Unlocked, .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Cancelled { .. }
            | PurchaseState::Held { .. } => true,
        };
        if !ended {
            let seen = format!("{} {:?}", purchase.id, purchase.state);
            state.violate(violation("I6: every purchase ends", seen));
        }
    }
    let due: Vec<String> =
        state.table.iter().filter(|(_, item)| item.contains_key("due_at")).map(|(key, _)| format!("{key:?}")).collect();
    for key in due {
        state.violate(violation("I6: nothing is left to do", key));
    }
}

/// I1: at most one purchase owns a number, and no number was paid for twice.
fn one_owner_per_number(state: &mut State) {
    let mut owned: Vec<PhoneNumber> = Vec::new();
    for purchase in purchases(state) {
        if let PurchaseState::Completed { .. } = purchase.state {
            if owned.contains(&purchase.number) {
                state.violate(violation("I1: one owner per number", purchase.id.to_string()));
            }
            owned.push(purchase.number);
        }
    }
    if state.carrier.charges.values().any(|charges| *charges > 1) {
        state.violate(violation("I1: one charge per number", format!("{:?}", state.carrier.charges)));
    }
}

/// I4: completed means that the carrier has the number, with our mark, under the recorded id.
fn completed_means_owned(state: &mut State) {
    for purchase in purchases(state) {
        if let PurchaseState::Completed { sid, .. } = &purchase.state {
            let right = state
                .carrier
                .owned
                .get(&purchase.number)
                .is_some_and(|owned| owned.sid == *sid && owned.mark == purchase.id.as_str());
            if !right {
                state.violate(violation("I4: completed means owned", purchase.id.to_string()));
            }
        }
    }
}

/// I5: every number that we paid for belongs to a completed purchase, or to one that an operator was called for.
fn every_charge_is_accounted_for(state: &mut State) {
    let purchases = purchases(state);
    let unaccounted: Vec<String> = state
        .carrier
        .owned
        .values()
        .filter(|owned| !owned.foreign)
        .filter(|owned| {
            !purchases.iter().any(|purchase| {
                purchase.id.as_str() == owned.mark
                    && matches!(purchase.state, PurchaseState::Completed { .. } | PurchaseState::Held { .. })
            })
        })
        .map(|owned| format!("{} {}", owned.sid, owned.mark))
        .collect();
    for seen in unaccounted {
        state.violate(violation("I5: every charge is accounted for", seen));
    }
}

/// P2: a number that we did not buy keeps its mark.
fn nothing_foreign_was_touched(state: &mut State) {
    if state.carrier.owned.values().any(|owned| owned.foreign && owned.mark != "somebody's desk") {
        state.violate(violation("P2: a number that we did not buy is never touched", "its mark changed"));
    }
}

/// A purchase that has ended wakes nobody and is woken by nobody.
fn no_pointer_is_left(state: &mut State) {
    if state.table.keys().any(|key| key.sk.starts_with("W#")) {
        state.violate(violation("no pointer outlives its purchase", "a pointer is left"));
    }
}

/// A lock stands for each completed purchase, for held ones, and for nothing else.
fn locks_guard_what_is_owned(state: &mut State) {
    let purchases = purchases(state);
    let locks: Vec<String> = state
        .table
        .iter()
        .filter(|(key, _)| key.sk.starts_with("L#"))
        .filter_map(|(_, item)| match item.get("purchase") {
            Some(adapters::store::Value::S(id)) => Some(id.to_string()),
            _ => None,
        })
        .collect();
    for purchase in &purchases {
        let locked = locks.iter().any(|id| id == purchase.id.as_str());
        let right = match &purchase.state {
            PurchaseState::Completed { .. } => locked,
            PurchaseState::Held { .. } => true,
            PurchaseState::Waiting
            | PurchaseState::Buying(_)
            | PurchaseState::Failed { .. }
            | PurchaseState::Expired { .. }
            | PurchaseState::Releasing(_)
            | PurchaseState::Released { .. }
            | PurchaseState::Cancelled { .. } => !locked,
        };
        if !right {
            let seen = format!("{} {:?}, locked: {locked}", purchase.id, purchase.state);
            state.violate(violation("locks guard what is owned", seen));
        }
    }
}

/// P3: a purchase whose owner is verified completes within hours of calm weather, not when its deadline comes.
fn nobody_waits_for_the_deadline(state: &mut State) {
    /// Longest time in calm weather from the verification to the number, in milliseconds: six hours, since a carrier's
    /// unanswered creates are settled one after the other.
    const WAIT_MS_MAX: i64 = 6 * 3_600_000;
    let Some(calm_since) = state.calm_since else { return };
    for purchase in purchases(state) {
        let (PurchaseState::Completed { at, .. }, true) = (&purchase.state, purchase.gated) else { continue };
        if let Some(VerificationState::Verified { at: verified_at }) = verification_of(state, &purchase)
            && at.ms_since(verified_at.max(calm_since)) > WAIT_MS_MAX
        {
            state.violate(violation("P3: nobody waits for the deadline", purchase.id.to_string()));
        }
    }
}

/// An attempt to open an inquiry makes one, whatever answer is lost (people and money: each is paid for).
fn one_inquiry_per_attempt(state: &mut State) {
    if state.persona.made_under.values().any(|made| *made > 1) {
        let seen = format!("{:?}", state.persona.made_under);
        state.violate(violation("one inquiry per attempt", seen));
    }
}

/// P3: a purchase expires only while its owner is not known to have been verified in time.
fn expired_was_not_verified_in_time(state: &mut State, after: &Purchase) {
    if !matches!(after.state, PurchaseState::Expired { .. }) {
        return;
    }
    if !after.gated {
        state.violate(violation("P3: what is not gated never expires", after.id.to_string()));
    }
    if let Some(VerificationState::Verified { at }) = verification_of(state, after)
        && at <= after.deadline
    {
        state.violate(violation("P3: verified in time is not expired", after.id.to_string()));
    }
}

fn note_purchase(state: &mut State, before: Option<&Purchase>, after: &Purchase) {
    let was_in_doubt = before.and_then(slot_of).is_some_and(|slot| slot.earlier == domain::EarlierCreates::SomeUnknown);
    match &after.state {
        PurchaseState::Completed { .. } => {
            if was_in_doubt {
                state.facts.insert(Fact::InDoubtAndRecovered);
            }
            if after.gated && after.updated_at.ms_since(after.created_at) > 1000 {
                state.facts.insert(Fact::CompletedAfterWaiting);
            }
        }
        PurchaseState::Buying(slot) => {
            if before.and_then(slot_of).is_some_and(|before| before.token != slot.token) {
                state.facts.insert(Fact::LeaseTakenOver);
            }
        }
        PurchaseState::Expired { .. } => {
            state.facts.insert(Fact::Expired);
        }
        PurchaseState::Cancelled { .. } => {
            state.facts.insert(Fact::Cancelled);
        }
        PurchaseState::Held { .. } => {
            state.facts.insert(Fact::Held);
        }
        PurchaseState::Failed { .. } => {
            if before.is_some_and(|before| before.state == PurchaseState::Waiting) {
                state.facts.insert(Fact::LockTaken);
            }
        }
        PurchaseState::Waiting | PurchaseState::Releasing(_) | PurchaseState::Released { .. } => {}
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
    let owner = Owner::SubAccount(purchase.sub_account.clone());
    let item = state.table.get(&adapters::items::keys::verification(&owner))?;
    verification_from_item(item).ok().map(|stored| stored.verification.state)
}

/// Every purchase in the table.
pub(super) fn purchases(state: &State) -> Vec<Purchase> {
    state
        .table
        .iter()
        .filter(|(key, _)| key.sk.strip_prefix("P#").is_some_and(|id| PurchaseId::parse(id).is_ok()))
        .filter_map(|(_, item)| purchase_from_item(item).ok())
        .map(|(purchase, _)| purchase)
        .collect()
}
