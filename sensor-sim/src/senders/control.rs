//! The county's control centre: alerts, and which runs of all operators are cancelled, as GTFS-Realtime.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::clock::{later, zone};
use crate::county::{CONTROL_CENTRE, County};
use crate::encode::gtfs_rt::{
    Alert, EntitySelector, FeedEntity, TranslatedString, Translation, TripDescriptor, TripUpdate,
    full_dataset,
};
use crate::message::Message;
use crate::notice::{Notice, PlannedRun};

/// It repeats itself so often, and at once when something has changed.
const EVERY: SignedDuration = SignedDuration::from_secs(60);
/// The first time.
const FIRST_AFTER: SignedDuration = SignedDuration::from_secs(2);

const SCHEDULED: i32 = 0;
const CANCELED: i32 = 3;
const CONSTRUCTION: i32 = 10;
const DETOUR: i32 = 4;
const STOP_MOVED: i32 = 9;

/// What holds at present.
#[derive(Debug, Default)]
pub(super) struct ControlCentre {
    notices: BTreeSet<Notice>,
    /// Whether a run is cancelled; false: it was, and runs after all.
    runs: BTreeMap<PlannedRun, bool>,
    due: Option<Timestamp>,
    /// The last time.
    sent: Option<Timestamp>,
}

impl ControlCentre {
    pub(super) fn note(&mut self, at: Timestamp, notice: Notice, on: bool) {
        if on {
            self.notices.insert(notice);
        } else {
            self.notices.remove(&notice);
        }
        self.hurry(at);
    }

    pub(super) fn note_run(&mut self, at: Timestamp, run: PlannedRun, on: bool) {
        self.runs.insert(run, on);
        self.hurry(at);
    }

    /// At once, but not twice in a second: of two that state the same second either may count.
    fn hurry(&mut self, at: Timestamp) {
        let earliest = self.sent.map_or(at, |sent| later(sent, SignedDuration::from_secs(1)));
        self.due = Some(at.max(earliest));
    }

    /// The data sets, when it is time for them. No alerts are said as well: that withdraws those of before.
    pub(super) fn due(&mut self, county: &County, at: Timestamp) -> Vec<Message> {
        if county.lines.is_empty() || at < *self.due.get_or_insert(later(at, FIRST_AFTER)) {
            return Vec::new();
        }
        self.due = Some(later(at, EVERY));
        self.sent = Some(at);
        let yesterday = at.to_zoned_datetime(zone(county.tz)).date().saturating_sub(1.day());
        self.runs.retain(|(_, date), _| *date >= yesterday);
        let message = |name: &str, entities: Vec<FeedEntity>| Message {
            topic: format!("gtfs-rt/{CONTROL_CENTRE}/{name}"),
            payload: full_dataset(at.as_second().max(0) as u64, entities),
            intended_utc: at,
            statements: Vec::new(),
        };
        let alerts = self.notices.iter().map(|notice| alert(county, *notice)).collect();
        let runs: Vec<_> = self.runs.iter().map(|(run, on)| cancelled(county, *run, *on)).collect();
        let runs = (!runs.is_empty()).then(|| message("trip-updates", runs));
        [message("alerts", alerts)].into_iter().chain(runs).collect()
    }
}

fn alert(county: &County, notice: Notice) -> FeedEntity {
    let (effect, about, header, description) = match notice {
        Notice::Works { stop } => {
            let stop = &county.stops[stop];
            let about = EntitySelector { stop_id: Some(stop.id.clone()), ..EntitySelector::default() };
            let header =
                [format!("{}: Haltestelle verlegt", stop.name), format!("{}: stop moved", stop.name)];
            let description = [
                "Wegen Bauarbeiten hält der Bus 80 m weiter. Folgen Sie den Schildern.",
                "Because of works the bus stops 80 m further on. Follow the signs.",
            ];
            (STOP_MOVED, about, header, description)
        }
        Notice::Detour { line } => {
            let line = county.lines[line].id;
            let about = EntitySelector { route_id: Some(line.to_owned()), ..EntitySelector::default() };
            let header = [format!("Linie {line}: Umleitung"), format!("Line {line}: diversion")];
            let description = [
                "Wegen Bauarbeiten kann es einige Minuten länger dauern.",
                "Because of works it may take some minutes longer.",
            ];
            (DETOUR, about, header, description)
        }
    };
    let alert = Alert {
        informed_entity: vec![about],
        cause: Some(CONSTRUCTION),
        effect: Some(effect),
        header_text: Some(german_and_english(header)),
        description_text: Some(german_and_english(description.map(str::to_owned))),
        ..Alert::default()
    };
    FeedEntity { id: notice.id(county), alert: Some(alert), ..FeedEntity::default() }
}

fn german_and_english(texts: [String; 2]) -> TranslatedString {
    let of = |(text, language): (String, &str)| Translation { text, language: Some(language.to_owned()) };
    TranslatedString { translation: texts.into_iter().zip(["de", "en"]).map(of).collect() }
}

fn cancelled(county: &County, (trip, date): PlannedRun, on: bool) -> FeedEntity {
    let id = &county.timetable.trips[trip].id;
    let day = date.strftime("%Y%m%d").to_string();
    let descriptor = TripDescriptor {
        trip_id: Some(id.clone()),
        start_date: Some(day.clone()),
        schedule_relationship: Some(if on { CANCELED } else { SCHEDULED }),
        ..TripDescriptor::default()
    };
    let update = TripUpdate { trip: descriptor, ..TripUpdate::default() };
    FeedEntity { id: format!("{id}-{day}"), trip_update: Some(update), ..FeedEntity::default() }
}
