//! The forms in which Persona's events come: keys in kebab, camel or snake case, and payloads from before and after
//! API version 2025-10-27 (Persona's documentation, "API key inflection" and "Changelog").

use domain::VerificationState;
use serde_json::{Map, Value, json};
use tests::world::{TEMPLATE, clock, world};

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

fn delivered(inflection: Inflection, generation: Generation, template: &str) -> VerificationState {
    let clock = clock();
    let world = world(&clock);
    assert_eq!(world.ask("loc_1", "key-1", "+14155550100").status, 202);
    let inquiry = world.persona.first().expect("an inquiry was opened");
    let body = inflection.apply(event(generation, inquiry.as_str(), template));
    assert_eq!(world.deliver(&body).status, 200);
    world.verification().state
}

#[test]
fn every_form_is_applied() {
    for inflection in Inflection::ALL {
        for generation in [Generation::Flat, Generation::Fields] {
            let state = delivered(inflection, generation, TEMPLATE);
            let VerificationState::Verified { at } = state else {
                panic!("{inflection:?} {generation:?}: {state:?}");
            };
            assert_eq!(at.unix_ms(), 1_795_348_801_123, "the event's own time, not the inquiry's");
        }
    }
}

#[test]
fn another_template_is_told_apart_in_every_form() {
    for inflection in Inflection::ALL {
        for generation in [Generation::Flat, Generation::Fields] {
            let state = delivered(inflection, generation, "itmpl_weaker");
            assert!(matches!(state, VerificationState::InProgress { .. }), "{inflection:?} {generation:?}: {state:?}");
        }
    }
}

#[test]
fn review_is_known_by_every_name_that_persona_uses() {
    for name in ["needs_review", "needs-review", "needsReview", "needs review"] {
        let clock = clock();
        let world = world(&clock);
        assert_eq!(world.ask("loc_1", "key-1", "+14155550100").status, 202);
        let inquiry = world.persona.first().expect("an inquiry was opened");
        let mut body = event(Generation::Fields, inquiry.as_str(), TEMPLATE);
        body["data"]["attributes"]["name"] = json!("inquiry.marked-for-review");
        body["data"]["attributes"]["payload"]["data"]["attributes"]["status"] = json!(name);
        assert_eq!(world.deliver(&body).status, 200);
        assert_eq!(world.verification().state, VerificationState::InReview, "{name}");
    }
}
