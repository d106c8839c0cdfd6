//! local
pub mod persona_simulator;
pub mod twilio_simulator;
