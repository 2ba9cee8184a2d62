//! Every target: which one it is says the name of the binary.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // What is caught is no fault (the reader of OpenStreetMap files lives with a library that panics on damaged
    // blocks): only what comes through ends a run.
    init: std::panic::set_hook(Box::new(|panic| eprintln!("{panic}"))),
    |input: &[u8]| kreisverkehr_fuzz::run(env!("CARGO_BIN_NAME"), input)
);
