//! Finds things by place.

use domain::geo::{Bbox, LatLon};
use rstar::{AABB, RTree, primitives::GeomWithData, primitives::Rectangle};

use super::Coord;

/// The boxes around numbered things, as a tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct BoxIndex(RTree<GeomWithData<Rectangle<[i32; 2]>, u32>>);

impl BoxIndex {
    /// Indexes things by their numbers and points.
    pub fn new(things: impl Iterator<Item = (u32, impl Iterator<Item = Coord>)>) -> Self {
        let boxes = things.map(|(number, points)| {
            let (mut low, mut high) = ([i32::MAX; 2], [i32::MIN; 2]);
            for point in points {
                low = [low[0].min(point.lat), low[1].min(point.lon)];
                high = [high[0].max(point.lat), high[1].max(point.lon)];
            }
            GeomWithData::new(Rectangle::from_corners(low, high), number)
        });
        BoxIndex(RTree::bulk_load(boxes.collect()))
    }

    /// Numbers of the things whose boxes come within `radius_m` metres of a point, in no order.
    pub fn around(&self, point: LatLon, radius_m: f64) -> impl Iterator<Item = u32> + '_ {
        self.touching(point.around(radius_m))
    }

    /// Numbers of the things whose boxes touch `bounds`, in no order.
    pub fn touching(&self, bounds: Bbox) -> impl Iterator<Item = u32> + '_ {
        let low = Coord::from_degrees(bounds.south, bounds.west);
        let high = Coord::from_degrees(bounds.north, bounds.east);
        let bounds = AABB::from_corners([low.lat, low.lon], [high.lat, high.lon]);
        self.0.locate_in_envelope_intersecting(&bounds).map(|boxed| boxed.data)
    }
}
