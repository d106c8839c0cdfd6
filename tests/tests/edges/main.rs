//! The edge of the HTTP functions: whatever is wrong with a request, the answer is a problem of the closed list, and
//! nothing was written, sent or asked.

mod bodies;
mod callers;
mod event_files;
mod events;
mod keys;
mod pages;
mod probe;
mod queries;
