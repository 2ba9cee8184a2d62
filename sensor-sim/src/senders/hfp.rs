//! Buses with HFP and its passenger counts.

use jiff::Timestamp;

use super::Senders;
use super::transit::Named;
use crate::encode::hfp::{self, Position};
use crate::encode::native::DoorCount;
use crate::message::{Message, Moment};
use crate::random::hash;
use crate::world::{Phase, VehicleCause, VehicleReport};

/// So much of the time a receiver has no fix: this many seconds of one minute in so many.
const NO_FIX_S: i64 = 12;
const NO_FIX_MINUTES: u64 = 15;

/// The last message of a vehicle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    stop: usize,
    run: u32,
    position: [f64; 2],
}

impl Senders {
    /// A position, or the events of reaching or leaving a stop.
    pub(super) fn hfp_vehicle(&mut self, when: Moment, report: &VehicleReport) -> Vec<Message> {
        let events: &[&str] = match report.cause {
            VehicleCause::Position => &["VP"],
            VehicleCause::Arrival => &["ARR", "DOO"],
            VehicleCause::Departure => &["DOC", "DEP"],
        };
        let stamp = to_milliseconds(when.stamp);
        let mut messages = Vec::new();
        for name in events {
            let level = self.geohash_level(report);
            let named = Named::of(&self.county, report);
            let (topic, payload) = with_position(stamp, &named, level, |p| hfp::event(name, p));
            let statement = has_fix(report.vehicle, stamp).then(|| named.position(stamp));
            messages.push(Message {
                topic,
                payload,
                intended_utc: when.at,
                statements: statement.into_iter().collect(),
            });
        }
        messages
    }

    pub(super) fn hfp_passengers(
        &self,
        when: Moment,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Message {
        let stamp = to_milliseconds(when.stamp);
        let named = Named::of(&self.county, report);
        let capacity = named.vehicle.seats + named.vehicle.standing;
        let (topic, payload) =
            with_position(stamp, &named, 5, |p| hfp::apc(p, doors, report.on_board, capacity));
        Message { topic, payload, intended_utc: when.at, statements: vec![named.passengers(stamp, doors)] }
    }

    /// 0 when anything but the position changed in the topic, or there was none.
    fn geohash_level(&mut self, report: &VehicleReport) -> u8 {
        let now = Before { stop: report.stop, run: report.trip.run, position: [report.lat, report.lon] };
        match self.hfp_before[report.vehicle].replace(now) {
            Some(before) if (before.stop, before.run) == (now.stop, now.run) => {
                hfp::geohash_level(before.position, now.position)
            }
            _ => 0,
        }
    }
}

fn with_position<T>(
    stamp: Timestamp,
    named: &Named,
    geohash_level: u8,
    encode: impl FnOnce(&Position) -> T,
) -> T {
    let report = named.report;
    let stop: u32 = named.stop.id.parse().unwrap_or_default();
    let is_stop_event = report.cause != VehicleCause::Position;
    encode(&Position {
        at: stamp,
        vehicle: &named.vehicle.id,
        line: named.line.id,
        route: named.line.id,
        direction: report.trip.direction as u8 + 1,
        headsign: named.line.headsigns[report.trip.direction],
        upcoming: report.phase == Phase::Waiting,
        operating_day: named.date,
        start: &format!("{:02}:{:02}", named.start_s / 3_600 % 24, named.start_s / 60 % 60),
        journey: report.trip.run + 1,
        position: has_fix(report.vehicle, stamp).then_some([report.lat, report.lon]),
        speed_mps: report.speed_mps,
        heading_deg: report.bearing_deg,
        odometer_m: report.odometer_m,
        delay_s: report.delay_s,
        next_stop: stop,
        at_stop: (report.phase != Phase::Driving).then_some(stop),
        doors_open: report.phase == Phase::AtStop && report.cause != VehicleCause::Departure,
        occupancy_percent: named.occupancy_percent,
        planned: is_stop_event.then_some((report.planned_arrival_utc, report.planned_departure_utc)),
        geohash_level,
    })
}

/// HFP knows milliseconds.
fn to_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn has_fix(vehicle: usize, at: Timestamp) -> bool {
    let minute = at.as_second().div_euclid(60) as u64;
    let is_bad_minute = hash(minute, "no fix", vehicle as u64).is_multiple_of(NO_FIX_MINUTES);
    !is_bad_minute || at.as_second().rem_euclid(60) >= NO_FIX_S
}
