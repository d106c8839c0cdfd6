//! The stories of purchases and verifications, told through the real handlers over neighbours in memory.

mod agencies;
mod allowance;
mod another;
mod answers;
mod buying;
mod clearances;
mod crashes;
mod dead_ends;
mod defences;
mod deferred;
mod erasing;
mod following;
mod former_inquiries;
mod glancing;
mod letters;
mod limits;
mod lost_webhooks;
mod moved_template;
mod names;
mod opening;
mod operating;
mod operators;
mod outcomes;
mod phones;
mod pools;
mod reconciling;
mod redriving;
mod refreshing;
mod resuming;
mod searching;
mod sessions;
mod sweeping;
mod verifying;

use domain::{Instant, Owner, SubAccountId};
use purchase_check::Route;
use serde_json::Value;
use tests::events::{Caller, http_event, persona_event};
use tests::world::{Answer, Neighbours};

/// A number in New York: gated.
const GATED: &str = "+12125550100";
/// A number in Jamaica: +1, and not gated.
const NOT_GATED: &str = "+18765550100";
/// A sub-account.
const SUB: &str = "Loc_A1b2C3";

/// Persona approves the first inquiry, and its event is delivered.
fn approve(world: &Neighbours<'_>) {
    let delivered = deliver(world, "evt_approved", "inquiry.approved", "approved", 0);
    assert_eq!(delivered, 200);
}

/// Delivers an event about the first inquiry, made `age_s` seconds ago; the answer's status.
fn deliver(world: &Neighbours<'_>, event_id: &str, name: &str, status: &str, age_s: i64) -> u64 {
    let inquiry = world.persona.first().expect("an inquiry was opened");
    world.deliver(&event(world, event_id, name, inquiry.as_str(), status, age_s)).status
}

fn event(world: &Neighbours<'_>, event_id: &str, name: &str, inquiry: &str, status: &str, age_s: i64) -> Value {
    let at: Instant = world.now().plus_ms(-age_s * 1000);
    persona_event(event_id, name, inquiry, status, &adapters::rfc3339(at))
}

/// Sends a request with a body about a sub-account or an agency, as this caller.
fn send(world: &Neighbours<'_>, route: Route, id: &str, claims: &Value, body: &str) -> Answer {
    world.check(http_event(
        route.key(),
        &[("sub", id), ("agency", id)],
        &[],
        Some(&Caller { claims: claims.clone() }),
        body,
    ))
}

/// Sends a request without a body about [`SUB`], as that sub-account.
fn send_own(world: &Neighbours<'_>, route: Route) -> Answer {
    send(world, route, SUB, &Caller::sub_account(SUB).claims, "")
}

/// [`SUB`] as the owner of a verification.
fn own() -> Owner {
    Owner::SubAccount(SubAccountId::parse(SUB).expect("is a word"))
}

/// Makes the sub-account verified, by a purchase that waited and completed.
fn verify(world: &Neighbours<'_>) {
    world.ask(SUB, "to-verify", "+12125550199");
    approve(world);
    assert_eq!(world.complete(), 0);
}
