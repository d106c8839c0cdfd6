//! What a delivery may change: a wrongly signed one nothing; a right one only what it says of an inquiry of ours.

use adapters::items::turn_from_item;
use adapters::persona::sign;
use adapters::store::{self, Item, SK};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{InquiryId, InquiryStatus, Instant, REFRESH_PAUSE_MS, VerificationState};
use serde_json::{Value, json};
use tests::events::{http_event, persona_event, webhook_event};
use tests::neighbours::PersonaFault;
use tests::world::{Answer, Neighbours, START_MS, clock, secret, world};

/// Largest body that the function looks at, in bytes.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What must stay as it is: the table, messages, and how often Persona was asked or gave a session.
type Seen = (Vec<Item>, usize, u32, u32, usize);

fn seen(world: &Neighbours<'_>) -> Seen {
    (world.table.items(), world.queue.len(), world.persona.looks(), world.persona.sessions(), world.persona.inquiries())
}

/// Has a sub-account wait for its verification; returns its inquiry.
fn waiting(world: &Neighbours<'_>) -> InquiryId {
    assert_eq!(world.ask("loc_1", "key-1", "+14155550100").status, 202);
    world.persona.first().expect("an inquiry was opened")
}

fn approval(inquiry: &str) -> Value {
    persona_event("evt_1", "inquiry.approved", inquiry, "approved", "2026-11-22T12:00:01.123Z")
}

/// Delivers with a right signature, made `age_s` ago.
fn deliver_aged(world: &Neighbours<'_>, body: &str, age_s: i64) -> Answer {
    let signature = sign(&secret(), body.as_bytes(), world.now().plus_ms(-age_s * 1000));
    world.webhook(webhook_event(body, &signature))
}

#[test]
fn a_right_delivery_is_applied() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(world.deliver(&approval(inquiry.as_str())).status, 200);
    assert!(world.verification().verified_at().is_some());
    assert_eq!(world.queue.len(), 1, "the waiting purchase is woken");
    assert_eq!(world.persona.looks(), 0, "a fresh delivery is taken at its word");
}

#[test]
fn a_delivery_that_is_not_right_changes_nothing_and_asks_nobody() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = approval(inquiry.as_str()).to_string();
    let right = sign(&secret(), body.as_bytes(), world.now());
    let early = sign(&secret(), body.as_bytes(), world.now().plus_ms(301_000));
    let with_headers =
        |headers: &[(&str, &str)], body: &str| http_event(persona_webhook::ROUTE, &[], headers, None, body);
    let mut as_base64 = webhook_event(&body, &right);
    as_base64["isBase64Encoded"] = json!(true);
    as_base64["body"] = json!("e30=");
    let before = seen(&world);
    let deliveries = [
        ("no header", with_headers(&[], &body)),
        ("another header", with_headers(&[("X-Persona-Signature", &right)], &body)),
        ("the header of another vendor", with_headers(&[("Stripe-Signature", &right)], &body)),
        ("an empty header", with_headers(&[("Persona-Signature", "")], &body)),
        ("the header twice, as gateways join it", webhook_event(&body, &format!("{right},{right}"))),
        ("another body", webhook_event(&body.replace("approved", "declined"), &right)),
        ("another body as base64", as_base64),
        ("no body", webhook_event("", &right)),
        ("from the future", webhook_event(&body, &early)),
        ("signs outside ASCII in the header", webhook_event(&body, &format!("{right}é"))),
    ];
    for (name, event) in deliveries {
        let answer = world.webhook(event);
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        assert_eq!(answer.problem(), "unauthenticated", "{name}");
        assert_eq!(seen(&world), before, "{name}");
    }
}

#[test]
fn a_body_that_is_too_large_is_not_looked_at() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = seen(&world);
    let padded = |length: usize| {
        let mut body = approval(inquiry.as_str()).to_string();
        body.extend(std::iter::repeat_n(' ', length - body.len()));
        body
    };
    assert_eq!(deliver_aged(&world, &padded(BODY_BYTES_MAX + 1), 0).status, 413);
    assert_eq!(seen(&world), before);
    assert_eq!(deliver_aged(&world, &padded(BODY_BYTES_MAX), 0).status, 200);
    assert!(world.verification().verified_at().is_some(), "the largest one is read");
}

#[test]
fn an_old_delivery_is_only_a_reason_to_ask() {
    for (says, now_is) in [
        ("approved", InquiryStatus::Declined),
        ("declined", InquiryStatus::Approved),
        ("approved", InquiryStatus::Pending),
    ] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        world.persona.set(&inquiry, now_is, Instant::from_unix_ms(START_MS + 1000));
        let event =
            persona_event("evt_1", &format!("inquiry.{says}"), inquiry.as_str(), says, "2026-11-22T12:00:02.000Z");
        assert_eq!(deliver_aged(&world, &event.to_string(), 301).status, 200);
        assert_eq!(world.persona.looks(), 1);
        let state = world.verification().state;
        let as_persona_says = match now_is {
            InquiryStatus::Approved => matches!(state, VerificationState::Verified { .. }),
            InquiryStatus::Declined => state == VerificationState::Declined,
            InquiryStatus::Created
            | InquiryStatus::Pending
            | InquiryStatus::Completed
            | InquiryStatus::Failed
            | InquiryStatus::Expired
            | InquiryStatus::NeedsReview => matches!(state, VerificationState::InProgress { .. }),
        };
        assert!(as_persona_says, "{now_is:?}: {state:?}");
        assert_eq!(world.queue.len(), usize::from(now_is == InquiryStatus::Approved));
    }
}

#[test]
fn an_old_delivery_comes_again_when_persona_cannot_be_asked() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = standing(&world);
    world.persona.fail_next([PersonaFault::Before(adapters::persona::PersonaError::Unknown)]);
    let answer = deliver_aged(&world, &approval(inquiry.as_str()).to_string(), 301);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.problem(), "temporarily-unavailable");
    assert_eq!(standing(&world), before, "the turn to ask, which is given back, is all that is remembered");
    let turn = world.with_sk("ASKED").pop().expect("is remembered");
    let given_back = turn_from_item(&turn).expect("is readable").plus_ms(REFRESH_PAUSE_MS);
    assert_eq!(given_back, world.now());
}

/// Persona says nothing of what it has just delivered: then it is not done.
#[test]
fn an_old_delivery_comes_again_when_persona_says_nothing_of_it() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    world.persona.lose(&inquiry);
    assert_eq!(deliver_aged(&world, &approval(inquiry.as_str()).to_string(), 301).status, 503);
    world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
    assert_eq!(deliver_aged(&world, &approval(inquiry.as_str()).to_string(), 301).status, 200);
    assert!(world.verification().verified_at().is_some());
}

/// All items but turns to ask Persona, and what they took of the allowances.
fn standing(world: &Neighbours<'_>) -> Vec<store::Item> {
    let asking = ["ASKED", "CALLERS", "DELIVERIES"].map(|sk| store::Value::S(sk.into()));
    world.table.items().into_iter().filter(|item| !item.get(SK).is_some_and(|sk| asking.contains(sk))).collect()
}

/// Whoever kept old deliveries about many people makes us ask about so many of them; Persona delivers the others again.
#[test]
fn old_deliveries_about_many_people_are_a_few_questions_at_once() {
    let clock = clock();
    let world = world(&clock);
    let inquiries: Vec<String> = (0..100)
        .map(|number| {
            clock.advance_s(1);
            let asked = world.ask(&format!("Loc{number}"), "key-1", "+14155550100");
            asked.body["verification"]["inquiry_id"].as_str().expect("was opened").to_owned()
        })
        .collect();
    let deliver_all = |deliveries: &[String]| {
        let statuses =
            deliveries.iter().map(|inquiry| deliver_aged(&world, &approval(inquiry).to_string(), 301).status);
        statuses.filter(|status| *status == 200).count()
    };
    let taken = deliver_all(&inquiries);
    assert_eq!((taken, world.persona.looks()), (10, 10), "a third of a minute's");
    // They come again, all of them, ten times a minute.
    let mut minute = Vec::new();
    for _ in 0..20 {
        clock.advance_s(6);
        let before = world.persona.looks();
        deliver_all(&inquiries);
        minute.push(world.persona.looks() - before);
    }
    for minute in minute.windows(10) {
        let asked: u32 = minute.iter().sum();
        assert!((20..=32).contains(&asked), "{asked}: {minute:?}");
    }
}

#[test]
fn what_is_not_ours_or_not_understood_is_taken_and_changes_nothing() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let before = seen(&world);
    let approved = approval(inquiry.as_str());
    let with = |pointer: &str, value: Value| {
        let mut event = approved.clone();
        *event.pointer_mut(pointer).expect("is there") = value;
        event.to_string()
    };
    let payload = "/data/attributes/payload/data";
    let deliveries = [
        ("an unknown event", with("/data/attributes/name", json!("inquiry.celebrated"))),
        ("a change of screen", with("/data/attributes/name", json!("inquiry.transitioned"))),
        ("a redaction", with("/data/attributes/name", json!("inquiry.redacted"))),
        (
            "an event of another resource",
            json!({"data": {"type": "event", "id": "evt_2", "attributes": {
                "name": "verification.passed", "payload": {"data": {"type": "verification/selfie"}}
            }}})
            .to_string(),
        ),
        ("an unknown inquiry", approval("inq_of_nobody").to_string()),
        (
            "an inquiry of another template",
            with(&format!("{payload}/relationships/inquiry-template/data/id"), json!("itmpl_weaker")),
        ),
        ("an unknown status", with(&format!("{payload}/attributes/status"), json!("accepted"))),
        ("a status that is no text", with(&format!("{payload}/attributes/status"), json!(true))),
        ("a time that is none", with("/data/attributes/created-at", json!("yesterday"))),
        ("a time without a zone", with("/data/attributes/created-at", json!("2026-11-22T12:00:00"))),
        ("another type of resource", with(&format!("{payload}/type"), json!("account"))),
        ("an id with a slash", with(&format!("{payload}/id"), json!("inq_1/../2"))),
        ("an event id with a hash sign", with("/data/id", json!("evt#1"))),
        ("no payload", with("/data/attributes/payload", Value::Null)),
        ("an empty object", "{}".to_owned()),
        ("an array", "[]".to_owned()),
        ("a null", "null".to_owned()),
        ("no JSON", "<html>approved</html>".to_owned()),
        ("half a JSON", approved.to_string()[..200].to_owned()),
        ("nothing", String::new()),
        ("JSON a thousand deep", format!("{}{}", "[".repeat(1000), "]".repeat(1000))),
    ];
    for (name, body) in deliveries {
        let answer = deliver_aged(&world, &body, 0);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(seen(&world), before, "{name}");
    }
}

#[test]
fn a_body_sent_as_base64_is_the_same_body() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = approval(inquiry.as_str()).to_string();
    let mut event = webhook_event(&body, &sign(&secret(), body.as_bytes(), world.now()));
    event["body"] = json!(STANDARD.encode(&body));
    event["isBase64Encoded"] = json!(true);
    assert_eq!(world.webhook(event).status, 200);
    assert!(world.verification().verified_at().is_some());
}
