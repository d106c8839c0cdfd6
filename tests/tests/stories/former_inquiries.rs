//! Inquiries that another has replaced, and whose webhooks are lost: whoever has the former one open on a page may finish it.

use adapters::persona::PersonaError;
use domain::{InquiryId, InquiryStatus, PurchaseState};
use purchase_check::Route;
use tests::events::{Caller, ask_event};
use tests::neighbours::{PersonaFault, SESSION_TOKEN};
use tests::world::{Neighbours, clock, world};

use crate::dead_ends::hours;
use crate::{GATED, SUB, deliver, event, send_own};

/// A purchase whose person has the former inquiry open on a page, while another page has opened the current one.
fn replaced(world: &Neighbours<'_>) -> InquiryId {
    world.check_with_template(ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED), "itmpl_former");
    let former = world.persona.first().expect("is there");
    world.clock.advance_s(60);
    assert_eq!(send_own(world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 2);
    former
}

fn due_former(world: &Neighbours<'_>) -> usize {
    world.due().iter().filter(|key| &*key.sk == "INQUIRY").count()
}

#[test]
fn an_approval_of_a_former_inquiry_that_was_not_delivered_is_found() {
    let clock = clock();
    let world = world(&clock);
    let former = replaced(&world);
    world.minutes(60);
    world.persona.set(&former, InquiryStatus::Approved, world.now());
    world.minutes(5);
    assert_eq!((world.verification().verified_at().is_some(), world.carrier.charges()), (true, 1));
    assert!(world.verification().is_current(&former));
    world.minutes(60);
    assert_eq!(due_former(&world), 0, "nobody is asked about any more");
}

/// Persona being down uses up none of the asks.
#[test]
fn it_is_found_after_an_outage() {
    let clock = clock();
    let world = world(&clock);
    let former = replaced(&world);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Unknown); 100]);
    world.minutes(100);
    world.persona.end_failures();
    world.persona.set(&former, InquiryStatus::Approved, world.now());
    world.minutes(5);
    assert_eq!(world.carrier.charges(), 1);
}

/// A reviewer takes a decline back, after the person has begun anew.
#[test]
fn a_decline_of_a_former_inquiry_that_is_reversed_is_found() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let former = world.persona.first().expect("is there");
    clock.advance_s(60);
    world.persona.set(&former, InquiryStatus::Declined, world.now());
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    world.minutes(60);
    assert!(world.verification().verified_at().is_none());
    world.persona.set(&former, InquiryStatus::Approved, world.now());
    world.minutes(4 * 60 + 5);
    assert_eq!((world.verification().verified_at().is_some(), world.carrier.charges()), (true, 1));
}

/// Our intake was down past the deadline, and the person finished the former inquiry in time.
#[test]
fn a_purchase_does_not_expire_before_persona_was_asked_about_former_inquiries() {
    let clock = clock();
    let world = world(&clock);
    let former = replaced(&world);
    clock.advance_s(3600);
    world.persona.set(&former, InquiryStatus::Approved, world.now());
    clock.advance_s(4 * 24 * 3600);
    world.minutes(3);
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }), "{:?}", world.purchase().state);
}

/// Whom it was decided against, and who began anew, is asked about seldom: nobody can finish that one.
#[test]
fn a_former_inquiry_that_nobody_can_finish_is_asked_about_rarely() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Failed, world.now());
    assert_eq!(deliver(&world, "evt_failed", "inquiry.failed", "failed", 0), 200);
    assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    let current = world.persona.latest().expect("is there");
    let approved = event(&world, "evt_2", "inquiry.declined", current.as_str(), "declined", 0);
    assert_eq!(world.deliver(&approved).status, 200);
    let before = world.persona.looks();
    world.minutes(24 * 60);
    assert!(world.persona.looks() - before < 30, "{}", world.persona.looks() - before);
}

/// What is said of it and unlocks nothing is remembered, and asked about ever more rarely from then on.
#[test]
fn a_former_inquiry_is_not_asked_about_for_ever() {
    for (name, status, at_persona) in [
        ("inquiry.declined", "declined", InquiryStatus::Declined),
        ("inquiry.expired", "expired", InquiryStatus::Expired),
    ] {
        let clock = clock();
        let world = world(&clock);
        let former = replaced(&world);
        world.persona.set(&world.persona.latest().expect("is there"), InquiryStatus::Pending, world.now());
        world.minutes(30);
        world.persona.set(&former, at_persona, world.now());
        let told = of_former_template(event(&world, "evt_former", name, former.as_str(), status, 0));
        assert_eq!(world.deliver(&told).status, 200);
        assert_eq!(due_former(&world), 1);
        hours(&world, 40 * 24);
        assert_eq!(due_former(&world), 0, "{status}");
        assert!(!world.due().is_empty(), "the current one still is");
    }
}

/// The event names the template that the former inquiry was made from.
fn of_former_template(mut told: serde_json::Value) -> serde_json::Value {
    let named = "/data/attributes/payload/data/relationships/inquiry-template/data/id";
    *told.pointer_mut(named).expect("is there") = "itmpl_former".into();
    told
}
