//! The county's streets, paths and car parks as an OpenStreetMap extract (`.osm.pbf`).
//!
//! First everything is drawn where it is wanted ([`sketch`]): the streets of the towns around the
//! county's sites and stops, roads along the ways of the buses, the ways to car parks, bays and
//! platforms. Then ways that cross are made to meet, and what cannot be reached is left out
//! ([`net`]). All distances are metres.

mod country;
mod geometry;
mod kind;
mod lots;
mod net;
mod osm;
mod pbf;
mod restrictions;
mod sketch;
mod town;

use std::io;

use rstar::RTree;
use rstar::primitives::Line;

use super::towns_table::{COUNTY, COUNTY_TOWN};
use super::{County, Frame};
use crate::random::stream;
use net::Net;
use sketch::{Sketch, Town};

/// How far the streets of a town reach: those of the county town, and of the others.
const RADIUS_M: [f64; 2] = [1_700.0, 1_000.0];

impl County {
    /// The streets as an OpenStreetMap extract. The same county gives the same bytes.
    ///
    /// # Errors
    /// The file cannot be put together.
    pub(super) fn streets(&self) -> io::Result<Vec<u8>> {
        let frame = self.frame();
        let towns = self.municipalities.iter().enumerate().skip(COUNTY_TOWN).map(|(number, town)| Town {
            center: frame.point([town.lon, town.lat]),
            radius_m: RADIUS_M[usize::from(number != COUNTY_TOWN)],
        });
        let mut sketch = Sketch::new(frame, towns.collect());
        let mut lots = lots::outlines(&mut sketch, self);
        country::roads(&mut sketch, self);
        lots::kerb_streets(&mut sketch, &lots);
        for (number, town) in sketch.towns.clone().into_iter().enumerate() {
            town::draw(&mut sketch, town, &mut stream(self.seed, "streets", number as u64));
        }
        // Ways to places lead to streets that can be reached.
        let net = Net::of(&sketch).connected();
        let streets = net.edges.iter().filter(|edge| edge.kind.is_street());
        let pieces = streets.map(|edge| Line::new(net.points[edge.from], net.points[edge.to]));
        sketch.streets = RTree::bulk_load(pieces.collect());
        country::stations(&mut sketch, self);
        lots::ways(&mut sketch, &mut lots);
        lots::lone_bays(&mut sketch, self);
        let net = Net::of(&sketch).connected();
        osm::extract(self, &sketch, &net, &lots).encode()
    }

    /// The flat map of the county: metres around its middle.
    fn frame(&self) -> Frame {
        let middle = &self.municipalities[COUNTY];
        Frame::new(middle.lat, middle.lon, 0.0)
    }
}

#[cfg(test)]
mod tests;
