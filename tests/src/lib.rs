//! What the tests share: the neighbours in memory, events as AWS sends them, and a world of all functions over them.

pub mod contract;
pub mod cost;
pub mod dynamodb_double;
pub mod estate;
pub mod events;
pub mod hmac;
pub mod logs;
pub mod memory_names;
pub mod memory_persona;
pub mod memory_table;
pub mod neighbours;
pub mod outcomes;
pub mod phone;
pub mod purchases;
mod rows;
pub mod sequences;
pub mod settings;
pub mod simulation;
pub mod slow_ports;
pub mod stepped;
pub mod timeline;
mod validation;
pub mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock, whatever happened to the thread that had it before.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
