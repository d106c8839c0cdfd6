//! What could leave a person before a door that no longer opens: an inquiry that is redacted, used up or refused, a template
//! that is not published. Each has a way on, or an alarm.

use adapters::items::{AuditEntry, keys::AUDIT_PREFIX};
use adapters::persona::PersonaError;
use domain::{InquiryStatus, Phase, PurchaseState, Reviewer, VerificationState};
use purchase_check::Route;
use tests::events::{Caller, ask_event};
use tests::logs::logged;
use tests::neighbours::{PersonaFault, SESSION_TOKEN};
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, SUB, deliver, send_own};

fn load(world: &Neighbours<'_>) -> Answer {
    send_own(world, Route::OpenVerification)
}

/// So many hours, with a sweep in each.
pub(crate) fn hours(world: &Neighbours<'_>, hours: u32) {
    for _ in 0..hours {
        world.clock.advance_s(3600);
        world.sweep();
    }
}

/// A person that did its part, and of whom nothing was decided, as Persona and the table have it.
fn undecided(world: &Neighbours<'_>, name: &str, status: &str, at_persona: InquiryStatus) {
    world.ask(SUB, "key-1", GATED);
    world.clock.advance_s(60);
    world.persona.set(&world.persona.first().expect("is there"), at_persona, world.now());
    assert_eq!(deliver(world, "evt_done", name, status, 0), 200);
}

/// Persona's retention, or a person's own request, redacts what nobody has decided: nobody ever will.
#[test]
fn an_inquiry_that_was_redacted_undecided_makes_room_for_another() {
    let processing = VerificationState::InProgress { phase: Phase::Processing };
    let in_review = VerificationState::InReview { by: Reviewer::Persona };
    for (name, status, at_persona, state) in [
        ("inquiry.completed", "completed", InquiryStatus::Completed, processing),
        ("inquiry.marked-for-review", "needs_review", InquiryStatus::NeedsReview, in_review),
    ] {
        let clock = clock();
        let world = world(&clock);
        undecided(&world, name, status, at_persona);
        assert_eq!(world.verification().state, state);
        clock.advance_s(3600);
        assert_eq!(load(&world).body.get("session_token"), None, "the person has done its part");
        world.persona.redact(&world.persona.first().expect("is there"));
        world.minutes(3);
        assert_eq!(world.verification().state, VerificationState::Expired, "{status}");
        let audit = world.with_sk(AUDIT_PREFIX);
        let told = audit.iter().filter(|item| AuditEntry::from_item(item).is_ok_and(|entry| entry.to == "expired"));
        assert_eq!(told.count(), 1, "once, however often Persona says so");
        // Asked ever more rarely, and not for ever.
        let before = world.persona.looks();
        hours(&world, 10 * 24);
        assert!(world.persona.looks() - before <= 24, "{} looks", world.persona.looks() - before);
        assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
        assert_eq!(world.persona.inquiries(), 2);
        assert_eq!(world.verification().attempts_used, 0);
    }
}

#[test]
fn what_was_decided_counts_although_it_was_redacted_since() {
    let clock = clock();
    let world = world(&clock);
    undecided(&world, "inquiry.completed", "completed", InquiryStatus::Completed);
    let inquiry = world.persona.first().expect("is there");
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    world.persona.redact(&inquiry);
    world.minutes(3);
    assert_eq!((world.verification().verified_at().is_some(), world.carrier.charges()), (true, 1));
}

/// Which status Persona refuses a redacted inquiry with is not documented.
#[test]
fn however_persona_refuses_a_redacted_inquiry_another_is_opened_at_once() {
    for status in [400, 404, 405, 409, 410, 412, 422] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        clock.advance_s(600);
        world.persona.redact(&world.persona.first().expect("is there"));
        world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(status))]);
        assert_eq!(load(&world).body["session_token"], SESSION_TOKEN, "{status}");
        assert_eq!(world.persona.inquiries(), 2, "{status}");
    }
}

/// Twelve sessions, and twelve links that were used: Persona gives no more than 25, and says no more than that it does not.
#[test]
fn an_inquiry_whose_sessions_are_used_up_is_replaced_when_persona_says_so() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..11 {
        clock.advance_s(3600);
        assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
    }
    assert_eq!((world.persona.inquiries(), world.persona.sessions()), (1, 12));
    clock.advance_s(3600);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(409))]);
    assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 2);
}

/// The pause between two sessions is for pages that ask all the time, not for somebody who comes back each evening.
#[test]
fn whoever_comes_back_after_a_while_may_close_the_tab_again() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..15 {
        clock.advance_s(31 * 60);
        assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
        clock.advance_s(1);
        assert_eq!(load(&world).headers["retry-after"], "9");
    }
}

/// A refusal today is no reason to go on with yesterday's pauses.
#[test]
fn a_refusal_keeps_nobody_waiting_for_what_he_did_yesterday() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..3600 {
        load(&world);
        clock.advance_s(1);
    }
    clock.advance_s(24 * 3600);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(429))]);
    assert_eq!(load(&world).status, 502);
    clock.advance_s(10);
    assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
}

/// Nobody who loads a page again and again, while no inquiry can be opened, keeps the sweep from asking about the last one.
#[test]
fn a_reversal_is_found_while_no_inquiry_can_be_opened() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    clock.advance_s(60);
    world.persona.set(&inquiry, InquiryStatus::Declined, world.now());
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    for _ in 0..60 {
        world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(404))]);
        assert_eq!(load(&world).status, 502);
        clock.advance_s(5);
        world.persona.end_failures();
        world.sweep();
        if world.verification().verified_at().is_some() {
            return;
        }
    }
    panic!("the reversal was not found in five minutes");
}

/// An inquiry that Persona knows nothing of does not keep a purchase waiting past its deadline.
#[test]
fn a_purchase_expires_although_persona_says_nothing_of_its_inquiry() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.persona.lose(&world.persona.first().expect("is there"));
    hours(&world, 74);
    assert!(matches!(world.purchase().state, PurchaseState::Expired { .. }), "{:?}", world.purchase().state);
}

/// A template that is not published, or whose id is wrong: nobody can prove anything until somebody mends it.
#[test]
fn a_refused_inquiry_raises_an_alarm_and_is_not_asked_for_by_every_page() {
    for (error, told) in [
        (PersonaError::Answered(400), true),
        (PersonaError::Answered(403), true),
        (PersonaError::Answered(404), true),
        (PersonaError::Answered(422), true),
        (PersonaError::Answered(429), false),
        (PersonaError::Answered(500), false),
    ] {
        let clock = clock();
        let world = world(&clock);
        world.persona.fail_next([PersonaFault::Before(error); 3]);
        let (first, log) = logged(|| load(&world));
        assert_eq!(first.problem(), "persona-unavailable");
        assert_eq!(log.contains("\"metric\":\"persona_refused\""), told, "{error:?}: {log}");
        for _ in 0..20 {
            let again = load(&world);
            assert_eq!((again.status, again.headers["retry-after"].as_str()), (200, Some("5")), "nobody is asked");
        }
        world.persona.end_failures();
        clock.advance_s(5);
        assert_eq!(load(&world).body["session_token"], SESSION_TOKEN, "with a fresh key");
    }
}

/// Persona refuses the key of an opener that died when it comes with another template.
#[test]
fn an_opener_that_died_before_the_template_moved_leaves_no_key_behind() {
    let clock = clock();
    let world = world(&clock);
    world.persona.fail_next([PersonaFault::After(PersonaError::Unknown)]);
    world.check_with_template(ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED), "itmpl_former");
    clock.advance_s(20);
    assert_eq!(load(&world).body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 2, "by another key");
}
