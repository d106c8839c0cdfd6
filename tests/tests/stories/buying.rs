//! What the carrier may answer, and what becomes of the purchase: every row of the outcome table.

use adapters::twilio::{Created, LookError};
use domain::{FailedNumber, PurchaseState, Reason};
use tests::neighbours::CarrierFault;
use tests::world::{Neighbours, account, clock, world};

use crate::{NOT_GATED, SUB};

fn reason(world: &Neighbours<'_>) -> Option<Reason> {
    failure(&world.purchase().state)
}

fn failure(state: &PurchaseState) -> Option<Reason> {
    if let PurchaseState::Failed { reason, .. } = state { Some(*reason) } else { None }
}

fn bought_once(world: &Neighbours<'_>) -> bool {
    matches!(world.purchase().state, PurchaseState::Completed { .. }) && world.carrier.charges() == 1
}

#[test]
fn a_definite_refusal_fails_the_purchase_and_frees_the_number() {
    for (answer, expected) in [
        (Created::Refused(Reason::CarrierRefused), Reason::CarrierRefused),
        (Created::Refused(Reason::AddressRequired), Reason::AddressRequired),
        (Created::Refused(Reason::AccountRestricted), Reason::AccountRestricted),
        (Created::NotAvailable, Reason::NumberUnavailable),
    ] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next([CarrierFault::Instead(answer)]);
        assert_eq!(world.complete(), 0);
        assert_eq!(reason(&world), Some(expected));
        assert_eq!(world.carrier.charges(), 0);
        assert!(world.with_sk("L#").is_empty());
    }
}

#[test]
fn not_available_is_not_believed_of_a_number_that_is_ours() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::After(Created::NotAvailable)]);
    assert_eq!(world.complete(), 0);
    assert!(bought_once(&world));
}

#[test]
fn an_unknown_answer_of_a_create_that_was_done_is_one_charge() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::After(Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "unknown is not failed");
    world.minutes(2);
    assert!(bought_once(&world));
    assert_eq!(world.carrier.creates(), 1, "found by looking, not by creating again");
}

#[test]
fn an_unknown_answer_of_a_create_that_was_not_done_is_tried_again() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::Instead(Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    world.minutes(2);
    assert!(bought_once(&world));
    assert_eq!(world.carrier.creates(), 2);
}

#[test]
fn a_create_that_lands_late_is_adopted_and_paid_once() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::LandsLate, CarrierFault::Instead(Created::NotAvailable)]);
    assert_eq!(world.complete(), 0);
    // The next visit looks too early, creates again, and hears "not available": with a create unknown, that settles
    // nothing.
    world.minutes(2);
    assert!(matches!(world.purchase().state, PurchaseState::Buying(_)), "{:?}", world.purchase().state);
    world.carrier.land();
    world.minutes(6);
    assert!(bought_once(&world));
}

#[test]
fn a_carrier_that_never_answers_is_settled_by_two_looks_and_looked_at_once_more_a_day_later() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next(std::iter::repeat_n(CarrierFault::Instead(Created::Unknown), 20));
    assert_eq!(world.complete(), 0);
    world.minutes(40);
    assert_eq!(reason(&world), Some(Reason::CarrierUnresponsive));
    assert_eq!(world.carrier.creates(), domain::CREATES_MAX);
    assert_eq!(world.with_sk("L#").len(), 1, "the lock stays while a create might still land");
    world.minutes(24 * 60);
    assert!(world.with_sk("L#").is_empty());
    let PurchaseState::Failed { lock, .. } = world.purchase().state else { panic!("it failed") };
    assert_eq!(lock, FailedNumber::Unlocked);
}

#[test]
fn a_number_that_lands_after_the_failure_was_settled_is_held_for_an_operator() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::LandsLate]);
    world.carrier.fail_next(std::iter::repeat_n(CarrierFault::Instead(Created::Unknown), 20));
    assert_eq!(world.complete(), 0);
    world.minutes(40);
    assert_eq!(reason(&world), Some(Reason::CarrierUnresponsive));
    world.carrier.land();
    world.minutes(24 * 60);
    assert!(matches!(world.purchase().state, PurchaseState::Held { sid: Some(_), .. }));
    assert_eq!(world.with_sk("L#").len(), 1, "held keeps the lock");
}

#[test]
fn too_many_requests_cost_no_try_and_are_repeated_when_the_carrier_says() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    let busy = CarrierFault::Instead(Created::NotProcessed { retry_after_s: Some(90) });
    world.carrier.fail_next(std::iter::repeat_n(busy, 12));
    assert_eq!(world.complete(), 0);
    let PurchaseState::Buying(slot) = world.purchase().state else { panic!("is buying") };
    assert_eq!(slot.lease_until, world.now().plus_ms(90_000));
    world.minutes(1);
    assert_eq!(world.carrier.creates(), 1, "not before the carrier wants to be asked");
    world.minutes(40);
    assert!(bought_once(&world));
    assert_eq!(world.carrier.creates(), 13);
}

#[test]
fn a_credential_that_is_not_accepted_waits_for_an_operator() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.carrier.fail_next([CarrierFault::Instead(Created::Unauthorised)]);
    assert_eq!(world.complete(), 0);
    world.minutes(14);
    assert_eq!(world.carrier.creates(), 1);
    world.minutes(4);
    assert!(bought_once(&world));
}

#[test]
fn a_list_that_cannot_be_read_creates_nothing() {
    for fault in [LookError::Unknown, LookError::Unauthorised, LookError::NotProcessed { retry_after_s: Some(5) }] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next_looks([fault]);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.creates(), 0);
        world.minutes(18);
        assert!(bought_once(&world), "{fault:?}");
    }
}

#[test]
fn a_number_that_the_account_had_before_is_never_touched() {
    let clock = clock();
    let world = world(&clock);
    let number = domain::PhoneNumber::parse(NOT_GATED).expect("is a number");
    for mark in ["", "somebody's desk", "pur_00000000000000000000000000000000"] {
        world.carrier.plant(&account(), &number, mark);
        world.ask(SUB, &format!("key-{}", mark.len()), NOT_GATED);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.mark(&account(), &number).as_deref(), Some(mark));
    }
    assert_eq!(world.carrier.creates(), 0);
    let unavailable =
        |state: &PurchaseState| matches!(state, PurchaseState::Failed { reason: Reason::NumberUnavailable, .. });
    assert!(world.purchases().iter().all(|purchase| unavailable(&purchase.state)));
}

#[test]
fn the_same_number_twice_is_a_duplicate_for_its_owner_and_unavailable_for_others() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    assert_eq!(world.complete(), 0);
    let again = world.ask(SUB, "key-2", NOT_GATED).body["id"].clone();
    let others = world.ask("other", "key-1", NOT_GATED).body["id"].clone();
    assert_eq!(world.complete(), 0);
    let reason = |id: &serde_json::Value| {
        let found = world.purchases().into_iter().find(|purchase| purchase.id.as_str() == id);
        failure(&found.expect("is there").state)
    };
    assert_eq!(reason(&again), Some(Reason::DuplicatePurchase));
    assert_eq!(reason(&others), Some(Reason::NumberUnavailable));
    assert_eq!((world.carrier.charges(), world.carrier.creates()), (1, 1));
}

#[test]
fn an_answer_that_is_not_our_purchase_is_held() {
    let clock_for_time = clock();
    let an_hour_ago = world(&clock_for_time).now().plus_ms(-3_600_000);
    for fault in [CarrierFault::WrongMark("not ours".to_owned()), CarrierFault::MadeAt(an_hour_ago)] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", NOT_GATED);
        world.carrier.fail_next([fault.clone()]);
        assert_eq!(world.complete(), 0);
        assert!(matches!(world.purchase().state, PurchaseState::Held { sid: Some(_), .. }), "{fault:?}");
        assert_eq!(world.with_sk("L#").len(), 1);
    }
}

#[test]
fn a_repeated_message_during_and_after_buying_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    let message = world.queue.pop().expect("was sent");
    world.carrier.fail_next([CarrierFault::After(Created::Unknown)]);
    assert_eq!(world.complete_event(tests::events::sqs_event(&message)), 0);
    let buying = world.purchase();
    assert_eq!(world.complete_event(tests::events::sqs_event(&message)), 0);
    assert_eq!(world.purchase(), buying, "another worker has the lease");
    world.minutes(2);
    let completed = world.purchase();
    for _ in 0..5 {
        assert_eq!(world.complete_event(tests::events::sqs_event(&message)), 0);
    }
    assert_eq!(world.purchase(), completed);
    assert!(bought_once(&world));
}

#[test]
fn a_verification_that_is_taken_back_stops_further_creates() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", crate::GATED);
    crate::approve(&world);
    world.carrier.fail_next([CarrierFault::Instead(Created::Unknown)]);
    assert_eq!(world.complete(), 0);
    clock.advance_s(30);
    assert_eq!(crate::deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    world.minutes(10);
    assert_eq!(world.carrier.creates(), 1, "no create without a permit");
    assert_eq!(reason(&world), Some(Reason::VerificationRevoked));
}
