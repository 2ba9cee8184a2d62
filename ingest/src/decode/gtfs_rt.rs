//! GTFS-Realtime 2.0, protobuf: vehicle positions and trip updates.
//!
//! A vehicle is its descriptor's id, else its label, else (of a position) the entity's id. Its
//! clock is its own timestamp, else the header's. An occupancy is taken only as a percentage:
//! `occupancy_status` is neither linear nor the same between operators, and no percentage is made
//! of it. A position of a feed that also says how late the vehicle's trip is becomes one fix with
//! the delay; an update without a position becomes a fix without one. A trip's delay is its own,
//! else that of the first stop that is not in the past. Updates without a vehicle and cancelled
//! trips contain nothing about a vehicle, deleted entities nothing at all; that is no fault.
//!
//! Alerts are one statement of the message: what it leaves out is withdrawn (`alerts`).
//!
//! Each trip update is also stored unchanged, for timetables to apply. Without a trip id the run is named
//! by route, direction, start date and start time; with neither, an update is a fault. For a vehicle
//! these form an id like the HFP decoder's (`540_1_20261124_19:08`). `DIFFERENTIAL` feeds are read like
//! full ones: what is absent is unchanged.
//!
//! Each entity stands alone: a broken one is a fault and costs no other. An optional field of a value
//! that cannot be true costs nothing but itself.

mod alerts;
mod parts;
mod passed;
mod plain;
mod proto;
#[cfg(test)]
mod tests;
mod trip_update;
mod updates;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::mistake::{Expected, Mistake, Remedy};
use domain::observation::VehicleFix;
use domain::trip_update::TripProperties;
use domain::{Reason, UtcMicros};
use prost::Message;

use self::alerts::Alerts;
use self::parts::{Feed, MAX_STOPS};
use self::proto::{FeedEntity, TripUpdate, VehiclePosition};
use self::trip_update::{TripOfVehicle, current, set_trip, text};
pub use self::updates::{Updates, trip_updates};
use super::json::{BEARING_DEG, Dropped, OCCUPANCY_PCT, SPEED_MPS, id, position};
use super::{Content, Decoded, Fault, Faults, Statement, Subject};

/// Decodes one feed message.
pub fn decode(payload: &[u8]) -> Decoded {
    let feed = match read(payload) {
        Ok(feed) => feed,
        Err(fault) => return fault.into(),
    };
    let Some(header) = &feed.header else {
        return Fault::malformed("header", Mistake::Missing(Some(Expected::FeedMessage))).into();
    };
    let mut reader = Reader {
        header_s: seconds(header.timestamp),
        alerts: Alerts::new(header.incrementality == Some(1)),
        ..Reader::default()
    };
    let mut faults = feed.excess().map_or_else(Faults::default, Faults::from);
    for entity in feed.entities() {
        if let Err(fault) = reader.read(entity) {
            faults.push(Fault { is_element: true, ..fault });
        }
    }
    let alerts = std::mem::take(&mut reader.alerts).statement(reader.header_s);
    Decoded { statements: reader.finish(), faults, alerts, ..Decoded::default() }
}

/// The outermost message.
fn read(payload: &[u8]) -> Result<Feed<'_>, Fault> {
    Feed::read(payload).map_err(|e| {
        let remedy = match payload.trim_ascii_start().first() {
            Some(b'{' | b'[') => Remedy::ProtobufNotJson,
            Some(b'<') => Remedy::WebPage,
            _ => Remedy::WholeFeedMessage,
        };
        Fault::malformed("protobuf", Mistake::NoFeedMessage(e)).remedy(remedy)
    })
}

/// One entity.
fn entity_of(bytes: &[u8]) -> Result<FeedEntity, Fault> {
    let stops = parts::stops_in(bytes);
    if stops > MAX_STOPS {
        let mistake = Mistake::TooManyStops(stops, MAX_STOPS);
        return Err(Fault::new(Reason::Implausible, "stop_time_update", mistake).remedy(Remedy::OneRun));
    }
    if let Some((field, count, most)) = parts::alert_excess(bytes) {
        let mistake = Mistake::TooManyOfAlert(count, most);
        return Err(Fault::new(Reason::TooLarge, field, mistake).remedy(Remedy::NameLines));
    }
    FeedEntity::decode(bytes).map_err(|e| Fault::malformed("entity", Mistake::Library(e.to_string())))
}

/// A measurement; one that is none, or outside of `plausible`, is dropped.
fn measured(
    field: &str,
    value: Option<f32>,
    plausible: RangeInclusive<f64>,
    dropped: &mut Vec<Dropped>,
) -> Option<f32> {
    let is_plausible = value.is_none_or(|v| plausible.contains(&f64::from(v)));
    if !is_plausible {
        dropped.push(Dropped { field: field.to_owned(), reason: Reason::Implausible });
    }
    value.filter(|_| is_plausible)
}

/// Zero is a clock that was never set.
fn seconds(timestamp: Option<u64>) -> Option<i64> {
    timestamp.filter(|s| *s > 0).map(|s| i64::try_from(s).unwrap_or(i64::MAX))
}

/// Collects the statements of a feed, one vehicle after the other.
#[derive(Default)]
struct Reader {
    header_s: Option<i64>,
    statements: Vec<Statement>,
    updates: Vec<Statement>,
    alerts: Alerts,
    /// The trips of each vehicle that has some.
    trips: BTreeMap<String, Vec<TripOfVehicle>>,
}

impl Reader {
    fn read(&mut self, entity: &[u8]) -> Result<(), Fault> {
        let entity = entity_of(entity)?;
        if entity.is_deleted == Some(true) {
            self.alerts.withdraw(entity);
            return Ok(());
        }
        if let Some(alert) = entity.alert {
            self.alerts.read(entity.id.as_deref().unwrap_or_default(), alert)?;
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
        let name = id("vehicle.id", name)?;
        let mut dropped = Vec::new();
        let d = &mut dropped;
        let occupancy_pct = vehicle.occupancy_percentage.map(|percent| percent as f32);
        let mut fix = VehicleFix {
            stop_id: text("stop_id", vehicle.stop_id.as_deref(), d),
            occupancy_pct: measured("occupancy_percentage", occupancy_pct, OCCUPANCY_PCT, d),
            ..VehicleFix::default()
        };
        set_trip(&mut fix, vehicle.trip.as_ref(), d);
        if let Some(p) = &vehicle.position {
            if let (Some(lat), Some(lon)) = (p.latitude, p.longitude) {
                let position = position(lat.into(), lon.into());
                fix.position = Some(position.map_err(|fault| fault.about(name.as_str()))?);
            }
            fix.bearing_deg = measured("bearing", p.bearing, BEARING_DEG, d);
            fix.speed_mps = measured("speed", p.speed, SPEED_MPS, d);
        }
        let at_s = seconds(vehicle.timestamp).or(self.header_s);
        self.statements.push(content(name, at_s, fix, dropped));
        Ok(())
    }

    fn read_trip(&mut self, update: &TripUpdate) -> Result<(), Fault> {
        let Some(name) = update.vehicle.as_ref().and_then(|v| v.name()) else { return Ok(()) };
        if update.trip.as_ref().is_some_and(|trip| trip.is_cancelled()) {
            return Ok(());
        }
        let at_s = seconds(update.timestamp).or(self.header_s);
        let trip = TripOfVehicle::read(update, at_s);
        self.trips.entry(id("vehicle.id", name)?).or_default().push(trip);
        Ok(())
    }

    fn keep_update(&mut self, update: TripUpdate) -> Result<(), Fault> {
        let message_at = self.header_s.map(UtcMicros::from_unix_s);
        let at = seconds(update.timestamp).map(UtcMicros::from_unix_s).or(message_at);
        let passed = at.map(|at| passed::stops(&update, at)).unwrap_or_default();
        let Some(mut update) = updates::update_of(update) else { return Err(nameless()) };
        let mut dropped = Vec::new();
        check_ids(&mut update, &mut dropped)?;
        let content = Content::Trip { update: Box::new(update), message_at, passed };
        self.updates.push(Statement { subject: Subject::Trip, at, content, seq: None, dropped });
        Ok(())
    }

    /// Joins positions with the trips of their vehicles.
    fn finish(mut self) -> Vec<Statement> {
        for statement in &mut self.statements {
            let (Subject::Vehicle(name), Content::Fix(fix)) = (&statement.subject, &mut statement.content)
            else {
                continue;
            };
            let trips = self.trips.remove(name).unwrap_or_default();
            if let Some(trip) = current(trips, fix.trip_id.as_deref()) {
                fix.delay_s = trip.fix.delay_s;
                fix.trip_id = trip.fix.trip_id;
                fix.start_date = fix.start_date.take().or(trip.fix.start_date);
                fix.route_id = fix.route_id.take().or(trip.fix.route_id);
            }
        }
        for (name, trips) in self.trips {
            let trip = current(trips, None);
            self.statements.extend(trip.map(|trip| content(name, trip.at_s, trip.fix, trip.dropped)));
        }
        self.statements.append(&mut self.updates);
        self.statements
    }
}

/// An update that nobody can tie to a run.
fn nameless() -> Fault {
    Fault::malformed("trip", Mistake::NamelessTrip).remedy(Remedy::NameTrip)
}

/// An update's texts become keys and rows.
fn check_ids(update: &mut domain::TripUpdate, dropped: &mut Vec<Dropped>) -> Result<(), Fault> {
    if !update.trip_id.is_empty() {
        id("trip_id", &update.trip_id)?;
    }
    for stop in update.stops.iter().filter_map(|stop| stop.stop_id.as_deref()) {
        id("stop_id", stop)?;
    }
    if let Some(properties) = update.properties.as_deref_mut() {
        let TripProperties { trip_id, start_date, start_time, headsign } = properties;
        *start_date = trip_update::day(start_date.as_deref(), dropped);
        for (field, value) in [("trip_id", trip_id), ("start_time", start_time), ("trip_headsign", headsign)]
        {
            *value = text(field, value.as_deref(), dropped);
        }
    }
    update.start_date = trip_update::day(update.start_date.as_deref(), dropped);
    update.start_time = text("start_time", update.start_time.as_deref(), dropped);
    update.route_id = text("route_id", update.route_id.as_deref(), dropped);
    let is_named = !update.trip_id.is_empty() || (update.start_time.is_some() && update.route_id.is_some());
    is_named.then_some(()).ok_or_else(nameless)
}

fn content(vehicle: String, at_s: Option<i64>, fix: VehicleFix, dropped: Vec<Dropped>) -> Statement {
    Statement {
        subject: Subject::Vehicle(vehicle),
        at: at_s.map(UtcMicros::from_unix_s),
        content: Content::Fix(Box::new(fix)),
        seq: None,
        dropped,
    }
}
