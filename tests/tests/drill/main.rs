//! `make drill`: a pumping campaign, and one that answers with phones of its own, against honest traffic, through the real
//! handler of phone-verification.
//!
//! `cargo test --workspace --test drill -- --seed 0` plays `balanced`, alone and with Lookup down or blind, and the other
//! presets; `--table` adds each defence alone. The defences see what the function sees: nobody tells them who is who.

mod people;
mod play;
mod rows;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use people::{OWNED, TARGETS, USERS};
use play::{Outcome, play};
use rows::{Bound, Campaign, Row};

#[expect(clippy::print_stdout, reason = "a test program tells its result on standard output")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("drill: test");
        return ExitCode::SUCCESS;
    }
    let place = arguments.iter().position(|argument| argument == "--seed");
    let seed = place.and_then(|place| arguments.get(place + 1)).and_then(|text| text.parse().ok()).unwrap_or(0);
    let rows = rows::rows(arguments.iter().any(|argument| argument == "--table"));
    println!(
        "drill: {USERS} honest users, {TARGETS} numbers of a campaign, {OWNED} of one that answers each passcode, seed {seed}"
    );
    let outcomes = play_all(seed, &rows);
    // What the same campaign costs undefended. Where there is none, any other: all of it is missing.
    let undefended = |row: &Row| {
        let fits = |other: &Row| other.campaign == row.campaign || row.campaign == Campaign::None;
        let first = rows.iter().position(fits).unwrap_or_default();
        outcomes.get(first).copied().unwrap_or_default()
    };

    println!(
        "{:<36} {:>11} {:>8} {:>8} {:>9} {:>9} {:>9} {:>10}",
        "", "attack cost", "messages", "lookups", "stopped", "refused", "strangers", "honest cost"
    );
    let mut failures = Vec::new();
    for (row, outcome) in rows.iter().zip(&outcomes) {
        println!(
            "{:<36} {:>11} {:>8} {:>8} {:>8.2}% {:>8.2}% {:>8.2}% {:>10}",
            row.name,
            dollars(outcome.attack_cost),
            outcome.attack_messages,
            outcome.attack_lookups,
            stopped_percent(outcome, &undefended(row)),
            refused_percent(outcome),
            percent(outcome.strangers_refused, outcome.strangers),
            dollars(outcome.honest_cost),
        );
        failures.extend(missed(row, outcome, &undefended(row)));
    }
    for failure in &failures {
        println!("missed: {failure}; replay it: cargo test --workspace --test drill -- --seed {seed}");
    }
    let Some((row, balanced)) = rows.iter().zip(&outcomes).find(|(row, _)| row.name == rows::BALANCED) else {
        return ExitCode::FAILURE;
    };
    println!(
        "drill: balanced stopped {:.2}% of attack cost, refused {:.2}% of honest users",
        stopped_percent(balanced, &undefended(row)),
        refused_percent(balanced)
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays every row, on every core. What a row does does not depend on the others.
fn play_all(seed: u64, rows: &[Row]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![Outcome::default(); rows.len()]);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, row)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| rows.get(index).map(|row| (index, row)))
                {
                    let outcome = play(seed, row);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes[index] = outcome;
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default()
}

/// What a row should have held and did not.
fn missed(row: &Row, outcome: &Outcome, undefended: &Outcome) -> Vec<String> {
    let mut missed = Vec::new();
    if outcome.requests == 0 || outcome.approved < 15_000 {
        missed.push(format!("{}: {} honest users were approved, too few to mean anything", row.name, outcome.approved));
    }
    if row.campaign == Campaign::None && outcome.alarms > 0 {
        missed.push(format!("{}: a low conversion was logged {} times", row.name, outcome.alarms));
    }
    if row.messages_max.is_some_and(|most| outcome.attack_messages_to_one > most) {
        missed.push(format!("{}: {} messages to one phone", row.name, outcome.attack_messages_to_one));
    }
    let Some(Bound { stopped_percent_min, refused_percent_below }) = row.bound else { return missed };
    let stopped = stopped_percent(outcome, undefended);
    if stopped < stopped_percent_min {
        missed.push(format!("{}: stopped {stopped:.2}%, at least {stopped_percent_min}%", row.name));
    }
    let refused = refused_percent(outcome);
    if refused >= refused_percent_below {
        missed.push(format!("{}: refused {refused:.2}%, less than {refused_percent_below}%", row.name));
    }
    missed
}

/// How much of what the attack would have cost undefended it did not cost.
fn stopped_percent(outcome: &Outcome, undefended: &Outcome) -> f64 {
    100.0 * (1.0 - float(outcome.attack_cost) / float(undefended.attack_cost))
}

fn refused_percent(outcome: &Outcome) -> f64 {
    percent(outcome.honest_refused, u32::try_from(USERS).unwrap_or(u32::MAX))
}

fn percent(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole.max(1))
}

fn dollars(microdollars: i64) -> String {
    format!("${:.2}", float(microdollars) / 1e6)
}

fn float(microdollars: i64) -> f64 {
    f64::from(i32::try_from(microdollars / 100).unwrap_or(i32::MAX)) * 100.0
}
