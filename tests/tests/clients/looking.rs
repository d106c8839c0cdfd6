//! What Persona's client makes of what it is told about inquiries: when it was decided, and of which inquiry.

use adapters::persona::{Identity, sign};
use domain::{InquiryEvent, InquiryId, Instant, PurchaseState};
use serde_json::{Value, json};
use tests::events::{persona_event, webhook_event};
use tests::logs::logged;
use tests::world::{Neighbours, clock, secret, world};

use crate::canned::{Can, Canned};
use crate::persona::client;
use crate::servers::PATIENT_MS;

/// A sub-account.
const SUB: &str = "Loc_A1b2C3";
/// A number in New York: gated.
const GATED: &str = "+12125550100";

/// What cannot be understood of one inquiry is left out, and does not hide the others of its question.
#[test]
fn what_is_strange_about_one_inquiry_hides_no_other() {
    let listed = |id: &str, attributes: Value| json!({"type": "inquiry", "id": id, "attributes": attributes});
    let at = "2026-11-22T12:00:00.000Z";
    let strange = [
        listed("inq_1", json!({"status": "paused", "updated-at": at})),
        listed("inq_1", json!({"status": null, "updated-at": at})),
        listed("inq_1", json!({"updated-at": at})),
        listed("inq_1", json!({"status": 7, "updated-at": at})),
        listed("inq_1", json!({"status": "approved", "updated-at": "today"})),
        listed("inq_1", json!({"status": "approved", "decisioned-at": "today", "updated-at": at})),
        listed("inq_1", json!({"status": "approved", "updated-at": null})),
        listed("inq_1", json!({"status": "approved"})),
        listed("inq_1", Value::Null),
        listed("inq 1/..", json!({"status": "approved", "updated-at": at})),
        json!({"type": "inquiry", "id": "inq_1"}),
        json!({"type": "inquiry", "attributes": {"status": "approved", "updated-at": at}}),
        json!([]),
        Value::Null,
    ];
    for entry in strange {
        let body = json!({"data": [entry, listed("inq_2", json!({"status": "approved", "updated-at": at}))]});
        let (seen, log) = logged(|| in_runtime(look_at(body)));
        assert_eq!(seen.len(), 1, "{entry}");
        assert_eq!(seen[0].inquiry.as_str(), "inq_2");
        assert_eq!(seen[0].at.unix_ms(), 1_795_348_800_000);
        assert_eq!(log.matches("\"metric\":\"drift\"").count(), 1, "{entry}: {log}");
        assert!(
            !log.contains("paused") && !log.contains("today") && !log.contains("inq_") && !log.contains("inq 1"),
            "{log}"
        );
    }
}

/// A filter that Persona ignores makes nobody's inquiry somebody else's.
#[test]
fn what_was_not_asked_about_is_left_out() {
    let listed = |id: &str| persona_says(id, "approved", &Value::Null, COMPLETED_AT)["data"][0].clone();
    let answer = json!({"data": [listed("inq_3"), listed("inq_2"), listed("inq_4")]});
    let (seen, log) = logged(|| in_runtime(look_at(answer)));
    let ids: Vec<&str> = seen.iter().map(|event| event.inquiry.as_str()).collect();
    assert_eq!((ids, log.matches("\"metric\":\"drift\"").count()), (vec!["inq_2"], 2), "{log}");
}

/// What the client makes of this answer.
async fn look_at(answer: Value) -> Vec<InquiryEvent> {
    let canned = Canned::start(Can::json(200, answer.to_string())).await;
    let inquiries = ["inq_1", "inq_2"].map(|id| InquiryId::parse(id).expect("is an id"));
    let looked = client(&canned.server, PATIENT_MS).look(&inquiries).await.expect("an answer");
    looked.into_iter().map(|looked| looked.event).collect()
}

/// Runs something on this thread, whose log is caught.
fn in_runtime<T>(doing: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(doing)
}

/// `updated-at` moves whenever somebody touches an inquiry; what was decided, and when, does not.
#[tokio::test]
async fn a_decision_has_the_time_at_which_it_was_taken() {
    let (decided, touched) = ("2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z");
    for (status, decisioned_at, expected) in [
        ("approved", json!(decided), decided),
        ("declined", json!(decided), decided),
        ("approved", Value::Null, touched),
        ("declined", Value::Null, touched),
        ("needs_review", json!(decided), touched),
        ("pending", json!(decided), touched),
        ("completed", json!(decided), COMPLETED_AT),
    ] {
        let seen = look_at(persona_says("inq_1", status, &decisioned_at, touched)).await;
        assert_eq!(adapters::rfc3339(seen[0].at), expected, "{status} {decisioned_at}");
    }
    let never_noted = json!({"status": "completed", "completed-at": null, "updated-at": touched});
    let seen = look_at(json!({"data": [{"type": "inquiry", "id": "inq_1", "attributes": never_noted}]})).await;
    assert_eq!(adapters::rfc3339(seen[0].at), touched);
}

/// When the inquiries of [`persona_says`] were completed, whatever happened to them since.
const COMPLETED_AT: &str = "2026-11-22T11:30:00Z";

/// Persona's answer about one inquiry.
fn persona_says(id: &str, status: &str, decisioned_at: &Value, updated_at: &str) -> Value {
    let attributes = json!({
        "status": status,
        "completed-at": COMPLETED_AT,
        "decisioned-at": decisioned_at,
        "updated-at": updated_at,
    });
    json!({"data": [{"type": "inquiry", "id": id, "attributes": attributes}]})
}

/// Has Persona in memory say of the inquiry what the client makes of a decision that was touched since.
async fn decided_and_touched(world: &Neighbours<'_>, status: &str, decided_at: Instant) {
    let inquiry = world.persona.first().expect("an inquiry was opened");
    let (decided, touched) = (adapters::rfc3339(decided_at), adapters::rfc3339(world.now()));
    let seen = look_at(persona_says("inq_1", status, &json!(decided), &touched)).await;
    world.persona.set(&inquiry, seen[0].status, seen[0].at);
}

/// Declined; an operator approved; somebody wrote a note. Another old event of the declined inquiry comes late, and Persona
/// is asked.
#[tokio::test]
async fn an_operators_approval_stands_when_a_declined_inquiry_is_touched() {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(world.ask(SUB, "key-1", GATED).status, 202);
    clock.advance_s(60);
    let declined_at = world.now();
    let inquiry = world.persona.first().expect("an inquiry was opened");
    let declined = |event_id: &str, at: Instant| {
        let at_text = adapters::rfc3339(at);
        let body = persona_event(event_id, "inquiry.declined", inquiry.as_str(), "declined", &at_text).to_string();
        webhook_event(&body, &sign(&secret(), body.as_bytes(), at))
    };
    assert_eq!(world.webhook(declined("evt_declined", declined_at)).status, 200);
    clock.advance_s(60);
    let approve = json!({"action": "approve", "reason": "the papers were seen"});
    let path = format!("POST /v1/operator/sub-accounts/{SUB}/verification");
    assert_eq!(world.operate(&path, &approve).body["state"], "verified");
    clock.advance_s(60);
    let old = declined("evt_declined_again", world.now());
    clock.advance_s(600);
    decided_and_touched(&world, "declined", declined_at).await;
    assert_eq!(world.webhook(old).status, 200);
    assert_eq!(world.persona.looks(), 1, "it is old: Persona was asked");
    assert!(world.verification().verified_at().is_some());
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

/// Approved in time; the event was lost, and somebody wrote a note after the deadline, before Persona was asked.
#[tokio::test]
async fn what_was_approved_before_the_deadline_completes_when_it_was_touched_after_it() {
    const DEADLINE_S: i64 = 72 * 3600;
    let clock = clock();
    let world = world(&clock);
    assert_eq!(world.ask(SUB, "key-1", GATED).status, 202);
    clock.advance_s(DEADLINE_S - 3600);
    let approved_at = world.now();
    clock.advance_s(7200);
    decided_and_touched(&world, "approved", approved_at).await;
    world.minutes(3);
    assert_eq!(world.carrier.charges(), 1);
    assert!(matches!(world.purchase().state, PurchaseState::Completed { .. }), "{:?}", world.purchase().state);
}
