//! HFP: the topic before the first line feed, the payload behind it; and the payload alone.
#![no_main]

use ingest::decode::hfp::decode;
use ingest::decode::json::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(text) = text(input) {
        for event in ["vp", "apc-partial"] {
            decode(&format!("/hfp/v2/journey/ongoing/{event}/bus/0018/01029"), &text);
        }
    }
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    if let (Ok(topic), Ok(text)) = (std::str::from_utf8(&input[..end]), text(&input[end..])) {
        decode(topic, &text);
    }
});
