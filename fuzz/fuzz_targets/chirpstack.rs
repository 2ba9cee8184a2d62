//! ChirpStack's events.
#![no_main]

use ingest::decode::lorawan::chirpstack::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for event in ["up", "status", "log"] {
        let _ = decode(&format!("application/a/device/0101010101010101/event/{event}"), payload);
    }
});
