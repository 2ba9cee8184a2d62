//! Reading files and folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::catalogue::Catalogue;
use domain::place::{Bay, Municipality, Site, Vehicle};
use domain::{Broker, CalendarDay, Feed};

use crate::csv_file::read_table;
use crate::days::{self, ClosureRow};
use crate::geojson_file::{Findings, read_features};
use crate::kind::FileKind;
use crate::nearest::did_you_mean;
use crate::problem::{FileProblem, Located};
use crate::problems::FileProblems;
use crate::rows::SensorRow;
use crate::schema::{BAY, CALENDAR_DAY, CLOSURE, MUNICIPALITY, SENSOR, SITE, VEHICLE};
use crate::toml_file::read_tables;
use crate::{broker, feed, rows, sites_and_bays, text_file};

/// Everything one import brings, with where it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlaceFiles {
    pub municipalities: Vec<Located<Municipality>>,
    pub sites: Vec<Located<Site>>,
    pub bays: Vec<Located<Bay>>,
    pub sensors: Vec<Located<SensorRow>>,
    pub vehicles: Vec<Located<Vehicle>>,
    pub brokers: Vec<Located<Broker>>,
    pub feeds: Vec<Located<Feed>>,
    pub closures: Vec<Located<ClosureRow>>,
    pub calendar: Vec<Located<CalendarDay>>,
    /// GTFS `.zip` and `.osm.pbf` files: recognised, read elsewhere.
    pub other: Vec<PathBuf>,
    /// Which kinds of files were there, even empty ones.
    pub kinds_seen: BTreeSet<FileKind>,
    /// Notes that stop nothing.
    pub notes: FileProblems,
}

impl PlaceFiles {
    /// The bare definitions of settled files, without what could not be settled.
    pub fn into_catalogue(self) -> Catalogue {
        fn values<T>(located: Vec<Located<T>>) -> Vec<T> {
            located.into_iter().map(|l| l.value).collect()
        }
        Catalogue {
            municipalities: values(self.municipalities),
            sites: values(self.sites),
            bays: values(self.bays),
            vehicles: values(self.vehicles),
            brokers: values(self.brokers),
            feeds: values(self.feeds),
            sensors: values(self.sensors),
            closures: self.closures.into_iter().filter_map(|row| row.value.closure()).collect(),
            calendar: values(self.calendar),
        }
    }
}

/// Reads files, and the known files in folders (not in folders within).
///
/// # Errors
/// All problems of the single files, bounded. Whether they fit together is checked by [`crate::validate`].
pub fn read(paths: &[PathBuf]) -> Result<PlaceFiles, FileProblems> {
    let mut reading = Reading::default();
    for path in paths {
        if path.is_dir() { reading.folder(path) } else { reading.named_file(path) }
    }
    if reading.problems.is_empty() && reading.files.kinds_seen.is_empty() {
        let place = paths.first().map_or(Path::new("."), PathBuf::as_path);
        let remedy = format!("known names: {}", FileKind::known_names());
        reading.problems.push(FileProblem::of_file(place, "holds nothing to import", remedy));
    }
    if reading.problems.is_empty() { Ok(reading.files) } else { Err(reading.problems) }
}

#[derive(Default)]
struct Reading {
    files: PlaceFiles,
    problems: FileProblems,
    /// A file that is named twice, e.g. by itself and by its folder, is read once.
    done: BTreeSet<PathBuf>,
}

impl Reading {
    fn folder(&mut self, folder: &Path) {
        let entries = std::fs::read_dir(folder).and_then(|entries| {
            entries.map(|entry| entry.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>()
        });
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(e) => {
                let remedy = "check the path and who may read the folder";
                self.problems.push(FileProblem::of_file(folder, format!("cannot be read: {e}"), remedy));
                return;
            }
        };
        entries.sort();
        for path in entries {
            match FileKind::of(&path) {
                Some(kind) => self.file(&path, kind),
                None if is_bystander(&path) => {}
                None => self.unknown(&path),
            }
        }
    }

    fn named_file(&mut self, path: &Path) {
        match FileKind::of(path) {
            Some(kind) => self.file(path, kind),
            None => self.unknown(path),
        }
    }

    fn unknown(&mut self, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let guess = did_you_mean(&name, FileKind::NAMED.iter().map(|(_, known)| *known));
        let message = if path.exists() { "is not a known file name" } else { "does not exist" };
        let remedy = format!("{guess}known names: {}", FileKind::known_names());
        self.problems.push(FileProblem::of_file(path, message, remedy));
    }

    fn file(&mut self, path: &Path, kind: FileKind) {
        let canonical = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if !self.done.insert(canonical) {
            return;
        }
        if matches!(kind, FileKind::Gtfs | FileKind::Osm) {
            if path.is_file() {
                self.files.kinds_seen.insert(kind);
                self.files.other.push(path.to_owned());
            } else {
                let message = if path.exists() { "is no regular file" } else { "does not exist" };
                self.problems.push(FileProblem::of_file(path, message, "check the path"));
            }
            return;
        }
        match text_file::load(path, kind == FileKind::Feeds) {
            Ok(text) => {
                self.files.kinds_seen.insert(kind);
                self.definitions(path, &text, kind);
            }
            Err(problem) => self.problems.push(*problem),
        }
    }

    fn definitions(&mut self, path: &Path, text: &str, kind: FileKind) {
        let file: Arc<Path> = path.into();
        match kind {
            FileKind::Municipalities => self.municipalities(&file, text),
            FileKind::Sensors => self.sensors(&file, text),
            FileKind::Vehicles => self.vehicles(&file, text),
            FileKind::Sites => self.sites(&file, text),
            FileKind::Bays => self.bays(&file, text),
            FileKind::Feeds => self.feeds(&file, text),
            FileKind::Closures => self.closures(&file, text),
            FileKind::Calendar => self.calendar(&file, text),
            FileKind::Gtfs | FileKind::Osm => {}
        }
    }

    fn municipalities(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.municipalities;
        read_table(file, text, &MUNICIPALITY, &mut self.problems, |record| {
            let at = record.at.clone();
            into.extend(rows::municipality(record).map(|value| Located { value, at }));
        });
    }

    fn sensors(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.sensors;
        read_table(file, text, &SENSOR, &mut self.problems, |record| {
            let at = record.at.clone();
            into.extend(rows::sensor(record).map(|value| Located { value, at }));
        });
    }

    fn vehicles(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.vehicles;
        read_table(file, text, &VEHICLE, &mut self.problems, |record| {
            let at = record.at.clone();
            into.extend(rows::vehicle(record).map(|value| Located { value, at }));
        });
    }

    fn closures(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.closures;
        read_table(file, text, &CLOSURE, &mut self.problems, |record| {
            let at = record.at.clone();
            into.extend(days::closure(record).map(|value| Located { value, at }));
        });
    }

    fn calendar(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.calendar;
        read_table(file, text, &CALENDAR_DAY, &mut self.problems, |record| {
            let at = record.at.clone();
            into.extend(days::calendar_day(record).map(|value| Located { value, at }));
        });
    }

    fn sites(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.sites;
        let found = Findings { problems: &mut self.problems, notes: &mut self.files.notes };
        read_features(file, text, &SITE, found, |record, geometry| {
            let at = record.at.clone();
            into.extend(sites_and_bays::site(record, geometry).map(|value| Located { value, at }));
        });
    }

    fn bays(&mut self, file: &Arc<Path>, text: &str) {
        let into = &mut self.files.bays;
        let found = Findings { problems: &mut self.problems, notes: &mut self.files.notes };
        read_features(file, text, &BAY, found, |record, geometry| {
            let at = record.at.clone();
            into.extend(sites_and_bays::bay(record, geometry).map(|value| Located { value, at }));
        });
    }

    fn feeds(&mut self, file: &Arc<Path>, text: &str) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let PlaceFiles { brokers, feeds, notes, .. } = &mut self.files;
        read_tables(file, text, &["broker", "feed"], &mut self.problems, |name, record| {
            let at = record.at.clone();
            if name == "broker" {
                let Some(value) = broker::broker(record, folder) else { return };
                notes.extend(broker::missing_files(&value, &at));
                brokers.push(Located { value, at });
            } else {
                feeds.extend(feed::feed(record).map(|value| Located { value, at }));
            }
        });
    }
}

/// Entries of a folder that are ignored: folders, hidden files, notes, lock files. A table or map of another name is
/// probably misnamed.
fn is_bystander(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '~']));
    hidden || path.is_dir() || !["csv", "geojson", "json", "toml", "pbf"].contains(&extension.as_str())
}
