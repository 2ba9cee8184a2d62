//! HSL HFP v2.

use super::{Decoded, Fault};
use domain::Reason;

/// Decodes one message.
pub fn decode<'a>(topic: &'a str, _payload: &'a [u8]) -> Decoded<'a> {
    Fault::new(Reason::UnknownTopic, format!("topic: '{topic}'")).into()
}
