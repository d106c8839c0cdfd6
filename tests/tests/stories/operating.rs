//! What operators decide, that only they undo it, and an audit that tells how everything came to be.

use domain::{InquiryStatus, RevokedBy, VerificationState};
use purchase_check::Route;
use serde_json::{Value, json};
use tests::events::{Caller, http_event};
use tests::neighbours::SESSION_TOKEN;
use tests::slow_ports::poll_once;
use tests::world::{Answer, Neighbours, clock, world};

use crate::{GATED, SUB, approve, deliver, send, send_own, verify};

fn operator() -> Value {
    json!({"scope": "operator", "sub": "jo.smith"})
}

fn operate(world: &Neighbours<'_>, action: &str) -> Answer {
    let body = json!({"action": action, "reason": "  passport seen by phone "}).to_string();
    send(world, Route::OperateVerification, SUB, &operator(), &body)
}

fn audit(world: &Neighbours<'_>, query: &[(&str, &str)]) -> Answer {
    let mut event = http_event(Route::ReadAudit.key(), &[("sub", SUB)], &[], Some(&Caller { claims: operator() }), "");
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    event["rawQueryString"] = json!(query.join("&"));
    world.check(event)
}

#[test]
fn an_approval_by_an_operator_completes_what_waits() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let answer = operate(&world, "approve");
    assert_eq!((answer.status, answer.body["state"].as_str()), (200, Some("verified")));
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
    assert_eq!(send_own(&world, Route::OpenVerification).body["state"], "verified");
}

#[test]
fn an_operators_revocation_is_undone_by_an_operator_only() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    clock.advance_s(60);
    assert_eq!(operate(&world, "revoke").body["state"], "revoked");
    clock.advance_s(60);
    // Persona approves anew, by event and when asked; the sub-account asks for a session.
    assert_eq!(deliver(&world, "evt_new", "inquiry.approved", "approved", 0), 200);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    world.minutes(10);
    assert_eq!(send_own(&world, Route::RefreshVerification).body["state"], "revoked");
    let refused = send_own(&world, Route::OpenVerification);
    assert_eq!((refused.status, refused.problem()), (409, "verification-locked"));
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Operator, .. }));
    let asked = world.ask(SUB, "key-2", GATED);
    assert_eq!(
        (asked.body["state"].as_str(), asked.body["next_action"].as_str()),
        (Some("awaiting_verification"), Some("contact_support"))
    );
    assert_eq!(operate(&world, "approve").body["state"], "verified");
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 2, "what waited meanwhile is bought");
}

#[test]
fn an_operator_may_keep_somebody_from_ever_verifying() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(operate(&world, "revoke").body["state"], "revoked");
    assert_eq!(send_own(&world, Route::OpenVerification).status, 409);
    assert_eq!(world.persona.inquiries(), 0);
}

#[test]
fn a_late_decline_does_not_undo_an_operators_approval_and_a_later_one_does() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    assert_eq!(operate(&world, "approve").status, 200);
    clock.advance_s(10);
    assert_eq!(deliver(&world, "evt_late", "inquiry.declined", "declined", 30), 200);
    assert!(world.verification().verified_at().is_some(), "declined 20 s before the operator approved");
    assert_eq!(deliver(&world, "evt_later", "inquiry.declined", "declined", 5), 200);
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Persona, .. }));
}

#[test]
fn resetting_the_attempts_unlocks() {
    let clock = clock();
    let world = world(&clock);
    for attempt in 0..10 {
        let inquiry = send_own(&world, Route::OpenVerification).body["inquiry_id"].as_str().expect("is new").to_owned();
        clock.advance_s(60);
        let declined = crate::event(&world, &format!("evt_{attempt}"), "inquiry.declined", &inquiry, "declined", 0);
        assert_eq!(world.deliver(&declined).status, 200);
    }
    assert_eq!(send_own(&world, Route::OpenVerification).problem(), "verification-locked");
    let reset = operate(&world, "reset_attempts");
    assert_eq!((reset.body["state"].as_str(), reset.body["attempts_left"].as_u64()), (Some("declined"), Some(10)));
    assert_eq!(send_own(&world, Route::OpenVerification).body["session_token"], SESSION_TOKEN);
    assert_eq!(world.persona.inquiries(), 11);
}

#[test]
fn a_repetition_changes_nothing_and_writes_no_second_entry() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    for action in ["approve", "revoke", "reset_attempts"] {
        operate(&world, action);
        let before = world.table.items();
        assert_eq!(operate(&world, action).status, 200);
        assert_eq!(world.table.items(), before, "{action}");
    }
}

#[test]
fn a_decision_that_dies_anywhere_stands_with_its_entry_or_not_at_all() {
    for calls in 0..40 {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        let body = json!({"action": "approve", "reason": "seen"}).to_string();
        let claims = Caller { claims: operator() };
        let event = http_event(Route::OperateVerification.key(), &[("sub", SUB)], &[], Some(&claims), &body);
        let mut decision = Box::pin(world.check_step_by_step(event));
        if (0..=calls).find_map(|_| poll_once(&mut decision)).is_some() {
            assert!(calls >= 4, "{calls} places to die");
            return;
        }
        drop(decision);
        let stands = world.verification().verified_at().is_some();
        assert_eq!(world.with_sk("A#operator").len(), usize::from(stands), "died after {calls} calls");
        if stands {
            world.minutes(3);
        } else {
            operate(&world, "approve");
            assert_eq!(world.complete(), 0);
        }
        assert_eq!(world.carrier.charges(), 1, "died after {calls} calls");
        assert_eq!(world.with_sk("A#operator").len(), 1, "died after {calls} calls");
    }
    panic!("the request never ends");
}

#[test]
fn the_audit_reads_as_a_story() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_expired", "inquiry.expired", "expired", 0), 200);
    clock.advance_s(60);
    assert_eq!(send_own(&world, Route::OpenVerification).status, 200);
    clock.advance_s(60);
    approve(&world);
    clock.advance_s(60);
    operate(&world, "revoke");
    let answer = audit(&world, &[]);
    let told: Vec<String> = answer.body["entries"]
        .as_array()
        .expect("is a list")
        .iter()
        .rev()
        .map(|entry| format!("{} {}", entry["at"].as_str().unwrap_or(""), entry["sentence"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(
        told,
        [
            "2026-11-22T12:00:00Z The inquiry inq_000000000000000000000000 was opened for the customer; unverified \
             became in_progress.",
            "2026-11-22T12:01:00Z Persona's event evt_expired said that the inquiry inq_000000000000000000000000 is \
             expired; in_progress became expired.",
            "2026-11-22T12:02:00Z The customer asked to go on with the inquiry inq_000000000000000000000000; expired became \
             in_progress.",
            "2026-11-22T12:03:00Z Persona's event evt_approved said that the inquiry inq_000000000000000000000000 is \
             approved; in_progress became verified.",
            "2026-11-22T12:04:00Z The operator jo.smith revoked, because: passport seen by phone; verified became \
             revoked.",
        ]
    );
    let newest = &answer.body["entries"][0];
    assert_eq!(
        *newest,
        json!({
            "at": "2026-11-22T12:04:00Z", "by": "operator", "operator": "jo.smith", "what": "revoke",
            "reason": "passport seen by phone", "from": "verified", "to": "revoked",
            "sentence": "The operator jo.smith revoked, because: passport seen by phone; verified became revoked."
        })
    );
}

/// Whose verification covers a sub-account, and since when, is part of its story.
#[test]
fn a_profile_that_changes_is_told_in_the_audit_of_its_sub_account() {
    let clock = clock();
    let world = world(&clock);
    let put = |agency: Option<&str>, reason: &str| {
        clock.advance_s(1);
        let body = json!({"agency": agency, "reason": reason});
        assert_eq!(world.operate(&format!("PUT /v1/operator/sub-accounts/{SUB}"), &body).status, 200);
    };
    put(Some("Agency_1"), "signed up by them");
    verify(&world);
    put(None, "left them");
    let told = audit(&world, &[]).body["entries"].clone();
    let profiles: Vec<&Value> =
        told.as_array().expect("a list").iter().filter(|entry| entry["what"] == "profile").collect();
    let sentences: Vec<&str> = profiles.iter().filter_map(|entry| entry["sentence"].as_str()).collect();
    assert_eq!(
        sentences,
        [
            "The operator operator@platform.example wrote the customer's profile, with no agency and the default account, because: left them; \
             it stayed verified.",
            "The operator operator@platform.example wrote the customer's profile, with the agency Agency_1 and the default account, \
             because: signed up by them; it stayed unverified.",
        ]
    );
    assert_eq!((&profiles[0]["agency"], &profiles[1]["agency"]), (&Value::Null, &"Agency_1".into()));
}

/// What an agency's verification covers stays covered: the operator is told so.
#[test]
fn a_revocation_under_a_verified_agency_says_that_it_is_covered() {
    let clock = clock();
    let world = world(&clock);
    world.put_profile(SUB, "Agency_1");
    world.verify_agency("Agency_1");
    let answer = operate(&world, "revoke");
    assert_eq!((answer.status, &answer.body["state"]), (200, &"verified".into()));
    assert_eq!(answer.body["covered_by"], "agency");
    world.operate(&format!("PUT /v1/operator/sub-accounts/{SUB}"), &json!({"reason": "out of it"}));
    assert_eq!(operate(&world, "revoke").body["state"], "revoked");
}

#[test]
fn a_long_audit_comes_in_pages() {
    let clock = clock();
    let world = world(&clock);
    for _ in 0..25 {
        clock.advance_s(1);
        operate(&world, "approve");
        clock.advance_s(1);
        operate(&world, "revoke");
    }
    let mut times = Vec::new();
    let mut cursor = None;
    for page in 0..10 {
        let query: Vec<(&str, &str)> =
            std::iter::once(("limit", "7")).chain(cursor.as_deref().map(|cursor| ("cursor", cursor))).collect();
        let answer = audit(&world, &query);
        let entries = answer.body["entries"].as_array().expect("is a list");
        times.extend(entries.iter().map(|entry| entry["at"].as_str().expect("has a time").to_owned()));
        let next = answer.body["next_cursor"].as_str().map(str::to_owned);
        if next.is_none() {
            assert_eq!((page, entries.len()), (7, 1));
            break;
        }
        assert_eq!(entries.len(), 7);
        cursor = next;
    }
    assert_eq!(times.len(), 50);
    assert!(times.is_sorted_by(|one, other| one > other), "newest first: {times:?}");
    assert_eq!(audit(&world, &[]).body["entries"].as_array().map(Vec::len), Some(20));
}

#[test]
fn what_an_operator_sends_wrongly_is_refused_and_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    let before = world.table.items();
    for body in [
        json!({"action": "approve"}),
        json!({"action": "approve", "reason": ""}),
        json!({"action": "approve", "reason": "  "}),
        json!({"action": "approve", "reason": "a".repeat(501)}),
        json!({"action": "approve", "reason": "two\nlines"}),
        json!({"action": "Approve", "reason": "seen"}),
        json!({"action": "erase", "reason": "seen"}),
        json!({"action": "approve", "reason": "seen", "by": "somebody else"}),
    ] {
        let answer = send(&world, Route::OperateVerification, SUB, &operator(), &body.to_string());
        assert_eq!((answer.status, answer.problem()), (400, "invalid-request"), "{body}");
    }
    for query in [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "x"),
        ("cursor", "x"),
        ("cursor", ""),
        ("cursor", "QSMj"),
        ("page", "2"),
    ] {
        assert_eq!(audit(&world, &[query]).status, 400, "{query:?}");
    }
    assert_eq!(world.table.items(), before);
}
