//! What operators do in a schedule. They look before they decide, as people should: what is at the carrier is completed,
//! what is not, and is not under way, fails.

use std::sync::LazyLock;

use domain::{
    AgencyId, Instant, Owner, Place, Pool, PoolState, Purchase, PurchaseState, Verification, VerificationState,
};

use adapters::items::{Profile, StoredProfile, StoredVerification, keys, verification_to_item};
use adapters::store::{Condition, Write};
use purchase_check::Route;
use serde_json::{Value, json};

use super::orders::{AGENCY, SUB_ACCOUNTS, sub_account};
use super::shared::State;
use super::size::Size;
use crate::events::{Caller, lean_event};

/// Purchases of the first sub-account that may wait, where a schedule limits them.
pub(super) const LIMIT: u32 = 1;

fn event(route: Route, parameters: &[(&str, &str)], body: &Value) -> Value {
    lean_event(route.key(), parameters, &[], Some(&Caller::operator()), &body.to_string())
}

/// The first number that is held.
pub(super) fn held(state: &State) -> Option<&Purchase> {
    state.known.purchases.iter().find(|purchase| matches!(purchase.state, PurchaseState::Held { .. }))
}

/// An operator decides on a number that is held.
pub(super) fn decides(state: &mut State) -> Option<Value> {
    let purchase = held(state)?.clone();
    let id = purchase.id.as_str();
    let owned = state.carrier.owned.get(&purchase.number).filter(|owned| owned.mark == id);
    let retries = state.random.chance(50);
    let mut body = match owned {
        Some(owned) if !retries => json!({"action": "complete", "sid": owned.sid.as_str()}),
        None if !retries && !state.carrier.is_under_way(&purchase.number, id, i64::MAX) => json!({"action": "fail"}),
        Some(_) | None => json!({"action": "retry"}),
    };
    body["reason"] = json!("looked it up");
    if let Place::Member(_) = purchase.place {
        body["phone_number"] = json!(purchase.number.as_str());
    }
    Some(event(Route::DecidePurchase, &[("sub", purchase.sub_account.as_str()), ("id", id)], &body))
}

/// An operator whose decision died before its pool followed, which it sees is held still, decides again.
pub(super) fn decides_again(state: &State) -> Option<Value> {
    let State { known, .. } = state;
    let is_held = |purchase: &Purchase| matches!(purchase.state, PurchaseState::Held { .. });
    let left_behind = |pool: &&Pool| {
        let mut members = known.purchases.iter().filter(|purchase| purchase.id == pool.id);
        matches!(pool.state, PoolState::Held { .. }) && !members.any(is_held)
    };
    let pool = known.pools.iter().find(left_behind)?;
    let body = json!({"action": "fail", "reason": "said so before"});
    Some(event(Route::DecidePurchase, &[("sub", pool.sub_account.as_str()), ("id", pool.id.as_str())], &body))
}

/// An operator stops or starts buying.
pub(super) fn turns_switch(on: bool) -> Value {
    static OFF_AND_ON: LazyLock<[Value; 2]> = LazyLock::new(|| {
        ["off", "on"].map(|to| event(Route::TurnPurchasesSwitch, &[], &json!({"purchases": to, "reason": "as told"})))
    });
    OFF_AND_ON[usize::from(on)].clone()
}

/// An account of our own at the carrier besides the platform's.
const OTHER_ACCOUNT: &str = "AC11111111111111111111111111111111";

/// An operator moves the second sub-account under the agency, or out of it, and to another account at the carrier, or back.
pub(super) fn moves_sub_account(under_agency: bool, to_other_account: bool) -> Value {
    static MOVES: LazyLock<[[Value; 2]; 2]> = LazyLock::new(|| {
        [Value::Null, json!(AGENCY)].map(|agency| {
            [Value::Null, json!(OTHER_ACCOUNT)].map(|account| {
                let mut body = json!({"reason": "as signed", "agency": agency, "twilio_account": account});
                body.as_object_mut().expect("is one").retain(|_, value| !value.is_null());
                event(Route::PutProfile, &[("sub", SUB_ACCOUNTS[1])], &body)
            })
        })
    });
    MOVES[usize::from(under_agency)][usize::from(to_other_account)].clone()
}

/// What stands in the table before a schedule begins, as other functions may have left it.
pub(super) fn plant(state: &mut State, size: Size) {
    let now = state.now;
    for (index, percent) in size.verified_percent().into_iter().enumerate() {
        if state.random.chance(percent) {
            verify(state, Owner::SubAccount(sub_account(index)), now);
        }
    }
    if state.random.chance(25) {
        verify(state, Owner::Agency(AgencyId::parse(AGENCY).expect("is a word")), now);
    }
    if state.random.chance(30) {
        let agency = Some(AgencyId::parse(AGENCY).expect("is a word"));
        store_profile(state, 1, Profile { agency, ..Profile::default() });
    }
    if state.random.chance(15) {
        store_profile(state, 0, Profile { open_purchases_max: Some(LIMIT), ..Profile::default() });
        state.limited = true;
    }
}

/// An owner proves who it is, by a way that the schedule does not show.
pub(super) fn verify(state: &mut State, owner: Owner, at: Instant) {
    let verification = Verification { state: VerificationState::Verified { at }, ..Verification::default() };
    let stored = StoredVerification { verification, version: 1, ..StoredVerification::default() };
    let item = verification_to_item(&owner, &stored, Some(at));
    // Whoever is there already stays as it is.
    if state.rows.write(Write::Put { item, expect: Condition::ItemAbsent }).is_ok() {
        super::invariants::after_changes(state, &[keys::verification(&owner)]);
    }
}

fn store_profile(state: &mut State, index: usize, profile: Profile) {
    let sub_account = sub_account(index);
    let item = StoredProfile { profile, version: 1 }.to_item(&sub_account, None);
    state.rows.write(Write::Put { item, expect: Condition::ItemAbsent }).expect("nothing was there");
    super::invariants::after_changes(state, &[keys::profile(&sub_account)]);
}
