//! purchase-completion
