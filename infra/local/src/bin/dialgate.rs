//! dialgate
fn main() {}
