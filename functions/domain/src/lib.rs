//! functions/domain
