//! Simulation: the real handlers over neighbours in memory, one thread, one seed.
//!
//! Every port call is a point where the schedule may go on with another invocation, fail the call before or after it
//! is done, or kill the invocation (a crash). A schedule is a chaos phase and then a calm one, in which nothing fails
//! and everything must end. The same seed plays the same schedule, to the last call.
//!
//! | to add | where |
//! |---|---|
//! | something that happens in the chaos phase | a `moves` entry with its weight |
//! | a fault of a port | `ports`, by `state.goes_wrong` |
//! | something that must have been seen | `facts`, one line |
//! | something that must hold | `invariants`, a function in a list |
//! | a defence to leave out | `weakness`, and where the port then lies; `scripts`, where the dice seldom need it |

mod carrier;
mod distinct;
mod facts;
mod functions;
mod invariants;
mod known;
mod matrix;
mod moves;
mod operators;
mod orders;
mod people;
mod ports;
pub mod random;
mod schedule;
mod scripts;
mod shared;
mod size;
mod trace;
mod weakened;
mod weakness;

pub use distinct::Distinct;
pub use facts::{Fact, Facts};
pub use invariants::Violation;
pub use matrix::{FATES, Run, SCENARIOS, Scenario, play_scenario};
pub use schedule::{Outcome, play, play_weakened};
pub use scripts::{SCRIPTS, Script, play_script};
pub use shared::Fate;
pub use weakness::Weakness;
