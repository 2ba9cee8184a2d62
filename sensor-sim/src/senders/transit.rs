//! Buses and trains: what all formats share, and the native one.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Senders;
use super::batches::element;
use crate::county::{County, Line, Stop, Vehicle};
use crate::encode::native::{self, DoorCount, Observation};
use crate::encode::round;
use crate::message::{Claim, Message, Moment, Statement};
use crate::world::VehicleReport;

/// A report with the names that its vehicle, line, stop and trip have outside.
pub(super) struct Named<'a> {
    pub(super) report: &'a VehicleReport,
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
    pub(super) fn of(county: &'a County, report: &'a VehicleReport) -> Self {
        let vehicle = &county.vehicles[report.vehicle];
        let line = &county.lines[vehicle.line];
        let trip = &county.timetable.trips[report.trip.planned];
        Self {
            report,
            vehicle,
            line,
            stop: &county.stops[line.stop(report.trip.direction, report.stop)],
            trip_id: &trip.id,
            date: report.trip.date,
            start_s: trip.start_s,
            occupancy_percent: (report.on_board * 100 / (vehicle.seats + vehicle.standing).max(1)).min(100),
        }
    }

    pub(super) fn position(&self, stamp: Timestamp) -> Statement {
        let claim = Claim::Position {
            lat: round(self.report.lat, 6),
            lon: round(self.report.lon, 6),
            delay_s: self.report.delay_s,
            trip_id: self.trip_id.to_owned(),
        };
        Statement::new("vehicle", &self.vehicle.id, stamp, claim)
    }

    pub(super) fn passengers(&self, stamp: Timestamp, doors: &[DoorCount]) -> Statement {
        let claim = Claim::Passengers {
            boarded: doors.iter().map(|d| d.boarded).sum(),
            alighted: doors.iter().map(|d| d.alighted).sum(),
            on_board: self.report.on_board,
        };
        Statement::new("passengers", &self.vehicle.id, stamp, claim)
    }
}

impl Senders {
    pub(super) fn native_vehicle(&mut self, when: Moment, report: &VehicleReport) -> Option<Message> {
        let named = Named::of(&self.county, report);
        let observation = Observation::Vehicle(native::Vehicle {
            at: when.stamp,
            lat: round(report.lat, 6),
            lon: round(report.lon, 6),
            speed_mps: round(report.speed_mps, 1),
            bearing_deg: round(report.bearing_deg, 0) % 360.0,
            trip_id: named.trip_id.to_owned(),
            start_date: named.date.strftime("%Y%m%d").to_string(),
            route_id: named.line.id,
            stop_id: named.stop.id.clone(),
            delay_s: report.delay_s,
            occupancy_pct: named.occupancy_percent,
        });
        let element = element("vehicle", &named.vehicle.id, observation);
        self.batches.add(&self.county, named.vehicle.feed, when.at, element, named.position(when.stamp))
    }

    pub(super) fn native_passengers(
        &mut self,
        when: Moment,
        report: &VehicleReport,
        doors: &[DoorCount],
    ) -> Option<Message> {
        let named = Named::of(&self.county, report);
        let observation = Observation::Passengers(native::Passengers {
            at: when.stamp,
            stop_id: named.stop.id.clone(),
            trip_id: named.trip_id.to_owned(),
            doors: doors.to_vec(),
            on_board: report.on_board,
        });
        let statement = named.passengers(when.stamp, doors);
        let element = element("passengers", &named.vehicle.id, observation);
        self.batches.add(&self.county, named.vehicle.feed, when.at, element, statement)
    }
}
