//! What the sweep finds: lost messages, lost webhooks, deadlines.

use adapters::items::Profile;
use domain::{InquiryStatus, PurchaseState};
use tests::neighbours::PersonaFault;
use tests::world::{clock, world};

use crate::{GATED, NOT_GATED, SUB, approve, deliver};

#[test]
fn a_lost_message_is_sent_again() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", NOT_GATED);
    world.queue.pop().expect("was sent, and is lost");
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn an_approval_that_persona_could_not_deliver_is_found_within_five_minutes() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    world.minutes(5);
    assert_eq!(world.carrier.charges(), 1);
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }));
}

#[test]
fn persona_being_down_only_delays() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    world.persona.fail_next([PersonaFault::Before(adapters::persona::PersonaError::Unknown); 3]);
    world.minutes(12);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn messages_lost_after_an_approval_are_sent_again() {
    let clock = clock();
    let world = world(&clock);
    for line in 0..5 {
        world.ask(SUB, &format!("key-{line}"), &format!("+1212555010{line}"));
    }
    approve(&world);
    while world.queue.pop().is_some() {}
    world.minutes(3);
    assert_eq!(world.carrier.charges(), 5);
    world.minutes(30);
    let due = world.table.items().into_iter().filter(|item| item.contains_key("due_at")).count();
    assert_eq!(due, 0, "nothing is left to visit");
}

#[test]
fn more_than_a_hundred_waiting_purchases_all_complete() {
    let clock = clock();
    let world = world(&clock);
    world.store_profile(SUB, Profile { open_purchases_max: Some(1000), ..Profile::default() });
    for line in 0..250 {
        world.ask(SUB, &format!("key-{line}"), &format!("+121255{:05}", 20_000 + line));
    }
    approve(&world);
    assert_eq!(world.queue.len(), 100, "one wake-up is bounded");
    world.complete();
    world.minutes(5);
    assert_eq!(world.carrier.charges(), 250);
}

#[test]
fn a_purchase_nobody_verified_for_expires_after_its_deadline_and_its_grace() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.minutes(3);
    clock.advance_s(72 * 3600 - 180);
    world.minutes(5);
    assert_eq!(world.purchase().state, PurchaseState::Waiting, "inside the grace");
    world.minutes(2);
    assert!(matches!(world.purchase().state, PurchaseState::Expired { .. }));
    assert!(world.with_sk("W#").is_empty());
    assert_eq!(deliver(&world, "evt_late", "inquiry.approved", "approved", 0), 200);
    world.complete();
    assert_eq!(world.carrier.creates(), 0, "ended is ended");
}

#[test]
fn a_purchase_verified_in_time_completes_also_after_its_deadline() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(72 * 3600 - 10);
    approve(&world);
    while world.queue.pop().is_some() {}
    clock.advance_s(3600);
    world.minutes(3);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_purchase_verified_too_late_expires() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(72 * 3600 + 10);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.creates(), 0);
    world.minutes(30);
    assert!(matches!(world.purchase().state, PurchaseState::Expired { .. }));
}

#[test]
fn a_sweep_of_an_idle_table_does_nothing() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(world.sweep(), sweeper::Swept::default());
}

#[test]
fn a_waiting_purchase_sleeps_until_its_deadline_and_does_not_cost_a_visit_a_minute() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.minutes(5);
    let (visited, asked) = (0..60)
        .map(|_| {
            clock.advance_s(60);
            let swept = world.sweep();
            (swept.visited, swept.asked)
        })
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((visited, asked), (0, 30), "only the open inquiry, every two minutes");
}

#[test]
fn after_an_outage_of_ours_an_approval_in_time_is_found_before_anything_expires() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.minutes(3);
    let inquiry = world.persona.first().expect("is there");
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    // Nothing of ours runs for four days: the webhook was lost, and the deadline has passed.
    clock.advance_s(4 * 24 * 3600);
    // It is asked because of what is about to expire, and because it is due.
    world.persona.fail_next([PersonaFault::Before(adapters::persona::PersonaError::Unknown); 2]);
    world.minutes(1);
    assert_eq!(world.purchase().state, PurchaseState::Waiting, "Persona could not be asked");
    world.minutes(10);
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }), "{:?}", world.purchase().state);
}
