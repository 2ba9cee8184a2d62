//! Turns events into the messages of the feeds that report them.

mod batches;
mod control;
mod gtfs_rt;
mod hfp;
mod lanes;
mod parking;
mod radio;
mod transit;

use std::sync::Arc;

use jiff::Timestamp;

use crate::county::{BaySource, County, Format};
use crate::encode::FrameKind;
use crate::faults::FaultyWorld;
use crate::message::{Message, Moment};
use crate::world::{Cause, DeviceEvent, Event};
use batches::Batches;
use control::ControlCentre;
use gtfs_rt::Datasets;
use lanes::Radar;
use radio::Radio;
pub(crate) use radio::{GATEWAYS, Outage, gateway_id};

/// The senders of all feeds of a county, with their counters and open batches.
#[derive(Debug)]
pub(crate) struct Senders {
    county: Arc<County>,
    radios: Vec<Radio>,
    /// By index of the lane.
    radars: Vec<Radar>,
    /// The device that watches each bay; it changes when one is swapped.
    sensor_of_bay: Vec<Option<usize>>,
    /// The last `seq` of each native bay and of each site.
    bay_seq: Vec<u64>,
    site_seq: Vec<u64>,
    batches: Batches,
    datasets: Datasets,
    control: ControlCentre,
    /// The last HFP message of each vehicle: next stop and position.
    hfp_before: Vec<Option<hfp::Before>>,
}

impl Senders {
    /// `seed` decides what the county does not: radio noise, session keys, message ids.
    pub(crate) fn new(county: Arc<County>, seed: u64) -> Self {
        let sensor_of_bay = county
            .bays
            .iter()
            .map(|bay| match bay.source {
                BaySource::Sensor(sensor) => Some(sensor),
                BaySource::Native(_) => None,
            })
            .collect();
        Self {
            radios: Radio::all(&county, seed),
            radars: Radar::all(&county, seed),
            sensor_of_bay,
            bay_seq: vec![0; county.bays.len()],
            site_seq: vec![0; county.sites.len()],
            batches: Batches::default(),
            datasets: Datasets::default(),
            control: ControlCentre::default(),
            hfp_before: vec![None; county.vehicles.len()],
            county,
        }
    }

    /// The messages that are due at `at`, when `event` happens.
    ///
    /// `stamp` is what the clock of the device shows: `at`, unless that clock is wrong.
    pub(crate) fn messages(&mut self, at: Timestamp, stamp: Timestamp, event: &Event) -> Vec<Message> {
        let mut messages = self.batches.due(&self.county, at, at);
        messages.extend(self.datasets.due(&self.county, at));
        messages.extend(self.control.due(&self.county, at));
        let when = Moment { at, stamp };
        match event {
            Event::Bay { bay, occupied, cause } => messages.extend(self.bay(when, *bay, *occupied, *cause)),
            Event::Gate { site, .. } if self.has_lanes(*site) => {
                messages.extend(self.lanes(when, *site, event));
            }
            Event::Site { site, .. } | Event::Gate { site, .. } => {
                messages.extend(self.lanes(when, *site, event));
                messages.extend(self.native_site(when, *site, event));
            }
            Event::Vehicle(report) => match self.format_of_vehicle(report.vehicle) {
                Format::Hfp => messages.extend(self.hfp_vehicle(when, report)),
                Format::GtfsRt => self.datasets.note(when, report),
                _ => messages.extend(self.native_vehicle(when, report)),
            },
            Event::Passengers { report, doors } => match self.format_of_vehicle(report.vehicle) {
                Format::Hfp => messages.push(self.hfp_passengers(when, report, doors)),
                // GTFS-Realtime knows how full a vehicle is, not who got on where.
                Format::GtfsRt => self.datasets.note(when, report),
                _ => messages.extend(self.native_passengers(when, report, doors)),
            },
            Event::Notice { notice, on } => self.control.note(at, *notice, *on),
            Event::Cancelled { trip, date, on } => self.control.note_run(at, (*trip, *date), *on),
            // Their operator is asked (`crate::rentals`).
            Event::Station { .. } | Event::Free { .. } => {}
            Event::Device { sensor, what } => {
                messages.extend(self.radios[*sensor].device(&self.county, when, *sensor, *what));
            }
        }
        messages
    }

    /// What has been collected and not been sent, at the end.
    pub(crate) fn flush(&mut self, at: Timestamp) -> Vec<Message> {
        self.batches.due(&self.county, Timestamp::MAX, at)
    }

    /// Replaces the device of a bay; the new one joins the network and reports the bay's state.
    pub(crate) fn swap_device(
        &mut self,
        at: Timestamp,
        bay: usize,
        sensor: usize,
        occupied: bool,
    ) -> Vec<Message> {
        self.sensor_of_bay[bay] = Some(sensor);
        let when = Moment { at, stamp: at };
        let joined = self.radios[sensor].device(&self.county, when, sensor, DeviceEvent::Join);
        joined.into_iter().chain(self.bay(when, bay, occupied, Cause::Heartbeat)).collect()
    }

    /// Devices with nearly empty batteries, and those that grow weaker.
    pub(crate) fn weaken(&mut self, faulty_world: &FaultyWorld) {
        for sensor in faulty_world.low_battery() {
            self.radios[*sensor].low_battery = true;
        }
        for ageing in faulty_world.ageing() {
            self.radios[ageing.sensor].ageing = Some(*ageing);
        }
    }

    /// From now on each of two bays is watched by the device of the other one.
    pub(crate) fn mix_up(&mut self, bay: usize, other: usize) {
        self.sensor_of_bay.swap(bay, other);
    }

    /// Gateways that are off at times.
    pub(crate) fn set_outages(&mut self, outages: Vec<Outage>) {
        let outages: Arc<[Outage]> = outages.into();
        let radars = self.radars.iter_mut().map(|radar| &mut radar.radio);
        for radio in self.radios.iter_mut().chain(radars) {
            radio.outages = Arc::clone(&outages);
        }
    }

    fn bay(&mut self, when: Moment, bay: usize, occupied: bool, cause: Cause) -> Vec<Message> {
        let Some(sensor) = self.sensor_of_bay[bay] else {
            let BaySource::Native(feed) = self.county.bays[bay].source else { return Vec::new() };
            return self.native_bay(when, feed, bay, occupied).into_iter().collect();
        };
        let has_state = self.county.sensors[sensor].device.model().start_up_has_state;
        let kinds: &[FrameKind] = match cause {
            Cause::Change => &[FrameKind::Change],
            // Some were switched on just now, the others send a heartbeat.
            Cause::Start if sensor.is_multiple_of(10) && has_state => &[FrameKind::StartUp],
            Cause::Start if sensor.is_multiple_of(10) => &[FrameKind::StartUp, FrameKind::Heartbeat],
            Cause::Start | Cause::Heartbeat => &[FrameKind::Heartbeat],
        };
        let state =
            |kind: &FrameKind| self.radios[sensor].state(&self.county, when, sensor, bay, *kind, occupied);
        kinds.iter().filter_map(state).collect()
    }

    fn format_of_vehicle(&self, vehicle: usize) -> Format {
        self.county.feeds[self.county.vehicles[vehicle].feed].format
    }
}

#[cfg(test)]
mod tests;
