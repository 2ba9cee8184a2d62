//! Radars in lanes: each sends when somebody passes, and with its site's own reports.

use std::sync::Arc;

use super::Senders;
use super::radio::Radio;
use crate::county::{County, Lane};
use crate::encode::parametric_pcr2::Counts;
use crate::message::{Message, Moment};
use crate::random::stream;
use crate::world::{Event, Passage};

/// Voltage of a solar charger's battery, millivolts.
const BATTERY_MV: u16 = 7_200;

/// A radar and what it has counted since it was switched on, from left to right and back.
#[derive(Debug)]
pub(super) struct Radar {
    pub(super) radio: Radio,
    total: [u16; 2],
}

impl Radar {
    /// All of the county.
    pub(super) fn all(county: &County, seed: u64) -> Vec<Self> {
        let radar = |(index, lane): (usize, &Lane)| {
            let place = county.sites[lane.site].geometry.center();
            let rng = stream(seed, "lane radio", index as u64);
            Radar { radio: Radio::new(county, lane.feed, Some(place), rng), total: [0; 2] }
        };
        county.lanes.iter().enumerate().map(radar).collect()
    }
}

impl Senders {
    /// Whether radars report who passes the gates of a site.
    pub(super) fn has_lanes(&self, site: usize) -> bool {
        self.county.lanes_of(site).next().is_some()
    }

    /// What the radars of a site send: the one of the gate that somebody passes, else all.
    pub(super) fn lanes(&mut self, when: Moment, site: usize, event: &Event) -> Vec<Message> {
        let (passed, passage) = match *event {
            Event::Gate { gate, passage, .. } => (Some(gate), Some(passage)),
            _ => (None, None),
        };
        let county = Arc::clone(&self.county);
        let lanes = county.lanes_of(site).filter(|(_, lane)| passed.is_none_or(|gate| gate == lane.gate));
        let message = |(index, lane): (usize, &Lane)| {
            let radar = &mut self.radars[index];
            let mut since_last = [0; 2];
            if let Some(passage) = passage {
                let way = usize::from((passage == Passage::In) != lane.is_entry_to_right());
                since_last[way] = 1;
                radar.total[way] = radar.total[way].wrapping_add(1);
            }
            let counts =
                Counts { since_last, total: radar.total, battery_mv: BATTERY_MV, temperature_c: 0.0 };
            radar.radio.counts(&county, when, lane, counts)
        };
        lanes.filter_map(message).collect()
    }
}
