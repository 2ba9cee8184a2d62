//! The simulated county: pure, seeded, one event after the other.
//!
//! The world has its own time, microseconds since its start. [`World::next_event`] gives what
//! happens next and the real instant at which it does; nothing waits, so a day passes as fast as
//! the events are taken.
//!
//! Arrivals are Poisson processes whose rates change with the hour of the week, stays are
//! lognormal (see [`crate::demand`] for figures and sources). Every bay, counted site and vehicle has its
//! own stream of randomness: the same county and seed give the same events.

pub(crate) mod bays;
mod drive;
mod event;
mod gates;
mod notices;
mod ordered;
mod rentals;
mod sites;
mod transit;

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

pub(crate) use event::{Cause, DeviceEvent, Event, Passage, Phase, Standing, VehicleCause, VehicleReport};

use crate::agenda::Agenda;
use crate::clock::{WorldClock, us};
use crate::county::{BaySource, County, Format, Kind};
use crate::orders::Order;
use crate::random::{exponential, stream};
use bays::BayProcess;
use gates::Gates;
use notices::Cancelled;
use rentals::{FreeProcess, StationProcess};
use sites::SiteProcess;
use transit::{Setting, VehicleProcess};

/// A counted site reports by itself so often, seconds.
const SITE_REPORT_S: f64 = 600.0;
/// Mean time between two statements of a LoRaWAN device about itself, hours.
const DEVICE_EVENT_H: f64 = 24.0;

#[derive(Debug, Clone, Copy)]
enum Due {
    BayStart(usize),
    BayChange(usize),
    /// With the number of the report it follows.
    BayHeartbeat(usize, u32),
    SiteStart(usize),
    SiteReport(usize),
    Entry(usize),
    Exit(usize),
    /// Through a gate of a site whose bays are watched as well.
    Passage(usize, Passage),
    DriveThrough(usize),
    /// With the number of the plan it belongs to.
    VehicleChange(usize, u32),
    VehiclePosition(usize),
    StationStart(usize),
    Rent(usize),
    /// Of a vehicle, at a station.
    Return {
        station: usize,
        kind: Kind,
    },
    FreeStart(usize),
    FreeRent(usize),
    FreeReturn(usize),
    Device,
}

/// The county as it is simulated.
#[derive(Debug)]
pub(crate) struct World {
    county: Arc<County>,
    clock: WorldClock,
    agenda: Agenda<i64, Due>,
    bays: Vec<BayProcess>,
    /// By index of the site; `None` where bays are watched.
    sites: Vec<Option<SiteProcess>>,
    /// By index of the site; `None` where not both bays and gates are watched.
    gates: Vec<Option<Gates>>,
    vehicles: Vec<VehicleProcess>,
    cancelled: Cancelled,
    /// Of shared vehicles.
    stations: Vec<StationProcess>,
    free: Vec<FreeProcess>,
    devices: ChaCha8Rng,
    ready: VecDeque<(Timestamp, Event)>,
    /// Orders that have not been followed yet.
    orders: Vec<Order>,
    /// Sites that are ordered to be full.
    full: Vec<bool>,
}

impl World {
    /// The county as it stands at the start of `clock`. Every bay and counted site reports once in the first second.
    pub(crate) fn new(county: Arc<County>, seed: u64, clock: WorldClock) -> Self {
        let mut world = Self {
            clock,
            agenda: Agenda::new(),
            bays: Vec::with_capacity(county.bays.len()),
            sites: Vec::with_capacity(county.sites.len()),
            gates: Vec::with_capacity(county.sites.len()),
            vehicles: Vec::with_capacity(county.vehicles.len()),
            cancelled: Cancelled::new(),
            stations: Vec::with_capacity(county.rentals.stations.len()),
            free: Vec::with_capacity(county.rentals.free.len()),
            devices: stream(seed, "device", 0),
            ready: VecDeque::new(),
            orders: Vec::new(),
            full: vec![false; county.sites.len()],
            county,
        };
        world.start_gates(seed);
        world.start_bays(seed);
        world.start_sites(seed);
        world.start_vehicles(seed);
        world.start_rentals(seed);
        world.plan_device_event(0);
        world
    }

    /// The next event, with its real instant. Instants never decrease; the world never ends.
    pub(crate) fn next_event(&mut self) -> (Timestamp, Event) {
        loop {
            if let Some(next) = self.ready.pop_front() {
                return next;
            }
            // The agenda is never empty: devices plan their next statement with each one.
            if let Some((at, due)) = self.agenda.next() {
                self.happen(at, due);
            }
        }
    }

    fn plan(&mut self, at: i64, due: Due) {
        self.agenda.plan(at, due);
    }

    fn emit(&mut self, at: i64, event: Event) {
        self.ready.push_back((self.clock.utc(at), event));
    }

    fn start_bays(&mut self, seed: u64) {
        let county = Arc::clone(&self.county);
        for (index, bay) in county.bays.iter().enumerate() {
            let (mut process, first_change) = BayProcess::start(seed, index, bay.usage, &self.clock);
            let report_at = us(process.share());
            self.bays.push(process);
            self.plan(report_at, Due::BayStart(index));
            self.plan(first_change, Due::BayChange(index));
            self.start_behind_gates(index, first_change);
        }
    }

    fn start_sites(&mut self, seed: u64) {
        let county = Arc::clone(&self.county);
        for (index, site) in county.sites.iter().enumerate() {
            if let Some(gates) = &self.gates[index] {
                // Spread over the pause between two reports.
                self.plan(
                    us(SITE_REPORT_S * f64::from(gates.occupied % 7) / 7.0 + 1.0),
                    Due::SiteReport(index),
                );
            }
            let Some(counted) = site.counted.as_ref().filter(|_| self.gates[index].is_none()) else {
                self.sites.push(None);
                continue;
            };
            let (mut process, exits) = SiteProcess::start(seed, index, site, counted, &self.clock);
            let report_at = us(process.share());
            let entry_at = process.next_entry(us(1.5), &self.clock);
            self.sites.push(Some(process));
            self.plan(report_at, Due::SiteStart(index));
            self.plan(entry_at, Due::Entry(index));
            for exit_at in exits {
                self.plan(exit_at, Due::Exit(index));
            }
        }
    }

    fn start_vehicles(&mut self, seed: u64) {
        let county = Arc::clone(&self.county);
        for (index, vehicle) in county.vehicles.iter().enumerate() {
            let on = Setting { county: &county, clock: &self.clock, cancelled: &self.cancelled };
            let process = VehicleProcess::start(seed, index, vehicle, on);
            let change_at = process.next_change();
            self.vehicles.push(process);
            self.plan(change_at, Due::VehicleChange(index, 0));
            // Spread over the first second: real vehicles are not synchronised.
            self.plan(us(index as f64 / county.vehicles.len() as f64), Due::VehiclePosition(index));
        }
    }

    fn happen(&mut self, at: i64, due: Due) {
        for order in std::mem::take(&mut self.orders) {
            self.follow(at, order);
        }
        match due {
            Due::BayStart(bay) => {
                self.report_bay(at, bay, Cause::Start);
            }
            Due::BayChange(bay) if self.stays(bay) => {
                let leaves_at = at + us(self.bays[bay].stay_s());
                self.plan(leaves_at, Due::BayChange(bay));
            }
            Due::BayChange(bay) => {
                let next = self.bays[bay].change(at, &self.clock);
                self.report_bay(at, bay, Cause::Change);
                self.plan(next, Due::BayChange(bay));
                if !self.bays[bay].occupied {
                    self.plan_exit(at, bay);
                    self.plan_entry(at, bay, next);
                }
            }
            Due::BayHeartbeat(bay, report) => {
                if self.bays[bay].reports == report {
                    self.report_bay(at, bay, Cause::Heartbeat);
                }
            }
            Due::SiteStart(site) => self.report_site(at, site, Cause::Start),
            Due::SiteReport(site) => self.report_site(at, site, Cause::Heartbeat),
            Due::Entry(site) => self.entry(at, site),
            Due::Exit(site) => self.exit(at, site),
            Due::Passage(site, passage) => self.pass(at, site, passage),
            Due::DriveThrough(site) => self.drive_through(at, site),
            Due::VehicleChange(vehicle, plan) if self.vehicles[vehicle].plan == plan => {
                self.vehicle_change(at, vehicle);
            }
            Due::VehicleChange(..) => {}
            Due::VehiclePosition(vehicle) => self.vehicle_position(at, vehicle),
            Due::StationStart(station) => self.report_station(at, station, Cause::Start),
            Due::Rent(station) => self.rent(at, station),
            Due::Return { station, kind } => self.give_back(at, station, kind),
            Due::FreeStart(vehicle) => self.report_free(at, vehicle, Cause::Start),
            Due::FreeRent(vehicle) => self.rent_free(at, vehicle),
            Due::FreeReturn(vehicle) => self.return_free(at, vehicle),
            Due::Device => self.device_event(at),
        }
    }

    fn report_bay(&mut self, at: i64, bay: usize, cause: Cause) {
        let heartbeat_s = f64::from(match self.county.bays[bay].source {
            BaySource::Native(feed) => self.county.feeds[feed].heartbeat_s.unwrap_or(86_400),
            BaySource::Sensor(sensor) => self.county.sensors[sensor].device.model().heartbeat_s,
        });
        let process = &mut self.bays[bay];
        process.reports += 1;
        let (occupied, report) = (process.occupied, process.reports);
        // Devices were not switched on all at once: their first heartbeats are spread.
        let pause_s = if cause == Cause::Start { heartbeat_s * process.share() } else { heartbeat_s };
        self.plan(at + us(pause_s.max(2.0)), Due::BayHeartbeat(bay, report));
        self.emit(at, Event::Bay { bay, occupied, cause });
    }

    fn report_site(&mut self, at: i64, site: usize, cause: Cause) {
        if let Some(gates) = &self.gates[site] {
            let event = Event::Site { site, occupied: gates.occupied, open: true, cause };
            self.plan(at + us(SITE_REPORT_S), Due::SiteReport(site));
            return self.emit(at, event);
        }
        let Some(process) = &mut self.sites[site] else { return };
        let event =
            Event::Site { site, occupied: process.occupied, open: process.is_open(at, &self.clock), cause };
        let pause_s = if cause == Cause::Start { SITE_REPORT_S * process.share() } else { SITE_REPORT_S };
        self.plan(at + us(pause_s.max(2.0)), Due::SiteReport(site));
        self.emit(at, event);
    }

    fn entry(&mut self, at: i64, site: usize) {
        let Some(process) = &mut self.sites[site] else { return };
        let next = process.next_entry(at, &self.clock);
        if let Some((gate, exit_at)) = process.enter(at, &self.clock) {
            let event =
                Event::Gate { site, gate, passage: Passage::In, occupied: process.occupied, open: true };
            self.plan(exit_at, Due::Exit(site));
            self.emit(at, event);
        }
        self.plan(next, Due::Entry(site));
    }

    fn exit(&mut self, at: i64, site: usize) {
        let Some(process) = &mut self.sites[site] else { return };
        if self.full[site] {
            let leaves_at = at + us(process.stay_s());
            return self.plan(leaves_at, Due::Exit(site));
        }
        let gate = process.leave();
        let (occupied, open) = (process.occupied, process.is_open(at, &self.clock));
        self.emit(at, Event::Gate { site, gate, passage: Passage::Out, occupied, open });
    }

    fn vehicle_change(&mut self, at: i64, vehicle: usize) {
        let county = Arc::clone(&self.county);
        let process = &mut self.vehicles[vehicle];
        let on = Setting { county: &county, clock: &self.clock, cancelled: &self.cancelled };
        let events = process.advance(at, on);
        let (next, plan) = (process.next_change(), process.plan);
        for event in events {
            self.emit(at, event);
        }
        self.plan(next.max(at + 1), Due::VehicleChange(vehicle, plan));
    }

    fn vehicle_position(&mut self, at: i64, vehicle: usize) {
        let county = Arc::clone(&self.county);
        let process = &self.vehicles[vehicle];
        let on = Setting { county: &county, clock: &self.clock, cancelled: &self.cancelled };
        if process.is_in_service(on) {
            let report = process.report(at, on, VehicleCause::Position);
            self.emit(at, Event::Vehicle(report));
        }
        let pause_s = match county.feeds[county.vehicles[vehicle].feed].format {
            Format::Hfp => 1.0,
            _ => 5.0,
        };
        self.plan(at + us(pause_s), Due::VehiclePosition(vehicle));
    }

    fn plan_device_event(&mut self, now: i64) {
        let sensors = self.county.sensors.len().max(1) as f64;
        let pause_s = exponential(&mut self.devices, sensors / (DEVICE_EVENT_H * 3_600.0));
        self.plan(now + us(pause_s), Due::Device);
    }

    fn device_event(&mut self, at: i64) {
        if !self.county.sensors.is_empty() {
            let sensor = self.devices.random_range(0..self.county.sensors.len());
            let what = if self.devices.random_bool(0.1) { DeviceEvent::Join } else { DeviceEvent::Status };
            self.emit(at, Event::Device { sensor, what });
        }
        self.plan_device_event(at);
    }
}

#[cfg(test)]
mod tests;
