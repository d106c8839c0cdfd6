//! Plays a case through `persona-webhook`: what Persona is answered, and what the delivery led to.

use adapters::ambient::Ambient;
use adapters::items::{InquiryMap, StoredVerification, keys, verification_from_item, verification_to_item};
use adapters::persona::{WebhookSecret, WebhookSecrets};
use adapters::store::{Condition, Item, Key, Store, Write};
use adapters::verifications::Revisits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::{
    Attempt, EventClass, Inquiry, InquiryId, InquiryStatus, Instant, NameCheck, Owner, Phase, SubAccountId, TemplateId,
    Verification, VerificationPolicy, VerificationState,
};
use futures::executor::block_on;
use persona_webhook::{PersonaWebhook, Settings};
use serde_json::{Value, json};
use tests::events::http_event;
use tests::memory_table::MemoryTable;
use tests::neighbours::{MemoryPersona, MemoryQueue, StillClock};

use crate::file::{Case, Effect, Receiver};

/// The secrets that the function would start with: any other text stops it at its start.
pub(crate) fn secrets(case: &Case) -> Vec<WebhookSecret> {
    case.secrets.iter().filter_map(|text| WebhookSecret::parse(text).ok()).collect()
}

/// The status that the function answers with, and what the delivery led to.
pub(crate) fn play(case: &Case, receiver: &Receiver) -> (u16, Effect) {
    let clock = StillClock::at(Instant::from_unix_ms(case.now * 1000));
    let (table, queue, persona) = (MemoryTable::default(), MemoryQueue::default(), MemoryPersona::default());
    let owner = Owner::SubAccount(SubAccountId::parse("loc_vectors").expect("is an id"));
    let inquiry = InquiryId::parse(&receiver.inquiry).expect("is an id");
    let asked_at = Instant::from_unix_ms(case.now * 1000 - 60_000);
    open(&table, &owner, &inquiry, receiver, asked_at);
    persona.set(&inquiry, InquiryStatus::Created, asked_at);
    let before = table.items();
    let function = PersonaWebhook {
        store: &table,
        queue: &queue,
        identity: &persona,
        ambient: &clock,
        secrets: block_on(WebhookSecrets::read(secrets(case), Ambient::now(&&clock))).expect("are there"),
        settings: Settings {
            tolerance_s: receiver.tolerance_s,
            policy: VerificationPolicy::default(),
            revisits: Revisits { poll_age_ms: 120_000, step_ms: 60_000 },
            template: receiver.template.clone(),
        },
    };
    let answer = block_on(function.handle(event(case)));
    let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default();
    (status, effect(&before, &table, &persona, &owner, &inquiry))
}

fn open(table: &MemoryTable, owner: &Owner, inquiry: &InquiryId, receiver: &Receiver, asked_at: Instant) {
    let template = TemplateId::parse(&receiver.template).expect("is an id");
    let map = InquiryMap::new(owner.clone(), template.clone());
    let current = Inquiry {
        id: inquiry.clone(),
        template: Some(template),
        // What Persona says when asked, so that its answer is no news.
        seen: Some((EventClass::Progress, asked_at)),
        attempt: Attempt::Unused,
        session_at: Instant::from_unix_ms(0),
        sessions: 1,
        sessions_in_a_row: 1,
    };
    let verification = Verification {
        state: VerificationState::InProgress { phase: Phase::NeedsUser },
        inquiry: Some(current),
        attempts_used: 0,
        names: NameCheck::NotWanted,
    };
    let stored = StoredVerification { verification, opening: None, version: 1 };
    for item in [map.to_item(inquiry, Instant::from_unix_ms(0)), verification_to_item(owner, &stored, None)] {
        block_on(table.write(Write::Put { item, expect: Condition::ItemAbsent })).expect("is written");
    }
}

/// Says `None` only if nothing at all changed and nobody was asked, and `Asked` only if all that changed is when Persona
/// was.
fn effect(before: &[Item], table: &MemoryTable, persona: &MemoryPersona, owner: &Owner, inquiry: &InquiryId) -> Effect {
    let item = block_on(table.get(&keys::verification(owner))).expect("is read").expect("is there");
    let verified = verification_from_item(&item).expect("is readable").verification.verified_at().is_some();
    match (verified, persona.looks()) {
        (true, 0) => Effect::Applied,
        (false, 1) => {
            let asked = [keys::asked(inquiry), keys::deliveries_allowance()];
            let mut after = table.items();
            after.retain(|item| !asked.contains(&Key::of(item).expect("has keys")));
            assert_eq!(after, before, "something changed besides when Persona was asked");
            Effect::Asked
        }
        (true | false, _) => {
            assert_eq!(table.items(), before, "something changed that should not");
            Effect::None
        }
    }
}

/// The case as the HTTP API hands it to a function.
fn event(case: &Case) -> Value {
    let header = case.header();
    let mut headers: Vec<(&str, &str)> =
        case.other_headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    headers.extend(header.as_deref().map(|header| ("Persona-Signature", header)));
    let mut event = http_event(persona_webhook::ROUTE, &[], &headers, None, "");
    match String::from_utf8(case.body()) {
        Ok(text) => event["body"] = json!(text),
        Err(bytes) => {
            event["body"] = json!(STANDARD.encode(bytes.into_bytes()));
            event["isBase64Encoded"] = json!(true);
        }
    }
    if let Some(body) = &case.gateway.body {
        event["body"] = json!(body);
        event["isBase64Encoded"] = json!(case.gateway.base64);
    }
    if let Some(length) = case.gateway.path_bytes {
        event["rawPath"] = json!(format!("/{}", "a".repeat(length - 1)));
    }
    event
}
