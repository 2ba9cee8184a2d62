//! An area in one file: a header with version and checksum, then the content (postcard).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use place_search::Index;

use super::{Area, StopLinks};
use crate::streets::{Network, Streets};
use crate::timetable::Timetable;

const MAGIC: &[u8; 8] = b"KVJOURNY";

/// Version of the format, raised with each change.
pub const VERSION: u32 = 15;

const HEAD_BYTES: usize = MAGIC.len() + 4 + blake3::OUT_LEN;

/// Why a file cannot be read.
#[expect(missing_docs, reason = "the messages name the fields")]
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    /// It holds something else.
    #[error("{path} was not written by `kreisverkehr journey build`")]
    NotOurs { path: PathBuf },
    /// It is of another version.
    #[error(
        "{path} has format {found}, this program reads format {VERSION}: run `kreisverkehr journey build` again"
    )]
    Version { path: PathBuf, found: u32 },
    /// Its checksum or its content is wrong.
    #[error("{path} is damaged (its checksum is wrong): run `kreisverkehr journey build` again")]
    Damaged { path: PathBuf },
}

/// Writes `area` atomically: a reader sees the old file or the new one.
///
/// # Errors
/// It cannot be written.
pub fn write(area: &Area, path: &Path) -> Result<u64, FileError> {
    let content = (area.network.streets(), area.timetable.as_ref(), &area.stops, area.names.as_ref());
    let io = |error| FileError::Io { path: path.to_owned(), error };
    let body = postcard::to_stdvec(&content).map_err(|error| io(io::Error::other(error)))?;
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part).map_err(io)?;
    file.write_all(&head(&body))
        .and_then(|()| file.write_all(&body))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&part, path))
        .map_err(io)?;
    Ok((HEAD_BYTES + body.len()) as u64)
}

/// The header.
pub fn head(body: &[u8]) -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_le_bytes(), blake3::hash(body).as_bytes()].concat()
}

/// Reads an area.
///
/// # Errors
/// It is not there, not ours, of another version, or damaged.
pub fn read(path: &Path) -> Result<Area, FileError> {
    let bytes = fs::read(path).map_err(|error| FileError::Io { path: path.to_owned(), error })?;
    let not_ours = || FileError::NotOurs { path: path.to_owned() };
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(not_ours)?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(not_ours)?;
    let found = u32::from_le_bytes(*version);
    if found != VERSION {
        return Err(FileError::Version { path: path.to_owned(), found });
    }
    let damaged = || FileError::Damaged { path: path.to_owned() };
    let (checksum, body) = rest.split_first_chunk::<{ blake3::OUT_LEN }>().ok_or_else(damaged)?;
    if blake3::hash(body) != *checksum {
        return Err(damaged());
    }
    let content: (Streets, Timetable, StopLinks, Index) =
        postcard::from_bytes(body).map_err(|_| damaged())?;
    let (streets, timetable, stops, names) = content;
    if !streets.is_sound() || !stops.fits(&timetable) || !timetable.has_sound_areas() {
        return Err(damaged());
    }
    let stops = stops.indexed(&timetable);
    let checksum = blake3::Hash::from_bytes(*checksum).to_hex().to_string();
    let network = Network::new(streets);
    let times = super::times(&network, &timetable);
    Ok(Area { network, timetable: Arc::new(timetable), stops, names: Arc::new(names), times, checksum })
}
