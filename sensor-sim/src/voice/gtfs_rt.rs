//! Buses whose operator publishes the whole fleet again and again, as GTFS-Realtime.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::transit::Named;
use crate::county::County;
use crate::encode::gtfs_rt::{
    FeedEntity, Position, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, VehicleDescriptor,
    VehiclePosition, full_dataset, occupancy_status,
};
use crate::message::{Message, Statement};
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
    /// By vehicle: when it reported, the time by its clock, its report.
    latest: BTreeMap<usize, (Timestamp, Timestamp, VehicleReport)>,
    due: Option<Timestamp>,
}

impl Datasets {
    pub(super) fn note(&mut self, at: Timestamp, stamp: Timestamp, report: &VehicleReport) {
        self.due.get_or_insert(later(at, FIRST_AFTER));
        self.latest.insert(report.vehicle, (at, stamp, report.clone()));
    }

    /// The data sets of every feed, when it is time for them.
    pub(super) fn due(&mut self, county: &County, at: Timestamp) -> Vec<Message> {
        if self.due.is_none_or(|due| at < due) {
            return Vec::new();
        }
        self.due = Some(later(at, EVERY));
        self.latest.retain(|_, (reported_at, ..)| later(*reported_at, FORGET_AFTER) >= at);
        let mut by_feed: BTreeMap<usize, Vec<(Timestamp, &VehicleReport)>> = BTreeMap::new();
        for (vehicle, (_, stamp, report)) in &self.latest {
            by_feed.entry(county.vehicles[*vehicle].feed).or_default().push((*stamp, report));
        }
        by_feed.iter().flat_map(|(feed, reports)| datasets(county, *feed, at, reports)).collect()
    }
}

fn datasets(
    county: &County,
    feed: usize,
    at: Timestamp,
    reports: &[(Timestamp, &VehicleReport)],
) -> [Message; 2] {
    let at_s = at.as_second().max(0) as u64;
    let mut says: Vec<Statement> = Vec::new();
    let (mut positions, mut updates) = (Vec::new(), Vec::new());
    for (stamp, report) in reports {
        let named = Named::of(county, report);
        // GTFS-Realtime knows whole seconds.
        let stamp_s = Timestamp::from_second(stamp.as_second()).unwrap_or(*stamp);
        says.push(named.position(stamp_s, report));
        let id = named.vehicle.id.clone();
        positions.push(FeedEntity {
            id: id.clone(),
            trip_update: None,
            vehicle: Some(position(&named, stamp_s, report)),
        });
        updates.push(FeedEntity { id, trip_update: Some(update(&named, stamp_s, report)), vehicle: None });
    }
    let message = |name: &str, entities, says| Message {
        topic: format!("gtfs-rt/{}/{name}", county.feeds[feed].id),
        payload: full_dataset(at_s, entities),
        intended_utc: at,
        says,
    };
    [message("vehicle-positions", positions, says), message("trip-updates", updates, Vec::new())]
}

fn trip(named: &Named, report: &VehicleReport) -> TripDescriptor {
    TripDescriptor {
        schedule_relationship: None,
        trip_id: Some(named.trip_id.to_owned()),
        start_time: Some(format!("{:02}:{:02}:00", named.start_s / 3_600, named.start_s / 60 % 60)),
        start_date: Some(named.date.strftime("%Y%m%d").to_string()),
        route_id: Some(named.line.id.to_owned()),
        direction_id: Some(report.trip.direction as u32),
    }
}

fn descriptor(named: &Named) -> VehicleDescriptor {
    VehicleDescriptor { id: Some(named.vehicle.id.clone()), label: Some(named.vehicle.label.clone()) }
}

fn position(named: &Named, stamp: Timestamp, report: &VehicleReport) -> VehiclePosition {
    let status = if report.phase == Phase::Driving { IN_TRANSIT_TO } else { STOPPED_AT };
    VehiclePosition {
        trip: Some(trip(named, report)),
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
fn update(named: &Named, stamp: Timestamp, report: &VehicleReport) -> TripUpdate {
    let event = |planned: Timestamp| StopTimeEvent {
        delay: Some(report.delay_s),
        time: Some(planned.as_second() + i64::from(report.delay_s)),
    };
    TripUpdate {
        trip: trip(named, report),
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

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}
