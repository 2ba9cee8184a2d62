//! The Things Stack's events.
#![no_main]

use domain::FeedFormat::Tts;
use ingest::decode::json::text;
use ingest::decode::lorawan::{allowed, decode, server_object, topic};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for event in ["up", "join", "down/failed"] {
        let on = format!("v3/a@t/devices/eui-0101010101010101/{event}");
        let _ = allowed(Tts, &on, payload, |_| None);
        let (Ok(text), Ok(topic)) = (text(payload), topic(Tts, &on)) else { continue };
        let frame = decode(Tts, topic, &text);
        let _ = frame.ok().and_then(|frame| frame.codec.map(server_object::read));
    }
});
