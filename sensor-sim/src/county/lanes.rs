//! Radars in the gates of counted sites.

use super::sample::lora_id;
use super::{CountStyle, County, GATES, Lane};
use crate::random::hash;

impl County {
    /// With radars over LoRaWAN in the gates of those sites that report each passage, where the town has a network: they report the
    /// passages then, and the site's own system its count now and then. Nothing else of the county changes.
    #[must_use]
    pub fn with_lanes(mut self) -> County {
        for (site, place) in self.sites.iter().enumerate() {
            let reports_passages = place.counted.as_ref().is_some_and(|c| c.style == CountStyle::Gates);
            let feed = self.feeds.iter().position(|feed| feed.id == lora_id(place.municipality));
            let Some(feed) = feed.filter(|_| reports_passages) else { continue };
            self.lanes.extend((1..=GATES).map(|gate| {
                // As the sensors of bays: a locally administered address.
                let number = site * usize::from(GATES) + usize::from(gate);
                let noise = hash(self.seed, "lane", number as u64) as u32;
                let town = place.municipality;
                Lane { dev_eui: format!("0e{town:02x}f{number:03x}{noise:08x}"), feed, site, gate }
            }));
        }
        self
    }

    /// The radars of a site.
    pub(crate) fn lanes_of(&self, site: usize) -> impl Iterator<Item = (usize, &Lane)> {
        self.lanes.iter().enumerate().filter(move |(_, lane)| lane.site == site)
    }
}
