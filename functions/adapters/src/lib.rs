//! functions/adapters
