//! What everything in one schedule shares: clock, dice, table, queue, Persona, carrier, and what happened.

use std::sync::{Mutex, MutexGuard};

use adapters::items::InquiryMap;
use adapters::items::keys::{self, DueKey};
use adapters::queue::PurchaseMessage;
use adapters::store::{Item, Key};
use domain::{Instant, VerificationState};

use super::carrier::CarrierWorld;
use super::facts::{Fact, Facts};
use super::invariants::Violation;
use super::known::Known;
use super::people::PersonaWorld;
use super::random::Random;
use super::size::Size;
use super::trace::Trace;
use super::weakness::Weakness;
use crate::locked;
use crate::rows::Rows;
use crate::world::START_MS;

/// What everything in one schedule shares. The lock is never waited for, since a schedule is one thread; the ports must
/// be able to go to another.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) now: Instant,
    pub(super) random: Random,
    pub(super) ids: u64,
    pub(super) rows: Rows,
    pub(super) known: Known,
    pub(super) queue: Vec<PurchaseMessage>,
    pub(super) persona: PersonaWorld,
    pub(super) carrier: CarrierWorld,
    /// Faults that may still happen; none in the calm phase.
    pub(super) faults_left: u32,
    /// How likely a call is to fail while faults are left, in percent.
    pub(super) fault_percent: usize,
    /// Faults that happened.
    pub(super) faults: u32,
    /// Port calls that the invocation which goes on now may still make before another one does.
    pub(super) turns_left: u32,
    /// Set by a call that kills the invocation which made it.
    pub(super) killed: bool,
    pub(super) port_calls: u64,
    pub(super) trace: Trace,
    pub(super) facts: Facts,
    pub(super) violations: Vec<Violation>,
    /// The defence that the ports leave out, if any.
    pub(super) weakness: Option<Weakness>,
    /// How much happens.
    pub(super) size: Size,
    /// When the chaos ended, once it has.
    pub(super) calm_since: Option<Instant>,
    /// How far the clock of the invocation that goes on is from the others', in milliseconds.
    pub(super) skew_ms: i64,
    /// What the index of what is due showed before.
    pub(super) shown_before: Vec<Item>,
    /// Since when numbers are not bought, while an operator has stopped that.
    pub(super) off_since: Option<Instant>,
    /// Whether the first sub-account's purchases are limited.
    pub(super) limited: bool,
    /// A verification as whoever asks now read it first, where that is all that is told: the second read is left out.
    pub(super) first_read: Option<Item>,
    /// Port calls whose fate is given, in the order of the calls; the others are done. None where the dice decide.
    pub(super) script: Option<Vec<(u64, Fate)>>,
}

/// What happens to a port call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is done.
    Done,
    /// It is not done, and fails.
    FailsBefore,
    /// It is done, and its answer is lost.
    FailsAfter,
    /// The invocation dies before it.
    KilledBefore,
    /// The invocation dies after it.
    KilledAfter,
}

impl Shared {
    pub(super) fn new(seed: u64, weakness: Option<Weakness>) -> Self {
        let state = State {
            now: Instant::from_unix_ms(START_MS),
            random: Random::new(seed),
            ids: 0,
            rows: Rows::default(),
            known: Known::default(),
            queue: Vec::new(),
            persona: PersonaWorld::default(),
            carrier: CarrierWorld::default(),
            faults_left: 0,
            fault_percent: 0,
            faults: 0,
            turns_left: 0,
            killed: false,
            port_calls: 0,
            trace: Trace::default(),
            facts: Facts::default(),
            violations: Vec::new(),
            weakness,
            size: Size::Large,
            calm_since: None,
            skew_ms: 0,
            shown_before: Vec::new(),
            off_since: None,
            limited: false,
            first_read: None,
            script: None,
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

    /// Whether what is due leads on: to ask Persona about somebody whom it decided against does not, nor about an inquiry
    /// that another has replaced, unless that one was approved and its owner does not know.
    pub(super) fn is_to_be_done(&self, key: &Key) -> bool {
        let Ok(DueKey::FormerInquiry(inquiry)) = keys::due_key(key) else {
            return !self.known.is_asked_rarely(key);
        };
        let map = self.rows.get(key).and_then(|item| InquiryMap::from_item(item).ok());
        let standing = map.and_then(|map| self.known.verification(&map.owner));
        let stands =
            matches!(standing, Some(VerificationState::Verified { .. } | VerificationState::Revoked { .. }) | None);
        self.persona.is_approved(&inquiry) && !stands
    }

    /// Whether something goes wrong that does so in `percent` of a hundred cases, while faults are left.
    pub(super) fn goes_wrong(&mut self, percent: usize) -> bool {
        let wrong = self.faults_left > 0 && self.random.chance(percent);
        if wrong {
            self.faults_left -= 1;
            self.faults += 1;
        }
        wrong
    }

    /// Rolls the fate of a port call.
    pub(super) fn fate(&mut self) -> Fate {
        self.port_calls += 1;
        if let Some(script) = &self.script {
            let given = script.iter().find(|(call, _)| *call == self.port_calls).map(|(_, fate)| *fate);
            let fate = given.unwrap_or(Fate::Done);
            // What goes on at the same time does not bring it back to life.
            self.killed |= matches!(fate, Fate::KilledBefore | Fate::KilledAfter);
            return fate;
        }
        if !self.goes_wrong(self.fault_percent) {
            return Fate::Done;
        }
        let (fact, fate) = match self.random.below(4) {
            0 => (Fact::FailedBefore, Fate::FailsBefore),
            1 => (Fact::AnswerLost, Fate::FailsAfter),
            2 => (Fact::Killed, Fate::KilledBefore),
            _ => (Fact::Killed, Fate::KilledAfter),
        };
        self.facts.insert(fact);
        self.killed |= matches!(fate, Fate::KilledBefore | Fate::KilledAfter);
        fate
    }

    /// Notes a call, its fate, and whether it was done as asked for.
    pub(super) fn note(&mut self, call: Trace, fate: Fate, done: bool) {
        self.trace = self.trace.word(call.as_word()).word((fate as u64) << 1 | u64::from(done));
    }

    pub(super) fn violate(&mut self, violation: Violation) {
        self.violations.push(violation);
    }
}
