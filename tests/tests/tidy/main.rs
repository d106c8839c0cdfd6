//! The order of the repository: which crate may depend on which, what is never built in, and what no file may hold.

mod arrows;
mod bans;
mod files;
mod invariants;
mod repository;
