//! What is learned of a system's stations, by the forecast of parking sites: a station is a site whose vacant spaces are its
//! vehicles, and another one whose vacant spaces are its docks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::forecast::{Basis, ByPersistence, Calendar, Forecast, Reading, SAMPLE_S, SiteSample, Town};
use crate::ids::SiteId;
use crate::time::{Times, UtcMicros};

/// Stations of a system that are forecast, at 1.6 MB each with vehicles and docks; beyond it the first that count are taken.
const MAX_STATIONS: usize = 150;
/// A station that has counted nothing for so long is forgotten, seconds: eight weeks, more than a summer's break.
const FORGOTTEN_AFTER_S: i64 = 56 * 86_400;

/// What a station counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationCount {
    /// The operator's id of it.
    pub station: String,
    /// When.
    pub at: UtcMicros,
    /// Vehicles that could be taken; `None`: not known.
    pub vehicles: Option<u32>,
    /// Docks that a vehicle could be returned to; `None`: not known, or not limited.
    pub docks: Option<u32>,
}

/// What one wants at a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// To take a vehicle.
    Vehicle,
    /// To return one to a dock.
    Dock,
}

/// What was learned of the stations of one system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StationModel {
    vehicles: Town,
    docks: Town,
    stations: BTreeMap<String, Known>,
    /// The number of the next new station; none is used twice.
    next: i32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Known {
    number: i32,
    /// The most vehicles and docks that it had together: capacities are often not stated, or wrong.
    most: u32,
    counted_at: UtcMicros,
}

impl StationModel {
    /// Nothing is known yet. `calendar`: of the municipality whose feed it is.
    pub fn new(calendar: Calendar) -> Self {
        let town = Town::new(calendar);
        StationModel { vehicles: town.clone(), docks: town, stations: BTreeMap::new(), next: 0 }
    }

    /// The same with another calendar.
    pub fn with_calendar(self, calendar: Calendar) -> Self {
        let docks = self.docks.with_calendar(calendar.clone());
        StationModel { vehicles: self.vehicles.with_calendar(calendar), docks, ..self }
    }

    /// Up to when it has learned; `None` before the first sample.
    pub fn at(&self) -> Option<UtcMicros> {
        self.vehicles.at()
    }

    /// How many stations it knows.
    pub fn stations(&self) -> usize {
        self.stations.len()
    }

    /// Learns from the time after `from` up to `until`, by a sample every [`SAMPLE_S`]. `counts`: in the order of time, beginning
    /// `hold_s` seconds before `from`; so long a count holds without a newer one.
    pub fn learn(&mut self, counts: &[StationCount], from: UtcMicros, until: UtcMicros, hold_s: i64) {
        let mut counts = counts.iter().peekable();
        let mut latest: BTreeMap<&str, &StationCount> = BTreeMap::new();
        let mut at = Town::sample_time(from).plus_s(SAMPLE_S);
        while at <= until {
            while let Some(count) = counts.next_if(|count| count.at <= at) {
                latest.insert(&count.station, count);
            }
            latest.retain(|_, count| count.at.plus_s(hold_s) >= at);
            self.sample(&latest, at);
            at = at.plus_s(SAMPLE_S);
        }
    }

    fn sample(&mut self, latest: &BTreeMap<&str, &StationCount>, at: UtcMicros) {
        for (station, count) in latest {
            let counted = count.vehicles.unwrap_or(0).saturating_add(count.docks.unwrap_or(0));
            if let Some(known) = self.stations.get_mut(*station) {
                (known.most, known.counted_at) = (known.most.max(counted), at);
            } else if self.stations.len() < MAX_STATIONS {
                let known = Known { number: self.next, most: counted.max(1), counted_at: at };
                self.stations.insert((*station).to_owned(), known);
                self.next = self.next.saturating_add(1);
            }
        }
        let StationModel { vehicles, docks, stations, .. } = self;
        stations.retain(|_, known| {
            let is_kept = at <= known.counted_at.plus_s(FORGOTTEN_AFTER_S);
            if !is_kept {
                vehicles.forget(SiteId(known.number));
                docks.forget(SiteId(known.number));
            }
            is_kept
        });
        let samples = |of: fn(&StationCount) -> Option<u32>| {
            let sample = move |(station, known): (&String, &Known)| {
                let count = latest.get(station.as_str()).copied().and_then(of);
                SiteSample::of_cars(SiteId(known.number), count.map(|n| (known.most, Reading::Certain(n))))
            };
            stations.iter().map(sample).collect::<Vec<_>>()
        };
        vehicles.sample(samples(|count| count.vehicles), at);
        docks.sample(samples(|count| count.docks), at);
    }

    /// How many a station will offer, where something was learned of it; `count`: how many it offers now.
    pub(super) fn forecast(
        &self,
        station: &str,
        offered: Offered,
        times: Times,
        count: u32,
    ) -> Option<Forecast<'_>> {
        let site = SiteId(self.stations.get(station)?.number);
        let town = match offered {
            Offered::Vehicle => &self.vehicles,
            Offered::Dock => &self.docks,
        };
        // Of few vehicles the present number often has the smaller error and yet says little of the chance of one.
        let never = ByPersistence::default();
        let forecast = town.forecaster().forecast(site, times, Some(count), &never)?;
        (forecast.basis() != Basis::Live).then_some(forecast)
    }
}
