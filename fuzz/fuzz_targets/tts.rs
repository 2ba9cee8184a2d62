//! The Things Stack's events.
#![no_main]

use ingest::decode::lorawan::tts::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for event in ["up", "join", "down/failed"] {
        let _ = decode(&format!("v3/a@t/devices/eui-0101010101010101/{event}"), payload);
    }
});
