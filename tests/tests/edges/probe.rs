//! A world in which something stands already, and what must be true of every refusal.

use adapters::problem::ProblemType;
use adapters::store::Item;
use purchase_check::Route;
use serde_json::Value;
use tests::events::{Caller, http_event};
use tests::neighbours::StillClock;
use tests::world::{Answer, Neighbours, clock, world};

/// The sub-account that has a purchase and a verification already.
pub(crate) const OTHER: &str = "loc_other";
/// The sub-account that sends what is wrong.
pub(crate) const OWN: &str = "loc_1";
/// A gated number.
pub(crate) const NUMBER: &str = "+14155550100";

/// The id of a purchase that nobody has.
pub(crate) const ID_OF_NOBODY: &str = "pur_00000000000000000000000000000000";

/// Runs `test` in a world in which [`OTHER`] waits for its verification.
pub(crate) fn in_a_world(test: impl FnOnce(&Neighbours<'_>)) {
    let clock: StillClock = clock();
    let world = world(&clock);
    assert_eq!(world.ask(OTHER, "key-of-other", "+14155550199").status, 202);
    test(&world);
}

/// Answers `event` with `purchase-check`, which must refuse it and leave everything as it is.
pub(crate) fn refused_by_check(world: &Neighbours<'_>, name: &str, event: Value) -> Answer {
    refused(world, name, || world.check(event))
}

/// Answers `event` with `persona-webhook`, which must refuse it and leave everything as it is.
pub(crate) fn refused_by_webhook(world: &Neighbours<'_>, name: &str, event: Value) -> Answer {
    refused(world, name, || world.webhook(event))
}

/// Answers `event` with `number-search`, which must refuse it without asking the carrier.
pub(crate) fn refused_by_search(world: &Neighbours<'_>, name: &str, event: Value) -> Answer {
    let searches = world.carrier.searches().len();
    let answer = refused(world, name, || world.search(event));
    assert_eq!(world.carrier.searches().len(), searches, "{name}: the carrier was asked");
    answer
}

/// Answers `event` with `purchase-check`: whether it took it as a right request. A refusal must be one in full.
pub(crate) fn taken_by_check(world: &Neighbours<'_>, name: &str, event: Value) -> bool {
    let before = seen(world);
    let answer = world.check(event);
    if answer.status == 202 {
        return true;
    }
    is_refusal(world, name, &before, &answer);
    false
}

fn refused(world: &Neighbours<'_>, name: &str, answer: impl FnOnce() -> Answer) -> Answer {
    let before = seen(world);
    let answer = answer();
    is_refusal(world, name, &before, &answer);
    answer
}

fn is_refusal(world: &Neighbours<'_>, name: &str, before: &Seen, answer: &Answer) {
    assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    assert_eq!(seen(world), *before, "{name}: something changed");
    is_problem(name, answer);
}

/// The table, messages, and how often Persona was asked or gave anything.
type Seen = (Vec<Item>, usize, u32, u32, usize);

fn seen(world: &Neighbours<'_>) -> Seen {
    let persona = &world.persona;
    (world.table.items(), world.queue.len(), persona.looks(), persona.sessions(), persona.inquiries())
}

/// Every problem has the members of RFC 9457 that the contract promises, and a type of the closed list.
pub(crate) fn is_problem(name: &str, answer: &Answer) {
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{name}: {answer:?}");
    let kind = ProblemType::ALL.into_iter().find(|kind| kind.name() == answer.problem());
    let kind = kind.unwrap_or_else(|| panic!("{name}: not of the closed list: {answer:?}"));
    assert_eq!(u64::from(kind.status().as_u16()), answer.status, "{name}");
    assert_eq!(answer.body["status"], answer.status, "{name}");
    for member in ["type", "title", "detail"] {
        let text = answer.body[member].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{name}: no {member} in {answer:?}");
    }
    let members = answer.body.as_object().map(serde_json::Map::len);
    assert_eq!(members, Some(4), "{name}: {answer:?}");
}

/// A request for a number with this body.
pub(crate) fn asking_with(body: &str) -> Value {
    asking(&[("Idempotency-Key", "key-1")], body)
}

/// A request for a number with these headers and this body.
pub(crate) fn asking(headers: &[(&str, &str)], body: &str) -> Value {
    let caller = Caller::sub_account(OWN);
    http_event(Route::AskForPurchase.key(), &[("sub", OWN)], headers, Some(&caller), body)
}

/// The body of a right request.
pub(crate) fn right_body() -> String {
    serde_json::json!({"kind": "number", "phone_number": NUMBER}).to_string()
}
