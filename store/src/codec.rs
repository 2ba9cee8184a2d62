//! Rust values as bytes: one byte of the format's version, then postcard.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, StoreError};

/// Packs `value` under `version`.
pub(crate) fn encode<T: Serialize + ?Sized>(version: u8, value: &T) -> Result<Vec<u8>> {
    postcard::to_extend(value, vec![version]).map_err(|e| StoreError::Decode(e.to_string()))
}

/// The version of `body`, and the rest of it. `what` stands in the error.
pub(crate) fn version<'a>(what: &str, body: &'a [u8]) -> Result<(u8, &'a [u8])> {
    body.split_first().map(|(version, rest)| (*version, rest)).ok_or_else(|| unknown(what))
}

/// Reads a body that has only ever had one version.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, expected: u8, body: &[u8]) -> Result<T> {
    match version(what, body)? {
        (version, rest) if version == expected => decode_rest(what, rest),
        _ => Err(unknown(what)),
    }
}

/// Reads what follows the version.
pub(crate) fn decode_rest<T: DeserializeOwned>(what: &str, rest: &[u8]) -> Result<T> {
    postcard::from_bytes(rest).map_err(|e| StoreError::Decode(format!("{what}: {e}")))
}

/// The error of a version that this program does not know.
pub(crate) fn unknown(what: &str) -> StoreError {
    StoreError::Decode(format!("{what}: unknown version"))
}
