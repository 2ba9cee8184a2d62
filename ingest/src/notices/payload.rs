//! What a receiver gets.

use domain::UtcMicros;
use domain::notice::Notice;
use serde::Serialize;

/// What is delivered.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    /// The same at each attempt.
    pub(super) id: &'a str,
    /// When it was sent, so that a receiver recognizes a recording.
    pub(super) sent_at: UtcMicros,
    /// 1 at the first attempt.
    pub(super) attempt: i32,
    #[serde(flatten)]
    pub(super) notice: &'a Notice,
}

impl Payload<'_> {
    /// As JSON.
    pub(super) fn json(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|e| e.to_string())
    }
}
