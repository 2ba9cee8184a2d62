//! Buses whose operator publishes the whole fleet again and again, as GTFS-Realtime.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::transit::Named;
use crate::clock::later;
use crate::county::County;
use crate::encode::gtfs_rt::{
    FeedEntity, Position, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, VehicleDescriptor,
    VehiclePosition, full_dataset, occupancy_status,
};
use crate::message::{Message, Moment, Statement};
use crate::world::{Phase, VehicleReport};

/// A data set is made so often.
const EVERY: SignedDuration = SignedDuration::from_secs(15);
/// The first one, once every vehicle has reported.
const FIRST_AFTER: SignedDuration = SignedDuration::from_secs(2);
/// A vehicle that is silent for longer has gone to the depot.
const FORGET_AFTER: SignedDuration = SignedDuration::from_secs(60);

const STOPPED_AT: i32 = 1;
const IN_TRANSIT_TO: i32 = 2;

/// The newest report of every vehicle, and when they are published next.
#[derive(Debug, Default)]
pub(super) struct Datasets {
    /// By vehicle.
    latest: BTreeMap<usize, (Moment, VehicleReport)>,
    due: Option<Timestamp>,
}

impl Datasets {
    pub(super) fn note(&mut self, when: Moment, report: &VehicleReport) {
        self.due.get_or_insert(later(when.at, FIRST_AFTER));
        self.latest.insert(report.vehicle, (when, report.clone()));
    }

    /// The data sets of every feed, when it is time for them.
    pub(super) fn due(&mut self, county: &County, at: Timestamp) -> Vec<Message> {
        if self.due.is_none_or(|due| at < due) {
            return Vec::new();
        }
        self.due = Some(later(at, EVERY));
        self.latest.retain(|_, (reported, _)| later(reported.at, FORGET_AFTER) >= at);
        let mut by_feed: BTreeMap<usize, Vec<(Timestamp, Named)>> = BTreeMap::new();
        for (when, report) in self.latest.values() {
            let named = Named::of(county, report);
            // GTFS-Realtime knows whole seconds.
            let stamp = Timestamp::from_second(when.stamp.as_second()).unwrap_or(when.stamp);
            by_feed.entry(named.vehicle.feed).or_default().push((stamp, named));
        }
        by_feed.iter().flat_map(|(feed, reports)| datasets(&county.feeds[*feed].id, at, reports)).collect()
    }
}

fn datasets(feed: &str, at: Timestamp, reports: &[(Timestamp, Named)]) -> [Message; 2] {
    let entity = |named: &Named| FeedEntity { id: named.vehicle.id.clone(), ..FeedEntity::default() };
    let positions = reports
        .iter()
        .map(|(stamp, named)| FeedEntity { vehicle: Some(position(named, *stamp)), ..entity(named) });
    let updates = reports
        .iter()
        .map(|(stamp, named)| FeedEntity { trip_update: Some(update(named, *stamp)), ..entity(named) });
    let message = |name: &str, entities: Vec<FeedEntity>, statements: Vec<Statement>| Message {
        topic: format!("gtfs-rt/{feed}/{name}"),
        payload: full_dataset(at.as_second().max(0) as u64, entities),
        intended_utc: at,
        statements,
    };
    let statements = reports.iter().map(|(stamp, named)| named.position(*stamp)).collect();
    [
        message("vehicle-positions", positions.collect(), statements),
        message("trip-updates", updates.collect(), Vec::new()),
    ]
}

fn trip(named: &Named) -> TripDescriptor {
    TripDescriptor {
        schedule_relationship: None,
        trip_id: Some(named.trip_id.to_owned()),
        start_time: Some(format!("{:02}:{:02}:00", named.start_s / 3_600, named.start_s / 60 % 60)),
        start_date: Some(named.date.strftime("%Y%m%d").to_string()),
        route_id: Some(named.line.id.to_owned()),
        direction_id: Some(named.report.trip.direction as u32),
    }
}

fn descriptor(named: &Named) -> VehicleDescriptor {
    VehicleDescriptor { id: Some(named.vehicle.id.clone()), label: Some(named.vehicle.label.clone()) }
}

fn position(named: &Named, stamp: Timestamp) -> VehiclePosition {
    let report = named.report;
    let status = if report.phase == Phase::Driving { IN_TRANSIT_TO } else { STOPPED_AT };
    VehiclePosition {
        trip: Some(trip(named)),
        position: Some(Position {
            latitude: report.lat as f32,
            longitude: report.lon as f32,
            bearing: Some(report.bearing_deg as f32),
            odometer: Some(report.odometer_m),
            speed: Some(report.speed_mps as f32),
        }),
        current_stop_sequence: Some(report.stop as u32 + 1),
        current_status: Some(status),
        timestamp: Some(stamp.as_second().max(0) as u64),
        stop_id: Some(named.stop.id.clone()),
        vehicle: Some(descriptor(named)),
        occupancy_status: Some(occupancy_status(named.occupancy_percent)),
        occupancy_percentage: Some(named.occupancy_percent),
    }
}

/// What is known of the next stop holds for all that follow.
fn update(named: &Named, stamp: Timestamp) -> TripUpdate {
    let report = named.report;
    let event = |planned: Timestamp| StopTimeEvent {
        delay: Some(report.delay_s),
        time: Some(planned.as_second() + i64::from(report.delay_s)),
    };
    TripUpdate {
        trip: trip(named),
        stop_time_update: vec![StopTimeUpdate {
            stop_sequence: Some(report.stop as u32 + 1),
            arrival: Some(event(report.planned_arrival_utc)),
            departure: Some(event(report.planned_departure_utc)),
            stop_id: Some(named.stop.id.clone()),
        }],
        vehicle: Some(descriptor(named)),
        timestamp: Some(stamp.as_second().max(0) as u64),
    }
}
