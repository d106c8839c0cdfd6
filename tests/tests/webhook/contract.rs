//! What Persona is answered, row by row. Persona counts 200, 201, 202 and 204 within 5 s as delivered and repeats
//! everything else, 3xx included, up to seven times over two days (its documentation, "Webhooks"). So:
//!
//! | answer | for |
//! |---|---|
//! | 200 | applied; a duplicate; an event that we ignore; another template or an inquiry that is not ours; signed but not understood; authentic but old |
//! | 401 | no signature, or a wrong one: no log line, no I/O, save that what looks fresh has the secrets read again, every half minute at most |
//! | 413 | more than 256 KB: no log line, no I/O |
//! | 503 | our own table, queue, or question to Persona failed |
//!
//! and never 400 or 415 for a body that is signed.

use domain::{InquiryStatus, VerificationState};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::events::{http_event, webhook_event};
use tests::logs::logged;
use tests::stepped::Steps;
use tests::world::{clock, secret, world};

use crate::{event, says, signed, step_through, waiting};

/// Largest body that the function looks at, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The lines of a log that carry this metric.
fn counted(log: &str, metric: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("is a JSON line"));
    lines.filter(|line| line["metric"] == metric).collect()
}

#[test]
fn row_200_applied() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert!(world.verification().verified_at().is_some());
    assert_eq!(world.queue.len(), 1);
}

#[test]
fn row_200_a_duplicate_writes_nothing() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    let after_one = world.table.items();
    for _ in 0..3 {
        assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    }
    assert_eq!(world.table.items(), after_one);
}

#[test]
fn row_200_an_event_that_we_ignore_needs_no_io() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for name in ["inquiry.transitioned", "inquiry.redacted", "verification.passed", "report/watchlist.matched"] {
        let mut ignored = event(&world, &inquiry, InquiryStatus::Approved, 0);
        ignored["data"]["attributes"]["name"] = json!(name);
        let steps = Steps::default();
        let (answer, log) = logged(|| step_through(&world, &steps, signed(&world, &ignored.to_string())));
        assert_eq!((answer.status, steps.calls()), (200, 0), "{name}");
        assert!(counted(&log, "drift").is_empty(), "{name} is known: {log}");
    }
}

#[test]
fn row_200_another_template_or_an_inquiry_that_is_not_ours() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = world.table.items();
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 0);
    let payload = "/data/attributes/payload/data";
    let mut other_template = approved.clone();
    *other_template.pointer_mut(&format!("{payload}/relationships/inquiry-template/data/id")).expect("is there") =
        json!("itmpl_weaker");
    let mut not_ours = approved;
    *not_ours.pointer_mut(&format!("{payload}/id")).expect("is there") = json!("inq_of_somebody_else");
    for (body, metric) in [(other_template, "foreign_inquiry"), (not_ours, "unmapped_inquiry")] {
        let (answer, log) = logged(|| world.deliver(&body));
        assert_eq!(answer.status, 200, "{metric}");
        assert_eq!(counted(&log, metric).len(), 1, "{log}");
        assert_eq!(world.table.items(), before, "{metric}");
        assert!(world.queue.is_empty());
    }
}

/// Before the person has done anything, an inquiry may be ours and not yet in our map: nobody needs to look.
#[test]
fn row_200_an_unmapped_inquiry_raises_an_alarm_only_once_it_is_judged() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for (status, judged) in [
        (InquiryStatus::Created, false),
        (InquiryStatus::Pending, false),
        (InquiryStatus::Expired, false),
        (InquiryStatus::Completed, true),
        (InquiryStatus::Failed, true),
        (InquiryStatus::NeedsReview, true),
        (InquiryStatus::Approved, true),
        (InquiryStatus::Declined, true),
    ] {
        let mut body = event(&world, &inquiry, status, 0);
        body["data"]["attributes"]["payload"]["data"]["id"] = json!("inq_of_nobody");
        let (answer, log) = logged(|| world.deliver(&body));
        assert_eq!(answer.status, 200);
        assert_eq!(counted(&log, "unmapped_inquiry").len(), usize::from(judged), "{status:?}: {log}");
    }
}

#[test]
fn row_200_signed_but_not_understood_is_logged_by_hash_and_length() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = world.table.items();
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 0);
    let with = |pointer: &str, value: Value| {
        let mut body = approved.clone();
        *body.pointer_mut(pointer).expect("is there") = value;
        body.to_string()
    };
    let status = "/data/attributes/payload/data/attributes/status";
    for body in [
        with("/data/attributes/name", json!("inquiry.Alexander-1977-07-17")),
        with(status, json!("Alexander-1977-07-17")),
        with(status, json!({"Alexander": "1977-07-17"})),
        with("/data/attributes/created-at", json!("1977-07-17")),
        with("/data/attributes/payload", json!("Alexander")),
        "Alexander, 1977-07-17".to_owned(),
        String::new(),
    ] {
        let (answer, log) = logged(|| world.webhook(signed(&world, &body)));
        assert_eq!(answer.status, 200, "{body}");
        let drift = counted(&log, "drift");
        assert_eq!(drift.len(), 1, "{log}");
        assert_eq!(drift[0]["hash"], hex::encode(Sha256::digest(&body)));
        assert_eq!(drift[0]["length_bytes"], body.len());
        assert!(!log.contains("Alexander") && !log.contains("1977"), "{log}");
        assert_eq!(world.table.items(), before);
    }
}

#[test]
fn row_200_authentic_but_old_is_a_reason_to_ask() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    let delivery = signed(&world, &body);
    clock.advance_s(301);
    world.persona.set(&inquiry, InquiryStatus::Declined, world.now());
    assert_eq!(world.webhook(delivery).status, 200);
    assert_eq!(world.persona.looks(), 1);
    assert_eq!(
        world.verification().state,
        VerificationState::Declined,
        "Persona's word counts, the payload's does not"
    );
}

/// Old deliveries do not make us ask at will: one ask an inquiry every few seconds, which covers what comes in between, since
/// that was signed before it.
#[test]
fn row_200_authentic_but_old_while_persona_was_just_asked() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(60);
    let told = [(InquiryStatus::Completed, 10), (InquiryStatus::Declined, 5), (InquiryStatus::Approved, 0)];
    let deliveries = told.map(|(status, age_s)| signed(&world, &event(&world, &inquiry, status, age_s).to_string()));
    world.persona.set(&inquiry, InquiryStatus::Created, world.now().plus_ms(-60_000));
    clock.advance_s(301);
    let statuses = deliveries.clone().map(|delivery| world.webhook(delivery).status);
    assert_eq!((statuses, world.persona.looks()), ([200; 3], 1));
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now().plus_ms(-301_000));
    clock.advance_s(5);
    let statuses = deliveries.map(|delivery| world.webhook(delivery).status);
    assert_eq!((statuses, world.persona.looks()), ([200; 3], 2), "then, nothing that they say would change anything");
    assert!(world.verification().verified_at().is_some());
}

/// Persona's events have milliseconds and its answers whole seconds: what was heard in an answer is not new a moment later.
#[test]
fn row_200_authentic_but_old_and_known_asks_nobody() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_ms(60_553);
    let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now().plus_ms(-553));
    clock.advance_s(301);
    for _ in 0..20 {
        assert_eq!(world.webhook(delivery.clone()).status, 200);
        assert!(world.verification().verified_at().is_some());
        clock.advance_s(60);
    }
    assert_eq!(world.persona.looks(), 1);
}

/// An old delivery about what is not ours is no reason to ask: else anybody with one old delivery could have us ask.
#[test]
fn row_200_authentic_but_old_and_not_ours_asks_nobody() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut body = event(&world, &inquiry, InquiryStatus::Approved, 0);
    body["data"]["attributes"]["payload"]["data"]["id"] = json!("inq_of_nobody");
    let delivery = signed(&world, &body.to_string());
    clock.advance_s(301);
    assert_eq!(world.webhook(delivery).status, 200);
    assert_eq!(world.persona.looks(), 0);
}

#[test]
fn row_401_leaves_no_trace() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    let wrong = format!("t={},v1={}", world.now().unix_ms() / 1000, "0".repeat(64));
    let deliveries = [
        http_event(persona_webhook::ROUTE, &[], &[], None, &body),
        webhook_event(&body, &wrong),
        webhook_event(&body, ""),
        webhook_event(&"x".repeat(BODY_BYTES_MAX), &wrong),
    ];
    for delivery in deliveries {
        let steps = Steps::default();
        let (answer, log) = logged(|| step_through(&world, &steps, delivery));
        assert_eq!((answer.status, steps.calls()), (401, 0));
        assert_eq!(log, "", "a flood of forgeries fills no log");
    }
}

#[test]
fn row_413_leaves_no_trace() {
    let clock = clock();
    let world = world(&clock);
    for size in [BODY_BYTES_MAX + 1, 6 * 1024 * 1024] {
        let steps = Steps::default();
        let (answer, log) = logged(|| step_through(&world, &steps, signed(&world, &" ".repeat(size))));
        assert_eq!((answer.status, steps.calls(), log.as_str()), (413, 0, ""));
    }
}

#[test]
fn never_400_or_415_for_a_body_that_is_signed() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    for body in [approved.as_str(), "", "<xml/>", "\u{0}", "{\"data\":null}"] {
        for kind in ["application/json; charset=utf-8", "text/plain", "application/xml", "multipart/form-data", "", "?"]
        {
            let mut delivery = signed(&world, body);
            delivery["headers"]["content-type"] = json!(kind);
            delivery["headers"]["content-encoding"] = json!("gzip");
            assert_eq!(world.webhook(delivery).status, 200, "{kind}: {body}");
        }
    }
    let mut without = signed(&world, &approved);
    without["headers"].as_object_mut().expect("headers").remove("content-type");
    assert_eq!(world.webhook(without).status, 200);
}

/// Each of our own calls fails in turn: Persona delivers again, and then everything that the first delivery would have
/// done is done.
#[test]
fn row_503_our_own_failure_whichever_call_it_is() {
    for age_s in [0, 301] {
        let mut call = 0;
        loop {
            let clock = clock();
            let world = world(&clock);
            let inquiry = waiting(&world);
            let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
            let delivery = signed(&world, &body);
            clock.advance_s(age_s);
            world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
            let steps = Steps::failing_at(call);
            let answer = step_through(&world, &steps, delivery.clone());
            let all_calls_done = steps.calls() <= call;
            assert_eq!(answer.status, if all_calls_done { 200 } else { 503 }, "call {call}, {age_s} s old");
            if !all_calls_done {
                assert_eq!(answer.problem(), "temporarily-unavailable");
                assert_eq!(answer.headers["retry-after"], "1");
                assert_eq!(world.webhook(delivery).status, 200);
            }
            assert!(world.verification().verified_at().is_some(), "call {call}");
            assert_eq!(world.complete(), 0);
            assert_eq!(world.carrier.charges(), 1, "call {call}");
            if all_calls_done {
                assert!(call >= 4, "map, verification, change, list and send: {call} calls");
                break;
            }
            call += 1;
        }
    }
}

#[test]
fn another_route_is_not_found() {
    let clock = clock();
    let world = world(&clock);
    let body = "{}";
    let signature = adapters::persona::sign(&secret(), body.as_bytes(), world.now());
    let elsewhere = http_event("POST /v1/webhooks/other", &[], &[("Persona-Signature", &signature)], None, body);
    assert_eq!(world.webhook(elsewhere).status, 404);
}
