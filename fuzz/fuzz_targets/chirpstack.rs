//! ChirpStack's events.
#![no_main]

use domain::FeedFormat::Chirpstack;
use ingest::decode::json::text;
use ingest::decode::lorawan::{allowed, decode, server_object, topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for event in ["up", "status", "log"] {
        let on = format!("application/a/device/0101010101010101/event/{event}");
        let _ = allowed(Chirpstack, &on, payload, |_| None);
        let (Ok(text), Ok(topic)) = (text(payload), topic(Chirpstack, &on)) else { continue };
        let frame = decode(Chirpstack, topic, &text);
        let _ = frame.ok().and_then(|frame| frame.codec.map(server_object::read));
    }
});
