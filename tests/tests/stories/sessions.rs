//! Opening and resuming an inquiry: one at a time, the same one after a crash, none wasted.

use adapters::persona::PersonaError;
use domain::{InquiryStatus, VerificationState};
use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event};
use tests::memory_table::TableFault;
use tests::neighbours::{MemoryPersona, PersonaFault, SESSION_TOKEN};
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, SUB, deliver};

fn open(world: &Neighbours<'_>) -> Answer {
    let caller = Caller::sub_account(SUB);
    world.check(http_event(Route::OpenVerification.key(), &[("sub", SUB)], &[], Some(&caller), ""))
}

fn read(world: &Neighbours<'_>) -> Answer {
    let caller = Caller::sub_account(SUB);
    world.check(http_event(Route::ReadVerification.key(), &[("sub", SUB)], &[], Some(&caller), ""))
}

#[test]
fn a_sub_account_that_nobody_registered_reads_as_unverified() {
    let clock = clock();
    let world = world(&clock);
    let answer = read(&world);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["state"], "unverified");
    assert_eq!(answer.body["next_action"], "start_verification");
    assert_eq!(answer.body["attempts_left"], 10);
    assert!(world.table.items().is_empty());
}

#[test]
fn a_closed_tab_costs_nothing() {
    let clock = clock();
    let world = world(&clock);
    let first = world.ask(SUB, "key-1", GATED);
    clock.advance_s(600);
    let again = world.ask(SUB, "key-1", GATED);
    assert_eq!(again.status, 200);
    assert_eq!(again.body["id"], first.body["id"]);
    assert_eq!(again.body["verification"]["inquiry_id"], first.body["verification"]["inquiry_id"]);
    assert_eq!(again.body["verification"]["session_token"], SESSION_TOKEN);
    assert_eq!((world.persona.inquiries(), world.purchases().len()), (1, 1));
}

#[test]
fn page_loads_do_not_use_up_sessions() {
    let clock = clock();
    let world = world(&clock);
    for _ in 0..50 {
        open(&world);
        clock.advance_s(1);
    }
    assert!(world.persona.sessions() <= 6, "{} sessions in 50 s", world.persona.sessions());
    let too_soon = open(&world);
    assert_eq!(too_soon.status, 200);
    assert!(too_soon.headers["retry-after"].is_string() || too_soon.body["session_token"].is_string());
}

#[test]
fn an_expired_inquiry_is_resumed_and_costs_no_attempt() {
    let clock = clock();
    let world = world(&clock);
    let first = world.ask(SUB, "key-1", GATED);
    clock.advance_s(24 * 3600);
    assert_eq!(deliver(&world, "evt_expired", "inquiry.expired", "expired", 0), 200);
    assert_eq!(world.verification().state, VerificationState::Expired);
    let again = open(&world);
    assert_eq!(again.body["inquiry_id"], first.body["verification"]["inquiry_id"]);
    assert_eq!((again.body["state"].as_str(), again.body["attempts_left"].as_u64()), (Some("in_progress"), Some(10)));
    assert_eq!(world.persona.inquiries(), 1);
}

#[test]
fn an_inquiry_that_is_gone_is_replaced() {
    for gone in [MemoryPersona::redact, MemoryPersona::lose] {
        let clock = clock();
        let world = world(&clock);
        let first = world.ask(SUB, "key-1", GATED);
        clock.advance_s(60);
        gone(&world.persona, &world.persona.first().expect("is there"));
        let again = open(&world);
        assert_eq!(again.status, 200);
        assert_ne!(again.body["inquiry_id"], first.body["verification"]["inquiry_id"]);
        assert_eq!(again.body["session_token"], SESSION_TOKEN);
    }
}

/// Persona's documentation has it that one that nobody has begun cannot be resumed. Each inquiry is paid for.
#[test]
fn an_open_inquiry_that_persona_does_not_resume_is_asked_for_again_later_and_not_replaced() {
    for error in [None, Some(PersonaError::Answered(422)), Some(PersonaError::Gone)] {
        let clock = clock();
        let world = world(&clock);
        let first = world.ask(SUB, "key-1", GATED);
        clock.advance_s(60);
        match error {
            None => world.persona.refuse_created(),
            Some(error) => world.persona.fail_next([PersonaFault::Before(error)]),
        }
        let again = open(&world);
        assert_eq!((again.status, again.headers["retry-after"].as_str()), (200, Some("10")), "{error:?}");
        assert_eq!(again.body["inquiry_id"], first.body["verification"]["inquiry_id"], "{error:?}");
        assert_eq!(again.body.get("session_token"), None, "{error:?}");
        assert_eq!((world.persona.inquiries(), world.persona.looks()), (1, 1), "{error:?}");
        // Once the person has begun, it can be.
        let inquiry = world.persona.first().expect("is there");
        world.persona.set(&inquiry, InquiryStatus::Pending, world.now());
        clock.advance_s(10);
        assert_eq!(open(&world).body["session_token"], SESSION_TOKEN, "{error:?}");
        assert_eq!(world.persona.inquiries(), 1, "{error:?}");
    }
}

/// What Persona says of an inquiry in words that we do not know is left out of its answer: no reason to pay for another.
#[test]
fn an_inquiry_that_persona_refuses_and_does_not_list_is_not_replaced() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    world.persona.lose(&world.persona.first().expect("is there"));
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(409))]);
    assert_eq!(open(&world).body.get("session_token"), None);
    assert_eq!(world.persona.inquiries(), 0);
}

/// Whatever Persona refuses for however long: a page that asks all the time makes few inquiries.
#[test]
fn replacements_are_bounded() {
    const DAY_S: i64 = 24 * 3600;
    for every_s in [7, 10, 11, 60, 1799] {
        let inquiries_after_a_day = |prepare: fn(&MemoryPersona), each_time: fn(&MemoryPersona)| {
            let clock = clock();
            let world = world(&clock);
            prepare(&world.persona);
            for _ in 0..DAY_S / every_s {
                assert_eq!(open(&world).status, 200);
                each_time(&world.persona);
                clock.advance_s(every_s);
            }
            world.persona.inquiries()
        };
        let untouched = inquiries_after_a_day(MemoryPersona::refuse_created, |_| {});
        assert!((2..=6).contains(&untouched), "{untouched} of an inquiry that is never resumed, each {every_s} s");
        let redacted = inquiries_after_a_day(|_| {}, |persona| persona.redact(&persona.latest().expect("is there")));
        assert!((2..=60).contains(&redacted), "{redacted} where each is redacted at once, each {every_s} s");
    }
}

/// The audit of an expired inquiry that Persona does not resume tells one state after the other.
#[test]
fn what_was_noted_of_a_session_that_persona_refused_is_taken_back_in_the_audit() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(24 * 3600);
    assert_eq!(deliver(&world, "evt_expired", "inquiry.expired", "expired", 0), 200);
    for _ in 0..2 {
        clock.advance_s(10);
        world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(429))]);
        assert_eq!(open(&world).status, 502);
    }
    clock.advance_s(10);
    assert_eq!(open(&world).body["session_token"], SESSION_TOKEN);
    let audit = world.operate(&format!("GET /v1/operator/sub-accounts/{SUB}/audit"), &Value::Null);
    let mut entries = audit.body["entries"].as_array().expect("a list").clone();
    // Two of one instant come in the order of their names.
    entries.sort_by_key(|entry| (entry["at"].to_string(), entry["what"] == "not_resumed"));
    let told: Vec<_> = entries.iter().map(|entry| [&entry["what"], &entry["from"], &entry["to"]]).collect();
    let wanted = [
        ["opened", "unverified", "in_progress"],
        ["expired", "in_progress", "expired"],
        ["resumed", "expired", "in_progress"],
        ["not_resumed", "in_progress", "expired"],
        ["resumed", "expired", "in_progress"],
        ["not_resumed", "in_progress", "expired"],
        ["resumed", "expired", "in_progress"],
    ];
    assert_eq!(json!(told), json!(wanted));
}

#[test]
fn a_purchase_stands_while_persona_is_down() {
    for fault in [PersonaError::Unknown, PersonaError::Answered(503), PersonaError::Answered(429)] {
        let clock = clock();
        let world = world(&clock);
        world.persona.fail_next([PersonaFault::Before(fault)]);
        let answer = world.ask(SUB, "key-1", GATED);
        assert_eq!(answer.status, 202, "{fault:?}");
        assert_eq!(answer.body["state"], "awaiting_verification");
        assert_eq!(answer.body["next_action"], "start_verification");
        clock.advance_s(20);
        let again = world.ask(SUB, "key-1", GATED);
        assert_eq!(again.body["verification"]["session_token"], SESSION_TOKEN, "{fault:?}");
    }
}

#[test]
fn persona_being_down_is_said_when_a_session_is_asked_for() {
    let clock = clock();
    let world = world(&clock);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(500))]);
    let answer = open(&world);
    assert_eq!((answer.status, answer.problem()), (502, "persona-unavailable"));
    assert!(answer.headers["retry-after"].is_string());
}

/// Persona's rate limit, or a key that may not resume: no session was made, so none of the few is used up.
#[test]
fn a_resume_that_persona_refuses_counts_as_no_session() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..30 {
        clock.advance_s(10);
        world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(429))]);
        assert_eq!(open(&world).status, 502);
        // A page that is loaded again asks Persona nothing.
        assert_eq!(open(&world).status, 200);
    }
    clock.advance_s(10);
    assert_eq!(open(&world).body["session_token"], SESSION_TOKEN);
    assert_eq!((world.persona.inquiries(), world.persona.sessions()), (1, 2));
}

/// One that expired stays so: nobody went on with it.
#[test]
fn an_expired_inquiry_that_persona_does_not_resume_stays_expired() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(24 * 3600);
    assert_eq!(deliver(&world, "evt_expired", "inquiry.expired", "expired", 0), 200);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Answered(429))]);
    assert_eq!(open(&world).status, 502);
    assert_eq!(world.verification().state, VerificationState::Expired);
    clock.advance_s(10);
    assert_eq!(open(&world).body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 1);
}

#[test]
fn an_inquiry_whose_answer_was_lost_is_found_again_and_not_made_twice() {
    let clock = clock();
    let world = world(&clock);
    world.persona.fail_next([PersonaFault::After(PersonaError::Unknown)]);
    world.ask(SUB, "key-1", GATED);
    assert_eq!(world.persona.inquiries(), 1);
    let meanwhile = open(&world);
    assert_eq!(meanwhile.body.get("session_token"), None, "another opener may still be at it");
    clock.advance_s(20);
    let again = open(&world);
    assert_eq!(again.body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 1, "the same key gave the same inquiry");
}

#[test]
fn no_session_leaves_before_its_inquiry_is_written_down() {
    // The purchase, its pointer, the opener's lease, the inquiry's map entry.
    for writes_before in 0..4 {
        for fault in [TableFault::Before, TableFault::After] {
            let clock = clock();
            let world = world(&clock);
            world.table.let_through(writes_before);
            world.table.fail_next([fault]);
            let answer = world.ask(SUB, "key-1", GATED);
            let handed_out = answer.body["verification"]["session_token"].is_string();
            let mapped = !world.with_sk("INQUIRY").is_empty();
            assert!(!handed_out || mapped, "write {writes_before}, {fault:?}");
            clock.advance_s(20);
            let again = world.ask(SUB, "key-1", GATED);
            assert_eq!(again.body["verification"]["session_token"], SESSION_TOKEN, "write {writes_before}, {fault:?}");
            assert_eq!(world.persona.inquiries(), 1, "write {writes_before}, {fault:?}");
        }
    }
}

#[test]
fn a_locked_verification_is_a_conflict() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    crate::approve(&world);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    let answer = open(&world);
    assert_eq!((answer.status, answer.problem()), (409, "verification-locked"));
}

#[test]
fn a_verified_sub_account_needs_no_session() {
    let clock = clock();
    let world = world(&clock);
    crate::verify(&world);
    let answer = open(&world);
    assert_eq!((answer.status, answer.body["state"].as_str()), (200, Some("verified")));
    assert_eq!(answer.body.get("session_token"), None);
    assert_eq!(answer.body["verified_at"], "2026-11-22T12:00:00Z");
}

#[test]
fn an_expired_inquiry_whose_resumption_was_lost_is_seen_as_expired_again() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    clock.advance_s(3600);
    world.persona.set(&inquiry, InquiryStatus::Expired, world.now().whole_second());
    world.minutes(3);
    assert_eq!(world.verification().state, VerificationState::Expired);
    world.persona.fail_next([PersonaFault::Before(PersonaError::Unknown)]);
    assert_eq!(open(&world).status, 502);
    world.minutes(3);
    assert_eq!(world.verification().state, VerificationState::Expired, "Persona was never reached");
    assert_eq!(open(&world).body["session_token"], SESSION_TOKEN);
}
