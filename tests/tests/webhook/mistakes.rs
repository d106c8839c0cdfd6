//! What sixteen public integrations of Persona were seen to get wrong (read as source in November 2026), one test or
//! more for each. Their names are left out: the mistakes are common, and most were made in good faith. Mistakes in the
//! check of the signature alone are also vectors and known-bad checks, see `tests/tests/vectors`.

use adapters::persona::{PersonaError, WebhookSecret, sign};
use adapters::store::Item;
use domain::{InquiryId, InquiryStatus, Reviewer, VerificationState};
use serde_json::{Value, json};
use tests::events::{http_event, webhook_event};
use tests::logs::logged;
use tests::memory_table::TableFault;
use tests::neighbours::PersonaFault;
use tests::stepped::{Steps, every_order, killed_at};
use tests::world::{Neighbours, SECRET, clock, secret, world};

use crate::{GATED, SUB, event, says, signed, stepped, twice_at_once, waiting};

/// The table as text.
fn stored(world: &Neighbours<'_>) -> String {
    let items: Vec<Item> = world.table.items();
    format!("{items:?}")
}

/// 1: the newest event's id was remembered only, so that A, B, A applied A twice; and its list of events had neither
/// `approved` nor `declined`.
#[test]
fn integration_01_remembers_only_the_last_event_and_knows_no_decision() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(120);
    let declined = event(&world, &inquiry, InquiryStatus::Declined, 60);
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 30);
    assert_eq!(world.deliver(&declined).status, 200);
    assert_eq!(world.verification().state, VerificationState::Declined);
    for body in [&approved, &declined] {
        assert_eq!(world.deliver(body).status, 200);
        assert!(world.verification().verified_at().is_some());
    }
}

/// 1: an unset secret switched the check off.
#[test]
fn integration_01_believes_everybody_when_the_secret_is_not_set() {
    for text in ["", " ", "null", "undefined", "changeme"] {
        WebhookSecret::parse(text).expect_err("a function does not start with it");
    }
    assert!(adapters::persona::verify("", b"{}", &[], world(&clock()).now(), 300).is_err());
}

/// 1, 4, 9: an unknown inquiry or user was 404, or threw: seven more deliveries each.
#[test]
fn integration_01_answers_404_for_an_inquiry_that_it_does_not_know() {
    let clock = clock();
    let world = world(&clock);
    let unknown = InquiryId::parse("inq_of_nobody").expect("is an id");
    assert_eq!(says(&world, &unknown, InquiryStatus::Approved, 0), 200);
}

/// 2, 8, 10: 200 although applying it had failed, "to avoid retries": the approval was lost.
#[test]
fn integration_02_answers_200_for_what_it_could_not_write() {
    for fault in [TableFault::Before, TableFault::After] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        world.table.fail_next([fault]);
        assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 503, "{fault:?}");
        assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.charges(), 1);
    }
}

/// 2: the whole body went into a log, which then went into the repository; the reference was an e-mail address.
#[test]
fn integration_02_logs_the_body_and_refers_by_a_personal_name() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let (_, log) = logged(|| says(&world, &inquiry, InquiryStatus::Approved, 0));
    assert!(log.contains("The verification changed"), "something is logged");
    for personal in ["Alexander", "1977-07-17", "birthdate", "name-first"] {
        assert!(!log.contains(personal), "{log}");
    }
    let reference =
        domain::persona_reference(&domain::Owner::SubAccount(domain::SubAccountId::parse(SUB).expect("is an id")));
    assert!(!reference.contains(SUB) && !reference.contains('@'));
}

/// 3, 4, 5, 13: `completed` unlocked; it only says that the person has done its part.
#[test]
fn integration_03_takes_completed_for_approved() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Completed, 0), 200);
    assert!(world.verification().verified_at().is_none());
    assert!(world.queue.is_empty());
}

/// 3: any later event whose payload still said `completed` approved again.
#[test]
fn integration_03_approves_again_by_an_unrelated_event() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Declined, 0), 200);
    for name in ["inquiry.transitioned", "inquiry.redacted", "inquiry-session.expired", "account.tag-added"] {
        let mut unrelated = event(&world, &inquiry, InquiryStatus::Approved, -1);
        unrelated["data"]["attributes"]["name"] = json!(name);
        assert_eq!(world.deliver(&unrelated).status, 200);
        assert_eq!(world.verification().state, VerificationState::Declined, "{name}");
    }
}

/// 4: 400 for every event but two, and so seven more deliveries of each.
#[test]
fn integration_04_answers_400_for_events_that_it_has_no_use_for() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for name in
        ["inquiry.created", "inquiry.started", "inquiry.transitioned", "verification.created", "case.created", "novel"]
    {
        let mut other = event(&world, &inquiry, InquiryStatus::Created, 0);
        other["data"]["attributes"]["name"] = json!(name);
        assert_eq!(world.deliver(&other).status, 200, "{name}");
    }
}

/// 4: a duplicate returned early, so that a first delivery that had died half-way was never finished.
#[test]
fn integration_04_never_finishes_what_the_first_delivery_began() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    world.queue.set_down(true);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 503);
    assert!(world.verification().verified_at().is_some(), "the first half is done");
    world.queue.set_down(false);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert_eq!(world.queue.len(), 1, "the other half too");
}

/// 4: the audit's key held the time of day, so that each delivery made another entry.
#[test]
fn integration_04_writes_an_audit_entry_for_every_delivery() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let approved = event(&world, &inquiry, InquiryStatus::Approved, 0);
    assert_eq!(world.deliver(&approved).status, 200);
    let entries = world.with_sk("A#").len();
    for _ in 0..3 {
        clock.advance_s(60);
        assert_eq!(world.deliver(&approved).status, 200);
    }
    assert_eq!(world.with_sk("A#").len(), entries);
}

/// 5: the status and the reference were read at the wrong place of the envelope: nothing was ever found there.
#[test]
fn integration_05_reads_the_wrong_level() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut body = event(&world, &inquiry, InquiryStatus::Pending, 0);
    body["data"]["attributes"]["status"] = json!("approved");
    body["data"]["attributes"]["reference_id"] = json!(SUB);
    body["status"] = json!("approved");
    body["data"]["attributes"]["payload"]["included"] =
        json!([{"type": "inquiry", "id": inquiry.as_str(), "attributes": {"status": "approved"}}]);
    assert_eq!(world.deliver(&body).status, 200);
    assert!(world.verification().verified_at().is_none(), "only the payload's own status counts");
}

/// 5: each delivery had its effect again (there, a mail to the customer).
#[test]
fn integration_05_does_everything_again_for_each_delivery() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    for _ in 0..8 {
        assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
        assert_eq!(world.complete(), 0);
    }
    assert_eq!((world.carrier.charges(), world.carrier.creates()), (1, 1));
}

/// 6: it switched on `data.type`, which is always `event`: no branch ever ran.
#[test]
fn integration_06_switches_on_what_is_the_same_in_all_events() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut states = Vec::new();
    for status in [InquiryStatus::Completed, InquiryStatus::NeedsReview, InquiryStatus::Approved] {
        clock.advance_s(1);
        assert_eq!(says(&world, &inquiry, status, 0), 200);
        states.push(world.verification().state);
    }
    states.dedup();
    assert_eq!(states.len(), 3, "every event made a difference");
}

/// 6, 10: a late `inquiry.expired` set a verified user back.
#[test]
fn integration_06_lets_a_late_expiry_take_the_verification_away() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 30), 200);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Expired, 0), 200);
    assert!(world.verification().verified_at().is_some());
}

/// 7: the event's id was stored first and the event applied second: after a crash in between the repetition was "seen".
#[test]
fn integration_07_marks_an_event_as_seen_before_it_is_applied() {
    for call in 0..8 {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
        let steps = Steps::default();
        killed_at(call, stepped(&world, &steps).handle(delivery.clone()));
        assert_eq!(world.webhook(delivery).status, 200);
        assert_eq!(world.complete(), 0);
        assert_eq!(world.carrier.charges(), 1, "died before call {call}");
    }
}

/// 7, 1, 2, 8, 10, 13, 14: the whole payload was stored.
#[test]
fn integration_07_stores_the_payload() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    let stored = stored(&world);
    assert!(stored.contains(inquiry.as_str()), "the search can find");
    for personal in ["Alexander", "1977-07-17", "birthdate", "name-first", "fields", "behaviors", "act_1"] {
        assert!(!stored.contains(personal), "{personal} is stored");
    }
}

/// 8: it wanted a header `Persona-Timestamp`, which Persona does not send: 401 for all that is real.
#[test]
fn integration_08_wants_a_header_that_persona_does_not_send() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    let signature = sign(&secret(), body.as_bytes(), world.now());
    let bare = http_event(persona_webhook::ROUTE, &[], &[("Persona-Signature", &signature)], None, &body);
    assert_eq!(world.webhook(bare).status, 200);
    let (time, digits) = signature.split_once(',').expect("a time and digits");
    let headers = [("Persona-Signature", digits), ("Persona-Timestamp", &time[2..])];
    let split = http_event(persona_webhook::ROUTE, &[], &headers, None, &body);
    assert_eq!(world.webhook(split).status, 401);
}

/// 8: it asked Persona's API about the inquiry and answered 200 when that failed.
#[test]
fn integration_08_answers_200_when_persona_cannot_be_asked() {
    for fault in [PersonaError::Unknown, PersonaError::Answered(429), PersonaError::Answered(500)] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let old = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
        clock.advance_s(301);
        world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
        world.persona.fail_next([PersonaFault::Before(fault)]);
        assert_eq!(world.webhook(old.clone()).status, 503, "{fault:?}");
        assert_eq!((world.webhook(old).status, world.verification().verified_at().is_some()), (200, true));
    }
}

/// 9: parts of the secret, the signature that would have been right, and the body's beginning went into the log.
#[test]
fn integration_09_logs_the_secret_and_the_right_signature() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    let right = sign(&secret(), body.as_bytes(), world.now());
    let digits = right.rsplit('=').next().expect("digits");
    let wrong = format!("{}0", &right[..right.len() - 1]);
    let deliveries = [webhook_event(&body, &wrong), webhook_event(&body, ""), webhook_event(&body, &right)];
    let (answers, log) = logged(|| deliveries.map(|delivery| format!("{:?}", world.webhook(delivery))));
    for text in answers.iter().chain([&log]) {
        for part in [&SECRET[..11], &SECRET[SECRET.len() - 4..], &digits[..16], &body[..32]] {
            assert!(!text.contains(part), "{text}");
        }
    }
}

/// 9: approved and declined had the same rank, so that a decline from before the approval overrode it.
#[test]
fn integration_09_lets_an_older_decline_override_an_approval() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Declined, 30), 200);
    assert!(world.verification().verified_at().is_some());
}

/// 10: no limit of age: one captured delivery could be played again for ever, and its content counted.
#[test]
fn integration_10_believes_a_delivery_of_any_age() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let approved = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
    for age_s in [301, 3600, 86_400] {
        clock.advance_s(age_s);
        world.persona.set(&inquiry, InquiryStatus::Pending, world.now());
        assert_eq!(world.webhook(approved.clone()).status, 200);
        assert!(world.verification().verified_at().is_none(), "{age_s} s");
    }
}

/// 10: any web page could call it: `Access-Control-Allow-Origin: *` on a webhook.
#[test]
fn integration_10_lets_any_web_page_call_it() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
    delivery["headers"]["origin"] = json!("https://attacker.example");
    let answer = world.webhook(delivery);
    assert_eq!(answer.status, 200);
    assert!(!answer.headers.to_string().to_lowercase().contains("access-control"), "{:?}", answer.headers);
}

/// 11: a body that is no JSON threw, and was delivered seven more times.
#[test]
fn integration_11_falls_over_a_body_that_is_no_json() {
    let clock = clock();
    let world = world(&clock);
    for body in ["", "{", "<html>", "\u{feff}{}", "[[[[[["] {
        assert_eq!(world.webhook(signed(&world, body)).status, 200, "{body}");
    }
}

/// 11, 14: no order: the event that came last won.
#[test]
fn integration_11_believes_what_came_last() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    clock.advance_s(600);
    for (status, age_s) in [
        (InquiryStatus::Approved, 10),
        (InquiryStatus::Declined, 20),
        (InquiryStatus::Created, 0),
        (InquiryStatus::Pending, 5),
    ] {
        assert_eq!(says(&world, &inquiry, status, age_s), 200);
    }
    assert!(world.verification().verified_at().is_some());
}

/// 12: a signature of another length threw inside the comparison: 500 in place of 401.
#[test]
fn integration_12_falls_over_a_signature_of_another_length() {
    let clock = clock();
    let world = world(&clock);
    let time = world.now().unix_ms() / 1000;
    for length in [0, 1, 2, 62, 63, 65, 66, 128, 900] {
        let header = format!("t={time},v1={}", "a".repeat(length));
        assert_eq!(world.webhook(webhook_event("{}", &header)).status, 401, "{length} digits");
    }
}

/// 12: an event in a form that the code did not know was answered with 200, and nobody noticed.
#[test]
fn integration_12_says_nothing_of_a_form_that_it_does_not_know() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut changed = event(&world, &inquiry, InquiryStatus::Approved, 0);
    changed["data"]["attributes"]["payload"] = json!({"inquiry": {"id": inquiry.as_str(), "status": "approved"}});
    let (answer, log) = logged(|| world.deliver(&changed));
    assert_eq!(answer.status, 200);
    assert!(log.contains("\"metric\":\"drift\"") && log.contains("\"level\":\"ERROR\""), "{log}");
}

/// 12: looked whether it was there, then created it: two deliveries at once did it twice.
#[test]
fn integration_12_checks_first_and_creates_then() {
    let orders = every_order(|order| {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let delivery = signed(&world, &event(&world, &inquiry, InquiryStatus::Approved, 0).to_string());
        assert_eq!(twice_at_once(&world, order, delivery), (200, 200));
        assert_eq!(world.with_sk("A#").iter().filter(|item| format!("{item:?}").contains("evt_approved")).count(), 1);
        let completed = (world.complete(), world.carrier.charges(), world.carrier.creates());
        assert_eq!(completed, (0, 1, 1), "none failed, whoever sent a message");
    });
    assert!(orders > 100, "{orders} orders");
}

/// 13: the signature was checked only where the header was there.
#[test]
fn integration_13_checks_the_signature_only_if_there_is_one() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = event(&world, &inquiry, InquiryStatus::Approved, 0).to_string();
    assert_eq!(world.webhook(http_event(persona_webhook::ROUTE, &[], &[], None, &body)).status, 401);
    assert!(world.verification().verified_at().is_none());
}

/// 13: an event that it did not know set a completed one back to pending.
#[test]
fn integration_13_takes_an_unknown_event_for_progress() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    let before = world.table.items();
    clock.advance_s(1);
    let mut unknown = event(&world, &inquiry, InquiryStatus::Pending, 0);
    unknown["data"]["attributes"]["name"] = json!("inquiry.celebrated");
    assert_eq!(world.deliver(&unknown).status, 200);
    assert_eq!(world.table.items(), before);
}

/// 14: a late event overwrote the status, decided or not.
#[test]
fn integration_14_lets_progress_overwrite_a_decision() {
    for decision in [InquiryStatus::Approved, InquiryStatus::Declined, InquiryStatus::NeedsReview] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        clock.advance_s(60);
        assert_eq!(says(&world, &inquiry, decision, 30), 200);
        let decided = world.verification().state;
        for progress in
            [InquiryStatus::Created, InquiryStatus::Pending, InquiryStatus::Completed, InquiryStatus::Expired]
        {
            assert_eq!(says(&world, &inquiry, progress, 0), 200);
            assert_eq!(world.verification().state, decided, "{progress:?} after {decision:?}");
        }
    }
}

/// 15, the best one seen, did this right: a review is an end of nothing.
#[test]
fn integration_15_knows_that_a_review_is_no_end() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    assert_eq!(says(&world, &inquiry, InquiryStatus::NeedsReview, 0), 200);
    assert_eq!(world.verification().state, VerificationState::InReview { by: Reviewer::Persona });
    let answer = world.ask(SUB, "key-1", GATED);
    assert_eq!(answer.body["state"], "awaiting_verification");
    clock.advance_s(60);
    assert_eq!(says(&world, &inquiry, InquiryStatus::Approved, 0), 200);
    assert_eq!(world.complete(), 0);
    assert_eq!(world.carrier.charges(), 1);
}

/// 16: the header was compared with the secret itself.
#[test]
fn integration_16_takes_the_secret_for_the_signature() {
    let clock = clock();
    let world = world(&clock);
    for header in [SECRET.to_owned(), format!("t={},v1={SECRET}", world.now().unix_ms() / 1000)] {
        assert_eq!(world.webhook(webhook_event("{}", &header)).status, 401);
    }
}

/// 16: the payload was printed.
#[test]
fn integration_16_prints_the_payload() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let bodies = [
        event(&world, &inquiry, InquiryStatus::Approved, 0),
        event(&world, &inquiry, InquiryStatus::Declined, -1),
        Value::Null,
    ];
    for body in bodies {
        let (_, log) = logged(|| world.deliver(&body));
        assert!(!log.contains("Alexander") && !log.contains("\"fields\":{\"name"), "{log}");
    }
}
