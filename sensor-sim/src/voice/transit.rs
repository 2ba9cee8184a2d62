//! Buses and trains: what all formats share, and the native one.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Voice;
use super::batches::element;
use crate::county::{County, Line, Stop, Vehicle};
use crate::encode::native;
use crate::message::{Fact, Message, Statement};
use crate::world::{DoorCount, VehicleReport};

/// A report with the names that its vehicle, line, stop and trip have outside.
pub(super) struct Named<'a> {
    pub(super) vehicle: &'a Vehicle,
    pub(super) line: &'a Line,
    pub(super) stop: &'a Stop,
    pub(super) trip_id: &'a str,
    /// The day of service, and the planned start in seconds after it began.
    pub(super) date: Date,
    pub(super) start_s: u32,
    pub(super) occupancy_percent: u32,
}

impl<'a> Named<'a> {
    pub(super) fn of(county: &'a County, report: &VehicleReport) -> Self {
        let vehicle = &county.vehicles[report.vehicle];
        let line = &county.lines[vehicle.line];
        let trip = &county.timetable.trips[report.trip.planned];
        Self {
            vehicle,
            line,
            stop: &county.stops[line.stop(report.trip.direction, report.stop)],
            trip_id: &trip.id,
            date: report.trip.date,
            start_s: trip.start_s,
            occupancy_percent: (report.on_board * 100 / (vehicle.seats + vehicle.standing).max(1)).min(100),
        }
    }

    pub(super) fn position(&self, stamp: Timestamp, report: &VehicleReport) -> Statement {
        let fact = Fact::Position {
            lat: round(report.lat, 6),
            lon: round(report.lon, 6),
            delay_s: report.delay_s,
            trip_id: self.trip_id.to_owned(),
        };
        Statement { kind: "vehicle", id: self.vehicle.id.clone(), at: stamp, fact }
    }

    pub(super) fn passengers(
        &self,
        stamp: Timestamp,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Statement {
        let fact = Fact::Passengers {
            boarded: doors.iter().map(|d| d.boarded).sum(),
            alighted: doors.iter().map(|d| d.alighted).sum(),
            on_board: report.on_board,
        };
        Statement { kind: "passengers", id: self.vehicle.id.clone(), at: stamp, fact }
    }
}

impl Voice {
    pub(super) fn native_vehicle(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
    ) -> Option<Message> {
        let named = Named::of(&self.county, report);
        let observation = native::Observation::Vehicle(native::Vehicle {
            at: stamp,
            lat: round(report.lat, 6),
            lon: round(report.lon, 6),
            speed_mps: round(report.speed_mps, 1),
            bearing_deg: round(report.bearing_deg, 0) % 360.0,
            trip_id: named.trip_id.to_owned(),
            start_date: named.date.strftime("%Y%m%d").to_string(),
            route_id: named.line.id.to_owned(),
            stop_id: named.stop.id.clone(),
            delay_s: report.delay_s,
            occupancy_pct: named.occupancy_percent,
        });
        let element = element("vehicle", &named.vehicle.id, observation);
        self.batches.take(&self.county, named.vehicle.feed, at, element, named.position(stamp, report))
    }

    pub(super) fn native_passengers(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Option<Message> {
        let named = Named::of(&self.county, report);
        let observation = native::Observation::Passengers(native::Passengers {
            at: stamp,
            stop_id: named.stop.id.clone(),
            trip_id: named.trip_id.to_owned(),
            doors: doors
                .iter()
                .map(|d| native::Door { door: d.door.to_string(), boarded: d.boarded, alighted: d.alighted })
                .collect(),
            on_board: report.on_board,
        });
        let says = named.passengers(stamp, report, doors);
        let element = element("passengers", &named.vehicle.id, observation);
        self.batches.take(&self.county, named.vehicle.feed, at, element, says)
    }
}

pub(super) fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
