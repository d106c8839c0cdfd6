//! What operators decide: held numbers, profiles, the switch.

use adapters::items::{lock_item, purchase_to_item};
use adapters::store::{Condition, Item, Store, Write};
use domain::{NumberSid, Purchase, PurchaseId, PurchaseState};
use futures::executor::block_on;
use serde_json::{Value, json};
use tests::memory_table::TableFault;
use tests::neighbours::CarrierFault;
use tests::world::{Neighbours, account, clock, world};

use crate::{GATED, NOT_GATED, SUB, approve};

/// A purchase that is held: its answer showed another mark.
fn held(world: &Neighbours<'_>) -> String {
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([CarrierFault::WrongMark("not ours".to_owned())]);
    assert_eq!(world.complete(), 0);
    let purchase = world.read(SUB, &id).body;
    assert_eq!((&purchase["state"], &purchase["next_action"]), (&json!("held"), &json!("contact_support")));
    id
}

fn decide(world: &Neighbours<'_>, id: &str, body: Value) -> tests::world::Answer {
    world.operate(&format!("POST /v1/operator/purchases/{SUB}/{id}"), &body)
}

#[test]
fn an_operator_completes_what_is_held() {
    let clock = clock();
    let world = world(&clock);
    let id = held(&world);
    let done = decide(&world, &id, json!({"action": "complete", "reason": "seen at the carrier"}));
    assert_eq!((done.status, &done.body["state"]), (200, &json!("completed")));
    assert_eq!(done.body["numbers"][0]["sid"], "PN00000000000000000000000000000001");
    let again = decide(&world, &id, json!({"action": "complete", "reason": "seen at the carrier"}));
    assert_eq!(again.status, 200, "also when repeated");
    let audit = world.with_sk("A#pur_");
    assert_eq!(audit.len(), 1, "one entry a decision");
    assert!(format!("{audit:?}").contains("seen at the carrier"));
}

#[test]
fn an_operator_fails_what_is_held_and_frees_its_lock() {
    let clock = clock();
    let world = world(&clock);
    let id = held(&world);
    assert_eq!(world.with_sk("L#").len(), 1);
    let done = decide(&world, &id, json!({"action": "fail", "reason": "it is another's"}));
    assert_eq!((&done.body["state"], &done.body["reason"]), (&json!("failed"), &json!("number_unavailable")));
    assert!(world.with_sk("L#").is_empty());
    assert_eq!(world.carrier.owned(), 1, "the number itself is never touched");
}

#[test]
fn an_operator_lets_what_is_held_go_on_and_the_next_visit_looks_first() {
    let clock = clock();
    let world = world(&clock);
    let id = held(&world);
    let done = decide(&world, &id, json!({"action": "retry", "reason": "the mark was a glitch"}));
    assert_eq!(done.body["state"], "buying");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "completed", "it carries our mark");
    assert_eq!((world.carrier.charges(), world.carrier.creates()), (1, 1));
}

#[test]
fn a_decision_needs_something_to_decide() {
    let clock = clock();
    let world = world(&clock);
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].as_str().expect("id").to_owned();
    for action in ["retry", "fail", "complete"] {
        let mut body = json!({"action": action, "reason": "why not"});
        if action == "complete" {
            body["sid"] = json!("PN1");
        }
        let refused = decide(&world, &id, body);
        assert_eq!((refused.status, refused.problem()), (409, "purchase-not-held"), "{action}");
    }
    for body in [
        json!({"action": "retry"}),
        json!({"action": "retry", "reason": ""}),
        json!({"action": "retry", "reason": "two\nlines"}),
        json!({"action": "buy", "reason": "x"}),
        json!({"action": "retry", "reason": "x", "state": "completed"}),
        json!({"action": "retry", "reason": "x", "sid": "PN1"}),
        json!({"action": "complete", "reason": "x"}),
        json!({"action": "complete", "reason": "x", "sid": "not an id"}),
        json!({"action": "fail", "reason": "x", "phone_number": "+18765550109"}),
    ] {
        let refused = decide(&world, &id, body.clone());
        assert_eq!((refused.status, refused.problem()), (400, "invalid-request"), "{body}");
    }
    let nobodys = decide(&world, "pur_00000000000000000000000000000000", json!({"action": "fail", "reason": "x"}));
    assert_eq!(nobodys.status, 404);
    assert!(world.with_sk("A#pur_").is_empty(), "nothing was decided");
}

#[test]
fn an_operator_completes_under_an_id_that_was_looked_up() {
    let clock = clock();
    let world = world(&clock);
    // In doubt, and then somebody else's number: held without an id.
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([CarrierFault::Instead(adapters::twilio::Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    world.carrier.plant(&account(), &NOT_GATED.parse().expect("is a number"), "somebody's desk");
    world.minutes(2);
    assert!(matches!(world.purchase().state, PurchaseState::Held { sid: None, .. }), "{:?}", world.purchase().state);
    let done = decide(&world, &id, json!({"action": "complete", "reason": "it is ours", "sid": "PNlookedup"}));
    assert_eq!(done.body["numbers"][0]["sid"], "PNlookedup");
    let sid = NumberSid::parse("PNlookedup").expect("is an id");
    assert!(matches!(world.purchase().state, PurchaseState::Completed { sid: known, .. } if known == sid));
}

#[test]
fn a_held_number_of_a_pool_is_decided_and_its_pool_follows() {
    let clock = clock();
    let world = world(&clock);
    let numbers = [NOT_GATED, "+18765550101"];
    let body = json!({"kind": "number_pool", "phone_numbers": numbers});
    let id = world.ask_for(SUB, "pool", &body).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([CarrierFault::WrongMark("not ours".to_owned())]);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "held");
    let done = decide(&world, &id, json!({"action": "fail", "reason": "it is another's"}));
    assert_eq!((done.status, &done.body["state"]), (200, &json!("partially_completed")));
    let again = decide(&world, &id, json!({"action": "fail", "reason": "again"}));
    assert_eq!((again.status, &again.body["state"]), (200, &json!("partially_completed")), "as of a single number");
    for other in ["retry", "complete"] {
        let refused = decide(&world, &id, json!({"action": other, "reason": "after all"}));
        assert_eq!((refused.status, refused.problem()), (409, "purchase-not-held"), "{other}");
    }
    assert_eq!(world.with_sk("A#").len(), 1, "one entry a decision");
}

/// A pool of two numbers, all of whose other numbers are bought, and one that is held: its answer showed another mark.
fn held_pool(world: &Neighbours<'_>, fulfilment: &str) -> String {
    let body = json!({"kind": "number_pool", "phone_numbers": [NOT_GATED, "+18765550101"], "fulfilment": fulfilment});
    let id = world.ask_for(SUB, "pool", &body).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next([CarrierFault::WrongMark("not ours".to_owned())]);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "held");
    id
}

/// Wherever the operator's decision dies, the same decision again makes the pool follow: while it is held nothing else
/// brings it back.
#[test]
fn a_decision_about_a_number_of_a_pool_that_died_half_way_is_taken_by_repeating_it() {
    /// Writes of one decision: the number's, and the pool's.
    const WRITES: usize = 2;
    for (action, ends) in [("fail", "partially_completed"), ("complete", "completed"), ("retry", "completed")] {
        for (write, named) in (0..WRITES).flat_map(|write| [(write, false), (write, true)]) {
            for fault in [TableFault::Before, TableFault::After] {
                let case = format!("{action}, write {write} {fault:?}, named: {named}");
                let clock = clock();
                let world = world(&clock);
                let id = held_pool(&world, "best_effort");
                let mut body = json!({"action": action, "reason": "seen at the carrier"});
                if named {
                    let number = world.read(SUB, &id).body["numbers"][0]["phone_number"].clone();
                    body["phone_number"] = number;
                }
                world.table.let_through(write);
                world.table.fail_next([fault]);
                assert_eq!(decide(&world, &id, body.clone()).status, 503, "{case}");
                for _ in 0..2 {
                    let again = decide(&world, &id, body.clone());
                    assert_eq!(again.status, 200, "{case}: {:?}", again.body);
                    assert_ne!(again.body["state"], "held", "{case}");
                }
                assert_eq!(world.with_sk("A#").len(), 1, "{case}: one entry a decision");
                world.minutes(5);
                assert_eq!(world.read(SUB, &id).body["state"], ends, "{case}");
                assert_eq!(world.carrier.charges(), 2, "{case}");
                assert!(world.due().is_empty(), "{case}: {:?}", world.due());
            }
        }
    }
}

/// An operator who saw that nothing came of a decision may well take another one: the first stands.
#[test]
fn another_decision_after_one_that_died_half_way_is_refused_and_the_pool_follows_the_first() {
    let clock = clock();
    let world = world(&clock);
    let id = held_pool(&world, "best_effort");
    world.table.fail_next([TableFault::After]);
    assert_eq!(decide(&world, &id, json!({"action": "fail", "reason": "it is another's"})).status, 503);
    assert_eq!(world.read(SUB, &id).body["state"], "held");
    let refused = decide(&world, &id, json!({"action": "retry", "reason": "once more"}));
    assert_eq!((refused.status, refused.problem()), (409, "purchase-not-held"));
    assert_eq!(world.read(SUB, &id).body["state"], "partially_completed");
}

/// What the decision undoes is given back at once, not when the sweep comes.
#[test]
fn a_whole_pool_that_an_operator_lets_fail_is_given_back_at_once() {
    let clock = clock();
    let world = world(&clock);
    let id = held_pool(&world, "all_or_nothing");
    let done = decide(&world, &id, json!({"action": "fail", "reason": "it is another's"}));
    assert_eq!((done.status, &done.body["state"]), (200, &json!("releasing")));
    assert_eq!(world.queue.len(), 1, "the number that was bought");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "failed");
    assert_eq!(world.carrier.releases(), 1);
    assert!(world.due().is_empty(), "{:?}", world.due());
}

/// What nothing was asked of the carrier for, in no account, and yet was seen there: there is nothing to go on with.
#[test]
fn what_is_held_without_an_account_can_only_fail() {
    let clock = clock();
    let world = world(&clock);
    let id = held(&world);
    let PurchaseState::Held { sid, at, .. } = world.purchase().state else { panic!("it is held") };
    let state = PurchaseState::Held { sid, account: None, at };
    put(&world, purchase_to_item(&Purchase { state, ..world.purchase() }, 9, None));
    for action in ["retry", "complete"] {
        let refused = decide(&world, &id, json!({"action": action, "reason": "seen at the carrier"}));
        assert_eq!((refused.status, refused.problem()), (409, "purchase-not-held"), "{action}");
        assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains("can only fail")), "{action}");
    }
    let done = decide(&world, &id, json!({"action": "fail", "reason": "nobody knows whose it is"}));
    assert_eq!((done.status, &done.body["state"]), (200, &json!("failed")));
}

/// Its lock was freed by hand, and somebody else bought the number.
#[test]
fn a_held_number_that_another_purchase_has_by_now_can_only_fail() {
    let clock = clock();
    let world = world(&clock);
    let id = held(&world);
    let other = PurchaseId::parse("pur_00000000000000000000000000000001").expect("is an id");
    put(&world, lock_item(&account(), &Purchase { id: other, ..world.purchase() }));
    for action in ["retry", "complete"] {
        let refused = decide(&world, &id, json!({"action": action, "reason": "seen at the carrier"}));
        assert_eq!((refused.status, refused.problem()), (409, "purchase-not-held"), "{action}");
        assert_eq!(world.read(SUB, &id).body["state"], "held", "{action}");
    }
    let done = decide(&world, &id, json!({"action": "fail", "reason": "it is another's"}));
    assert_eq!((done.status, &done.body["state"]), (200, &json!("failed")));
    assert_eq!(world.with_sk("L#").len(), 1, "the other's lock stands");
    assert_eq!(world.with_sk("A#").len(), 1, "one entry a decision");
}

/// Puts an item behind everybody's back, over whatever is there.
fn put(world: &Neighbours<'_>, item: Item) {
    let write = Write::Put { item, expect: Condition::Any(vec![Condition::ItemAbsent, Condition::ItemPresent]) };
    block_on((&world.table).write(write)).expect("the table in memory answers");
}

/// Of several numbers that are held each is decided by its name.
#[test]
fn several_held_numbers_of_a_pool_are_decided_one_by_one() {
    let clock = clock();
    let world = world(&clock);
    let body = json!({"kind": "number_pool", "phone_numbers": [NOT_GATED, "+18765550101"]});
    let id = world.ask_for(SUB, "pool", &body).body["id"].as_str().expect("id").to_owned();
    world.carrier.fail_next(["one", "other"].map(|mark| CarrierFault::WrongMark(mark.to_owned())));
    assert_eq!(world.complete(), 0);
    let refused = decide(&world, &id, json!({"action": "fail", "reason": "which?"}));
    assert_eq!((refused.status, refused.problem()), (400, "invalid-request"));
    let stranger = json!({"action": "fail", "reason": "typing error", "phone_number": "+18765550109"});
    assert_eq!(decide(&world, &id, stranger).status, 400);
    let one = json!({"action": "fail", "reason": "it is another's", "phone_number": NOT_GATED});
    for _ in 0..2 {
        let decided = decide(&world, &id, one.clone());
        assert_eq!((decided.status, &decided.body["state"]), (200, &json!("held")), "the other one still is");
    }
    let other = decide(&world, &id, json!({"action": "complete", "reason": "it is ours"}));
    assert_eq!((other.status, &other.body["state"]), (200, &json!("partially_completed")));
}

#[test]
fn with_the_switch_off_nothing_is_bought_and_nothing_is_lost() {
    let clock = clock();
    let world = world(&clock);
    let route = "PUT /v1/operator/purchases-switch";
    let off = world.operate(route, &json!({"purchases": "off", "reason": "the carrier is down"}));
    assert_eq!((off.status, &off.body["purchases"]), (200, &json!("off")));
    let id = world.ask(SUB, "key-1", NOT_GATED).body["id"].as_str().expect("id").to_owned();
    assert_eq!(world.complete(), 0);
    world.minutes(30);
    assert_eq!(world.carrier.creates(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "queued");
    assert_eq!(world.operate("GET /v1/operator/purchases-switch", &Value::Null).body["purchases"], "off");
    world.operate(route, &json!({"purchases": "on", "reason": "it is back"}));
    world.minutes(20);
    assert_eq!(world.read(SUB, &id).body["state"], "completed");
    assert_eq!(world.with_sk("A#switch").len(), 2, "one entry a turn");
}

#[test]
fn the_switch_stops_a_purchase_whose_create_was_not_sent() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world
        .carrier
        .fail_next([CarrierFault::Instead(adapters::twilio::Created::NotProcessed { retry_after_s: Some(30) })]);
    assert_eq!(world.complete(), 0);
    world.operate("PUT /v1/operator/purchases-switch", &json!({"purchases": "off", "reason": "stop"}));
    world.minutes(30);
    assert_eq!(world.carrier.creates(), 1);
    world.operate("PUT /v1/operator/purchases-switch", &json!({"purchases": "on", "reason": "go"}));
    world.minutes(30);
    assert_eq!((world.carrier.creates(), world.carrier.charges()), (2, 1));
}

fn put_profile(world: &Neighbours<'_>, body: &Value) -> tests::world::Answer {
    world.operate(&format!("PUT /v1/operator/sub-accounts/{SUB}"), body)
}

#[test]
fn a_profile_is_stored_whole_and_read_back() {
    let clock = clock();
    let world = world(&clock);
    let body = json!({
        "agency": "Agency_1", "twilio_account": "AC1", "limits": {"open_purchases": 7}, "reason": "signed"
    });
    assert_eq!(put_profile(&world, &body).status, 200);
    let read = || world.operate(&format!("GET /v1/operator/sub-accounts/{SUB}"), &Value::Null).body;
    let stored = json!({
        "sub_account": SUB, "agency": "Agency_1", "twilio_account": "AC1", "countries": [],
        "limits": {"open_purchases": 7}
    });
    assert_eq!(read(), stored);
    put_profile(&world, &json!({"reason": "left"}));
    assert_eq!(
        read(),
        json!({
            "sub_account": SUB, "agency": null, "twilio_account": null, "countries": [],
            "limits": {"open_purchases": 100}
        })
    );
    assert_eq!(world.with_sk("A#profile").len(), 2, "one entry a change");
    for wrong in [
        json!({}),
        json!({"agency": "a b", "reason": "x"}),
        json!({"agency": 7, "reason": "x"}),
        json!({"twilio_account": "", "reason": "x"}),
        json!({"limits": {"open_purchases": 0}, "reason": "x"}),
        json!({"limits": {"open_purchases": 1001}, "reason": "x"}),
        json!({"limits": {"passcodes": 1}, "reason": "x"}),
        json!({"verified": true, "reason": "x"}),
    ] {
        assert_eq!(put_profile(&world, &wrong).status, 400, "{wrong}");
    }
    world.minutes(2);
    assert!(world.due().is_empty(), "{:?}", world.due());
}

/// The account at the carrier follows from the stored profile, and stays what it was when buying began.
#[test]
fn a_sub_account_buys_in_its_own_account_at_the_carrier() {
    let clock = clock();
    let world = world(&clock);
    put_profile(&world, &json!({"twilio_account": "ACown", "reason": "signed"}));
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::After(adapters::twilio::Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    put_profile(&world, &json!({"twilio_account": "ACother", "reason": "moved"}));
    world.minutes(3);
    let own = domain::AccountSid::parse("ACown").expect("is a word");
    assert!(world.carrier.mark(&own, &NOT_GATED.parse().expect("is a number")).is_some());
    assert_eq!(world.carrier.charges(), 1);
    assert!(matches!(world.purchase().state, PurchaseState::Completed { account, .. } if account == own));
}

/// What waits is woken by the agency that the profile names now.
#[test]
fn a_purchase_that_waits_follows_its_sub_account_to_another_agency() {
    let clock = clock();
    let world = world(&clock);
    put_profile(&world, &json!({"agency": "Agency_old", "reason": "signed"}));
    let id = world.ask(SUB, "key-1", GATED).body["id"].as_str().expect("id").to_owned();
    let pointers = || world.with_sk("W#").len();
    assert_eq!(pointers(), 2, "its own, and the agency's");
    put_profile(&world, &json!({"agency": "Agency_new", "reason": "moved"}));
    let of = |agency: &str| format!("{:?}", world.with_sk("W#")).contains(agency);
    assert!(!of("Agency_old") && of("Agency_new") && pointers() == 2, "{:?}", world.with_sk("W#"));
    put_profile(&world, &json!({"reason": "left"}));
    assert_eq!(pointers(), 1);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "completed");
    assert_eq!(pointers(), 0);
}

#[test]
fn a_move_under_a_verified_agency_buys_what_waits() {
    let clock = clock();
    let world = world(&clock);
    let id = world.ask(SUB, "key-1", GATED).body["id"].as_str().expect("id").to_owned();
    world.verify_agency("Agency_1");
    put_profile(&world, &json!({"agency": "Agency_1", "reason": "moved"}));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.read(SUB, &id).body["state"], "completed");
}

/// Whatever becomes of the messages that the move sends: lost, twice over, or come while an operator has stopped buying. The
/// agency has no waiters of its own when it happens, and what waits sleeps until its deadline.
#[test]
fn a_move_under_a_verified_agency_is_not_forgotten() {
    for switched_off in [false, true] {
        let clock = clock();
        let world = world(&clock);
        let id = world.ask(SUB, "key-1", GATED).body["id"].as_str().expect("id").to_owned();
        world.verify_agency("Agency_1");
        world.minutes(5);
        let switch = |to: &str| {
            let answer = world.operate("PUT /v1/operator/purchases-switch", &json!({"purchases": to, "reason": "x"}));
            assert_eq!(answer.status, 200);
        };
        if switched_off {
            switch("off");
        }
        put_profile(&world, &json!({"agency": "Agency_1", "reason": "moved"}));
        for _ in 0..2 {
            if switched_off {
                assert_eq!(world.complete(), 0);
            } else {
                while world.queue.pop().is_some() {}
            }
            clock.advance_s(60);
            world.sweep();
        }
        while world.queue.pop().is_some() {}
        assert_eq!(world.read(SUB, &id).body["state"], "queued");
        if switched_off {
            switch("on");
        }
        world.minutes(20);
        assert_eq!(world.read(SUB, &id).body["state"], "completed", "switched off: {switched_off}");
        world.minutes(20);
        assert!(world.due().iter().all(|due| due.sk != "PROFILE"), "{:?}", world.due());
    }
}
