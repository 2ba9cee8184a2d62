//! Places by where they are.

use domain::geo::{LatLon, Ruler};
use rstar::RTree;
use rstar::primitives::GeomWithData;
use rustc_hash::FxHashSet;

use crate::index::{Index, Kind, Kinds};
use crate::point::{HOUSE, Point, Spot, Which};
use crate::search::{Hit, HouseFound};

/// Metres in a degree of latitude.
const M_PER_DEGREE: f64 = 111_195.0;

/// What is looked for around a point.
#[derive(Debug, Clone, Copy)]
pub struct Reverse {
    /// The point.
    pub at: LatLon,
    /// What is wanted.
    pub kinds: Kinds,
    /// How many hits at most.
    pub limit: usize,
    /// Nothing farther off is a hit, metres.
    pub within_m: f64,
}

impl Index {
    /// Places around a point, the nearest first. A street is as near as the nearest of its points.
    pub fn nearest(&self, question: &Reverse) -> Vec<Hit<'_>> {
        let ruler = Ruler::at(question.at);
        let at = self.on_plane(question.at.into());
        let mut seen = FxHashSet::default();
        let mut found: Vec<Hit<'_>> = Vec::new();
        for (spot, squared) in self.spots().nearest_neighbor_iter_with_distance_2(&at) {
            // The plane is bent by no more than that within a county.
            const BENT: f64 = 1.03;
            let is_behind =
                |hit: &Hit<'_>| hit.distance_m.is_some_and(|known| f64::from(squared).sqrt() > known * BENT);
            let is_full = found.len() >= question.limit && found.last().is_some_and(is_behind);
            if is_full || f64::from(squared).sqrt() > question.within_m * BENT {
                break;
            }
            let Some(hit) = self.hit_at(spot.data, &ruler).filter(|hit| question.kinds.has(hit.kind)) else {
                continue;
            };
            let is_near = hit.distance_m.is_some_and(|distance_m| distance_m <= question.within_m);
            if is_near && seen.insert(spot.data.0) {
                found.push(hit);
            }
        }
        found.sort_by(|a, b| a.distance_m.unwrap_or_default().total_cmp(&b.distance_m.unwrap_or_default()));
        found.truncate(question.limit);
        found
    }

    fn hit_at(&self, which: Which, ruler: &Ruler) -> Option<Hit<'_>> {
        let of = &self.stored;
        let (number, house) = match which.0 & HOUSE {
            0 => (which.0 as usize, None),
            _ => {
                let house = which.0 & !HOUSE;
                // Of several that begin there the last one has houses.
                let next = of.starts.partition_point(|starts| starts.houses <= house);
                (next.checked_sub(1)?, Some(house as usize))
            }
        };
        let mut hit = self.plain_hit(number);
        if let Some(house) = house {
            hit.kind = Kind::Address;
            hit.at = of.house_points[house].into();
            hit.house = HouseFound::Is(of.house_labels.get(house));
        } else if hit.kind == Kind::Street {
            let course = self.course_of(number).iter().map(|point| LatLon::from(*point));
            hit.at =
                course.min_by(|a, b| ruler.distance_m(*a).total_cmp(&ruler.distance_m(*b))).unwrap_or(hit.at);
        }
        hit.distance_m = Some(ruler.distance_m(hit.at));
        Some(hit)
    }

    fn course_of(&self, number: usize) -> &[Point] {
        let of = &self.stored;
        match of.starts.get(number..=number + 1) {
            Some([from, to]) => &of.course[from.course as usize..to.course as usize],
            _ => &[],
        }
    }

    /// All points, to be asked.
    pub(crate) fn indexed_spots(&self) -> RTree<Spot> {
        let of = &self.stored;
        let spot = |point: Point, which: u32| GeomWithData::new(self.on_plane(point), Which(which));
        let mut spots = Vec::with_capacity(of.entries.len() + of.houses.len() + of.course.len());
        for (number, entry) in of.entries.iter().enumerate() {
            match self.course_of(number) {
                [] => spots.push(spot(entry.at, number as u32)),
                course => spots.extend(course.iter().map(|point| spot(*point, number as u32))),
            }
        }
        spots.extend((HOUSE..).zip(&of.house_points).map(|(which, point)| spot(*point, which)));
        RTree::bulk_load(spots)
    }

    /// Metres east and north of the first entry.
    fn on_plane(&self, point: Point) -> [f32; 2] {
        let origin =
            self.stored.entries.first().map_or(LatLon { lat: 0.0, lon: 0.0 }, |entry| entry.at.into());
        let at = LatLon::from(point);
        let east = (at.lon - origin.lon) * M_PER_DEGREE * origin.lat.to_radians().cos();
        [east as f32, ((at.lat - origin.lat) * M_PER_DEGREE) as f32]
    }
}
