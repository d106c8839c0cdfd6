//! Items of the table: everything that is written is read back as it was, and what cannot be read says which attribute
//! and never what is in it.

mod attributes;
mod phones;
mod purchases;
mod samples;
mod small;
mod unreadable;
mod verifications;
