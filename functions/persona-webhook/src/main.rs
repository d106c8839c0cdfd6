//! persona-webhook
fn main() {}
