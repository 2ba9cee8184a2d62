//! Every target: which one it is says the name of the binary.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| kreisverkehr_fuzz::run(env!("CARGO_BIN_NAME"), input));
