//! Buses and trains.

use jiff::Timestamp;

use super::{Voice, element};
use crate::clock::zone;
use crate::county::{Line, Vehicle};
use crate::encode::native;
use crate::message::{Fact, Message, Statement};
use crate::world::{DoorCount, Trip, VehicleReport};

/// The names a trip has outside.
pub(super) struct TripNames {
    pub(super) trip_id: String,
    /// `YYYYMMDD`, in the county's zone.
    pub(super) start_date: String,
}

impl Voice {
    pub(super) fn vehicle(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
    ) -> Option<Message> {
        let (vehicle, line) = self.vehicle_and_line(report);
        let names = self.trip_names(vehicle, line, &report.trip);
        let stop = &self.county.stops[line.stop(report.trip.direction, report.stop)];
        let capacity = (vehicle.seats + vehicle.standing).max(1);
        let observation = native::Observation::Vehicle(native::Vehicle {
            at: stamp,
            lat: round(report.lat, 6),
            lon: round(report.lon, 6),
            speed_mps: round(report.speed_mps, 1),
            bearing_deg: round(report.bearing_deg, 0),
            trip_id: names.trip_id.clone(),
            start_date: names.start_date,
            route_id: line.id.to_owned(),
            stop_id: stop.id.clone(),
            delay_s: report.delay_s,
            occupancy_pct: report.on_board * 100 / capacity,
        });
        let says = position_statement(&vehicle.id, stamp, report, names.trip_id);
        let (feed, element) = (vehicle.feed, element("vehicle", &vehicle.id, observation));
        self.native(feed, at, element, says)
    }

    pub(super) fn passengers(
        &mut self,
        at: Timestamp,
        stamp: Timestamp,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Option<Message> {
        let (vehicle, line) = self.vehicle_and_line(report);
        let names = self.trip_names(vehicle, line, &report.trip);
        let observation = native::Observation::Passengers(native::Passengers {
            at: stamp,
            stop_id: self.county.stops[line.stop(report.trip.direction, report.stop)].id.clone(),
            trip_id: names.trip_id,
            doors: doors
                .iter()
                .map(|d| native::Door { door: d.door.to_string(), boarded: d.boarded, alighted: d.alighted })
                .collect(),
            on_board: report.on_board,
        });
        let says = passengers_statement(&vehicle.id, stamp, report, doors);
        let (feed, element) = (vehicle.feed, element("passengers", &vehicle.id, observation));
        self.native(feed, at, element, says)
    }

    fn vehicle_and_line(&self, report: &VehicleReport) -> (&Vehicle, &Line) {
        let vehicle = &self.county.vehicles[report.vehicle];
        (vehicle, &self.county.lines[vehicle.line])
    }

    fn trip_names(&self, vehicle: &Vehicle, line: &Line, trip: &Trip) -> TripNames {
        let start = trip.planned_start_utc.to_zoned_datetime(zone(self.county.tz));
        TripNames {
            trip_id: format!("{}-{}-{}-{}", line.id, vehicle.block, trip.direction, start.strftime("%H%M")),
            start_date: start.strftime("%Y%m%d").to_string(),
        }
    }
}

fn position_statement(id: &str, stamp: Timestamp, report: &VehicleReport, trip_id: String) -> Statement {
    let fact = Fact::Position { lat: report.lat, lon: report.lon, delay_s: report.delay_s, trip_id };
    Statement { kind: "vehicle", id: id.to_owned(), at: stamp, fact }
}

fn passengers_statement(
    id: &str,
    stamp: Timestamp,
    report: &VehicleReport,
    doors: &[DoorCount],
) -> Statement {
    let fact = Fact::Passengers {
        boarded: doors.iter().map(|d| d.boarded).sum(),
        alighted: doors.iter().map(|d| d.alighted).sum(),
        on_board: report.on_board,
    };
    Statement { kind: "passengers", id: id.to_owned(), at: stamp, fact }
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}
