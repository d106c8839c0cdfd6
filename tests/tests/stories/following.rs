//! Following a purchase, repeating it, taking it back.

use purchase_check::Route;
use serde_json::json;
use tests::events::{Caller, http_event};
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, NOT_GATED, SUB, approve};

fn call(world: &Neighbours<'_>, route: Route, id: &str, headers: &[(&str, &str)]) -> Answer {
    let caller = Caller::sub_account(SUB);
    world.check(http_event(route.key(), &[("sub", SUB), ("id", id)], headers, Some(&caller), ""))
}

fn id_of(answer: &Answer) -> String {
    answer.body["id"].as_str().expect("has an id").to_owned()
}

#[test]
fn a_purchase_can_be_followed_from_waiting_to_bought() {
    let clock = clock();
    let world = world(&clock);
    let id = id_of(&world.ask(SUB, "key-1", GATED));
    let waiting = call(&world, Route::ReadPurchase, &id, &[]);
    assert_eq!((waiting.status, waiting.body["state"].as_str()), (200, Some("awaiting_verification")));
    assert_eq!(waiting.headers["retry-after"], "5");
    assert_eq!(waiting.body["verification"].get("session_token"), None, "only the two POSTs hand out a session");
    approve(&world);
    let queued = call(&world, Route::ReadPurchase, &id, &[]);
    assert_eq!((queued.body["state"].as_str(), queued.headers["retry-after"].as_str()), (Some("queued"), Some("1")));
    world.complete();
    let completed = call(&world, Route::ReadPurchase, &id, &[]);
    assert_eq!(completed.body["state"], "completed");
    assert_eq!(completed.body["numbers"][0]["state"], "bought");
    assert!(completed.body["numbers"][0]["sid"].is_string());
    assert_eq!(completed.headers.get("retry-after"), None, "nothing more will happen");
}

#[test]
fn an_unchanged_purchase_is_not_sent_again() {
    let clock = clock();
    let world = world(&clock);
    let id = id_of(&world.ask(SUB, "key-1", GATED));
    let tag = call(&world, Route::ReadPurchase, &id, &[]).headers["etag"].as_str().expect("has a tag").to_owned();
    for named in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let unchanged = call(&world, Route::ReadPurchase, &id, &[("If-None-Match", &named)]);
        assert_eq!((unchanged.status, unchanged.body.is_null()), (304, true), "{named}");
    }
    approve(&world);
    assert_eq!(call(&world, Route::ReadPurchase, &id, &[("If-None-Match", &tag)]).status, 200);
}

#[test]
fn the_same_key_with_the_same_request_is_the_same_purchase() {
    let clock = clock();
    let world = world(&clock);
    let first = world.ask(SUB, "key-1", NOT_GATED);
    let second = world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!((first.status, second.status), (202, 200));
    assert_eq!(id_of(&first), id_of(&second));
    world.complete();
    let third = world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!((third.status, third.body["state"].as_str()), (200, Some("completed")));
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn the_same_key_with_another_request_is_refused_and_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    let before = world.table.items();
    let refused = world.ask(SUB, "key-1", GATED);
    assert_eq!((refused.status, refused.problem()), (422, "idempotency-key-reused"));
    assert_eq!(world.table.items(), before);
    assert_eq!(world.ask("other", "key-1", GATED).status, 202, "another sub-account's keys are its own");
}

#[test]
fn a_waiting_purchase_can_be_taken_back_and_then_never_buys() {
    let clock = clock();
    let world = world(&clock);
    let id = id_of(&world.ask(SUB, "key-1", GATED));
    for _ in 0..2 {
        let cancelled = call(&world, Route::CancelPurchase, &id, &[]);
        assert_eq!((cancelled.status, cancelled.body["state"].as_str()), (200, Some("cancelled")));
    }
    assert!(world.with_sk("W#").is_empty());
    approve(&world);
    world.minutes(10);
    assert_eq!(world.carrier.creates(), 0);
}

#[test]
fn a_purchase_that_is_being_bought_or_has_ended_cannot_be_taken_back() {
    let clock = clock();
    let world = world(&clock);
    let id = id_of(&world.ask(SUB, "key-1", NOT_GATED));
    world.carrier.fail_next([tests::neighbours::CarrierFault::After(adapters::twilio::Created::Unknown)]);
    world.complete();
    for _ in 0..2 {
        let refused = call(&world, Route::CancelPurchase, &id, &[]);
        assert_eq!((refused.status, refused.problem()), (409, "purchase-not-cancellable"));
        world.minutes(2);
    }
    assert_eq!(call(&world, Route::ReadPurchase, &id, &[]).body["state"], "completed");
}

#[test]
fn a_failed_purchase_says_why_and_what_to_do() {
    let clock = clock();
    let world = world(&clock);
    let id = id_of(&world.ask(SUB, "key-1", NOT_GATED));
    world.carrier.fail_next([tests::neighbours::CarrierFault::Instead(adapters::twilio::Created::NotAvailable)]);
    world.complete();
    let failed = call(&world, Route::ReadPurchase, &id, &[]).body;
    assert_eq!(
        (&failed["state"], &failed["reason"], &failed["next_action"]),
        (&json!("failed"), &json!("number_unavailable"), &json!("choose_another_number"))
    );
    assert_eq!(failed["numbers"][0]["reason"], "number_unavailable");
}

#[test]
fn an_agencys_token_covers_the_sub_accounts_whose_profile_names_it() {
    let clock = clock();
    let world = world(&clock);
    let agency = Caller { claims: json!({"agency": "agency-1", "scope": "purchases:read purchases:write"}) };
    let ask = |key: &str| world.check(tests::events::ask_event(&agency, SUB, key, NOT_GATED));
    assert_eq!(ask("key-1").status, 404);
    world.put_profile(SUB, "agency-1");
    assert_eq!(ask("key-1").status, 202);
    world.put_profile(SUB, "agency-2");
    assert_eq!(ask("key-2").status, 404);
}
