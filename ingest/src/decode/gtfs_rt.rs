//! GTFS-Realtime 2.0, protobuf: vehicle positions and trip updates.
//!
//! A vehicle is its descriptor's id, else its label, else (of a position) the entity's id. Its
//! clock is its own timestamp, else the header's. An occupancy is taken only as a percentage:
//! `occupancy_status` is neither linear nor the same between operators, and no percentage is made
//! of it. A position of a feed that also says how late the vehicle's trip is becomes one fix with
//! the delay; an update without a position becomes a fix without one. A trip's delay is its own,
//! else that of the first stop that is not in the past. Updates without a vehicle and cancelled
//! trips say nothing about a vehicle, alerts and deleted entities nothing at all; that is no fault.
//!
//! Each trip update is besides kept as it stands, for a timetable to take in; one that names no trip
//! (but a route and a time) yields none. `DIFFERENTIAL` feeds are read like full ones: what is absent is not said.
//!
//! Each entity stands alone: a broken one is a fault, and its element is a feed of its own, so that
//! it can be decoded again.

mod passed;
mod proto;
#[cfg(test)]
mod tests;
mod trip_update;
mod updates;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use domain::UtcMicros;
use domain::observation::VehicleFix;
use prost::Message;

use self::proto::{FeedEntity, FeedHeader, FeedMessage, TripUpdate, VehiclePosition};
use self::trip_update::{TripOfVehicle, current, set_trip, text};
pub use self::updates::{Updates, trip_updates};
use super::json::{check_id, finite, id, position};
use super::{Decoded, Fault, Said, Statement, Subject};

/// Decodes one feed message.
pub fn decode(payload: &[u8]) -> Decoded<'static> {
    let feed = match FeedMessage::decode(Bytes::copy_from_slice(payload)) {
        Ok(feed) => feed,
        Err(e) => {
            return Fault::malformed(format!("protobuf: {e}; a GTFS-Realtime FeedMessage is expected"))
                .into();
        }
    };
    let Some(header) = feed.header else {
        return Fault::malformed("header: it is missing; a GTFS-Realtime FeedMessage is expected").into();
    };
    let mut reader = Reader { header_s: seconds(header.timestamp), ..Reader::default() };
    let mut faults = Vec::new();
    for entity in feed.entity {
        if let Err(fault) = reader.read(&entity) {
            faults.push(Fault { element: Some(alone(&header, entity)), ..fault });
        }
    }
    Decoded { statements: reader.finish(), faults }
}

/// A feed of nothing but `entity`.
fn alone(header: &FeedHeader, entity: Bytes) -> Vec<u8> {
    FeedMessage { header: Some(header.clone()), entity: vec![entity] }.encode_to_vec()
}

/// Zero is a clock that was never set.
fn seconds(timestamp: Option<u64>) -> Option<i64> {
    timestamp.filter(|s| *s > 0).map(|s| i64::try_from(s).unwrap_or(i64::MAX))
}

/// Collects what a feed says, one vehicle after the other.
#[derive(Default)]
struct Reader {
    header_s: Option<i64>,
    statements: Vec<Statement<'static>>,
    updates: Vec<Statement<'static>>,
    /// The trips of each vehicle that has some.
    trips: BTreeMap<String, Vec<TripOfVehicle>>,
}

impl Reader {
    fn read(&mut self, entity: &[u8]) -> Result<(), Fault> {
        let entity = FeedEntity::decode(entity).map_err(|e| Fault::malformed(format!("entity: {e}")))?;
        if entity.is_deleted == Some(true) {
            return Ok(());
        }
        if let Some(vehicle) = &entity.vehicle {
            self.read_position(vehicle, entity.id.as_deref())?;
        }
        if let Some(update) = entity.trip_update {
            self.read_trip(&update)?;
            self.keep_update(update)?;
        }
        Ok(())
    }

    fn read_position(&mut self, vehicle: &VehiclePosition, entity: Option<&str>) -> Result<(), Fault> {
        let name = vehicle.vehicle.as_ref().and_then(|v| v.name()).or(entity).unwrap_or("");
        let mut fix = VehicleFix {
            stop_id: text("stop_id", vehicle.stop_id.as_deref())?,
            occupancy_pct: vehicle.occupancy_percentage.map(|percent| percent as f32),
            ..VehicleFix::default()
        };
        set_trip(&mut fix, vehicle.trip.as_ref())?;
        if let Some(p) = &vehicle.position {
            if let (Some(lat), Some(lon)) = (p.latitude, p.longitude) {
                fix.position = Some(position(lat.into(), lon.into())?);
            }
            fix.bearing_deg = finite("bearing", p.bearing.map(f64::from))?;
            fix.speed_mps = finite("speed", p.speed.map(f64::from))?;
        }
        let at_s = seconds(vehicle.timestamp).or(self.header_s);
        self.statements.push(said(id("vehicle.id", name)?, at_s, fix));
        Ok(())
    }

    fn read_trip(&mut self, update: &TripUpdate) -> Result<(), Fault> {
        let Some(name) = update.vehicle.as_ref().and_then(|v| v.name()) else { return Ok(()) };
        if update.trip.as_ref().is_some_and(|trip| trip.is_cancelled()) {
            return Ok(());
        }
        let at_s = seconds(update.timestamp).or(self.header_s);
        let trip = TripOfVehicle::read(update, at_s)?;
        self.trips.entry(id("vehicle.id", name)?).or_default().push(trip);
        Ok(())
    }

    fn keep_update(&mut self, update: TripUpdate) -> Result<(), Fault> {
        let message_at = self.header_s.map(UtcMicros::from_unix_s);
        let at = seconds(update.timestamp).map(UtcMicros::from_unix_s).or(message_at);
        let passed = at.map(|at| passed::stops(&update, at)).unwrap_or_default();
        let Some(update) = updates::update_of(update) else { return Ok(()) };
        check_ids(&update)?;
        let said = Said::Trip { update: Box::new(update), message_at, passed };
        self.updates.push(Statement { subject: Subject::Trip, at, said, seq: None });
        Ok(())
    }

    /// Joins positions with the trips of their vehicles.
    fn finish(mut self) -> Vec<Statement<'static>> {
        for statement in &mut self.statements {
            let (Subject::Vehicle(name), Said::Fix(fix)) = (&statement.subject, &mut statement.said) else {
                continue;
            };
            let trips = self.trips.remove(name.as_ref()).unwrap_or_default();
            if let Some(trip) = current(trips, fix.trip_id.as_deref()) {
                fix.delay_s = trip.fix.delay_s;
                fix.trip_id = trip.fix.trip_id;
                fix.start_date = fix.start_date.take().or(trip.fix.start_date);
                fix.route_id = fix.route_id.take().or(trip.fix.route_id);
            }
        }
        for (name, trips) in self.trips {
            self.statements.extend(current(trips, None).map(|trip| said(name, trip.at_s, trip.fix)));
        }
        self.statements.append(&mut self.updates);
        self.statements
    }
}

/// An update's texts become keys and rows.
fn check_ids(update: &domain::TripUpdate) -> Result<(), Fault> {
    let of_trip = [
        ("trip_id", Some(&update.trip_id)),
        ("start_date", update.start_date.as_ref()),
        ("start_time", update.start_time.as_ref()),
        ("route_id", update.route_id.as_ref()),
    ];
    let of_stops = update.stops.iter().map(|stop| ("stop_id", stop.stop_id.as_ref()));
    of_trip
        .into_iter()
        .chain(of_stops)
        .try_for_each(|(field, text)| text.map_or(Ok(()), |t| check_id(field, t)))
}

fn said(vehicle: String, at_s: Option<i64>, fix: VehicleFix) -> Statement<'static> {
    Statement {
        subject: Subject::Vehicle(Cow::Owned(vehicle)),
        at: at_s.map(UtcMicros::from_unix_s),
        said: Said::Fix(Box::new(fix)),
        seq: None,
    }
}
