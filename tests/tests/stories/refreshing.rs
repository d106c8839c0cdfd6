//! Asking Persona now: the page does when the person is done, so that nobody waits for a webhook.

use adapters::persona::PersonaError;
use domain::{InquiryStatus, VerificationState};
use purchase_check::Route;
use tests::events::{Caller, http_event};
use tests::neighbours::PersonaFault;
use tests::slow_ports::poll_once;
use tests::world::{clock, world};

use crate::{GATED, SUB, deliver, send_own, verify};

#[test]
fn a_refresh_finds_an_approval_and_wakes_who_waits() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(30);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    let answer = send_own(&world, Route::RefreshVerification);
    assert_eq!((answer.status, answer.body["state"].as_str()), (200, Some("verified")));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_page_that_refreshes_all_the_time_asks_persona_once_in_five_seconds() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..60 {
        for _ in 0..5 {
            let answer = send_own(&world, Route::RefreshVerification);
            match answer.status {
                200 => assert_eq!(answer.body["state"], "in_progress"),
                _ => {
                    assert_eq!((answer.status, answer.problem()), (429, "too-many-requests"));
                    let seconds: u32 =
                        answer.headers["retry-after"].as_str().expect("is said").parse().expect("seconds");
                    assert!((1..=5).contains(&seconds), "{seconds}");
                }
            }
        }
        clock.advance_s(1);
    }
    assert_eq!(world.persona.looks(), 12);
    assert_eq!(world.with_sk("REFRESH").len(), 1, "one item an owner");
}

#[test]
fn what_nobody_began_and_what_stands_is_not_asked_about() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(send_own(&world, Route::RefreshVerification).body["state"], "unverified");
    assert!(world.table.items().is_empty());
    verify(&world);
    world.ask(SUB, "key-1", GATED);
    while world.queue.pop().is_some() {}
    assert_eq!(send_own(&world, Route::RefreshVerification).body["state"], "verified");
    assert_eq!(world.persona.looks(), 0);
}

#[test]
fn persona_being_down_is_said() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(429))]);
    let answer = send_own(&world, Route::RefreshVerification);
    assert_eq!((answer.status, answer.problem()), (502, "persona-unavailable"));
    assert!(answer.headers["retry-after"].is_string());
}

/// A message that is lost after the mark is sent by the sweep, and said to the caller.
#[test]
fn a_queue_that_is_down_only_delays() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    world.queue.set_down(true);
    assert_eq!(send_own(&world, Route::RefreshVerification).status, 503);
    world.queue.set_down(false);
    world.minutes(2);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_refresh_that_dies_anywhere_loses_nothing() {
    for calls in 0..40 {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        clock.advance_s(1);
        world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
        let refresh =
            http_event(Route::RefreshVerification.key(), &[("sub", SUB)], &[], Some(&Caller::sub_account(SUB)), "");
        let mut refresh = Box::pin(world.check_step_by_step(refresh));
        if (0..=calls).find_map(|_| poll_once(&mut refresh)).is_some() {
            assert!(calls >= 7, "{calls} places to die");
            return;
        }
        drop(refresh);
        world.minutes(5);
        assert_eq!(world.carrier.charges(), 1, "died after {calls} calls");
    }
    panic!("the request never ends");
}

/// The answer is known to the second: it must not hide an event of the same second that came before.
#[test]
fn a_refresh_and_a_webhook_of_the_same_second_agree() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_ms(60_553);
    deliver(&world, "evt_1", "inquiry.completed", "completed", 0);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Expired, world.now().whole_second());
    assert_eq!(send_own(&world, Route::RefreshVerification).body["state"], "expired");
    assert_eq!(world.verification().state, VerificationState::Expired);
}
