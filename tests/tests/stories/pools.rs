//! Pools: several numbers of one request.

use adapters::twilio::{Created, LookError};
use domain::{PoolState, PurchaseState, Reason};
use serde_json::{Value, json};
use tests::neighbours::{CarrierFault, ReleaseFault, for_sale};
use tests::world::{Answer, Neighbours, account, clock, world};

use crate::{NOT_GATED, SUB, approve, verify};

/// Numbers in Jamaica, not gated.
const FREE: [&str; 3] = ["+18765550100", "+18765550101", "+18765550102"];

/// Asks for a pool.
fn ask_pool(world: &Neighbours<'_>, key: &str, numbers: &[&str], fulfilment: &str) -> Answer {
    world.ask_for(SUB, key, &json!({"kind": "number_pool", "phone_numbers": numbers, "fulfilment": fulfilment}))
}

/// The pool as the contract shows it.
fn shown(world: &Neighbours<'_>) -> Value {
    let id = world.pool().id.to_string();
    world.read(SUB, &id).body
}

/// What became of each number, in the order of the request.
fn numbers(pool: &Value) -> Vec<String> {
    let state = |number: &Value| match number["reason"].as_str() {
        Some(reason) => format!("{}: {reason}", number["state"].as_str().unwrap_or_default()),
        None => number["state"].as_str().unwrap_or_default().to_owned(),
    };
    pool["numbers"].as_array().into_iter().flatten().map(state).collect()
}

#[test]
fn every_number_of_a_pool_is_bought_once() {
    let clock = clock();
    let world = world(&clock);
    let asked = ask_pool(&world, "pool", &FREE, "best_effort");
    assert_eq!((asked.status, asked.body["state"].as_str()), (202, Some("queued")));
    assert_eq!(world.queue.len(), 3, "one message a number");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 3);
    let pool = shown(&world);
    assert_eq!((&pool["state"], &pool["kind"]), (&json!("completed"), &json!("number_pool")));
    assert_eq!(numbers(&pool), ["bought", "bought", "bought"]);
    assert!(pool["numbers"].as_array().expect("numbers").iter().all(|number| number["sid"].is_string()));
    world.minutes(5);
    assert_eq!((world.carrier.charges(), world.queue.len()), (3, 0));
    assert!(world.due().is_empty(), "nothing is left to do: {:?}", world.due());
}

/// The list reads no pool's numbers: it says what became of none of them, rather than that nothing did.
#[test]
fn a_pool_that_has_begun_is_listed_without_what_became_of_each_number() {
    let clock = clock();
    let world = world(&clock);
    let pools = [["+12125550177", NOT_GATED], ["+18765550101", "+18765550102"], ["+18765550103", "+18765550104"]];
    let [waiting, completed, begun] = [0, 1, 2]
        .map(|index| ask_pool(&world, &format!("pool-{index}"), &pools[index], "best_effort").body["id"].clone());
    let messages = world.take_messages();
    let of = |id: &Value| messages.iter().filter(|message| *id == message.id.as_str()).collect::<Vec<_>>();
    for message in of(&completed).into_iter().chain(of(&begun).into_iter().take(1)) {
        assert_eq!(world.complete_event(tests::events::sqs_event(message)), 0);
    }
    let page = world.list(SUB, "").body;
    let listed = |id: &Value| {
        let mut purchases = page["purchases"].as_array().into_iter().flatten();
        purchases.find(|purchase| purchase["id"] == *id).expect("is listed")
    };
    let bare = |index: usize| json!(pools[index].map(|number| json!({"phone_number": number})));
    let asked_for = json!(pools[0].map(|number| json!({"phone_number": number, "state": "waiting"})));
    for (id, state, as_listed, as_read) in [
        (&waiting, "awaiting_verification", asked_for, ["waiting", "waiting"]),
        (&completed, "completed", bare(1), ["bought", "bought"]),
        (&begun, "buying", bare(2), ["bought", "waiting"]),
    ] {
        assert_eq!((&listed(id)["state"], &listed(id)["numbers"]), (&json!(state), &as_listed));
        let pool = world.read(SUB, id.as_str().expect("id")).body;
        assert_eq!(numbers(&pool), as_read, "read with the pool itself");
    }
}

/// A pool whose numbers come from one search are all for sale: what one of them may be replaced by is none of the others.
#[test]
fn a_number_of_a_pool_is_not_replaced_by_another_of_the_same_pool() {
    for (way, ends) in [
        ("same_area_code", ["bought", "bought", "bought"]),
        ("fail", ["failed: number_unavailable", "bought", "bought"]),
    ] {
        let clock = clock();
        let world = world(&clock);
        world.carrier.offer(FREE[1..].iter().map(|number| for_sale(number)));
        world.carrier.offer([for_sale("+18765550199")]);
        world.ask_for(SUB, "pool", &json!({"kind": "number_pool", "phone_numbers": FREE, "if_unavailable": way}));
        world.carrier.fail_next([CarrierFault::Instead(Created::NotAvailable)]);
        assert_eq!(world.complete(), 0);
        let pool = shown(&world);
        assert_eq!(numbers(&pool), ends, "{way}");
        let (taken, named) = (&pool["numbers"][0]["phone_number"], &pool["numbers"][0]["alternatives"]);
        match way {
            "fail" => assert_eq!((taken, named), (&json!(FREE[0]), &json!(["+18765550199"]))),
            _ => assert_eq!(taken, "+18765550199"),
        }
    }
}

/// What one number could not have, another of the same pool may have had later, under the same mark: that is no stray.
#[test]
fn what_one_number_gave_up_may_be_its_siblings() {
    let clock = clock();
    let world = world(&clock);
    let (first, second) = ("+18765550198", "+18765550199");
    world.carrier.offer([for_sale(first), for_sale(second)]);
    let body = json!({"kind": "number_pool", "phone_numbers": &FREE[..2], "if_unavailable": "same_area_code"});
    world.ask_for(SUB, "pool", &body);
    let gone = || CarrierFault::Instead(Created::NotAvailable);
    // The first number is gone, so is what it takes instead, and what it takes then is lost; the second one is gone, too.
    world.carrier.fail_next([gone(), gone(), CarrierFault::Instead(Created::Unknown), gone()]);
    assert_eq!(world.complete(), 0);
    world.minutes(2);
    let pool = shown(&world);
    assert_eq!(numbers(&pool), ["bought", "bought"], "{pool}");
    assert_eq!(pool["numbers"][0]["phone_number"], second);
    assert_eq!(pool["numbers"][1]["phone_number"], first);
    assert_eq!(world.carrier.charges(), 2);
}

#[test]
fn asking_for_the_same_pool_again_is_the_same_purchase() {
    let clock = clock();
    let world = world(&clock);
    let first = ask_pool(&world, "pool", &FREE, "best_effort");
    assert_eq!(world.complete(), 0);
    let again = ask_pool(&world, "pool", &FREE, "best_effort");
    assert_eq!((again.status, &again.body["id"]), (200, &first.body["id"]));
    assert_eq!(numbers(&again.body), ["bought", "bought", "bought"]);
    let other = ask_pool(&world, "pool", &FREE, "all_or_nothing");
    assert_eq!((other.status, other.problem()), (422, "idempotency-key-reused"));
    let fewer = ask_pool(&world, "pool", &FREE[..2], "best_effort");
    assert_eq!(fewer.status, 422);
}

#[test]
fn one_gated_number_makes_the_whole_pool_wait_and_the_approval_buys_it() {
    let clock = clock();
    let world = world(&clock);
    let asked = ask_pool(&world, "pool", &[NOT_GATED, "+12125550177"], "best_effort");
    assert_eq!(asked.body["state"], "awaiting_verification");
    assert_eq!(asked.body["next_action"], "complete_verification");
    assert_eq!(numbers(&asked.body), ["waiting", "waiting"]);
    world.minutes(3);
    assert_eq!(world.carrier.creates(), 0);
    approve(&world);
    assert_eq!(world.queue.len(), 2, "one message a number");
    assert_eq!(world.complete(), 0);
    assert_eq!(shown(&world)["state"], "completed");
    assert!(world.with_sk("W#").is_empty(), "no pointer outlives its pool");
}

#[test]
fn best_effort_keeps_what_can_be_had_and_reports_the_rest() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE, "best_effort");
    world.carrier.fail_next([CarrierFault::Instead(Created::Refused(Reason::AddressRequired))]);
    assert_eq!(world.complete(), 0);
    let pool = shown(&world);
    assert_eq!((&pool["state"], &pool["reason"]), (&json!("partially_completed"), &json!("address_required")));
    assert_eq!(pool["next_action"], "contact_support");
    assert_eq!(numbers(&pool).iter().filter(|state| *state == "bought").count(), 2);
    assert_eq!(numbers(&pool).iter().filter(|state| *state == "failed: address_required").count(), 1);
    assert_eq!((world.carrier.charges(), world.with_sk("L#").len()), (2, 2));
}

#[test]
fn a_pool_of_which_nothing_can_be_had_fails() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE, "best_effort");
    world.carrier.fail_next(std::iter::repeat_n(CarrierFault::Instead(Created::Refused(Reason::CarrierRefused)), 3));
    assert_eq!(world.complete(), 0);
    let pool = shown(&world);
    assert_eq!((&pool["state"], &pool["reason"]), (&json!("failed"), &json!("carrier_refused")));
    assert!(world.with_sk("L#").is_empty() && world.due().is_empty());
}

#[test]
fn all_or_nothing_gives_back_what_was_bought() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE, "all_or_nothing");
    world.carrier.plant(&account(), &FREE[2].parse().expect("is a number"), "somebody's desk");
    // The third is refused first; the others were bought before anybody knew.
    let messages = world.take_messages();
    for message in &messages[..2] {
        assert_eq!(world.complete_event(tests::events::sqs_event(message)), 0);
    }
    assert_eq!(world.carrier.charges(), 2);
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[2])), 0);
    let undone = shown(&world);
    assert_eq!((&undone["state"], &undone["reason"]), (&json!("releasing"), &json!("number_unavailable")));
    assert_eq!(world.cancel(SUB, undone["id"].as_str().expect("id")).status, 409);
    world.minutes(3);
    let pool = shown(&world);
    assert_eq!((&pool["state"], &pool["reason"]), (&json!("failed"), &json!("number_unavailable")));
    assert_eq!(pool["next_action"], "choose_another_number");
    assert_eq!(numbers(&pool), ["released: pool_undone", "released: pool_undone", "failed: number_unavailable"]);
    assert_eq!((world.carrier.releases(), world.carrier.owned()), (2, 1), "only what was not ours is left");
    assert!(world.with_sk("L#").is_empty() && world.due().is_empty());
}

#[test]
fn numbers_of_an_undone_pool_that_were_not_asked_for_are_never_asked_for() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE, "all_or_nothing");
    world.carrier.fail_next([CarrierFault::Instead(Created::Refused(Reason::CarrierRefused))]);
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.creates(), world.carrier.charges()), (1, 0));
    assert_eq!(shown(&world)["state"], "failed");
    let states = numbers(&shown(&world));
    assert_eq!(states.iter().filter(|state| *state == "failed: pool_undone").count(), 2, "{states:?}");
}

#[test]
fn a_doubt_in_an_undone_pool_settles_before_the_pool_ends() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE[..2], "all_or_nothing");
    world.carrier.fail_next([CarrierFault::LandsLate, CarrierFault::Instead(Created::Refused(Reason::CarrierRefused))]);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.pool().state, PoolState::Releasing { reason: Reason::CarrierRefused });
    world.carrier.land();
    world.minutes(8);
    assert_eq!(shown(&world)["state"], "failed");
    assert_eq!((world.carrier.charges(), world.carrier.releases(), world.carrier.owned()), (1, 1, 0));
}

#[test]
fn a_release_whose_answer_is_lost_is_asked_for_again_and_done_once() {
    for fault in [ReleaseFault::Before(LookError::Unknown), ReleaseFault::After(LookError::Unknown)] {
        let clock = clock();
        let world = world(&clock);
        ask_pool(&world, "pool", &FREE[..2], "all_or_nothing");
        world.carrier.fail_next([
            CarrierFault::After(Created::Unknown),
            CarrierFault::Instead(Created::Refused(Reason::CarrierRefused)),
        ]);
        world.carrier.fail_next_releases([fault]);
        assert_eq!(world.complete(), 0);
        world.minutes(10);
        assert_eq!(shown(&world)["state"], "failed", "{fault:?}");
        assert_eq!((world.carrier.releases(), world.carrier.owned()), (1, 0), "{fault:?}");
    }
}

#[test]
fn a_number_that_is_not_ours_any_more_is_not_deleted() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE[..2], "all_or_nothing");
    let messages = world.take_messages();
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[0])), 0);
    // Somebody renames it by hand, and then the pool is undone.
    world.carrier.rename(&account(), &FREE[0].parse().expect("is a number"), "somebody's desk");
    world.carrier.fail_next([CarrierFault::Instead(Created::Refused(Reason::CarrierRefused))]);
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[1])), 0);
    world.minutes(3);
    assert_eq!((world.carrier.releases(), world.carrier.owned()), (0, 1));
    assert_eq!(shown(&world)["state"], "held");
    assert!(world.purchases().iter().any(|number| matches!(number.state, PurchaseState::Held { .. })));
}

#[test]
fn messages_of_a_pool_that_are_lost_are_sent_again() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &FREE, "best_effort");
    let messages = world.take_messages();
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[1])), 0);
    assert_eq!(shown(&world)["state"], "buying");
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 3);
    assert_eq!(shown(&world)["state"], "completed");
}

#[test]
fn a_pool_is_taken_back_only_while_nothing_was_asked_for() {
    let clock = clock();
    let world = world(&clock);
    let asked = ask_pool(&world, "pool", &["+12125550177", "+12125550178"], "best_effort");
    let id = asked.body["id"].as_str().expect("id").to_owned();
    assert_eq!(world.cancel(SUB, &id).body["state"], "cancelled");
    assert_eq!(world.cancel(SUB, &id).status, 200, "also when repeated");
    approve(&world);
    world.minutes(3);
    assert_eq!(world.carrier.creates(), 0);
    assert!(world.with_sk("W#").is_empty());
}

#[test]
fn a_pool_nobody_verified_for_expires() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "pool", &["+12125550177", NOT_GATED], "best_effort");
    clock.advance_s(72 * 3600 + 600);
    world.minutes(2);
    assert_eq!(shown(&world)["state"], "expired");
    let due = world.due().into_iter().filter(|key| key.sk.starts_with("P#"));
    assert_eq!((world.with_sk("W#").len(), due.count()), (0, 0));
}

#[test]
fn a_revocation_in_the_middle_of_a_pool_fails_what_was_not_asked_for() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    ask_pool(&world, "pool", &["+12125550171", "+12125550172"], "best_effort");
    let messages = world.take_messages();
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[0])), 0);
    clock.advance_s(5);
    assert_eq!(crate::deliver(&world, "evt_reversed", "inquiry.declined", "declined", 0), 200);
    assert_eq!(world.complete_event(tests::events::sqs_event(&messages[1])), 0);
    let pool = shown(&world);
    assert_eq!(numbers(&pool), ["bought", "failed: verification_revoked"]);
    assert_eq!(pool["state"], "partially_completed");
}

#[test]
fn two_pools_of_one_sub_account_do_not_buy_a_number_twice() {
    let clock = clock();
    let world = world(&clock);
    ask_pool(&world, "one", &FREE[..2], "best_effort");
    world.ask_for(SUB, "two", &json!({"kind": "number_pool", "phone_numbers": &FREE[1..]}));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 3);
    let failed = world
        .purchases()
        .into_iter()
        .filter(|number| matches!(number.state, PurchaseState::Failed { reason: Reason::DuplicatePurchase, .. }));
    assert_eq!(failed.count(), 1);
}

#[test]
fn a_hundred_numbers_are_one_pool() {
    let clock = clock();
    let world = world(&clock);
    let many: Vec<String> = (0..100).map(|number| format!("+1876555{:04}", 2000 + number)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let asked = ask_pool(&world, "pool", &many, "best_effort");
    assert_eq!((asked.status, world.queue.len()), (202, 100));
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.charges(), shown(&world)["state"].as_str()), (100, Some("completed")));
    assert_eq!(world.pool().history.len(), 3, "asked for, begun, completed");
}
