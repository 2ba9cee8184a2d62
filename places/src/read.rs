//! Reading files and folders.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::booking::{OnDemandArea, OnDemandLine};
use domain::catalogue::Catalogue;
use domain::fare::{Fare, FareList, Pass};
use domain::notice::NoticeRule;
use domain::place::{Bay, Municipality, Site, Vehicle};
use domain::sensor::SensorRow;
use domain::taxi::Taxi;
use domain::{Broker, CalendarDay, Feed};

use crate::csv_file::read_table;
use crate::days::{self, ClosureRow};
use crate::geojson_file::{Findings, read_features};
use crate::geometry::{geometry, shape};
use crate::kind::FileKind;
use crate::nearest::did_you_mean;
use crate::problem::{FileProblem, Located};
use crate::problems::FileProblems;
use crate::schema::{
    BAY, CALENDAR_DAY, CLOSURE, MUNICIPALITY, ON_DEMAND, ON_DEMAND_AREA, SENSOR, SITE, TAXI, VEHICLE,
};
use crate::toml_file::read_tables;
use crate::{broker, fare, feed, notice, on_demand, on_demand_area, rows, sites_and_bays, text_file};

/// Everything one import brings, with where it came from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlaceFiles {
    /// Towns and counties.
    pub municipalities: Vec<Located<Municipality>>,
    /// Parking sites.
    pub sites: Vec<Located<Site>>,
    /// Bays.
    pub bays: Vec<Located<Bay>>,
    /// Devices and what they are bound to.
    pub sensors: Vec<Located<SensorRow>>,
    /// Vehicles.
    pub vehicles: Vec<Located<Vehicle>>,
    /// Brokers.
    pub brokers: Vec<Located<Broker>>,
    /// Feeds.
    pub feeds: Vec<Located<Feed>>,
    /// Closures, as they are written.
    pub closures: Vec<Located<ClosureRow>>,
    /// Days of the towns' calendars.
    pub calendar: Vec<Located<CalendarDay>>,
    /// Who is notified of what.
    pub notices: Vec<Located<NoticeRule>>,
    /// Lines that run on request.
    pub on_demand: Vec<Located<OnDemandLine>>,
    /// Areas in which vehicles come on demand.
    pub on_demand_areas: Vec<Located<OnDemandArea>>,
    /// What rides cost.
    pub fares: Vec<Located<Fare>>,
    /// Passes that cover rides.
    pub passes: Vec<Located<Pass>>,
    /// Taxis to call.
    pub taxis: Vec<Located<Taxi>>,
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
            commissioned: BTreeMap::new(),
            closures: self.closures.into_iter().filter_map(|row| row.value.closure()).collect(),
            calendar: values(self.calendar),
            notices: values(self.notices),
            fares: self
                .kinds_seen
                .contains(&FileKind::Fares)
                .then(|| FareList { fares: values(self.fares), passes: values(self.passes) }),
            on_demand: self.kinds_seen.contains(&FileKind::OnDemand).then(|| values(self.on_demand)),
            on_demand_areas: self
                .kinds_seen
                .contains(&FileKind::OnDemandAreas)
                .then(|| values(self.on_demand_areas)),
            taxis: self.kinds_seen.contains(&FileKind::Taxis).then(|| values(self.taxis)),
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
                let problem = FileProblem::of_file(folder, format!("cannot be read: {e}"), remedy);
                return self.problems.push(problem);
            }
        };
        entries.sort();
        for path in entries {
            if FileKind::of(&path).is_some() || !is_bystander(&path) {
                self.named_file(&path);
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
        match text_file::load(path, matches!(kind, FileKind::Feeds | FileKind::Notices | FileKind::Fares)) {
            Ok(text) => {
                self.files.kinds_seen.insert(kind);
                self.definitions(path, &text, kind);
            }
            Err(problem) => self.problems.push(*problem),
        }
    }

    fn definitions(&mut self, path: &Path, text: &str, kind: FileKind) {
        let file = &Arc::from(path);
        let (all, problems) = (&mut self.files, &mut self.problems);
        match kind {
            FileKind::Municipalities => {
                let into = &mut all.municipalities;
                read_table(file, text, &MUNICIPALITY, problems, rows::municipality, into);
            }
            FileKind::Sensors => read_table(file, text, &SENSOR, problems, rows::sensor, &mut all.sensors),
            FileKind::Vehicles => {
                read_table(file, text, &VEHICLE, problems, rows::vehicle, &mut all.vehicles);
            }
            FileKind::Closures => {
                read_table(file, text, &CLOSURE, problems, days::closure, &mut all.closures);
            }
            FileKind::Calendar => {
                let into = &mut all.calendar;
                read_table(file, text, &CALENDAR_DAY, problems, days::calendar_day, into);
            }
            FileKind::OnDemand => {
                read_table(file, text, &ON_DEMAND, problems, on_demand::line, &mut all.on_demand);
            }
            FileKind::Taxis => read_table(file, text, &TAXI, problems, rows::taxi, &mut all.taxis),
            FileKind::Sites => {
                let found = Findings { problems, notes: &mut all.notes };
                read_features(file, text, &SITE, found, geometry, sites_and_bays::site, &mut all.sites);
            }
            FileKind::Bays => {
                let found = Findings { problems, notes: &mut all.notes };
                read_features(file, text, &BAY, found, geometry, sites_and_bays::bay, &mut all.bays);
            }
            FileKind::OnDemandAreas => {
                let found = Findings { problems, notes: &mut all.notes };
                let into = &mut all.on_demand_areas;
                read_features(file, text, &ON_DEMAND_AREA, found, shape, on_demand_area::area, into);
            }
            FileKind::Feeds => self.feeds(file, text),
            FileKind::Notices => self.rules(file, text),
            FileKind::Fares => self.fares(file, text),
            FileKind::Gtfs | FileKind::Osm => {}
        }
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
                let Some(value) = feed::feed(record, folder) else { return };
                notes.extend(feed::missing_files(&value, &at));
                feeds.push(Located { value, at });
            }
        });
    }

    fn fares(&mut self, file: &Arc<Path>, text: &str) {
        let PlaceFiles { fares, passes, .. } = &mut self.files;
        read_tables(file, text, &["fare", "pass"], &mut self.problems, |name, record| {
            let at = record.at.clone();
            if name == "fare" {
                fares.extend(fare::fare(record).map(|value| Located { value, at }));
            } else {
                passes.extend(fare::pass(record).map(|value| Located { value, at }));
            }
        });
    }

    fn rules(&mut self, file: &Arc<Path>, text: &str) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let PlaceFiles { notices, notes, .. } = &mut self.files;
        read_tables(file, text, &["notice"], &mut self.problems, |_, record| {
            let at = record.at.clone();
            let Some(value) = notice::notice(record, folder) else { return };
            notes.extend(notice::missing_files(&value, &at));
            notices.push(Located { value, at });
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
