//! `make sim`: plays schedules of the real handlers in memory, one seed each, and asserts that what should have been
//! seen was seen.
//!
//! `cargo test --workspace --test simulation -- --schedules 100000 --seed 0`; a failing seed replays with
//! `-- --seed N --schedules 1`.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tests::simulation::{Fact, Outcome, Weakness, play, play_weakened};

/// Schedules that a run without arguments plays: what the continuous integration has time for.
const SCHEDULES_DEFAULT: u64 = 20_000;
/// Least port calls of a schedule on average: fewer would be no weather.
const PORT_CALLS_MEAN_MIN: u64 = 20;
/// Schedules in which a left-out defence must show: most show within ten.
const WEAKENED_SCHEDULES_MAX: u64 = 4_000;
/// Failing seeds that are told; one is enough to begin with.
const FAILURES_TOLD_MAX: usize = 5;

#[derive(Default)]
struct Totals {
    schedules: u64,
    port_calls: u64,
    purchases: u64,
    facts: BTreeMap<Fact, u64>,
    failures: Vec<(u64, Outcome)>,
}

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
    let started = Instant::now();
    let totals = run(first, schedules);
    let took = started.elapsed();

    println!("seen in {} schedules (seeds {first} to {}):", totals.schedules, first + schedules.saturating_sub(1));
    for fact in Fact::ALL {
        println!("  {:<24} {}", format!("{fact:?}"), totals.facts.get(&fact).copied().unwrap_or(0));
    }
    for (seed, outcome) in totals.failures.iter().take(FAILURES_TOLD_MAX) {
        for violation in &outcome.violations {
            println!("seed {seed}: {} ({})", violation.invariant, violation.seen);
        }
        println!("replay it: cargo test --workspace --test simulation -- --seed {seed} --schedules 1");
    }
    let unseen: Vec<Fact> = Fact::ALL.into_iter().filter(|fact| !totals.facts.contains_key(fact)).collect();
    let enough = schedules >= SCHEDULES_DEFAULT;
    if enough && !unseen.is_empty() {
        println!("never seen, so not tested: {unseen:?}");
    }
    let mean = totals.port_calls / totals.schedules.max(1);
    if mean < PORT_CALLS_MEAN_MIN && enough {
        println!("only {mean} port calls a schedule");
    }
    println!("{} purchases, {mean} port calls a schedule, {:.1} s", totals.purchases, took.as_secs_f64());
    let unmissed = if enough { unmissed_defences() } else { 0 };
    let violations: usize = totals.failures.iter().map(|(_, outcome)| outcome.violations.len()).sum();
    println!("sim: {} schedules, {} port calls, {violations} violations", totals.schedules, totals.port_calls);
    let passed = violations == 0 && unmissed == 0 && (!enough || (unseen.is_empty() && mean >= PORT_CALLS_MEAN_MIN));
    println!("{} passed, {} failed", u8::from(passed), u8::from(!passed));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Leaves out each defence in turn; how many no schedule missed.
#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn unmissed_defences() -> usize {
    println!("left out, one at a time:");
    let mut unmissed = 0;
    for weakness in Weakness::ALL {
        let found = (0..WEAKENED_SCHEDULES_MAX).find_map(|seed| {
            let violation = play_weakened(seed, weakness).violations.into_iter().next()?;
            Some((seed, violation))
        });
        let name = format!("{weakness:?}");
        match found {
            Some((seed, violation)) => println!("  {name:<24} seed {seed} breaks \"{}\"", violation.invariant),
            None => {
                unmissed += 1;
                println!("  {name:<24} no schedule misses it");
            }
        }
    }
    unmissed
}

/// Plays the seeds on every core. What a seed does does not depend on the others.
fn run(first: u64, schedules: u64) -> Totals {
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut own = Totals::default();
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + schedules {
                        break;
                    }
                    let outcome = play(seed);
                    own.schedules += 1;
                    own.port_calls += outcome.port_calls;
                    own.purchases += u64::try_from(outcome.purchases).unwrap_or(0);
                    for fact in &outcome.facts {
                        *own.facts.entry(*fact).or_default() += 1;
                    }
                    if !outcome.violations.is_empty() {
                        own.failures.push((seed, outcome));
                        if own.failures.len() >= FAILURES_TOLD_MAX {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                }
                let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                totals.schedules += own.schedules;
                totals.port_calls += own.port_calls;
                totals.purchases += own.purchases;
                for (fact, count) in own.facts {
                    *totals.facts.entry(fact).or_default() += count;
                }
                totals.failures.extend(own.failures);
            });
        }
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}
