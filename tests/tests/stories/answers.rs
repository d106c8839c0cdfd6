//! What Persona answers when it is asked, and what it should not: about somebody else's inquiry, or nothing.

use domain::{InquiryStatus, Owner, SubAccountId, VerificationState};
use purchase_check::Route;
use tests::events::{Caller, http_event};
use tests::logs::logged;
use tests::world::{Neighbours, clock, world};

use crate::{GATED, SUB, deliver, event, send_own};

const OTHER: &str = "Loc_Other";

fn state_of(world: &Neighbours<'_>, sub_account: &str) -> VerificationState {
    world.verification_of(&Owner::SubAccount(SubAccountId::parse(sub_account).expect("is a word"))).state
}

/// Persona ignores the filter and lists everybody's inquiries: one sub-account's approval is nobody else's.
#[test]
fn what_persona_says_of_somebody_elses_inquiry_verifies_nobody() {
    let clock = clock();
    let world = world(&clock);
    world.ask(OTHER, "key-1", GATED);
    world.ask(SUB, "key-1", "+12125550101");
    clock.advance_s(60);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    world.persona.ignore_the_filter();
    let before = world.with_sk("INQUIRY");
    let (refreshed, log) = logged(|| send_own(&world, Route::RefreshVerification));
    assert_eq!((refreshed.status, &refreshed.body["state"]), (200, &"in_progress".into()));
    assert!(log.contains("\"metric\":\"bug\""), "{log}");
    assert_eq!(world.with_sk("INQUIRY"), before, "nothing is remembered of it either");
    clock.advance_s(600);
    send_own(&world, Route::OpenVerification);
    assert!(matches!(state_of(&world, SUB), VerificationState::InProgress { .. }));
    // Whose it is, is.
    let caller = Caller::sub_account(OTHER);
    let route = Route::RefreshVerification.key();
    world.check(http_event(route, &[("sub", OTHER)], &[], Some(&caller), ""));
    assert!(matches!(state_of(&world, OTHER), VerificationState::Verified { .. }));
    world.minutes(10);
    assert_eq!(world.carrier.charges(), 1);
}

/// A key of another environment: Persona answers every question, and knows of nothing.
#[test]
fn a_persona_that_knows_none_of_our_inquiries_raises_an_alarm() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    world.persona.lose(&world.persona.first().expect("is there"));
    let ((), log) = logged(|| world.minutes(10));
    let told = log.matches("\"metric\":\"persona_unanswered\"").count();
    assert!((4..=5).contains(&told), "{told}");
}

/// The answer says when, to the second: a decision of that second that comes late is as likely the older one.
#[test]
fn a_decline_of_the_second_in_which_persona_approved_takes_nothing_away() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let inquiry = world.persona.first().expect("is there");
    clock.advance_ms(60_000 - world.now().unix_ms().rem_euclid(1000));
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    clock.advance_ms(200);
    assert_eq!(send_own(&world, Route::RefreshVerification).body["state"], "verified");
    assert_eq!(deliver(&world, "evt_1", "inquiry.declined", "declined", 0), 200);
    assert!(world.verification().verified_at().is_some());
    clock.advance_s(1);
    let later = event(&world, "evt_2", "inquiry.declined", inquiry.as_str(), "declined", 0);
    assert_eq!(world.deliver(&later).status, 200);
    assert!(matches!(world.verification().state, VerificationState::Revoked { .. }));
}
