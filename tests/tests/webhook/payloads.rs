//! The forms in which Persona's events come: keys in kebab, camel or snake case, and payloads from before and after
//! API version 2025-10-27 (Persona's documentation, "API key inflection" and "Changelog").

use domain::{Instant, Phase, Reviewer, VerificationState};
use serde_json::{Map, Value, json};
use tests::logs::logged;
use tests::world::{TEMPLATE, clock, world};

use crate::waiting;

/// How keys are written.
#[derive(Debug, Clone, Copy)]
enum Inflection {
    Kebab,
    Camel,
    Snake,
}

impl Inflection {
    const ALL: [Self; 3] = [Self::Kebab, Self::Camel, Self::Snake];

    fn key(self, kebab: &str) -> String {
        match self {
            Self::Kebab => kebab.to_owned(),
            Self::Snake => kebab.replace('-', "_"),
            Self::Camel => {
                let mut words = kebab.split('-');
                let first = words.next().unwrap_or_default().to_owned();
                words.fold(first, |text, word| text + &word[..1].to_uppercase() + &word[1..])
            }
        }
    }

    fn apply(self, value: Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members.into_iter().map(|(key, value)| (self.key(&key), self.apply(value))).collect::<Map<_, _>>(),
            ),
            Value::Array(values) => values.into_iter().map(|value| self.apply(value)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
        }
    }
}

/// Which generation of payload.
#[derive(Debug, Clone, Copy)]
enum Generation {
    /// Version 2023-01-05: what Persona knows of the person stands among the attributes, and resources are included.
    Flat,
    /// Version 2025-10-27 and later: only in `fields`, nothing included.
    Fields,
}

fn event(generation: Generation, inquiry: &str, template: &str) -> Value {
    let mut attributes = json!({
        "status": "approved",
        "reference-id": "s_abcdefghijklmnopqrstuvwxyz",
        "created-at": "2026-11-22T12:00:00.000Z",
        "updated-at": "2026-11-22T12:00:01.000Z",
        "reviewer-comment": null,
        "fields": {"name-first": {"type": "string", "value": "Alexander"}}
    });
    let mut payload = json!({"data": {
        "type": "inquiry",
        "id": inquiry,
        "attributes": Value::Null,
        "relationships": {
            "account": {"data": {"type": "account", "id": "act_1"}},
            "template": {"data": null},
            "inquiry-template": {"data": {"type": "inquiry-template", "id": template}},
            "inquiry-template-version": {"data": {"type": "inquiry-template-version", "id": "itmplv_1"}},
            "verifications": {"data": [{"type": "verification/government-id", "id": "ver_1"}]}
        }
    }});
    match generation {
        Generation::Flat => {
            attributes["name-first"] = json!("Alexander");
            attributes["address-street-1"] = json!("1 Example Street");
            payload["included"] = json!([
                {"type": "inquiry-session", "id": "iqse_1", "attributes": {"status": "expired"}},
                {"type": "inquiry-template", "id": template, "attributes": {"status": "active"}}
            ]);
        }
        Generation::Fields => {}
    }
    payload["data"]["attributes"] = attributes;
    json!({"data": {"type": "event", "id": "evt_1", "attributes": {
        "name": "inquiry.approved",
        "created-at": "2026-11-22T12:00:01.123Z",
        "redacted-at": null,
        "context": {"inquiry-previous-step-name": "verification", "inquiry-next-step-name": null},
        "payload": payload
    }}})
}

/// What is known after an event of this name with this status, in this form, about an inquiry that was just opened.
fn delivered(inflection: Inflection, generation: Generation, template: &str, told: (&str, &str)) -> VerificationState {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let mut body = event(generation, inquiry.as_str(), template);
    body["data"]["attributes"]["name"] = json!(told.0);
    body["data"]["attributes"]["payload"]["data"]["attributes"]["status"] = json!(told.1);
    let (answer, log) = logged(|| world.deliver(&inflection.apply(body)));
    assert_eq!(answer.status, 200);
    assert!(!log.contains("drift"), "{told:?} {inflection:?} {generation:?} is known: {log}");
    world.verification().state
}

fn every_form() -> impl Iterator<Item = (Inflection, Generation)> {
    let generations = [Generation::Flat, Generation::Fields];
    Inflection::ALL.into_iter().flat_map(move |inflection| generations.map(|generation| (inflection, generation)))
}

/// All events of an inquiry's status, and what each says (Persona, "Events" and "Model lifecycle").
#[test]
fn every_event_is_understood_in_every_form() {
    let at = Instant::from_unix_ms(1_795_348_801_123);
    let needs_user = VerificationState::InProgress { phase: Phase::NeedsUser };
    let processing = VerificationState::InProgress { phase: Phase::Processing };
    for (name, status, state) in [
        ("inquiry.created", "created", needs_user),
        ("inquiry.started", "pending", needs_user),
        ("inquiry.completed", "completed", processing),
        ("inquiry.failed", "failed", VerificationState::Failed),
        ("inquiry.expired", "expired", VerificationState::Expired),
        ("inquiry.approved", "approved", VerificationState::Verified { at }),
        ("inquiry.declined", "declined", VerificationState::Declined),
        ("inquiry.marked-for-review", "needs_review", VerificationState::InReview { by: Reviewer::Persona }),
    ] {
        for (inflection, generation) in every_form() {
            let seen = delivered(inflection, generation, TEMPLATE, (name, status));
            assert_eq!(seen, state, "{name} {inflection:?} {generation:?}: the event's own time, not the inquiry's");
        }
    }
}

#[test]
fn another_template_is_told_apart_in_every_form() {
    for (inflection, generation) in every_form() {
        let state = delivered(inflection, generation, "itmpl_weaker", ("inquiry.approved", "approved"));
        assert!(matches!(state, VerificationState::InProgress { .. }), "{inflection:?} {generation:?}: {state:?}");
    }
}

#[test]
fn review_is_known_by_every_name_that_persona_uses() {
    let names = ["inquiry.marked-for-review", "inquiry.markedForReview", "inquiry.marked_for_review"];
    for name in names {
        for status in ["needs_review", "needs-review", "needsReview", "needs review"] {
            let state = delivered(Inflection::Kebab, Generation::Fields, TEMPLATE, (name, status));
            assert_eq!(state, VerificationState::InReview { by: Reviewer::Persona }, "{name} {status}");
        }
    }
}

/// Events that say nothing of an inquiry's status, as Persona's list of events has them, and some that it may add.
#[test]
fn events_of_other_things_are_known_and_change_nothing() {
    for name in [
        "inquiry.transitioned",
        "inquiry.redacted",
        "inquiry-session.started",
        "inquiry-session.expired",
        "inquirySession.canceled",
        "account.created",
        "account.redacted",
        "account.consolidated",
        "account.consolidated-with",
        "account.updated-fields",
        "verification.created",
        "verification.passed",
        "verification.requires-retry",
        "document.processed",
        "selfie.errored",
        "report/watchlist.matched",
        "report/politically-exposed-person.ready",
        "case.resolved",
        "transaction.status-updated",
        "workflow-run.errored",
        "account.of-an-event-to-come",
    ] {
        let state = delivered(Inflection::Kebab, Generation::Fields, TEMPLATE, (name, "approved"));
        assert_eq!(state, VerificationState::InProgress { phase: Phase::NeedsUser }, "{name}");
    }
}

/// Names that wild code waits for do not exist, and one day may: counted, and nothing else.
#[test]
fn an_unknown_event_or_status_is_counted_as_drift_and_changes_nothing() {
    let long = "a".repeat(100);
    for (name, status) in [
        ("inquiry.pending", "pending"),
        ("inquiry.needs-review", "needs_review"),
        ("inquiry.auto-approved", "approved"),
        ("inquiry.approved", "auto_approved"),
        ("inquiry.approved", "APPROVED"),
        ("inquiry.approved", "approved "),
        ("inquiry.approved", ""),
        ("inquiry", "approved"),
        ("", "approved"),
        (long.as_str(), "approved"),
        ("inquiry.approved", long.as_str()),
    ] {
        let clock = clock();
        let world = world(&clock);
        let inquiry = waiting(&world);
        let before = world.table.items();
        let mut body = event(Generation::Fields, inquiry.as_str(), TEMPLATE);
        body["data"]["attributes"]["name"] = json!(name);
        body["data"]["attributes"]["payload"]["data"]["attributes"]["status"] = json!(status);
        let (answer, log) = logged(|| world.deliver(&body));
        assert_eq!(answer.status, 200, "{name} {status}");
        assert!(log.contains("\"metric\":\"drift\""), "{name} {status}: {log}");
        assert_eq!(world.table.items(), before, "{name} {status}");
    }
}

/// A webhook may be set up to send next to nothing (Persona, "Webhook attribute blocklists"): status and ids are enough.
#[test]
fn the_least_that_a_webhook_can_send_is_enough() {
    let clock = clock();
    let world = world(&clock);
    let inquiry = waiting(&world);
    let body = json!({"data": {"type": "event", "id": "evt_1", "attributes": {
        "name": "inquiry.approved", "created-at": "2026-11-22T12:00:01.123Z",
        "payload": {"data": {"type": "inquiry", "id": inquiry.as_str(), "attributes": {"status": "approved"}}}
    }}});
    assert_eq!(world.deliver(&body).status, 200);
    assert!(world.verification().verified_at().is_some());
}
