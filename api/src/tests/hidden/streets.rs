//! Streets for the random towns: a grid, so that journeys end at their places to park.

use std::sync::{Arc, LazyLock};

use journey::area::Area;
use journey::streets::osm::{Coord, OsmData, OsmWay, Tags};

use super::super::fixture::{County, WARENDORF};

/// Junctions on each side of the grid, about 100 m apart.
const SIDE: i64 = 25;
const ROW_LAT: f64 = 0.000_9;
const COLUMN_LON: f64 = 0.001_46;

fn grid() -> OsmData {
    let mut data = OsmData::default();
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (north, east) = ((row - SIDE / 2) as f64, (column - SIDE / 2) as f64);
            let at = Coord::from_degrees(
                WARENDORF.lat + north * ROW_LAT,
                WARENDORF.lon + east * COLUMN_LON + 0.000_1,
            );
            data.nodes.insert(SIDE * row + column, at);
        }
    }
    for line in 0..SIDE {
        let across = (0..SIDE).map(|at| SIDE * line + at).collect();
        let along = (0..SIDE).map(|at| SIDE * at + line).collect();
        for nodes in [across, along] {
            let id = data.ways.len() as i64 + 1;
            data.ways.push(OsmWay { id, nodes, tags: Tags::new([("highway", "residential")]) });
        }
    }
    data
}

/// Gives the county the streets.
pub fn lay(county: &County) {
    static AREA: LazyLock<Arc<Area>> = LazyLock::new(|| {
        let feeds: [&std::path::Path; 0] = [];
        Arc::new(Area::of(grid(), &feeds, &mut |_| ()).expect("streets").0)
    });
    let registry = county.hub.read().map.registry().clone();
    county.app.journeys.replace_area(AREA.clone(), &registry);
}
