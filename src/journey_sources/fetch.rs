//! One source from its server: what comes is looked at before it replaces what is held.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ingest::fetch::{Credentials, FetchRequest, Validators};
use jiff::civil::Date;
use journey::streets::osm;
use journey::timetable::services::date_of;
use journey::timetable::{self, FeedProblems, Options};
use parking_lot::Mutex;

use super::file::{Kind, Remote, Source};
use super::folder::{Folder, Outcome, Size, State, is_halved};
use crate::disk;

/// After so many bytes it is looked whether the disk has room for more.
const LOOK_AT_DISK_BYTES: u64 = 64 << 20;

/// The longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(86_400);

/// Asks for a source.
pub struct Question<'a> {
    pub source: &'a Source,
    pub remote: &'a Remote,
    pub folder: &'a Folder,
    /// Also what holds far less than before.
    pub accepts_smaller: bool,
    pub now_s: i64,
}

/// Why what is held stays.
#[derive(Debug)]
pub struct Failure {
    pub outcome: Outcome,
    /// Without secrets.
    pub reason: String,
    /// For how long the server wants to be left in peace.
    pub pause: Duration,
}

impl Failure {
    fn failed(reason: String, pause: Duration) -> Self {
        Failure { outcome: Outcome::Failed, reason, pause }
    }

    fn refused(reason: String) -> Self {
        Failure { outcome: Outcome::Refused, reason, pause: Duration::ZERO }
    }
}

impl Question<'_> {
    /// Fetches what the server has, where it is not what is held; `held` becomes what is held then. The file is in its place
    /// when this returns [`Outcome::Fetched`].
    ///
    /// # Errors
    /// Why what was held still is.
    pub fn ask(&self, held: &mut State) -> Result<Outcome, Failure> {
        let incoming = self.folder.incoming(self.source);
        let asked = self.ask_into(&incoming, held);
        // What was taken has been moved away.
        let _ = fs::remove_file(&incoming);
        asked
    }

    fn ask_into(&self, incoming: &Path, held: &mut State) -> Result<Outcome, Failure> {
        let Remote { url, .. } = self.remote;
        let file = self.folder.file(self.source);
        let known = held.validators(url).filter(|_| file.exists());
        let Some(download) = self.download(incoming, known)? else { return Ok(Outcome::Unchanged) };
        let Download { validators, checksum, bytes } = download;
        if held.checksum.as_ref() == Some(&checksum) && file.exists() {
            // A server that does not know, or forgot, what it sent before.
            held.holds(url, validators, checksum, held.size);
            return Ok(Outcome::Unchanged);
        }
        let (size, today) =
            measure(self.source.kind, incoming, bytes, self.now_s).map_err(Failure::refused)?;
        let worse = worse(&held.size, &size, today);
        let smaller = smaller(&held.size, &size).filter(|_| !self.accepts_smaller);
        if let Some(reason) = worse.or(smaller).filter(|_| file.exists()) {
            return Err(Failure::refused(reason));
        }
        let unusable = |error: io::Error| {
            Failure::failed(format!("{} cannot be replaced: {error}", file.display()), Duration::ZERO)
        };
        fs::rename(incoming, &file).map_err(unusable)?;
        held.holds(url, validators, checksum, size);
        Ok(Outcome::Fetched)
    }

    /// `None`: the server has nothing else than `known`.
    fn download(&self, into: &Path, known: Option<Validators>) -> Result<Option<Download>, Failure> {
        let Remote { url, allow_private, max_bytes, credentials, .. } = self.remote;
        let at_once = |reason| Failure::failed(reason, Duration::ZERO);
        let credentials = Credentials::of_a_journey_source(credentials).map_err(at_once)?;
        let sink = Sink::create(into, *max_bytes).map_err(|e| at_once(format!("{}: {e}", into.display())))?;
        let sink = Arc::new(Mutex::new(sink));
        let request = FetchRequest {
            url: url.clone(),
            allow_private: *allow_private,
            limit: usize::try_from(*max_bytes).unwrap_or(usize::MAX - 1),
            credentials,
            held: known.clone().unwrap_or_default(),
        };
        let filled = sink.clone();
        let answer = request.download(move |part| filled.lock().take(part)).map_err(at_once)?;
        if answer.status == 304 && known.is_some() {
            return Ok(None);
        }
        let pause = answer.retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        let answer = answer.good().map_err(|reason| Failure::failed(reason, pause))?;
        let sink = sink.lock();
        sink.file.sync_all().map_err(|e| at_once(format!("{}: {e}", into.display())))?;
        let checksum = sink.hasher.finalize().to_hex().to_string();
        Ok(Some(Download { validators: answer.validators, checksum, bytes: sink.bytes }))
    }
}

struct Download {
    validators: Validators,
    checksum: String,
    bytes: u64,
}

/// The file that is downloaded to.
struct Sink {
    file: File,
    folder: std::path::PathBuf,
    hasher: blake3::Hasher,
    bytes: u64,
    max_bytes: u64,
}

impl Sink {
    fn create(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path).to_owned();
        Ok(Sink { file: File::create(path)?, folder, hasher: blake3::Hasher::new(), bytes: 0, max_bytes })
    }

    fn take(&mut self, part: &[u8]) -> io::Result<()> {
        let before = self.bytes / LOOK_AT_DISK_BYTES;
        self.bytes += part.len() as u64;
        if self.bytes > self.max_bytes {
            let most = self.max_bytes / 1_000_000;
            let remedy = "if that is meant, set max_mb to more";
            return Err(io::Error::other(format!("it is larger than the {most} MB of max_mb; {remedy}")));
        }
        let is_short = || disk::free_pct(&self.folder).is_some_and(|free| free < disk::MIN_FREE_PCT);
        if self.bytes / LOOK_AT_DISK_BYTES > before && is_short() {
            let pct = disk::MIN_FREE_PCT;
            return Err(io::Error::other(format!("under {pct} % of the disk are free; free space")));
        }
        self.hasher.update(part);
        self.file.write_all(part)
    }
}

/// Reads what came to its end: what it holds, and the present day where it is from.
fn measure(kind: Kind, path: &Path, bytes: u64, now_s: i64) -> Result<(Size, Option<Date>), String> {
    let mut first = Vec::new();
    let opened = File::open(path).and_then(|file| file.take(64).read_to_end(&mut first));
    opened.map_err(|error| error.to_string())?;
    if first.trim_ascii_start().starts_with(b"<") {
        return Err("a web page came in place of the file; open the address in a browser: it may have moved, or ask for \
                    a login"
            .to_owned());
    }
    match kind {
        Kind::Extract => {
            osm::check(path).map_err(|error| error.to_string())?;
            Ok((Size { bytes, ..Size::default() }, None))
        }
        Kind::Timetable => {
            let mut problems = FeedProblems::default();
            let read = timetable::read(&[path], Options::default(), &mut |_| (), &mut problems);
            let timetable = read.map_err(|error| error.to_string())?;
            let last_day = timetable.last_days().into_values().max().and_then(date_of);
            if last_day.is_none() {
                return Err("no trip of it ever runs; ask the supplier for one that holds trips".to_owned());
            }
            let trips = timetable.trips.len() + timetable.areas.trips.len();
            let size = Size { bytes, stops: timetable.stop_count() as u64, trips: trips as u64, last_day };
            Ok((size, date_of(timetable.day_at(now_s))))
        }
    }
}

/// Why a timetable that has ended does not replace one that holds.
fn worse(old: &Size, new: &Size, today: Option<Date>) -> Option<String> {
    let (old_day, new_day, today) = (old.last_day?, new.last_day?, today?);
    (new_day < today && today <= old_day).then(|| {
        format!(
            "it ended on {new_day}, and the one from before holds until {old_day}; ask the supplier whether the address \
             is still right"
        )
    })
}

/// Why what lost most of its content does not replace what there is.
fn smaller(old: &Size, new: &Size) -> Option<String> {
    // Timetables are packed, with more or less in them that is never read.
    let counts = if old.last_day.is_some() {
        vec![("stops", old.stops, new.stops), ("trips", old.trips, new.trips)]
    } else {
        vec![("bytes", old.bytes, new.bytes)]
    };
    let (what, old, new) = counts.into_iter().find(|(_, old, new)| is_halved(*old, *new))?;
    Some(format!(
        "it holds {new} {what}, less than half of the {old} from before; if that is right, take it once with `kreisverkehr \
         journey build --sources FILE --accept-smaller`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_or_lost_most_of_its_content_replaces_nothing_that_holds() {
        let size = |stops, trips, day| Size { bytes: 900, stops, trips, last_day: Some(day) };
        let day = |day| Date::constant(2026, 11, day);
        let today = Some(day(15));
        for (old_day, new_day, is_worse) in [
            (15, 14, true),
            (30, 14, true),
            (14, 14, false),
            (13, 14, false),
            (30, 15, false),
            (30, 16, false),
        ] {
            let worse = worse(&size(9, 9, day(old_day)), &size(9, 9, day(new_day)), today);
            assert_eq!(worse.is_some(), is_worse, "{old_day} {new_day}");
        }
        for (stops, trips, is_smaller) in
            [(4, 10, true), (5, 10, false), (10, 4, true), (10, 5, false), (99, 99, false)]
        {
            let smaller = smaller(&size(10, 10, day(20)), &size(stops, trips, day(20)));
            assert_eq!(smaller.is_some(), is_smaller, "{stops} {trips}");
        }
        let extract = |bytes| Size { bytes, ..Size::default() };
        assert!(smaller(&extract(100), &extract(49)).is_some_and(|reason| reason.contains("49 bytes")));
        assert_eq!(smaller(&extract(100), &extract(50)), None);
        assert_eq!(smaller(&Size::default(), &extract(1)), None);
    }
}
