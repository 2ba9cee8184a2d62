//! The packed changes of a row of the log.

use domain::live::Change;

use super::former;
use crate::{Result, codec};

/// Format of a body; a reader that finds a newer one loads everything again. A log that was written
/// before an update is read on.
const VERSION: u8 = 6;
/// Those before, without what devices do, corrections of bays, alerts: they were added at the end.
const WITH_LESS: std::ops::RangeInclusive<u8> = 3..=5;
/// The last one with fewer fields of trips.
const FORMER_VERSION: u8 = 2;

/// Packs changes for the log.
pub(super) fn encode(changes: &[Change]) -> Result<Vec<u8>> {
    codec::encode(VERSION, changes)
}

pub(crate) fn decode(body: &[u8]) -> Result<Vec<Change>> {
    match codec::version("change log", body)? {
        (..=FORMER_VERSION, rest) => former::decode(rest),
        (version, rest) if version == VERSION || WITH_LESS.contains(&version) => {
            codec::decode_rest("change log", rest)
        }
        _ => Err(codec::unknown("change log")),
    }
}
