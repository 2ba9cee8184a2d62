//! Which streets are for which vehicles, and at which stops they may be left.

use domain::geo::LatLon;
use domain::rental::{FormFactor, ReturnRule, System, TypeIndex};
use domain::time::UtcMicros;

use crate::area::Area;
use crate::bits;
use crate::streets::{Class, Closed, Mode};
use crate::timetable::StopIx;

/// The geofencing of a street is looked at every so many metres.
const BETWEEN_M: f64 = 25.0;

/// Highest speed of a moped, m/s (45 km/h: class L1e, Regulation (EU) No 168/2013).
const MOPED_MPS: f64 = 45.0 / 3.6;

/// One type of vehicle of a system.
#[derive(Debug)]
pub struct Fleet {
    /// As what it uses the streets.
    pub mode: Mode,
    /// What one rides.
    pub form: FormFactor,
    /// How it is returned.
    pub return_rule: ReturnRule,
    /// Streets that are not for it; `None`: all are that are for its mode.
    pub closed: Option<Closed>,
    /// Stops at which it may be left, a bit for each.
    leave_at: Vec<u64>,
}

impl Fleet {
    /// Whether a ride may end at a stop, away from any station.
    pub fn may_leave_at(&self, stop: StopIx) -> bool {
        (stop as usize) < self.leave_at.len() * 64 && bits::has(&self.leave_at, stop as usize)
    }

    /// Whether it is returned at stations other than its own.
    pub fn returns_to_stations(&self) -> bool {
        matches!(self.return_rule, ReturnRule::AnyStation | ReturnRule::Hybrid)
    }

    /// Whether it is returned away from stations.
    pub fn returns_anywhere(&self) -> bool {
        matches!(self.return_rule, ReturnRule::FreeFloating | ReturnRule::Hybrid)
    }

    /// The seconds of a ride, of which the streets allow `duration_s`.
    pub fn ride_s(&self, duration_s: f64, distance_m: f64) -> f64 {
        if self.form == FormFactor::Moped { duration_s.max(distance_m / MOPED_MPS) } else { duration_s }
    }
}

/// Of each type of a system.
pub(super) fn fleets(area: &Area, system: &System, now: UtcMicros) -> Vec<Option<Fleet>> {
    let types = (0..system.types.len() as u16).map(TypeIndex);
    let fleet = |vehicle_type| {
        let form = system.vehicle_type(vehicle_type)?.form;
        let mode = match form {
            FormFactor::Bicycle | FormFactor::CargoBicycle | FormFactor::Scooter => Mode::Bike,
            FormFactor::Moped | FormFactor::Car => Mode::Car,
            FormFactor::Other => return None,
        };
        let return_rule = system.return_rule(vehicle_type);
        let closed = closed(area, system, vehicle_type, form, now);
        let mut fleet = Fleet { mode, form, return_rule, closed, leave_at: Vec::new() };
        if fleet.returns_anywhere() {
            fleet.leave_at = leave_at(area, system, vehicle_type, now);
        }
        Some(fleet)
    };
    types.map(fleet).collect()
}

/// Whether a ride may end at `at`, away from any station.
pub(crate) fn may_end(system: &System, vehicle_type: TypeIndex, at: LatLon, now: UtcMicros) -> bool {
    let permissions = system.geofencing.at(at, vehicle_type, now);
    permissions.end && permissions.through && !permissions.station_parking
}

fn leave_at(area: &Area, system: &System, vehicle_type: TypeIndex, now: UtcMicros) -> Vec<u64> {
    let stops = area.timetable.stop_count();
    let mut leave_at = vec![0; bits::words(stops)];
    for stop in 0..stops {
        if may_end(system, vehicle_type, area.timetable.stops.point(stop as StopIx), now) {
            bits::set(&mut leave_at, stop);
        }
    }
    leave_at
}

/// The streets on which a type must not ride: where geofencing forbids it, and where such vehicles are too slow.
fn closed(
    area: &Area,
    system: &System,
    vehicle_type: TypeIndex,
    form: FormFactor,
    now: UtcMicros,
) -> Option<Closed> {
    let (network, zones) = (&area.network, &system.geofencing);
    let streets = network.streets();
    let edges = streets.edges.len() as u32;
    let mut closed = Closed::filled(streets.edges.len(), !zones.elsewhere(vehicle_type).through);
    let is_forbidden = |at: LatLon| !zones.at(at, vehicle_type, now).through;
    for bounds in zones.zones.iter().filter_map(|zone| zone.shape.bounds()) {
        for edge in network.edges_touching(bounds) {
            let points: Vec<LatLon> = streets.points(edge).map(|point| point.degrees()).collect();
            closed.set(edge, along(&points).any(is_forbidden));
        }
    }
    if form == FormFactor::Moped {
        let fast = (0..edges).filter(|edge| streets.profile(*edge).class == Class::Motorway);
        fast.for_each(|edge| closed.set(edge, true));
    }
    closed.is_any().then_some(closed)
}

/// The points of a line, and some between those far apart.
fn along(points: &[LatLon]) -> impl Iterator<Item = LatLon> + '_ {
    let between = points.windows(2).flat_map(|pair| {
        let steps = (pair[0].distance_m(pair[1]) / BETWEEN_M).ceil().max(1.0) as u32;
        (1..=steps).map(move |step| {
            let share = f64::from(step) / f64::from(steps);
            let mix = |a: f64, b: f64| a + share * (b - a);
            LatLon { lat: mix(pair[0].lat, pair[1].lat), lon: mix(pair[0].lon, pair[1].lon) }
        })
    });
    points.first().copied().into_iter().chain(between)
}
