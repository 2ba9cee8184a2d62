//! The municipalities of the sample county: invented names and keys, a real-looking map.

use super::Municipality;

/// Index of the county itself; it owns buses, trains and park-and-ride.
pub(super) const COUNTY: usize = 0;
/// Index of the largest town.
pub(super) const COUNTY_TOWN: usize = 1;

#[rustfmt::skip]
pub(super) const MUNICIPALITIES: &[Municipality] = &[
    Municipality { slug: "steverland", name: "Kreis Steverland", ags: "05999", lat: 51.8900, lon: 7.2500, public_planning: true },
    Municipality { slug: "steverstadt", name: "Steverstadt", ags: "05999001", lat: 51.9440, lon: 7.1680, public_planning: true },
    Municipality { slug: "holtkirchen", name: "Holtkirchen", ags: "05999002", lat: 51.8300, lon: 7.3900, public_planning: true },
    Municipality { slug: "ahlenbrueck", name: "Ahlenbrück", ags: "05999003", lat: 51.8450, lon: 7.2150, public_planning: false },
    Municipality { slug: "bergheide", name: "Bergheide", ags: "05999004", lat: 51.9750, lon: 7.3300, public_planning: false },
    Municipality { slug: "wesselrode", name: "Wesselrode", ags: "05999005", lat: 51.7690, lon: 7.4430, public_planning: true },
    Municipality { slug: "niendorf", name: "Niendorf an der Stever", ags: "05999006", lat: 51.7900, lon: 7.2800, public_planning: false },
    Municipality { slug: "heidkamp", name: "Heidkamp", ags: "05999007", lat: 52.0100, lon: 7.0400, public_planning: false },
];
