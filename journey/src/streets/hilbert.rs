//! Position along a Hilbert curve: near in the plane is near along the curve, so junctions that are
//! searched together share cache lines.

/// Index of the cell `(x, y)` on the curve through a grid of 2^32 x 2^32 cells.
///
/// The classic bit-by-bit construction (Warren, Hacker's Delight, 16-1).
pub(super) fn index(mut x: u32, mut y: u32) -> u64 {
    let mut along = 0u64;
    for bit in (0..32).rev() {
        let (right, up) = (x >> bit & 1, y >> bit & 1);
        along = along << 2 | u64::from((3 * right) ^ up);
        if up == 0 {
            if right == 1 {
                (x, y) = (!x, !y);
            }
            (x, y) = (y, x);
        }
    }
    along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_on_the_curve_are_neighbours_in_the_plane() {
        let mut cells: Vec<(u32, u32)> = (0..32).flat_map(|x| (0..32).map(move |y| (x, y))).collect();
        cells.sort_by_key(|&(x, y)| index(x, y));
        for pair in cells.windows(2) {
            let step = pair[0].0.abs_diff(pair[1].0) + pair[0].1.abs_diff(pair[1].1);
            assert_eq!(step, 1, "{pair:?}");
        }
    }
}
