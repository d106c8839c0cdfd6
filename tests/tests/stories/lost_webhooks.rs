//! Webhooks that never arrive, while tens of thousands of inquiries are open: found in time, within a budget, and in
//! proportion later when there are more.

use adapters::items::AuditEntry;
use adapters::persona::PersonaError;
use domain::{
    Attempt, EventClass, Inquiry, InquiryId, InquiryStatus, Instant, NameCheck, Owner, Phase, PurchaseState, RevokedBy,
    SubAccountId, Verification, VerificationState,
};
use sweeper::Swept;
use tests::logs::logged;
use tests::neighbours::PersonaFault;
use tests::slow_ports::{Slow, Timeline};
use tests::world::{Neighbours, clock, template, world};

use crate::{GATED, SUB, approve, deliver, verify};

/// Requests that a sweep may make to Persona.
const QUESTIONS_MAX: usize = 60;
/// How soon an approval must be found with up to 30,000 inquiries open, in milliseconds.
const FOUND_WITHIN_MS: i64 = 300_000;
/// What comes on top, in milliseconds, when the budget is used to the last question: the sweep that asks again starts
/// five minutes after the one that asked before, and the table and Persona do not take the same time in both.
const ANSWERS_MS: i64 = 1_000;
/// A sweep must be over before its function is, in milliseconds.
const SWEEP_MS_MAX: i64 = 50_000;
/// What one call of the table takes here, in milliseconds.
const TABLE_MS: i64 = 10;
/// What one question to Persona takes here, in milliseconds.
const PERSONA_MS: i64 = 500;

fn owner(number: usize) -> Owner {
    Owner::SubAccount(SubAccountId::parse(&format!("Loc{number:05}")).expect("is a word"))
}

fn inquiry(number: usize) -> InquiryId {
    InquiryId::parse(&format!("inq_open{number:05}")).expect("is a word")
}

/// So many owners in the midst of an inquiry, all due to be asked about at once.
pub(crate) fn open_inquiries(world: &Neighbours<'_>, number: usize) {
    let now = world.now();
    for number in 0..number {
        let inquiry = Inquiry {
            id: inquiry(number),
            template: Some(template()),
            seen: Some((EventClass::Progress, now)),
            attempt: Attempt::Unused,
            session_at: now,
            sessions: 1,
            sessions_in_a_row: 1,
        };
        world.persona.set(&inquiry.id, InquiryStatus::Created, now);
        let state = VerificationState::InProgress { phase: Phase::NeedsUser };
        let verification =
            Verification { state, inquiry: Some(inquiry), attempts_used: 0, names: NameCheck::NotWanted };
        world.put_verification(&owner(number), verification, Some(now));
    }
}

/// What a sweep did, and what it took.
struct Took {
    swept: Swept,
    ms: i64,
    table_calls: u64,
}

/// Sweeps once on a clock that goes on while the table and Persona answer.
fn sweep(world: &Neighbours<'_>, persona_ms: i64) -> Took {
    let timeline = Timeline::new(world.clock);
    let table = Slow::new(&world.table, &timeline, TABLE_MS);
    let persona = Slow::new(&world.persona, &timeline, persona_ms);
    let started_at = world.now();
    let swept = timeline.run(world.sweeper(&table, &persona).sweep()).expect("the table in memory answers");
    Took { swept, ms: world.now().ms_since(started_at), table_calls: table.calls() }
}

/// Waits for the next minute, in which the next sweep starts.
fn next_minute(world: &Neighbours<'_>) {
    let since_ms = world.now().unix_ms() % 60_000;
    world.clock.advance_ms(60_000 - since_ms);
}

/// Persona approves every 97th inquiry after a while, and can deliver nothing: how long until all were found, and what
/// the sweeps did meanwhile.
fn found_after_ms(world: &Neighbours<'_>, open: usize, sweeps_before: usize) -> (i64, Vec<Took>) {
    for _ in 0..sweeps_before {
        sweep(world, PERSONA_MS);
        next_minute(world);
    }
    // Right after a sweep, so that those that were just asked about have the longest way to go.
    let took = sweep(world, PERSONA_MS);
    let approved_at = world.now();
    let mut waiting: Vec<usize> = (0..open).step_by(97).collect();
    for number in &waiting {
        world.persona.set(&inquiry(*number), InquiryStatus::Approved, approved_at);
    }
    let mut sweeps = vec![took];
    for _ in 0..30 {
        next_minute(world);
        sweeps.push(sweep(world, PERSONA_MS));
        waiting.retain(|number| world.verification_of(&owner(*number)).verified_at().is_none());
        if waiting.is_empty() {
            return (last_look(world).ms_since(approved_at), sweeps);
        }
    }
    panic!("{} approvals were never found", waiting.len());
}

/// When the last of what was found was written down.
fn last_look(world: &Neighbours<'_>) -> Instant {
    let entries = world.with_sk("A#look").into_iter().map(|item| AuditEntry::from_item(&item).expect("is readable").at);
    entries.max().expect("something was found")
}

#[test]
fn with_thirty_thousand_open_inquiries_an_approval_is_found_within_five_minutes() {
    let clock = clock();
    let world = world(&clock);
    open_inquiries(&world, 30_000);
    let (found_ms, sweeps) = found_after_ms(&world, 30_000, 5);
    assert!(found_ms <= FOUND_WITHIN_MS + ANSWERS_MS, "found after {found_ms} ms");
    for Took { swept, ms, table_calls } in &sweeps {
        assert!(swept.questions <= QUESTIONS_MAX, "{swept:?}");
        assert!(*ms < SWEEP_MS_MAX, "a sweep took {ms} ms: {swept:?}");
        assert_eq!((swept.failed, swept.late_s), (0, 0), "{swept:?}");
        // Two for each inquiry that was asked about, four for each that changed, and the pages.
        let most = 2 * swept.asked + 6 * swept.changed + 100;
        assert!(usize::try_from(*table_calls).expect("is small") <= most, "{table_calls} calls: {swept:?}");
    }
}

#[test]
fn with_twice_as_many_it_takes_twice_as_long_and_an_alarm_says_so() {
    let clock = clock();
    let world = world(&clock);
    open_inquiries(&world, 60_000);
    let (found_ms, sweeps) = found_after_ms(&world, 60_000, 10);
    assert!(found_ms > FOUND_WITHIN_MS && found_ms <= 2 * (FOUND_WITHIN_MS + ANSWERS_MS), "found after {found_ms} ms");
    for Took { swept, ms, .. } in &sweeps {
        assert_eq!((swept.questions, swept.asked), (QUESTIONS_MAX, 6000), "nothing of the budget is lost: {swept:?}");
        assert!(*ms < SWEEP_MS_MAX && swept.late_s > 200, "{ms} ms: {swept:?}");
    }
}

/// Each inquiry is asked about as often as every other: none is left behind, whatever its shard.
#[test]
fn every_inquiry_has_its_turn() {
    let clock = clock();
    let world = world(&clock);
    open_inquiries(&world, 30_000);
    let before = world.now();
    for _ in 0..5 {
        assert_eq!(sweep(&world, PERSONA_MS).swept.asked, 6000);
        next_minute(&world);
    }
    let unasked = world.with_sk("V").iter().filter(|item| due_at(item) <= before.unix_ms()).count();
    assert_eq!(unasked, 0);
}

fn due_at(item: &adapters::store::Item) -> i64 {
    match item.get("due_at") {
        Some(adapters::store::Value::N(due_at)) => *due_at,
        _ => panic!("{item:?} is not due"),
    }
}

/// A Persona that takes three seconds to answer leaves less to ask in time, and no sweep that does not end.
#[test]
fn a_slow_persona_ends_a_sweep_in_time() {
    let clock = clock();
    let world = world(&clock);
    open_inquiries(&world, 10_000);
    let Took { swept, ms, .. } = sweep(&world, 3_000);
    assert!(ms < SWEEP_MS_MAX && swept.questions > 30, "{ms} ms: {swept:?}");
    next_minute(&world);
    let again = sweep(&world, PERSONA_MS).swept;
    assert!(again.asked >= 10_000 - swept.asked, "what was left came first: {swept:?}, {again:?}");
}

/// Persona is asked about the owner of what is about to expire, however many others wait for their turn.
#[test]
fn an_approval_in_time_is_found_before_its_purchase_expires_whatever_the_backlog() {
    let clock = clock();
    let world = world(&clock);
    for (sub_account, number) in [(SUB, GATED), ("Loc_nobody", "+12125550101")] {
        assert_eq!(world.ask(sub_account, "key-1", number).status, 202);
    }
    world.minutes(3);
    clock.advance_s(72 * 3600 - 600);
    open_inquiries(&world, 60_000);
    let mine = world.verification_of(&crate::own()).inquiry.expect("was opened").id;
    world.persona.set(&mine, InquiryStatus::Approved, world.now());
    // Both are among those that nobody has asked about for longest; so that they are not, they are due much later.
    for sub_account in [SUB, "Loc_nobody"] {
        let owner = Owner::SubAccount(SubAccountId::parse(sub_account).expect("is a word"));
        world.put_verification(&owner, world.verification_of(&owner), Some(world.now().plus_ms(3_600_000)));
    }
    for _ in 0..16 {
        next_minute(&world);
        assert!(sweep(&world, PERSONA_MS).swept.questions <= QUESTIONS_MAX);
        world.complete();
    }
    let states: Vec<_> = world.purchases().into_iter().map(|purchase| (purchase.sub_account, purchase.state)).collect();
    let of = |name: &str| &states.iter().find(|(sub_account, _)| sub_account.as_str() == name).expect("is there").1;
    assert!(matches!(of(SUB), PurchaseState::Completed { .. }), "{states:?}");
    assert!(matches!(of("Loc_nobody"), PurchaseState::Expired { .. }), "{states:?}");
}

/// A key that Persona refuses, or a limit, is counted from the log, and asks that were not answered use up none of those
/// that a declined inquiry has.
#[test]
fn an_outage_of_persona_is_counted_and_uses_up_no_asks() {
    /// Three hours: more asks, each five minutes after the one before, than a declined inquiry has.
    const OUTAGE_MINUTES: u32 = 180;
    for (why, level) in [
        (PersonaError::Answered(401), "ERROR"),
        (PersonaError::Answered(403), "ERROR"),
        (PersonaError::Answered(429), "WARN"),
        (PersonaError::Answered(500), "WARN"),
        (PersonaError::Unknown, "WARN"),
    ] {
        let clock = clock();
        let world = world(&clock);
        world.ask(SUB, "key-1", GATED);
        clock.advance_s(60);
        let inquiry = world.persona.first().expect("is there");
        world.persona.set(&inquiry, InquiryStatus::Declined, world.now());
        assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
        world.persona.fail_next([PersonaFault::Before(why); 1000]);
        let ((), log) = logged(|| world.minutes(OUTAGE_MINUTES));
        let counted: Vec<&str> =
            log.lines().filter(|line| line.contains("\"metric\":\"persona_unanswered\"")).collect();
        assert!(counted.len() > 24, "{} asks", counted.len());
        assert!(counted.iter().all(|line| line.contains(&format!("\"level\":\"{level}\""))), "{counted:?}");
        world.persona.end_failures();
        world.persona.set(&inquiry, InquiryStatus::Approved, world.now());
        world.minutes(6);
        assert!(world.verification().verified_at().is_some(), "{why:?}: asked about as soon as Persona answers");
        assert_eq!(world.carrier.charges(), 1);
    }
}

/// How often Persona is asked in so many minutes.
fn looks_in(world: &Neighbours<'_>, minutes: u32) -> u32 {
    let before = world.persona.looks();
    world.minutes(minutes);
    world.persona.looks() - before
}

#[test]
fn a_decline_that_is_reversed_without_a_word_is_found() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Declined, world.now());
    world.minutes(30);
    assert_eq!(world.verification().state, VerificationState::Declined);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    world.minutes(60);
    assert_eq!(world.carrier.charges(), 1, "every webhook was lost");
}

#[test]
fn a_revocation_of_personas_that_is_undone_without_a_word_is_found() {
    let clock = clock();
    let world = world(&clock);
    verify(&world);
    clock.advance_s(60);
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    assert!(matches!(world.verification().state, VerificationState::Revoked { by: RevokedBy::Persona, .. }));
    world.ask(SUB, "key-2", GATED);
    clock.advance_s(60);
    world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Approved, world.now());
    world.minutes(10);
    assert!(world.verification().verified_at().is_some());
    assert_eq!(world.carrier.charges(), 2);
}

/// What was decided against is asked about ever more rarely, for as long as a purchase waits, and then no more; an
/// event still counts.
#[test]
fn a_decline_is_not_asked_about_for_ever() {
    let clock = clock();
    let world = world(&clock);
    world.ask(SUB, "key-1", GATED);
    clock.advance_s(60);
    let decline =
        |at: Instant| world.persona.set(&world.persona.first().expect("is there"), InquiryStatus::Declined, at);
    decline(world.now());
    assert_eq!(deliver(&world, "evt_declined", "inquiry.declined", "declined", 0), 200);
    let first_hour = looks_in(&world, 60);
    let rest_of_three_days = looks_in(&world, 71 * 60);
    assert!((5..=7).contains(&first_hour), "{first_hour} in the first hour");
    assert!((15..=20).contains(&rest_of_three_days), "{rest_of_three_days} until the purchase expires");
    world.minutes(24 * 60);
    assert_eq!(looks_in(&world, 24 * 60), 0);
    approve(&world);
    assert!(world.verification().verified_at().is_some());
}
