#![expect(dead_code, reason = "wired in the next commits")]

mod broker;

fn main() {}
