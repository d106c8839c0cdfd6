//! "May this sub-account do this now?", with the rule that decided, changing nothing.

use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::Caller;
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB, deliver, send, verify};

/// The actions of the contract.
const ACTIONS: [&str; 6] = [
    "phone_number_purchase",
    "number_pool_purchase",
    "a2p_brand_registration",
    "toll_free_verification",
    "cnam_registration",
    "shaken_stir_registration",
];

/// Asks, and looks that nothing changed by it.
fn ask(world: &Neighbours<'_>, body: &Value) -> Answer {
    let before = (world.table.items(), world.persona.looks(), world.persona.sessions());
    let answer = send(world, Route::AskForClearance, SUB, &Caller::sub_account(SUB).claims, &body.to_string());
    assert_eq!((world.table.items(), world.persona.looks(), world.persona.sessions()), before);
    answer
}

fn allowed(rule: &str) -> Value {
    json!({"allowed": true, "rule": rule})
}

#[test]
fn nobody_who_is_not_verified_may_do_any_of_it() {
    let clock = clock();
    let world = world(&clock);
    for action in ACTIONS {
        for number in [None, Some(GATED), Some("+18005550100")] {
            let answer = ask(&world, &json!({"action": action, "phone_number": number}));
            let wanted = json!({"allowed": false, "rule": "not_verified", "next_action": "start_verification"});
            assert_eq!((answer.status, answer.body), (200, wanted), "{action} {number:?}");
        }
    }
}

#[test]
fn who_is_verified_may_do_all_of_it() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    for action in ACTIONS {
        assert_eq!(ask(&world, &json!({"action": action})).body, allowed("sub_account_verified"), "{action}");
    }
}

/// Where the number is opens the gate for buying it, and for nothing else.
#[test]
fn a_number_that_is_not_gated_may_be_bought_by_anybody() {
    let clock = clock();
    let world = world(&clock);
    for (action, may) in ACTIONS.into_iter().zip([true, true, false, false, false, false]) {
        let answer = ask(&world, &json!({"action": action, "phone_number": NOT_GATED}));
        assert_eq!(answer.body["allowed"], may, "{action}");
        assert_eq!(answer.body["rule"], if may { "number_not_gated" } else { "not_verified" }, "{action}");
    }
}

#[test]
fn an_agency_clears_its_own() {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, "Agency_1");
    let claims = json!({"scope": "operator", "sub": "jo"});
    let approval = r#"{"action":"approve","reason":"a contract"}"#;
    assert_eq!(send(&world, Route::OperateAgencyVerification, "Agency_1", &claims, approval).status, 200);
    assert_eq!(ask(&world, &json!({"action": "cnam_registration"})).body, allowed("agency_verified"));
}

#[test]
fn what_to_do_next_follows_the_verification() {
    let clock = clock();
    let world = world(&clock);
    let next = |world: &Neighbours<'_>| ask(world, &json!({"action": "cnam_registration"})).body["next_action"].clone();
    world.ask(SUB, "key-1", GATED);
    assert_eq!(next(&world), "complete_verification");
    clock.advance_s(1);
    deliver(&world, "evt_1", "inquiry.completed", "completed", 0);
    assert_eq!(next(&world), Value::Null, "it is Persona's turn");
    clock.advance_s(1);
    deliver(&world, "evt_2", "inquiry.declined", "declined", 0);
    assert_eq!(next(&world), "start_verification");
}

#[test]
fn what_names_no_action_is_refused() {
    let clock = clock();
    let world = world(&clock);
    for (body, problem) in [
        (json!({}), "invalid-request"),
        (json!({"action": "buy"}), "invalid-request"),
        (json!({"action": "Cnam_Registration"}), "invalid-request"),
        (json!({"action": 1}), "invalid-request"),
        (json!({"action": "cnam_registration", "sub_account": SUB}), "invalid-request"),
        (json!({"action": "phone_number_purchase", "phone_number": "12125550100"}), "invalid-phone-number"),
        (json!([]), "invalid-request"),
    ] {
        let answer = ask(&world, &body);
        assert_eq!((answer.status, answer.problem()), (400, problem), "{body}");
    }
}
