//! purchase-check
fn main() {}
