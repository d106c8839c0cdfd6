//! Phones: what a person, a campaign, Lookup and Verify may do, through the handler of phone-verification.

mod callers;
mod checking;
mod counting;
mod limits;
mod refusals;
mod starting;
mod traces;

use domain::{PhoneNumber, PhonePolicy, PhonePreset};
use tests::phone::PhoneWorld;
use tests::world::{Answer, clock};

/// A sub-account.
const SUB: &str = "Loc_A1b2C3";
/// Another one.
const OTHER: &str = "Loc_other";
/// A phone at home.
const HOME: &str = "+12125550100";
/// A phone abroad, in a country that nobody serves.
const ABROAD: &str = "+447400123456";

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("is a number")
}

/// Plays in a fresh world under `balanced`.
fn in_a_world(play: impl FnOnce(&PhoneWorld<'_>)) {
    in_a_world_under(PhonePreset::Balanced, play);
}

fn in_a_world_under(preset: PhonePreset, play: impl FnOnce(&PhoneWorld<'_>)) {
    let clock = clock();
    play(&PhoneWorld::new(&clock, PhonePolicy::of(preset)));
}

/// The id in an answer.
fn id(answer: &Answer) -> &str {
    answer.body["id"].as_str().unwrap_or_default()
}

/// How long an answer asks to wait, in seconds.
fn retry_after_s(answer: &Answer) -> i64 {
    answer.headers["retry-after"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Starts and approves a phone; the answer of the check.
fn approve(world: &PhoneWorld<'_>, sub_account: &str, key: &str, phone: &PhoneNumber) -> Answer {
    let started = world.start(sub_account, key, phone);
    assert_eq!(started.status, 201, "{:?}", started.body);
    let code = world.passcodes.code(phone).expect("a passcode is under way");
    world.check(sub_account, id(&started), &code)
}
