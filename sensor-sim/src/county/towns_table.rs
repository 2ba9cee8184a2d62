//! The municipalities of the sample county: invented names and keys, a real-looking map.

use super::Municipality;

/// Index of the county itself; it owns buses, trains and park-and-ride.
pub(super) const COUNTY: usize = 0;
/// Index of the largest town.
pub(super) const COUNTY_TOWN: usize = 1;

pub(super) const MUNICIPALITIES: &[Municipality] = &[
    town("steverland", "Kreis Steverland", "05999", 51.8900, 7.2500, true),
    town("steverstadt", "Steverstadt", "05999001", 51.9440, 7.1680, true),
    town("holtkirchen", "Holtkirchen", "05999002", 51.8300, 7.3900, true),
    town("ahlenbrueck", "Ahlenbrück", "05999003", 51.8450, 7.2150, false),
    town("bergheide", "Bergheide", "05999004", 51.9750, 7.3300, false),
    town("wesselrode", "Wesselrode", "05999005", 51.7690, 7.4430, true),
    town("niendorf", "Niendorf an der Stever", "05999006", 51.7900, 7.2800, false),
    town("heidkamp", "Heidkamp", "05999007", 52.0100, 7.0400, false),
];

const fn town(
    slug: &'static str,
    name: &'static str,
    ags: &'static str,
    lat: f64,
    lon: f64,
    public_planning: bool,
) -> Municipality {
    Municipality { slug, name, ags, lat, lon, public_planning }
}
