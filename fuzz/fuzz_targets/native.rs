//! The product's own format, each of its topics.
#![no_main]

use ingest::decode::json::text;
use ingest::decode::native::decode;
use libfuzzer_sys::fuzz_target;

const TOPICS: [&str; 5] = ["bay/b", "site/s", "vehicle/v", "passengers/v", "batch"];

fuzz_target!(|payload: &[u8]| {
    let Ok(text) = text(payload) else { return };
    for suffix in TOPICS {
        decode("f", &format!("kv/1/f/{suffix}"), &text);
    }
});
