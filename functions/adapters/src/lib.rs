//! The outside world: one module per neighbour, each owning its formats. The rules are in `domain`.

pub mod access;
pub mod ambient;
pub mod audit;
pub mod config;
mod conflicts;
pub mod dynamodb;
pub mod erasure;
pub mod http_event;
pub mod items;
pub mod name_match;
mod outside;
pub mod persona;
pub mod phones;
pub mod problem;
pub mod profiles;
pub mod purchases;
pub mod queue;
pub mod regions;
pub mod request_body;
mod rfc3339;
pub mod settings;
pub mod store;
pub mod telemetry;
pub mod turns;
pub mod twilio;
pub mod verifications;

pub use rfc3339::rfc3339;
