//! Bays in rows, as they are painted: metres on the ground to degrees on the map.

use super::Geometry;

/// Width and length of a bay, metres.
const BAY_WIDTH_M: f64 = 2.5;
const BAY_LENGTH_M: f64 = 5.0;
/// Between two rows of bays that face each other: the lane, metres.
const LANE_M: f64 = 6.0;
/// Bays in one row of a lot.
const ROW: usize = 20;
/// Along a kerb, a driveway or a tree after so many bays, of this length.
const KERB_GROUP: usize = 8;
const DRIVEWAY_M: f64 = 4.0;
/// From the middle of a street to the bays along its kerbs, metres.
const KERB_OFFSET_M: f64 = 3.5;

/// Metres in a degree of latitude (mean earth radius 6,371,008.8 m).
const M_PER_DEG: f64 = 111_195.08;

/// A flat frame of metres around a point, turned by a bearing: good for some kilometres.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    lat: f64,
    lon: f64,
    sin: f64,
    cos: f64,
}

impl Frame {
    /// `bearing_deg`: where the frame's x axis points, clockwise from east.
    pub(crate) fn new(lat: f64, lon: f64, bearing_deg: f64) -> Self {
        let (sin, cos) = bearing_deg.to_radians().sin_cos();
        Self { lat, lon, sin, cos }
    }

    /// `[lon, lat]` of a point `x_m` along the frame's axis and `y_m` to its left, to 1 cm.
    pub(crate) fn at(&self, x_m: f64, y_m: f64) -> [f64; 2] {
        let east = x_m * self.cos + y_m * self.sin;
        let north = y_m * self.cos - x_m * self.sin;
        let lat = self.lat + north / M_PER_DEG;
        let lon = self.lon + east / (M_PER_DEG * self.lat.to_radians().cos());
        [round7(lon), round7(lat)]
    }

    /// Metres along the frame's axis and to its left of `[lon, lat]`: the reverse of [`Frame::at`].
    pub(crate) fn point(&self, [lon, lat]: [f64; 2]) -> [f64; 2] {
        let east = (lon - self.lon) * M_PER_DEG * self.lat.to_radians().cos();
        let north = (lat - self.lat) * M_PER_DEG;
        [east * self.cos - north * self.sin, east * self.sin + north * self.cos]
    }

    /// A rectangle with one corner at (`x_m`, `y_m`).
    pub(crate) fn rectangle(&self, x_m: f64, y_m: f64, width_m: f64, depth_m: f64) -> Geometry {
        let corners = [(0.0, 0.0), (width_m, 0.0), (width_m, depth_m), (0.0, depth_m), (0.0, 0.0)];
        Geometry::Polygon(corners.iter().map(|(dx, dy)| self.at(x_m + dx, y_m + dy)).collect())
    }
}

/// Seven decimals of a degree: about a centimetre.
pub(crate) fn round7(deg: f64) -> f64 {
    (deg * 1e7).round() / 1e7
}

/// Distance between two `[lon, lat]`, metres (flat, good for some kilometres).
pub(crate) fn distance_m(a: [f64; 2], b: [f64; 2]) -> f64 {
    let mid_lat = ((a[1] + b[1]) / 2.0).to_radians();
    let east = (b[0] - a[0]) * mid_lat.cos() * M_PER_DEG;
    let north = (b[1] - a[1]) * M_PER_DEG;
    east.hypot(north)
}

/// `n` bays side by side in double rows with a lane between them, and the outline around.
pub(crate) fn rows(frame: &Frame, n: usize) -> (Vec<Geometry>, Geometry) {
    let row_y = |row: usize| row as f64 * BAY_LENGTH_M + row.div_ceil(2) as f64 * LANE_M;
    let bays = (0..n)
        .map(|i| frame.rectangle((i % ROW) as f64 * BAY_WIDTH_M, row_y(i / ROW), BAY_WIDTH_M, BAY_LENGTH_M))
        .collect();
    let width_m = n.min(ROW) as f64 * BAY_WIDTH_M;
    let depth_m = row_y(n.div_ceil(ROW).saturating_sub(1)) + BAY_LENGTH_M;
    (bays, frame.rectangle(-2.0, -2.0, width_m + 4.0, depth_m + 4.0))
}

/// `n` bays end to end along both kerbs of a street, and the outline around.
pub(crate) fn kerbs(frame: &Frame, n: usize) -> (Vec<Geometry>, Geometry) {
    let per_side = n.div_ceil(2);
    let x = |i: usize| i as f64 * BAY_LENGTH_M + (i / KERB_GROUP) as f64 * DRIVEWAY_M;
    let bays = (0..n)
        .map(|i| {
            let (side, along) = (i / per_side, i % per_side);
            let y = if side == 0 { KERB_OFFSET_M } else { -KERB_OFFSET_M - BAY_WIDTH_M };
            frame.rectangle(x(along), y, BAY_LENGTH_M, BAY_WIDTH_M)
        })
        .collect();
    let half = KERB_OFFSET_M + BAY_WIDTH_M + 0.5;
    let length_m = x(per_side.saturating_sub(1)) + BAY_LENGTH_M;
    (bays, frame.rectangle(-1.0, -half, length_m + 2.0, 2.0 * half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bays_have_their_size_and_do_not_overlap() {
        let frame = Frame::new(51.94, 7.17, 30.0);
        for (bays, _) in [rows(&frame, 55), kerbs(&frame, 33)] {
            for (i, bay) in bays.iter().enumerate() {
                let Geometry::Polygon(p) = bay else { panic!("a bay is a polygon") };
                let mut sides = [distance_m(p[0], p[1]), distance_m(p[1], p[2])];
                sides.sort_by(f64::total_cmp);
                assert!((sides[0] - 2.5).abs() < 0.05 && (sides[1] - 5.0).abs() < 0.05, "{sides:?}");
                for other in &bays[i + 1..] {
                    assert!(distance_m(bay.center(), other.center()) > 2.4);
                }
            }
        }
    }

    #[test]
    fn the_frame_turns_clockwise_from_east() {
        let frame = Frame::new(51.94, 7.17, 90.0);
        let south = frame.at(100.0, 0.0);
        assert!(south[1] < 51.94 && (south[0] - 7.17).abs() < 1e-6);
        assert!((distance_m([7.17, 51.94], south) - 100.0).abs() < 0.1);
    }
}
