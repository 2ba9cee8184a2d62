//! GTFS-Realtime feeds.
#![no_main]

use ingest::decode::gtfs_rt::{decode, trip_updates};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    let decoded = decode(payload);
    // Both ways of reading a feed agree on what is one at all.
    if trip_updates(payload).is_err() {
        assert!(decoded.statements.is_empty() && decoded.faults.count() == 1);
    }
});
