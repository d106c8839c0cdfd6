//! purchase-check
