//! The Things Stack v3. See the module above.

use super::Frame;
use crate::decode::Fault;
use domain::Reason;

/// Reads one event.
///
/// # Errors
/// A topic that is none of The Things Stack's, or a payload that cannot be read.
pub fn decode(topic: &str, _payload: &[u8]) -> Result<Frame, Fault> {
    Err(Fault::new(Reason::UnknownTopic, format!("topic: '{topic}'")))
}
