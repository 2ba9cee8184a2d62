//! Native bays and counted sites.

use super::Senders;
use super::batches::element;
use crate::county::{CountStyle, Counted};
use crate::encode::native::{Bay, Observation, Site};
use crate::message::{Claim, Message, Moment, Statement, state_name};
use crate::world::{Event, Passage};

impl Senders {
    pub(super) fn native_bay(
        &mut self,
        when: Moment,
        feed: usize,
        bay: usize,
        occupied: bool,
    ) -> Option<Message> {
        self.bay_seq[bay] += 1;
        let (id, state) = (&self.county.bays[bay].id, state_name(occupied));
        let observation = Observation::Bay(Bay { at: when.stamp, state, seq: Some(self.bay_seq[bay]) });
        let statement = Statement::new("bay", id, when.stamp, Claim::Bay { state, sensor: None });
        self.batches.add(&self.county, feed, when.at, element("bay", id, observation), statement)
    }

    /// A gate's passage or a count, as the site's system reports it.
    pub(super) fn native_site(&mut self, when: Moment, site: usize, event: &Event) -> Option<Message> {
        let place = &self.county.sites[site];
        let Counted { feed, style, .. } = *place.counted.as_ref()?;
        self.site_seq[site] += 1;
        let mut count = Site { at: when.stamp, seq: Some(self.site_seq[site]), ..Site::default() };
        let claim = match *event {
            Event::Gate { gate, passage, .. } if style == CountStyle::Gates => {
                let (entries, exits) = if passage == Passage::In { (1, 0) } else { (0, 1) };
                count.entries = Some(entries);
                count.exits = Some(exits);
                count.source = Some(format!("gate-{gate}"));
                Claim::Passages { entries, exits, gate }
            }
            Event::Gate { occupied, open, .. } | Event::Site { occupied, open, .. } => {
                if style == CountStyle::Vacant {
                    count.vacant = Some(place.capacity.saturating_sub(occupied));
                } else {
                    count.occupied = Some(occupied);
                }
                // Sites that never close have no barrier that could report it.
                count.status = place.open.map(|_| if open { "open" } else { "closed" });
                Claim::Count { occupied }
            }
            _ => return None,
        };
        let statement = Statement::new("site", &place.id, when.stamp, claim);
        let element = element("site", &place.id, Observation::Site(count));
        self.batches.add(&self.county, feed, when.at, element, statement)
    }
}
