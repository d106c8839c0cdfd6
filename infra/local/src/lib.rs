//! local
pub mod persona_simulator;
