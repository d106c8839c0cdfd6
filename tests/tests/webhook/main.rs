//! Persona's deliveries: what is answered, in which forms they come, in which order, and what others got wrong.

mod answers;
mod contract;
mod mistakes;
mod order;
mod payloads;
mod secrets;
mod signature;

use adapters::persona::{WebhookSecret, sign};
use domain::{InquiryId, InquiryStatus, Instant};
use persona_webhook::PersonaWebhook;
use serde_json::Value;
use tests::events::{persona_event, webhook_event};
use tests::memory_table::MemoryTable;
use tests::neighbours::{MemoryPersona, MemoryQueue, StillClock};
use tests::settings;
use tests::stepped::{Order, Stepped, Steps, run};
use tests::world::{Answer, Neighbours, secret};

/// A sub-account.
const SUB: &str = "Loc_A1b2C3";
/// A number in New York: gated.
const GATED: &str = "+12125550100";

/// Has the sub-account wait for its verification; returns its inquiry.
fn waiting(world: &Neighbours<'_>) -> InquiryId {
    assert_eq!(world.ask(SUB, "key-1", GATED).status, 202);
    world.persona.first().expect("an inquiry was opened")
}

/// The event that says this of an inquiry, made `age_s` seconds ago; its id says the same.
fn event(world: &Neighbours<'_>, inquiry: &InquiryId, status: InquiryStatus, age_s: i64) -> Value {
    let at = world.now().plus_ms(-age_s * 1000);
    let (name, status) = named(status);
    persona_event(&event_id(name, at), &format!("inquiry.{name}"), inquiry.as_str(), status, &adapters::rfc3339(at))
}

fn event_id(name: &str, at: Instant) -> String {
    format!("evt_{name}_{}", at.unix_ms())
}

/// The names that Persona has for the event and the status (Persona, "Events" and "Model lifecycle").
fn named(status: InquiryStatus) -> (&'static str, &'static str) {
    match status {
        InquiryStatus::Created => ("created", "created"),
        InquiryStatus::Pending => ("started", "pending"),
        InquiryStatus::Completed => ("completed", "completed"),
        InquiryStatus::Failed => ("failed", "failed"),
        InquiryStatus::Expired => ("expired", "expired"),
        InquiryStatus::NeedsReview => ("marked-for-review", "needs_review"),
        InquiryStatus::Approved => ("approved", "approved"),
        InquiryStatus::Declined => ("declined", "declined"),
    }
}

/// Delivers, signed now, that an inquiry has a status since `age_s` seconds; the answer's status.
fn says(world: &Neighbours<'_>, inquiry: &InquiryId, status: InquiryStatus, age_s: i64) -> u64 {
    world.deliver(&event(world, inquiry, status, age_s)).status
}

/// A delivery, signed now.
fn signed(world: &Neighbours<'_>, body: &str) -> Value {
    webhook_event(body, &sign(&secret(), body.as_bytes(), world.now()))
}

/// The function over ports whose every call is a step.
type SteppedWebhook<'a> = PersonaWebhook<
    Stepped<'a, &'a MemoryTable>,
    Stepped<'a, &'a MemoryQueue>,
    Stepped<'a, &'a MemoryPersona>,
    &'a StillClock,
    Vec<WebhookSecret>,
>;

fn stepped<'a>(world: &'a Neighbours<'_>, steps: &'a Steps) -> SteppedWebhook<'a> {
    PersonaWebhook {
        store: Stepped { port: &world.table, steps },
        queue: Stepped { port: &world.queue, steps },
        identity: Stepped { port: &world.persona, steps },
        ambient: world.clock,
        secrets: settings::webhook_secrets(world.now()),
        settings: settings::webhook(),
    }
}

/// What the function answers over those ports.
fn step_through(world: &Neighbours<'_>, steps: &Steps, event: Value) -> Answer {
    Answer::of(run(stepped(world, steps).handle(event)))
}

/// What the same delivery is answered both times, where their calls come in this order.
fn twice_at_once(world: &Neighbours<'_>, order: &mut Order, delivery: Value) -> (u64, u64) {
    let steps = Steps::default();
    let (one, other) = (stepped(world, &steps), stepped(world, &steps));
    let (first, second) = order.run(one.handle(delivery.clone()), other.handle(delivery));
    (Answer::of(first).status, Answer::of(second).status)
}
