//! A live session of the same inquiry while there can be one, a new inquiry only when there must.

use adapters::persona::PersonaError;
use domain::{InquiryId, InquiryStatus, VerificationState};
use purchase_check::Route;
use tests::neighbours::{ONE_TIME_LINK, PersonaFault, SESSION_TOKEN};
use tests::world::{Neighbours, clock, world};

use crate::{GATED, SUB, deliver, event, send_own};

/// Sessions that Persona gives for one inquiry ("Inquiry sessions").
const SESSIONS_OF_PERSONA: u32 = 25;

fn inquiry_of(world: &Neighbours<'_>) -> InquiryId {
    world.verification().inquiry.expect("was opened").id
}

#[test]
fn both_answers_carry_the_person_to_a_phone() {
    let clock = clock();
    let world = world(&clock);
    let asked = world.ask(SUB, "key-1", GATED);
    assert_eq!(asked.body["verification"]["one_time_link"], ONE_TIME_LINK);
    clock.advance_s(60);
    let resumed = send_own(&world, Route::OpenVerification);
    assert_eq!(
        (&resumed.body["one_time_link"], &resumed.body["session_token"]),
        (&ONE_TIME_LINK.into(), &SESSION_TOKEN.into())
    );
    // What was done on the phone completes what waits.
    assert_eq!(deliver(&world, "evt_1", "inquiry.approved", "approved", 0), 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_page_that_asks_every_second_for_a_day_never_uses_an_inquiry_up() {
    let clock = clock();
    let world = world(&clock);
    for _ in 0..24 * 3600 {
        let answer = send_own(&world, Route::OpenVerification);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.headers["retry-after"].is_string() || answer.body["session_token"].is_string());
        clock.advance_s(1);
    }
    let (sessions, inquiries) = (world.persona.sessions(), world.persona.inquiries());
    assert!(world.persona.most_sessions() < SESSIONS_OF_PERSONA, "{} of one", world.persona.most_sessions());
    assert!(sessions <= 200 && inquiries <= 10, "{sessions} sessions of {inquiries} inquiries");
}

#[test]
fn who_closes_the_tab_a_few_times_waits_ten_seconds_at_most() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for _ in 0..8 {
        clock.advance_s(10);
        assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    }
    clock.advance_s(10);
    let answer = send_own(&world, Route::OpenVerification);
    assert_eq!((answer.headers["retry-after"].as_str(), answer.body.get("session_token")), (Some("10"), None));
    assert_eq!(world.persona.inquiries(), 1);
}

/// The person did everything, and the webhook is lost: Persona refuses to resume, and asking for a session finds out.
#[test]
fn a_person_who_is_done_is_not_sent_to_a_new_inquiry() {
    for (status, state) in [
        (InquiryStatus::Completed, "in_progress"),
        (InquiryStatus::NeedsReview, "in_review"),
        (InquiryStatus::Approved, "verified"),
    ] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        clock.advance_s(60);
        world.persona.set(&inquiry_of(&world), status, world.now());
        let answer = send_own(&world, Route::OpenVerification);
        assert_eq!((answer.status, answer.body["state"].as_str()), (200, Some(state)), "{status:?}");
        assert_eq!(answer.body.get("session_token"), None, "{status:?}");
        assert_eq!(world.persona.inquiries(), 1, "{status:?}");
        assert_eq!(world.complete(), 0);
        let charges = u32::from(status == InquiryStatus::Approved);
        assert_eq!(world.carrier.charges(), charges, "{status:?}: the same effects as a webhook");
    }
}

#[test]
fn a_person_who_was_declined_meanwhile_gets_a_new_inquiry_at_once() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let first = inquiry_of(&world);
    clock.advance_s(60);
    world.persona.set(&first, InquiryStatus::Declined, world.now());
    let answer = send_own(&world, Route::OpenVerification);
    assert_eq!(answer.body["session_token"], SESSION_TOKEN);
    assert_ne!(inquiry_of(&world), first);
    assert_eq!(answer.body["attempts_left"], 9);
}

#[test]
fn a_redacted_inquiry_is_replaced_and_persona_being_down_replaces_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let first = inquiry_of(&world);
    world.persona.redact(&first);
    clock.advance_s(60);
    world
        .persona
        .fail_next([PersonaFault::Before(PersonaError::Gone), PersonaFault::Before(PersonaError::Answered(503))]);
    let down = send_own(&world, Route::OpenVerification);
    assert_eq!((down.status, down.problem()), (502, "persona-unavailable"));
    assert_eq!((inquiry_of(&world), world.persona.inquiries()), (first.clone(), 1));
    clock.advance_s(60);
    assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    assert_ne!(inquiry_of(&world), first);
}

/// Persona approves a former inquiry and takes it back; the two events arrive in the wrong order, after another inquiry
/// has taken its place.
#[test]
fn a_former_inquirys_approval_that_was_taken_back_unlocks_nothing_whatever_arrives_last() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let former = inquiry_of(&world);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    let about_former = |id: &str, name: &str, status: &str, age_s| {
        world.deliver(&event(&world, id, name, former.as_str(), status, age_s)).status
    };
    // Older than the decline that made it a former one.
    assert_eq!(about_former("evt_1", "inquiry.approved", "approved", 30), 200);
    assert_eq!(world.verification().state, VerificationState::InProgress { phase: domain::Phase::NeedsUser });
    clock.advance_s(100);
    // Approved 50 s ago, declined again 20 s ago: the later event comes first.
    assert_eq!(about_former("evt_3", "inquiry.declined", "declined", 20), 200);
    assert_eq!(about_former("evt_2", "inquiry.approved", "approved", 50), 200);
    assert!(world.verification().verified_at().is_none());
    assert_eq!(about_former("evt_3", "inquiry.declined", "declined", 20), 200, "a repetition changes nothing");
    // A newer approval of it unlocks, and a repetition of that wakes again.
    assert_eq!(about_former("evt_4", "inquiry.approved", "approved", 10), 200);
    assert_eq!(about_former("evt_4", "inquiry.approved", "approved", 10), 200);
    assert_eq!(inquiry_of(&world), former);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}
