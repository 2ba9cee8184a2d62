//! Things on the map, sorted by small squares: what lies in a box is a few runs of memory.
//!
//! A search near a point looks at thousands of bays, each for a moment; chasing a tree's pointers
//! and a hash table's buckets for each would cost more than the search itself.

use crate::geo::{Bbox, LatLon};

/// Height of a square, degrees: 222 m.
const HEIGHT_DEG: f64 = 0.002;

/// Width of a square, degrees: 206 m at 52 degrees of latitude.
const WIDTH_DEG: f64 = 0.003;

/// See the module's description.
pub(super) struct Grid<T> {
    /// The squares of the items, ascending.
    squares: Vec<u64>,
    items: Vec<(LatLon, T)>,
}

/// An item's place in a [`Grid`].
pub(super) type Slot = u32;

impl<T> Default for Grid<T> {
    fn default() -> Self {
        Grid { squares: Vec::new(), items: Vec::new() }
    }
}

impl<T> Grid<T> {
    /// Sorts items by their positions.
    pub fn new(mut items: Vec<(LatLon, T)>) -> Self {
        items.sort_by_cached_key(|(p, _)| square(*p));
        Grid { squares: items.iter().map(|(p, _)| square(*p)).collect(), items }
    }

    /// All items with their positions, in the order of their slots.
    pub fn items(&self) -> &[(LatLon, T)] {
        &self.items
    }

    /// The item in a slot.
    pub fn item_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.items.get_mut(slot as usize).map(|(_, item)| item)
    }

    /// What lies in the box or on its edge.
    pub fn within(&self, bbox: Bbox) -> impl Iterator<Item = &(LatLon, T)> {
        // A box that is taller than all items together must not be walked row by row.
        let first = self.squares.first().map_or(u32::MAX, |s| (s >> 32) as u32);
        let last = self.squares.last().map_or(0, |s| (s >> 32) as u32);
        let rows = row(bbox.south).max(first)..=row(bbox.north).min(last);
        let (west, east) = (column(bbox.west), column(bbox.east));
        let runs = rows.map(move |row| {
            let start = self.squares.partition_point(|s| *s < key(row, west));
            let length = self.squares[start..].partition_point(|s| *s <= key(row, east));
            &self.items[start..start + length]
        });
        runs.flatten().filter(move |(p, _)| bbox.contains(*p))
    }
}

fn square(p: LatLon) -> u64 {
    key(row(p.lat), column(p.lon))
}

fn key(row: u32, column: u32) -> u64 {
    u64::from(row) << 32 | u64::from(column)
}

/// Saturates outside of the earth.
fn row(lat: f64) -> u32 {
    ((lat + 90.0) / HEIGHT_DEG) as u32
}

/// Saturates outside of the earth.
fn column(lon: f64) -> u32 {
    ((lon + 180.0) / WIDTH_DEG) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point() -> impl Strategy<Value = LatLon> {
        (51.9..52.0f64, 7.0..7.2f64).prop_map(|(lat, lon)| LatLon { lat, lon })
    }

    proptest! {
        #[test]
        fn finds_what_a_look_at_each_item_finds(
            points in proptest::collection::vec(point(), 0..60), a in point(), b in point()
        ) {
            let bbox = Bbox::of(a).extended(b);
            let mut expected: Vec<usize> =
                (0..points.len()).filter(|i| bbox.contains(points[*i])).collect();
            let grid = Grid::new(points.into_iter().enumerate().map(|(i, p)| (p, i)).collect());
            let mut found: Vec<usize> = grid.within(bbox).map(|(_, i)| *i).collect();
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_whole_earth_is_a_box_too() {
        let grid = Grid::new(vec![(LatLon { lat: 51.9, lon: 7.1 }, ())]);
        let earth = Bbox { west: -180.0, south: -90.0, east: 180.0, north: 90.0 };
        assert_eq!(grid.within(earth).count(), 1);
        assert_eq!(Grid::<()>::default().within(earth).count(), 0);
    }
}
