//! GTFS-Realtime.

use super::{Decoded, Fault};

/// Decodes one message.
pub fn decode<'a>(_payload: &'a [u8]) -> Decoded<'a> {
    Fault::malformed("protobuf").into()
}
