//! Bounding boxes of the Laender, to detect impossible positions.

use domain::geo::Bbox;
use domain::holidays::Land;

/// The box around a Land, islands included, rounded outwards to tenths of a degree (extents of the
/// Bundesamt fuer Kartographie und Geodaesie's Verwaltungsgebiete, VG250).
pub(super) fn extent(land: Land) -> Bbox {
    let [west, south, east, north] = match land {
        Land::Bb => [11.2, 51.3, 14.8, 53.6],
        Land::Be => [13.0, 52.3, 13.8, 52.7],
        Land::Bw => [7.5, 47.5, 10.5, 49.8],
        Land::By => [8.9, 47.2, 13.9, 50.6],
        Land::Hb => [8.4, 53.0, 9.0, 53.7],
        Land::He => [7.7, 49.3, 10.3, 51.7],
        Land::Hh => [8.4, 53.3, 10.4, 54.0],
        Land::Mv => [10.5, 53.1, 14.5, 54.7],
        Land::Ni => [6.3, 51.2, 11.6, 54.0],
        Land::Nw => [5.8, 50.3, 9.5, 52.6],
        Land::Rp => [6.1, 48.9, 8.6, 51.0],
        Land::Sh => [7.8, 53.3, 11.4, 55.1],
        Land::Sl => [6.3, 49.1, 7.5, 49.7],
        Land::Sn => [11.8, 50.1, 15.1, 51.7],
        Land::St => [10.5, 50.9, 13.2, 53.1],
        Land::Th => [9.8, 50.2, 12.7, 51.7],
    };
    Bbox { west, south, east, north }
}
