//! The clients of Persona and Twilio against their simulators, over real connections: every kind of answer, and none.

mod canned;
mod outcomes;
mod persona;
mod refusals;
mod servers;
mod stock;
mod twilio;
