//! What things cost, counted at the ports: capacity units and round trips of each step, and how long many waiting
//! purchases take once they may go on.

use std::process::ExitCode;
use std::time::Instant;

use futures::executor::block_on;
use local::reconcile::{Examined, examine};
use tests::cost::drain::{Drained, LATENCIES, WORKERS, drain};
use tests::cost::{Flows, Spent, Step, Units, sum};
use tests::estate::fill;
use tests::world::{account, clock, world};

/// Write units that a deferred purchase of one number may cost, and its verification as well.
const WRITE_UNITS_MAX: u64 = 20;
/// Write units of one push in the due index: the item, and its entry there, deleted and put. A purchase that is not cleared
/// by the first sweep sleeps until its deadline by one; an open inquiry is asked about by one every two minutes.
const PUSH_UNITS: u64 = 3;
/// Sequential round trips of a request with a sub-account's own token, and with an agency's (promise P9).
const OWN_TOKEN_ROUND_TRIPS: i64 = 2;
/// See [`OWN_TOKEN_ROUND_TRIPS`].
const AGENCY_TOKEN_ROUND_TRIPS: i64 = 3;
/// Sequential round trips of one of Persona's events: map, verification, change, pointers, messages.
const WEBHOOK_ROUND_TRIPS_MAX: i64 = 5;
/// Sequential round trips to the table of asking for a passcode and of checking one. A start that a limit refuses takes
/// one, and writes nothing.
const PASSCODE_ROUND_TRIPS_MAX: i64 = 5;
/// Numbers of the account that is compared.
const ACCOUNT_NUMBERS: u32 = 20_000;
/// How much longer ten times as many may take, at least and at most, for "grows linearly".
const TEN_TIMES: std::ops::RangeInclusive<f64> = 8.0..=12.0;

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        println!("cost: test");
        return ExitCode::SUCCESS;
    }
    let mut complaints = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            complaints.push(what);
        }
    };

    // First, while the process has used no more memory than this will.
    println!("{}", reconciled());
    let flows = Flows::count();
    for (steps, pushes) in [(&flows.deferred, 0), (&flows.told, 0), (&flows.slow, 1)] {
        let Spent { purchase, verification } = sum(steps);
        for (what, Units { write, .. }) in [("purchase", purchase), ("verification", verification)] {
            let most = WRITE_UNITS_MAX + pushes * PUSH_UNITS;
            expect(write <= most, format!("the {what} costs {write} write units, not {most}"));
        }
    }
    for (steps, most) in [(&flows.own_token, OWN_TOKEN_ROUND_TRIPS), (&flows.agency_token, AGENCY_TOKEN_ROUND_TRIPS)] {
        for step in requests(steps) {
            expect(step.round_trips == most, format!("{}: {} round trips", step.what, step.round_trips));
        }
    }
    for step in flows.told.iter().filter(|step| step.what.starts_with("Persona's event")) {
        expect(step.round_trips <= WEBHOOK_ROUND_TRIPS_MAX, format!("{}: {} round trips", step.what, step.round_trips));
    }

    for step in &flows.passcodes {
        let Step { what, spent, round_trips } = step;
        let refused = what.contains("refused");
        let most = if refused { 1 } else { PASSCODE_ROUND_TRIPS_MAX };
        expect(*round_trips <= most, format!("{what}: {round_trips} round trips"));
        expect(!refused || spent.purchase.write == 0, format!("{what}: {}", spent.purchase));
    }

    let (few, many) = (drain(1_000), drain(10_000));
    let ratio = seconds(many) / seconds(few);
    println!(
        "drain at {WORKERS} workers; table {} ms, queue {} ms, carrier's list {} ms, carrier's create {} ms; {} and {} messages",
        LATENCIES.table_ms,
        LATENCIES.queue_ms,
        LATENCIES.carrier_read_ms,
        LATENCIES.carrier_write_ms,
        few.messages,
        many.messages
    );
    println!("drain: 1,000 in {:.0} s, 10,000 in {:.0} s", seconds(few), seconds(many));
    expect(TEN_TIMES.contains(&ratio), format!("ten times as many take {ratio:.1} times as long"));

    for complaint in &complaints {
        println!("wrong: {complaint}");
    }
    println!("{}", flows.describe());
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What comparing a whole account takes, besides the table and the carrier, which are in memory here too.
#[expect(clippy::disallowed_methods, reason = "how long it took is told, and decides nothing")]
fn reconciled() -> String {
    let clock = clock();
    let world = world(&clock);
    fill(&world, ACCOUNT_NUMBERS, 1);
    let (before_kb, began) = (memory_kb("VmRSS:"), Instant::now());
    let (table, carrier) = (&world.table, &world.carrier);
    let examined = block_on(examine(&table, &carrier, &world.clock, &account(), |_| {})).expect("all answer in memory");
    let took = began.elapsed();
    let memory = match (before_kb, memory_kb("VmHWM:")) {
        (Some(before), Some(after)) => format!("{:.1} MB", f64::from(after.saturating_sub(before)) / 1024.0),
        (None, _) | (_, None) => "memory unknown here".to_owned(),
    };
    let Examined { found, listed, .. } = examined;
    let (orphans, missing) = (found.orphans.len(), found.missing.len());
    format!("reconcile: {listed} numbers, {orphans} orphans, {missing} missing, {} ms, {memory}", took.as_millis())
}

/// A line of what Linux says of this process, in KB; none elsewhere.
fn memory_kb(name: &str) -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// The steps that are new requests: a repeated one may cost less.
fn requests(steps: &[Step]) -> impl Iterator<Item = &Step> {
    steps.iter().filter(|step| step.what.starts_with("request"))
}

#[expect(clippy::cast_precision_loss, reason = "hours in milliseconds are far below what a double holds")]
fn seconds(drained: Drained) -> f64 {
    drained.took_ms as f64 / 1000.0
}
