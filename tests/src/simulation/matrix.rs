//! The crash matrix: short scenarios, in which every call of a port is lost in every way, and every pair of calls.

use domain::Owner;

use super::functions::Functions;
use super::invariants::{self, Violation};
use super::operators;
use super::orders::{Order, number, sub_account};
use super::ports::Ports;
use super::schedule::Schedule;
use super::shared::{Fate, Shared};

/// What may happen to a call: a crash before it, an error instead of it, a crash after it, or its answer lost.
pub const FATES: [Fate; 4] = [Fate::KilledBefore, Fate::FailsBefore, Fate::KilledAfter, Fate::FailsAfter];

/// A short story, always the same but for the calls that are lost.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// What is asked for: the place in the list of what can be.
    wanted: usize,
    /// Whether its sub-account has proved who it is before.
    verified: bool,
    /// A number that somebody else has, by its place.
    gone: Option<usize>,
}

/// Every scenario, of up to three numbers.
pub const SCENARIOS: [Scenario; 7] = [
    Scenario { name: "a number that waits and is approved", wanted: 0, verified: false, gone: None },
    Scenario { name: "a number of a verified sub-account", wanted: 0, verified: true, gone: None },
    Scenario { name: "a number that is gone", wanted: 0, verified: true, gone: Some(0) },
    Scenario { name: "another number for one that is gone", wanted: 1, verified: true, gone: Some(0) },
    Scenario { name: "a pool of two that waits", wanted: 8, verified: false, gone: None },
    Scenario { name: "a pool of two that is undone", wanted: 9, verified: true, gone: Some(2) },
    Scenario { name: "a pool of three that is undone", wanted: 11, verified: true, gone: Some(2) },
];

/// What a scenario led to.
#[derive(Debug)]
pub struct Run {
    /// Calls of ports.
    pub port_calls: u64,
    /// Broken invariants.
    pub violations: Vec<Violation>,
}

/// Plays a scenario in which these calls, counted from 1, are lost so.
#[must_use]
pub fn play_scenario(scenario: &Scenario, lost: &[(u64, Fate)]) -> Run {
    let shared = Shared::new(1, None);
    {
        let mut state = shared.state();
        let now = state.now;
        state.script = Some(lost.to_vec());
        if scenario.verified {
            operators::verify(&mut state, Owner::SubAccount(sub_account(0)), now);
        }
        if let Some(gone) = scenario.gone {
            state.carrier.sell_elsewhere(number(gone));
        }
    }
    let functions = Functions::over(Ports(&shared));
    let mut schedule = Schedule::of(&shared, &functions, vec![Order::of(0, scenario.wanted)]);
    schedule.play_straight();
    let mut state = shared.state();
    invariants::when_calm(&mut state);
    Run { port_calls: state.port_calls, violations: std::mem::take(&mut state.violations) }
}
