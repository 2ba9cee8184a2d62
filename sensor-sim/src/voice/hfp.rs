//! Buses with HFP and its passenger counts.

use jiff::Timestamp;

use super::Voice;
use super::transit::Named;
use crate::encode::hfp::{self, Position};
use crate::message::Message;
use crate::random::hash;
use crate::world::{DoorCount, Phase, VehicleCause, VehicleReport};

/// So much of the time a receiver has no fix: this many seconds of one minute in so many.
const NO_FIX_S: i64 = 12;
const NO_FIX_MINUTES: u64 = 15;

/// The last message of a vehicle.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before {
    stop: usize,
    run: u32,
    position: Option<(f64, f64)>,
}

impl Voice {
    /// A position, or the events of reaching or leaving a stop.
    pub(super) fn hfp_vehicle(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
    ) -> Vec<Message> {
        let events: &[&str] = match report.cause {
            VehicleCause::Position => &["VP"],
            VehicleCause::Arrival => &["ARR", "DOO"],
            VehicleCause::Departure => &["DOC", "DEP"],
        };
        let stamp = to_milliseconds(stamp);
        events
            .iter()
            .map(|name| {
                let level = self.geohash_level(report);
                let named = Named::of(&self.county, report);
                let (topic, payload) =
                    self.with_position(stamp, report, &named, level, |p| hfp::event(name, p));
                let says = has_fix(report.vehicle, stamp).then(|| named.position(stamp, report));
                Message { topic, payload, intended_utc: at, says: says.into_iter().collect() }
            })
            .collect()
    }

    pub(super) fn hfp_passengers(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Message {
        let stamp = to_milliseconds(stamp);
        let named = Named::of(&self.county, report);
        let capacity = named.vehicle.seats + named.vehicle.standing;
        let counts: Vec<(u8, u32, u32)> = doors.iter().map(|d| (d.door, d.boarded, d.alighted)).collect();
        let (topic, payload) =
            self.with_position(stamp, report, &named, 5, |p| hfp::apc(p, &counts, report.on_board, capacity));
        Message { topic, payload, intended_utc: at, says: vec![named.passengers(stamp, report, doors)] }
    }

    fn with_position<T>(
        &self,
        stamp: Timestamp,
        report: &VehicleReport,
        named: &Named,
        geohash_level: u8,
        encode: impl FnOnce(&Position) -> T,
    ) -> T {
        let stop: u32 = named.stop.id.parse().unwrap_or_default();
        let is_stop_event = report.cause != VehicleCause::Position;
        let at_stop = report.phase != Phase::Driving;
        encode(&Position {
            at: stamp,
            vehicle: &named.vehicle.id,
            line: named.line.id,
            route: named.line.id,
            direction: report.trip.direction as u8 + 1,
            headsign: named.line.headsigns[report.trip.direction],
            upcoming: report.phase == Phase::Waiting,
            operating_day: &named.date.strftime("%Y-%m-%d").to_string(),
            start: &format!("{:02}:{:02}", named.start_s / 3_600 % 24, named.start_s / 60 % 60),
            journey: report.trip.run + 1,
            position: has_fix(report.vehicle, stamp).then_some((report.lat, report.lon)),
            speed_mps: report.speed_mps,
            heading_deg: report.bearing_deg,
            odometer_m: report.odometer_m,
            delay_s: report.delay_s,
            next_stop: stop,
            at_stop: at_stop.then_some(stop),
            doors_open: report.phase == Phase::AtStop && report.cause != VehicleCause::Departure,
            occupancy_percent: named.occupancy_percent,
            planned: is_stop_event.then_some((report.planned_arrival_utc, report.planned_departure_utc)),
            geohash_level,
        })
    }

    /// 0 when anything but the position changed in the topic, or there was none.
    fn geohash_level(&mut self, report: &VehicleReport) -> u8 {
        let now =
            Before { stop: report.stop, run: report.trip.run, position: Some((report.lat, report.lon)) };
        match self.hfp_before[report.vehicle].replace(now) {
            Some(Before { stop, run, position: Some(before) }) if (stop, run) == (now.stop, now.run) => {
                hfp::geohash_level(before, (report.lat, report.lon))
            }
            _ => 0,
        }
    }
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
