//! Payloads of LoRaWAN devices; what is kept of one must say the same when it is decoded again.
#![no_main]

use domain::Decoder;
use ingest::decode::lorawan::{decode_device, redact};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Option<u32>, &[u8])| {
    let (f_port, threshold_mm, payload) = input;
    for decoder in Decoder::ALL {
        if let Ok(report) = decode_device(*decoder, f_port.into(), payload, threshold_mm) {
            let kept = redact(*decoder, f_port.into(), payload);
            assert_eq!(decode_device(*decoder, f_port.into(), &kept, threshold_mm), Ok(report));
        }
    }
});
