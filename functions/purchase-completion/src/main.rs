//! purchase-completion
fn main() {}
