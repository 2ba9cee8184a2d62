//! The folder of downloads, and what is known of each: it survives restarts, and a crash at any point. A download is replaced first
//! and noted then: what happened in between is fetched once more.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ingest::fetch::Validators;
use jiff::civil::Date;
use journey::area::VERSION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::file::{Origin, Source};

/// See the module's description.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
}

/// What is known of a source that is fetched.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// A checksum of the address that was asked: keys may stand in it.
    address: String,
    etag: Option<String>,
    last_modified: Option<String>,
    /// Of the file that is held.
    pub checksum: Option<String>,
    pub size: Size,
    pub outcome: Outcome,
    pub attempted_at_s: i64,
    /// When the server last had what is held.
    pub succeeded_at_s: Option<i64>,
    /// In a row.
    pub failures: u32,
    pub due_at_s: i64,
}

/// How much a file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Size {
    pub bytes: u64,
    /// Of a timetable, as what follows.
    pub stops: u64,
    pub trips: u64,
    pub last_day: Option<Date>,
}

/// How much of the county a built file serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Served {
    /// Those that a street reaches.
    pub stops: u64,
    pub trips: u64,
}

/// What became of the last attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There was none.
    #[default]
    Waiting,
    /// There was a new file, which is used.
    Fetched,
    /// The file from before is the server's.
    Unchanged,
    /// The server did not send it.
    Failed,
    /// It sent what cannot be used.
    Refused,
}

/// What is known of builds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Built {
    /// What the file was built from: see [`Folder::fingerprint`].
    pub from: Option<String>,
    pub served: Option<Served>,
    pub succeeded_at_s: Option<i64>,
    /// What was tried since, is under way, or failed.
    pub tried: Option<String>,
    pub attempted_at_s: i64,
    /// Of what was tried, in a row.
    pub failures: u32,
    pub due_at_s: i64,
}

/// Whether most of it is lost. A supplier's mistake costs riders the county; where a county really shrinks by half, somebody knows.
pub fn is_halved(old: u64, new: u64) -> bool {
    new.saturating_mul(2) < old
}

impl Served {
    /// Why what serves so little does not replace what served `before`.
    pub fn lost(&self, before: &Served) -> Option<String> {
        let counts = [("stops with a street", before.stops, self.stops), ("trips", before.trips, self.trips)];
        let (what, old, new) = counts.into_iter().find(|(_, old, new)| is_halved(*old, *new))?;
        Some(format!("of {old} {what} there are {new} left; if that is right, add --accept-smaller"))
    }
}

impl Outcome {
    /// As metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Waiting => "waiting",
            Outcome::Fetched => "fetched",
            Outcome::Unchanged => "unchanged",
            Outcome::Failed => "failed",
            Outcome::Refused => "refused",
        }
    }
}

impl State {
    /// By what the server recognises the file that is held; of another address nothing is.
    pub fn validators(&self, url: &str) -> Option<Validators> {
        let is_of = self.address == hash(url.as_bytes()) && self.checksum.is_some();
        is_of.then(|| Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() })
    }

    /// What is held of `url` from now on.
    pub fn holds(&mut self, url: &str, validators: Validators, checksum: String, size: Size) {
        self.address = hash(url.as_bytes());
        (self.etag, self.last_modified) = (validators.etag, validators.last_modified);
        (self.checksum, self.size) = (Some(checksum), size);
    }

    /// Whether it is time to ask. It is too where the clock was set back.
    pub fn is_due(&self, now_s: i64) -> bool {
        now_s >= self.due_at_s || now_s < self.attempted_at_s
    }
}

impl Built {
    /// Whether it is time to build `from`.
    pub fn is_due(&self, from: &str, now_s: i64) -> bool {
        let has_failed = self.failures > 0 && self.tried.as_deref() == Some(from);
        !has_failed || now_s >= self.due_at_s || now_s < self.attempted_at_s
    }
}

impl Folder {
    /// Beside the file that is built.
    pub fn beside(out: &Path) -> Self {
        Folder { dir: out.with_extension("sources") }
    }

    /// Makes it, where it is not there, and keeps other processes out until the file is dropped.
    ///
    /// # Errors
    /// It cannot be made, or another process works in it.
    pub fn lock(&self) -> Result<File> {
        let incoming = self.dir.join("incoming");
        fs::create_dir_all(&incoming).with_context(|| format!("{} cannot be made", incoming.display()))?;
        let path = self.dir.join("lock");
        let shown = || format!("{} cannot be locked", path.display());
        let file =
            File::options().write(true).create(true).truncate(false).open(&path).with_context(shown)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => bail!("another build is under way in {}", self.dir.display()),
            Err(TryLockError::Error(error)) => Err(error).with_context(shown),
        }
    }

    /// The file of a source.
    pub fn file(&self, source: &Source) -> PathBuf {
        match &source.origin {
            Origin::Path(path) => path.clone(),
            Origin::Url(_) => self.dir.join(file_name(source)),
        }
    }

    /// Where it is downloaded to.
    pub fn incoming(&self, source: &Source) -> PathBuf {
        self.dir.join("incoming").join(file_name(source))
    }

    /// What is known of a source.
    pub fn state(&self, source: &Source) -> State {
        self.read(&state_name(source))
    }

    /// # Errors
    /// It cannot be written.
    pub fn keep(&self, source: &Source, state: &State) -> Result<()> {
        self.write(&state_name(source), state)
    }

    /// What is known of builds.
    pub fn built(&self) -> Built {
        self.read(BUILT)
    }

    /// # Errors
    /// It cannot be written.
    pub fn keep_built(&self, built: &Built) -> Result<()> {
        self.write(BUILT, built)
    }

    /// What a build from `sources` would be made of now; the same fingerprint is the same result. `None`: not all have
    /// been fetched.
    pub fn fingerprint(&self, sources: &[Source]) -> Option<String> {
        let mut all = format!("{VERSION}");
        for source in sources {
            let content = match &source.origin {
                Origin::Url(_) => self.state(source).checksum.filter(|_| self.file(source).exists())?,
                Origin::Path(path) => stamp(path),
            };
            let Source { name, kind, licence, attribution, .. } = source;
            all.push_str(&format!("\n{name:?} {kind:?} {content:?} {licence:?} {attribution:?}"));
        }
        Some(hash(all.as_bytes()))
    }

    /// What is not there, or not ours, is not known.
    fn read<T: DeserializeOwned + Default>(&self, name: &str) -> T {
        let bytes = fs::read(self.dir.join(name)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn write(&self, name: &str, what: &impl Serialize) -> Result<()> {
        let (path, next) = (self.dir.join(name), self.dir.join("incoming").join(name));
        let write = || {
            let mut file = File::create(&next)?;
            file.write_all(&serde_json::to_vec_pretty(what)?)?;
            file.sync_all()?;
            fs::rename(&next, &path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }
}

const BUILT: &str = "built.json";

fn file_name(source: &Source) -> String {
    format!("{}.{}", source.name, source.kind.ending())
}

fn state_name(source: &Source) -> String {
    format!("{}.state.json", source.name)
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Times and sizes of a file, or of those in a folder, by which a new version is recognised.
fn stamp(path: &Path) -> String {
    let of = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.modified().ok(), meta.len()));
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut within: Vec<_> = entries.map(|entry| (entry.file_name(), of(&entry.path()))).collect();
    within.sort();
    format!("{:?} {within:?}", of(path))
}
