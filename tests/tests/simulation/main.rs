//! `make sim`: plays schedules of the real handlers in memory, one seed each, and asserts that what should have been
//! seen was seen.
//!
//! `make sim SCHEDULES=1000000 SEED=0`; a failing seed replays with `make sim SEED=N SCHEDULES=1`.

mod defences;
mod matrix;
mod totals;

use std::process::ExitCode;
use std::time::Instant;

use tests::cost::Flows;
use tests::sequences::{self, EVENTS};
use tests::simulation::{Fact, play};

use crate::totals::{FAILURES_TOLD_MAX, Totals, run};

/// A third of a schedule's time is spent in the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Schedules that a run without arguments plays: what the continuous integration has time for.
const SCHEDULES_DEFAULT: u64 = 200_000;
/// Schedules from which on everything that can be seen must have been.
const SCHEDULES_ENOUGH: u64 = 100_000;
/// Least port calls of a schedule on average: fewer would be no weather.
const PORT_CALLS_MEAN_MIN: u64 = 20;
/// Schedules for each of which one sequence of events is played over the rules alone.
const SCHEDULES_PER_SEQUENCE: u64 = 100;
/// Schedules that are played twice before a run: a seed must do the same again.
const REPLAYED: u64 = 200;

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
#[expect(clippy::disallowed_methods, reason = "how long a run took is told, and decides nothing")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("simulation: test");
        return ExitCode::SUCCESS;
    }
    let number = |name: &str, default: u64| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (schedules, first) = (number("--schedules", SCHEDULES_DEFAULT), number("--seed", 0));
    let enough = schedules >= SCHEDULES_ENOUGH;
    let mut wrong = Vec::new();

    wrong.extend(broken_sequences(first, schedules.div_ceil(SCHEDULES_PER_SEQUENCE)));
    let unlike = (first..first + schedules.min(REPLAYED)).find(|seed| play(*seed) != play(*seed));
    wrong.extend(unlike.map(|seed| format!("seed {seed} does not do the same again")));
    let started = Instant::now();
    let mut totals = run(first, schedules);
    let mut end = first + schedules;
    // For what did not count, others are played.
    while enough && totals.failures.is_empty() && totals.schedules < schedules {
        let missing = schedules - totals.schedules;
        totals.merge(run(end, missing));
        end += missing;
    }
    let took_s = started.elapsed().as_secs_f64();

    println!("seen in {} schedules (seeds {first} to {}):", totals.schedules, end.saturating_sub(1));
    for (fact, seen) in Fact::ALL.iter().zip(&totals.facts) {
        println!("  {:<24} {seen}", format!("{fact:?}"));
        if enough && *seen == 0 {
            wrong.push(format!("{fact:?} was never seen, so it is not tested"));
        }
    }
    tell_failures(&totals);
    let mean = |all: u64| all as f64 / totals.schedules.max(1) as f64;
    println!(
        "a schedule has {:.1} port calls, {:.1} purchases, {:.1} faults",
        mean(totals.port_calls),
        mean(totals.purchases),
        mean(totals.faults)
    );
    let (distinct, about) = totals.distinct.count();
    let about = if about { "about " } else { "" };
    println!("{about}{distinct} are distinct; {} more did not count", totals.uncounted);
    println!("{took_s:.1} s, {:.0} schedules a second", totals.schedules as f64 / took_s);
    if enough && totals.port_calls < PORT_CALLS_MEAN_MIN * totals.schedules {
        wrong.push("too few port calls a schedule".to_owned());
    }
    if enough {
        println!("left out, one at a time:");
        for (weakness, found) in defences::missed() {
            let name = format!("{weakness:?}");
            match found {
                Some((schedule, violation)) => println!("  {name:<20} {schedule} breaks \"{}\"", violation.invariant),
                None => wrong.push(format!("no schedule misses the defence {name}")),
            }
        }
        wrong.extend(defences::wrong_scripts());
    }
    if enough {
        let matrix = matrix::play();
        println!("every call lost in every way, alone and in pairs:");
        for (name, runs) in &matrix.runs {
            println!("  {name:<42} {runs} runs");
        }
        for (name, lost, violation) in matrix.broken.iter().take(FAILURES_TOLD_MAX) {
            wrong.push(format!("{name}, {lost:?}: {} ({})", violation.invariant, violation.seen));
        }
        let runs: u64 = matrix.runs.iter().map(|(_, runs)| runs).sum();
        println!("matrix: {} scenarios, {runs} runs, {} violations", matrix.runs.len(), matrix.broken.len());
    }
    println!("what it costs, counted at the same ports:\n{}", Flows::count().describe());
    for wrong in &wrong {
        println!("wrong: {wrong}");
    }
    let violations: usize = totals.failures.iter().map(|(_, outcome)| outcome.violations.len()).sum();
    let passed = violations == 0 && wrong.is_empty();
    println!("{} passed, {} failed", u8::from(passed), u8::from(!passed));
    println!("sim: {} schedules, {} port calls, {violations} violations", totals.schedules, totals.port_calls);
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn tell_failures(totals: &Totals) {
    for (seed, outcome) in totals.failures.iter().take(FAILURES_TOLD_MAX) {
        for violation in &outcome.violations {
            println!("seed {seed}: {} ({})", violation.invariant, violation.seen);
        }
        println!("replay it: make sim SEED={seed} SCHEDULES=1");
    }
}

/// Plays sequences of events over the rules alone, and tells how many; what was broken.
#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn broken_sequences(first: u64, count: u64) -> Vec<String> {
    let broken = (first..first + count).filter_map(|seed| {
        let broken = sequences::play(seed)?;
        Some(format!("seed {seed}: {broken}; replay it: make sim SEED={seed} SCHEDULES=1"))
    });
    let broken: Vec<String> = broken.take(FAILURES_TOLD_MAX).collect();
    println!("sequences: {count} of {EVENTS} events over each kind of state, {} violations", broken.len());
    broken
}
