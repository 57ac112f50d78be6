//! jailkit.
fn main() {}
