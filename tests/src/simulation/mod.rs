//! Simulation: the real handlers over neighbours in memory, one thread, one seed.
//!
//! Every port call is a point where the schedule may go on with another invocation, fail the call before or after it
//! is done, or kill the invocation (a crash). A schedule is a chaos phase and then a calm one, in which nothing fails
//! and everything must end. The same seed plays the same schedule.

mod carrier;
mod invariants;
mod people;
mod ports;
pub mod random;
mod schedule;
mod shared;
mod weakness;

pub use invariants::Violation;
pub use schedule::{Outcome, play, play_weakened};
pub use shared::{Fact, Facts};
pub use weakness::Weakness;
