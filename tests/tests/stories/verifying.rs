//! Persona's events: repeated, late, out of order, about what is not ours.

use domain::{InquiryStatus, PurchaseState, RevokedBy, VerificationState};
use tests::memory_table::TableFault;
use tests::world::{clock, world};

use crate::{GATED, SUB, approve, deliver, event, verify};

#[test]
fn a_repeated_approval_buys_nothing_twice() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    approve(&world);
    approve(&world);
    assert_eq!(world.complete(), 0);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!((world.carrier.charges(), world.carrier.creates()), (1, 1));
}

#[test]
fn a_repeated_approval_repeats_a_wake_up_that_was_lost() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.queue.set_down(true);
    assert_eq!(deliver(&world, "evt_approved", "inquiry.approved", "approved", 0), 503);
    world.queue.set_down(false);
    approve(&world);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn late_progress_takes_nothing_away() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    for (event_id, name, status, age_s) in [
        ("evt_1", "inquiry.started", "pending", 60),
        ("evt_2", "inquiry.completed", "completed", 30),
        ("evt_3", "inquiry.expired", "expired", -60),
        ("evt_4", "inquiry.failed", "failed", -120),
        ("evt_5", "inquiry.declined", "declined", 60),
        ("evt_6", "inquiry.marked-for-review", "needs_review", -180),
    ] {
        assert_eq!(deliver(&world, event_id, name, status, age_s), 200);
        assert!(world.verification().verified_at().is_some(), "{name} took the verification away");
    }
}

#[test]
fn a_newer_decline_takes_the_verification_back_and_a_newer_approval_gives_it_again() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Persona, .. }));
    let answer = world.ask(SUB, "key-2", GATED);
    assert_eq!(answer.body["state"], "awaiting_verification");
    assert_eq!(answer.body["next_action"], "contact_support");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
    // The first approval, delivered again, is older than the decline.
    assert_eq!(deliver(&world, "evt_approved", "inquiry.approved", "approved", 60), 200);
    assert!(world.verification().verified_at().is_none());
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_approved_again", "inquiry.approved", "approved", 0), 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2);
}

#[test]
fn declined_then_approved_after_review_completes_the_purchase() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for (event_id, name, status) in [
        ("evt_1", "inquiry.declined", "declined"),
        ("evt_2", "inquiry.marked-for-review", "needs_review"),
        ("evt_3", "inquiry.approved", "approved"),
    ] {
        clock.advance_s(10);
        assert_eq!(deliver(&world, event_id, name, status, 0), 200);
    }
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
    assert_eq!(world.verification().attempts_used, 1);
}

#[test]
fn the_tenth_declined_inquiry_locks_and_an_approval_by_a_reviewer_still_unlocks() {
    let clock = clock();
    let world = world(&clock);
    let mut inquiries = Vec::new();
    for attempt in 0..10 {
        let opened = world.ask(SUB, &format!("key-{attempt}"), &format!("+1212555010{attempt}"));
        let inquiry = opened.body["verification"]["inquiry_id"].as_str().expect("opens a new one").to_owned();
        assert!(!inquiries.contains(&inquiry), "attempt {attempt} reused a declined inquiry");
        clock.advance_s(60);
        let declined = event(&world, &format!("evt_{attempt}"), "inquiry.declined", &inquiry, "declined", 0);
        assert_eq!(world.deliver(&declined).status, 200);
        inquiries.push(inquiry);
    }
    assert_eq!(world.verification().state, VerificationState::Locked);
    let refused = world.ask(SUB, "one-more", "+12125550150");
    assert_eq!(refused.body["verification"]["state"], "locked");
    assert_eq!(refused.body["next_action"], "contact_support");
    assert_eq!(world.persona.inquiries(), 10);
    clock.advance_s(60);
    let approved = event(&world, "evt_approved", "inquiry.approved", &inquiries[3], "approved", 0);
    assert_eq!(world.deliver(&approved).status, 200);
    assert!(world.verification().verified_at().is_some(), "an older inquiry of ours can unlock");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 11);
}

#[test]
fn an_event_about_an_inquiry_that_is_not_ours_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let before = world.table.items();
    let foreign = event(&world, "evt_1", "inquiry.approved", "inq_somebody_else", "approved", 0);
    assert_eq!(world.deliver(&foreign).status, 200);
    let mut other_template = event(&world, "evt_2", "inquiry.approved", "inq_x", "approved", 0);
    let inquiry = world.persona.first().expect("is there");
    other_template["data"]["attributes"]["payload"]["data"]["id"] = inquiry.as_str().into();
    other_template["data"]["attributes"]["payload"]["data"]["relationships"]["inquiry-template"]["data"]["id"] =
        "itmpl_weaker".into();
    assert_eq!(world.deliver(&other_template).status, 200);
    assert_eq!(world.table.items(), before);
    assert!(world.queue.is_empty());
}

#[test]
fn completed_is_not_approved() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(10);
    assert_eq!(deliver(&world, "evt_1", "inquiry.completed", "completed", 0), 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.purchase().state, PurchaseState::Waiting);
    let answer = world.ask(SUB, "key-1", GATED);
    assert_eq!(answer.body["verification"]["phase"], "processing");
    assert_eq!(answer.body.get("next_action"), None);
}

#[test]
fn an_old_delivery_is_only_a_reason_to_ask_persona() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    let body = event(&world, "evt_1", "inquiry.approved", inquiry.as_str(), "approved", 0).to_string();
    let signature = adapters::persona::sign(&tests::world::secret(), body.as_bytes(), world.now());
    clock.advance_s(301);
    // Persona says otherwise: the old approval is not believed.
    world.persona.set(&inquiry, InquiryStatus::Declined, world.now());
    assert_eq!(world.webhook(tests::events::webhook_event(&body, &signature)).status, 200);
    assert_eq!(world.verification().state, VerificationState::Declined);
    assert_eq!(world.persona.looks(), 1);
    // As much is known already: whoever keeps the old delivery cannot make us ask again.
    clock.advance_s(60);
    assert_eq!(world.webhook(tests::events::webhook_event(&body, &signature)).status, 200);
    assert_eq!(world.persona.looks(), 1);
    // One that comes late and is news: Persona has changed its mind.
    let body = event(&world, "evt_2", "inquiry.approved", inquiry.as_str(), "approved", 0).to_string();
    let signature = adapters::persona::sign(&tests::world::secret(), body.as_bytes(), world.now());
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    clock.advance_s(301);
    assert_eq!(world.webhook(tests::events::webhook_event(&body, &signature)).status, 200);
    assert_eq!(world.persona.looks(), 2);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_table_that_does_not_answer_makes_persona_deliver_again() {
    for fault in [TableFault::Before, TableFault::After] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        world.table.fail_next([fault]);
        assert_eq!(deliver(&world, "evt_approved", "inquiry.approved", "approved", 0), 503);
        approve(&world);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.charges(), 1, "{fault:?}");
    }
}
