//! Native bays and counted sites.

use jiff::Timestamp;

use super::Voice;
use super::batches::element;
use crate::county::CountStyle;
use crate::encode::native::{Bay, Element, Observation, Site};
use crate::message::{Fact, Statement};
use crate::world::{Event, Passage};

/// `occupied` or `vacant`.
pub(super) fn state(occupied: bool) -> &'static str {
    if occupied { "occupied" } else { "vacant" }
}

impl Voice {
    pub(super) fn native_bay(
        &mut self,
        bay: usize,
        stamp: Timestamp,
        occupied: bool,
    ) -> (Element, Statement) {
        self.bay_seq[bay] += 1;
        let id = &self.county.bays[bay].id;
        let observation = Bay {
            at: stamp,
            state: state(occupied),
            seq: Some(self.bay_seq[bay]),
            battery_v: None,
            temperature_c: None,
        };
        let fact = Fact::Bay { state: state(occupied), sensor: None };
        let says = Statement { kind: "bay", id: id.clone(), at: stamp, fact };
        (element("bay", id, Observation::Bay(observation)), says)
    }

    /// A gate's passage or a count, as the site's system reports it.
    pub(super) fn native_site(
        &mut self,
        site: usize,
        style: CountStyle,
        stamp: Timestamp,
        event: &Event,
    ) -> (Element, Statement) {
        self.site_seq[site] += 1;
        let place = &self.county.sites[site];
        let mut statement = Site {
            at: stamp,
            occupied: None,
            vacant: None,
            entries: None,
            exits: None,
            status: None,
            source: None,
            seq: Some(self.site_seq[site]),
        };
        let fact = match *event {
            Event::Gate { gate, passage, .. } if style == CountStyle::Gates => {
                let (entries, exits) = if passage == Passage::In { (1, 0) } else { (0, 1) };
                statement.entries = Some(entries);
                statement.exits = Some(exits);
                statement.source = Some(format!("gate-{gate}"));
                Fact::Passages { entries, exits, gate }
            }
            Event::Gate { occupied, open, .. } | Event::Site { occupied, open, .. } => {
                if style == CountStyle::Vacant {
                    statement.vacant = Some(place.capacity.saturating_sub(occupied));
                } else {
                    statement.occupied = Some(occupied);
                }
                // Sites that never close have no barrier that could report it.
                statement.status = place.open.map(|_| if open { "open" } else { "closed" });
                Fact::Count { occupied }
            }
            _ => Fact::Count { occupied: 0 },
        };
        let says = Statement { kind: "site", id: place.id.clone(), at: stamp, fact };
        (element("site", &place.id, Observation::Site(statement)), says)
    }
}
