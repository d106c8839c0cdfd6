//! What a run has seen.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tests::simulation::{Distinct, Fact, Outcome, play};

/// Failing seeds that are told; one is enough to begin with.
pub(crate) const FAILURES_TOLD_MAX: usize = 5;
/// Seeds that a worker takes at once.
const SEEDS_AT_ONCE: u64 = 64;

/// What was seen in the schedules that count, and what was wrong with those that do not.
#[derive(Default)]
pub(crate) struct Totals {
    pub(crate) schedules: u64,
    /// Schedules with too few sub-accounts or purchases, or without a fault: they prove nothing, so they do not count.
    pub(crate) uncounted: u64,
    pub(crate) port_calls: u64,
    pub(crate) purchases: u64,
    pub(crate) faults: u64,
    pub(crate) distinct: Distinct,
    /// In how many schedules each fact was seen, in the order of `Fact::ALL`.
    pub(crate) facts: Vec<u64>,
    pub(crate) failures: Vec<(u64, Outcome)>,
}

impl Totals {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        if outcome.counts() {
            self.schedules += 1;
            self.port_calls += outcome.port_calls;
            self.purchases += outcome.purchases as u64;
            self.faults += u64::from(outcome.faults);
            self.distinct.insert(outcome.trace);
        } else {
            self.uncounted += 1;
        }
        self.facts.resize(Fact::ALL.len(), 0);
        for (fact, seen) in Fact::ALL.iter().zip(&mut self.facts) {
            *seen += u64::from(outcome.facts.contains(*fact));
        }
        if !outcome.violations.is_empty() {
            self.failures.push((seed, outcome));
        }
    }

    /// Counts everything that the other one counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.uncounted += other.uncounted;
        self.port_calls += other.port_calls;
        self.purchases += other.purchases;
        self.faults += other.faults;
        self.distinct.merge(&other.distinct);
        self.facts.resize(Fact::ALL.len(), 0);
        for (seen, others) in self.facts.iter_mut().zip(other.facts) {
            *seen += others;
        }
        self.failures.extend(other.failures);
    }
}

/// Plays the seeds on every core. What a seed does does not depend on the others.
pub(crate) fn run(first: u64, schedules: u64) -> Totals {
    let next = AtomicU64::new(first);
    let end = first + schedules;
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut own = Totals::default();
                while !stop.load(Ordering::Relaxed) {
                    let from = next.fetch_add(SEEDS_AT_ONCE, Ordering::Relaxed);
                    if from >= end {
                        break;
                    }
                    for seed in from..end.min(from + SEEDS_AT_ONCE) {
                        own.add(seed, play(seed));
                    }
                    if own.failures.len() >= FAILURES_TOLD_MAX {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                totals.lock().unwrap_or_else(PoisonError::into_inner).merge(own);
            });
        }
    });
    let mut totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    totals.failures.sort_by_key(|(seed, _)| *seed);
    totals
}
