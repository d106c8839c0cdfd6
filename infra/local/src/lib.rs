//! The whole of Dialgate on one machine: the `dialgate` command line, the stack that it starts, the simulators of
//! Persona and Twilio, and the token issuer.
//!
//! [`stack::Stack`] is the way in: it starts everything and deploys the repository's `template.yaml`, for `make up`,
//! `make demo` and the flow tests alike. Production code knows nothing of this crate.

pub mod cli;
mod deployed_environment;
mod deployment;
pub mod doctor;
mod drain;
mod emulator;
pub mod error;
pub mod event_body;
mod fix_ups;
pub mod glance;
pub mod host;
pub mod issuer;
pub mod neighbours;
mod operate;
pub mod persona_simulator;
mod phones;
pub mod process;
pub mod reconcile;
pub mod redrive;
pub mod replay;
pub mod report;
mod run;
pub mod stack;
pub mod story;
pub mod tools;
pub mod trigger;
pub mod twilio_simulator;
mod up;
mod watch;
pub mod webhook_event;
mod webhook_registration;
pub mod workspace;
