//! What everything in one schedule shares: clock, dice, table, queue, Persona, carrier, and what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use adapters::queue::PurchaseMessage;
use adapters::store::{Item, Key};
use domain::Instant;

use super::carrier::CarrierWorld;
use super::invariants::Violation;
use super::people::PersonaWorld;
use super::random::Random;
use super::weakness::Weakness;
use crate::locked;
use crate::world::START_MS;

/// What a schedule may have seen. A run whose schedules never see one of them tests less than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// A port call failed before it was done.
    FailedBefore,
    /// A port call was done and its answer lost.
    AnswerLost,
    /// An invocation was killed.
    Killed,
    /// A create was answered as unknown and done.
    DoneButUnknown,
    /// A create landed after its answer was lost, later than the next look.
    LandedLate,
    /// A lease was taken over.
    LeaseTakenOver,
    /// A create was unknown, and its number recorded by a later look.
    InDoubtAndRecovered,
    /// A number's lock was another purchase's.
    LockTaken,
    /// The carrier had the number with a mark that is not ours.
    ForeignNumber,
    /// The carrier did not process a create.
    NotProcessed,
    /// A doubt was settled by two looks.
    Settled,
    /// A message was lost.
    MessageLost,
    /// A message was delivered twice.
    MessageTwice,
    /// A webhook was lost.
    WebhookLost,
    /// A webhook was delivered twice, or late.
    WebhookTwice,
    /// A verification was taken back.
    Revoked,
    /// A purchase was cancelled.
    Cancelled,
    /// A purchase expired.
    Expired,
    /// A purchase was held.
    Held,
    /// A purchase completed that had waited.
    CompletedAfterWaiting,
    /// A transaction was in conflict with another.
    Conflict,
    /// Two workers had the same purchase.
    TwoWorkers,
}

impl Fact {
    /// Every fact.
    pub const ALL: [Self; 22] = [
        Self::FailedBefore,
        Self::AnswerLost,
        Self::Killed,
        Self::DoneButUnknown,
        Self::LandedLate,
        Self::LeaseTakenOver,
        Self::InDoubtAndRecovered,
        Self::LockTaken,
        Self::ForeignNumber,
        Self::NotProcessed,
        Self::Settled,
        Self::MessageLost,
        Self::MessageTwice,
        Self::WebhookLost,
        Self::WebhookTwice,
        Self::Revoked,
        Self::Cancelled,
        Self::Expired,
        Self::Held,
        Self::CompletedAfterWaiting,
        Self::Conflict,
        Self::TwoWorkers,
    ];
}

/// The facts of one schedule.
pub type Facts = BTreeSet<Fact>;

/// What everything in one schedule shares.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) ids: u64,
    pub(super) table: BTreeMap<Key, Item>,
    pub(super) queue: Vec<PurchaseMessage>,
    pub(super) persona: PersonaWorld,
    pub(super) carrier: CarrierWorld,
    /// Faults that may still happen; none in the calm phase.
    pub(super) faults_left: u32,
    /// How likely a call is to fail while faults are left, in percent.
    pub(super) fault_percent: usize,
    /// Set by a call that kills the invocation which made it.
    pub(super) killed: bool,
    pub(super) port_calls: u64,
    pub(super) facts: Facts,
    pub(super) violations: Vec<Violation>,
    /// The defence that the ports leave out, if any.
    pub(super) weakness: Option<Weakness>,
    /// When the chaos ended, once it has.
    pub(super) calm_since: Option<Instant>,
}

/// What happens to a port call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    FailsBefore,
    FailsAfter,
    KilledBefore,
    KilledAfter,
}

impl Shared {
    pub(super) fn new(seed: u64, weakness: Option<Weakness>) -> Self {
        let state = State {
            now: Instant::from_unix_ms(START_MS),
            random: Random::new(seed),
            ids: 0,
            table: BTreeMap::new(),
            queue: Vec::new(),
            persona: PersonaWorld::default(),
            carrier: CarrierWorld::default(),
            faults_left: 0,
            fault_percent: 0,
            killed: false,
            port_calls: 0,
            facts: Facts::new(),
            violations: Vec::new(),
            weakness,
            calm_since: None,
        };
        Self { inner: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.inner)
    }
}

impl State {
    pub(super) fn lacks(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// Rolls the fate of a port call.
    pub(super) fn fate(&mut self) -> Fate {
        self.port_calls += 1;
        if self.faults_left == 0 || !self.random.chance(self.fault_percent) {
            return Fate::Done;
        }
        self.faults_left -= 1;
        match self.random.below(4) {
            0 => {
                self.facts.insert(Fact::FailedBefore);
                Fate::FailsBefore
            }
            1 => {
                self.facts.insert(Fact::AnswerLost);
                Fate::FailsAfter
            }
            2 => {
                self.facts.insert(Fact::Killed);
                self.killed = true;
                Fate::KilledBefore
            }
            _ => {
                self.facts.insert(Fact::Killed);
                self.killed = true;
                Fate::KilledAfter
            }
        }
    }

    pub(super) fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }
}
