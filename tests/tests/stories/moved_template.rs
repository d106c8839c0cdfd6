//! The setting names another template than the one that an inquiry was made from: what counts of an inquiry is what it was
//! made from.

use domain::{InquiryStatus, RevokedBy, VerificationState};
use purchase_check::Route;
use serde_json::json;
use tests::events::{Caller, ask_event, http_event};
use tests::neighbours::SESSION_TOKEN;
use tests::world::{Neighbours, TEMPLATE, clock, world};

use crate::{GATED, SUB, event, send_own};

/// What the setting named before; now it names [`TEMPLATE`].
const FORMER: &str = "itmpl_former";

/// A purchase that waits for an inquiry of the former template; the inquiry.
fn waiting(world: &Neighbours<'_>) -> String {
    let asked = world.check_with_template(ask_event(&Caller::sub_account(SUB), SUB, "key-1", GATED), FORMER);
    assert_eq!(asked.body["verification"]["session_token"], SESSION_TOKEN);
    world.clock.advance_s(60);
    asked.body["verification"]["inquiry_id"].as_str().expect("was opened").to_owned()
}

/// Delivers an event that names this template; nothing but 200 is right.
fn deliver(world: &Neighbours<'_>, inquiry: &str, template: &str, told: (&str, &str)) {
    let (name, status) = told;
    let id = format!("evt_{status}_{}_{template}", world.now().unix_ms());
    let mut body = event(world, &id, name, inquiry, status, 0);
    body["data"]["attributes"]["payload"]["data"]["relationships"]["inquiry-template"]["data"]["id"] = json!(template);
    assert_eq!(world.deliver(&body).status, 200, "{told:?}");
}

const APPROVED: (&str, &str) = ("inquiry.approved", "approved");
const DECLINED: (&str, &str) = ("inquiry.declined", "declined");

#[test]
fn an_approval_counts_after_the_template_has_moved() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    deliver(&world, &inquiry, FORMER, ("inquiry.completed", "completed"));
    clock.advance_s(4);
    deliver(&world, &inquiry, FORMER, APPROVED);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

#[test]
fn a_reversal_counts_after_the_template_has_moved() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    deliver(&world, &inquiry, FORMER, APPROVED);
    assert!(world.verification().verified_at().is_some());
    clock.advance_s(60);
    deliver(&world, &inquiry, FORMER, DECLINED);
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Persona, .. }));
}

#[test]
fn an_approval_that_was_not_delivered_is_found_after_the_template_has_moved() {
    let set = |world: &Neighbours<'_>| {
        let inquiry = world.persona.first().expect("is there");
        world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    };
    let clock_of_the_sweep = clock();
    let swept = world(&clock_of_the_sweep);
    waiting(&swept);
    set(&swept);
    swept.minutes(3);
    assert_eq!(swept.carrier.charges(), 1, "by the sweep");
    let clock_of_the_page = clock();
    let refreshed = world(&clock_of_the_page);
    waiting(&refreshed);
    set(&refreshed);
    assert_eq!(send_own(&refreshed, Route::RefreshVerification).body["state"], "verified", "by the page");
    assert_eq!(refreshed.complete(), 0);
    assert_eq!(refreshed.carrier.charges(), 1);
}

/// Whoever lets an inquiry through a weaker template cannot pass it off as one of ours, whichever one the setting names.
#[test]
fn an_event_of_another_template_than_its_inquirys_counts_nothing() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = world.table.items();
    for template in [TEMPLATE, "itmpl_weaker"] {
        deliver(&world, &inquiry, template, APPROVED);
        assert_eq!(world.table.items(), before, "{template}");
        assert!(world.queue.is_empty(), "{template}");
    }
}

/// Nobody who has not submitted anything is sent to the former template; what was submitted is waited for.
#[test]
fn a_session_is_of_a_new_inquiry_only_before_the_person_is_done() {
    for (name, status, is_done) in [
        ("inquiry.created", "created", false),
        ("inquiry.started", "pending", false),
        ("inquiry.expired", "expired", false),
        ("inquiry.completed", "completed", true),
        ("inquiry.marked-for-review", "needs_review", true),
    ] {
        let clock = clock();
        let world = world(&clock);
        let first = waiting(&world);
        deliver(&world, &first, FORMER, (name, status));
        let opened = send_own(&world, Route::OpenVerification);
        assert_eq!(opened.status, 200, "{status}");
        let current = world.verification().inquiry.expect("is there").id.to_string();
        assert_eq!((current == first, world.persona.inquiries()), (is_done, if is_done { 1 } else { 2 }), "{status}");
        assert_eq!(opened.body.get("session_token").is_none(), is_done, "{status}");
        if !is_done {
            clock.advance_s(10);
            assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
            assert_eq!(world.verification().inquiry.expect("is there").id.to_string(), current, "{status}: resumed");
        }
        // The person may have gone on with the first one in another tab.
        clock.advance_s(60);
        deliver(&world, &first, FORMER, APPROVED);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.charges(), 1, "{status}");
    }
}

/// While two deployments answer, each with a template of its own, a page that asks all the time makes few inquiries.
#[test]
fn two_templates_at_once_do_not_make_one_inquiry_after_another() {
    let clock = clock();
    let world = world(&clock);
    waiting(&world);
    for second in 0..3600 {
        let template = if second / 10 % 2 == 0 { TEMPLATE } else { FORMER };
        let caller = Caller::sub_account(SUB);
        let event = http_event(Route::OpenVerification.key(), &[("sub", SUB)], &[], Some(&caller), "");
        assert_eq!(world.check_with_template(event, template).status, 200);
        clock.advance_s(1);
    }
    assert!(world.persona.inquiries() <= 16, "{} inquiries in an hour", world.persona.inquiries());
}
