//! A sub-account that never proved who it is buys a gated number: the story of the whole product.

use domain::PurchaseState;
use tests::neighbours::{ONE_TIME_LINK, SESSION_TOKEN};
use tests::world::{account, clock, world};

use crate::{GATED, NOT_GATED, SUB, approve, verify};

#[test]
fn an_unverified_sub_account_gets_a_session_and_nothing_is_bought() {
    let clock = clock();
    let world = world(&clock);
    let answer = world.ask(SUB, "key-1", GATED);
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["state"], "awaiting_verification");
    assert_eq!(answer.body["next_action"], "complete_verification");
    assert_eq!(answer.body["verification"]["state"], "in_progress");
    assert_eq!(answer.body["verification"]["phase"], "needs_user");
    assert_eq!(answer.body["verification"]["session_token"], SESSION_TOKEN);
    assert_eq!(answer.body["verification"]["one_time_link"], ONE_TIME_LINK);
    assert_eq!(answer.body["numbers"][0]["state"], "waiting");
    assert_eq!(answer.body["deadline"], "2026-11-25T12:00:00Z");
    let id = answer.body["id"].as_str().expect("has an id");
    assert_eq!(answer.headers["location"], format!("/v1/sub-accounts/{SUB}/purchases/{id}"));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.creates(), 0);
}

#[test]
fn the_approval_buys_the_number_with_no_further_call() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    assert_eq!(world.complete(), 0);
    let purchase = world.purchase();
    assert!(matches!(purchase.state, PurchaseState::Completed { .. }), "{:?}", purchase.state);
    assert_eq!(world.carrier.charges(), 1);
    assert_eq!(world.carrier.mark(&account(), &purchase.number).as_deref(), Some(purchase.id.as_str()));
    assert!(world.with_sk("W#").is_empty(), "no pointer is left");
}

#[test]
fn a_verified_sub_account_is_never_asked_again() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    let answer = world.ask(SUB, "key-2", GATED);
    assert_eq!((answer.status, answer.body["state"].as_str()), (202, Some("queued")));
    assert_eq!(answer.body.get("verification"), None);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2);
    assert_eq!(world.persona.inquiries(), 1);
}

#[test]
fn a_number_that_is_not_gated_needs_no_verification() {
    let clock = clock();
    let world = world(&clock);
    let answer = world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!((answer.status, answer.body["state"].as_str()), (202, Some("queued")));
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.charges(), world.persona.inquiries()), (1, 0));
}

#[test]
fn every_waiting_purchase_of_the_sub_account_completes() {
    let clock = clock();
    let world = world(&clock);
    for line in 0..25 {
        world.ask(SUB, &format!("key-{line}"), &format!("+121255501{line:02}"));
    }
    assert_eq!(world.persona.inquiries(), 1);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 25);
    assert!(world.purchases().iter().all(|purchase| matches!(purchase.state, PurchaseState::Completed { .. })));
}

#[test]
fn another_sub_accounts_approval_wakes_nobody_here() {
    let clock = clock();
    let world = world(&clock);
    world.ask("other", "key-1", "+12125550101");
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
    let waiting = world.purchases().into_iter().filter(|purchase| purchase.state == PurchaseState::Waiting);
    assert_eq!(waiting.map(|purchase| purchase.sub_account.to_string()).collect::<Vec<_>>(), [SUB]);
}

#[test]
fn a_purchase_stands_when_the_queue_is_down_and_goes_on_by_itself() {
    let clock = clock();
    let world = world(&clock);
    world.queue.set_down(true);
    assert_eq!(world.ask(SUB, "key-1", NOT_GATED).status, 202);
    world.queue.set_down(false);
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_hand_made_message_for_an_unverified_sub_account_buys_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let purchase = world.purchase();
    let message = adapters::queue::PurchaseMessage::of(&purchase);
    assert_eq!(world.complete_event(tests::events::sqs_event(&message)), 0);
    assert_eq!(world.purchase().state, PurchaseState::Waiting);
    assert_eq!(world.carrier.creates(), 0);
}

#[test]
fn a_message_that_cannot_be_read_goes_back_and_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    for text in ["", "not json", "{}", r#"{"version":"2","sub_account":"a","purchase":"b"}"#] {
        assert_eq!(world.complete_event(tests::events::sqs_event_of(text)), 1, "{text}");
    }
    assert!(world.table.items().is_empty());
}
