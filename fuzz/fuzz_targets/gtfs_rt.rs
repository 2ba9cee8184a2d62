//! GTFS-Realtime; the element of each fault must be a feed again.
#![no_main]

use ingest::decode::gtfs_rt::decode;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for fault in decode(payload).faults {
        if let Some(element) = &fault.element {
            assert_eq!(decode(element).faults, [fault.clone()]);
        }
    }
});
