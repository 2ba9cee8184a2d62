//! Pairs of coordinates from a CSV file.

use std::path::Path;

use anyhow::{Result, bail};
use domain::geo::LatLon;

use super::table::{self, Table};

/// One query: its name, from where, to where.
#[derive(Debug, Clone)]
pub struct Pair {
    pub q: String,
    pub from: LatLon,
    pub to: LatLon,
}

/// Names that the four columns may have.
const SPELLINGS: [[&str; 4]; 5] = [
    ["from_lat", "from_lon", "to_lat", "to_lon"],
    ["lat1", "lon1", "lat2", "lon2"],
    ["flat", "flon", "tlat", "tlon"],
    ["origin_lat", "origin_lon", "destination_lat", "destination_lon"],
    ["lat_from", "lon_from", "lat_to", "lon_to"],
];

enum Columns {
    Four([usize; 4]),
    /// Each position as `LAT,LON` in one field.
    Two([usize; 2]),
}

/// Reads a file of pairs, with commas or semicolons.
///
/// # Errors
/// The file cannot be read, a column is missing, or a value is no coordinate: with its line.
pub fn read(path: &Path) -> Result<Vec<Pair>> {
    table::read(path, parse)
}

fn parse(text: &str) -> Result<Vec<Pair>> {
    let mut table = Table::new(text)?;
    let find = |name: &str| table.column(name);
    let columns = SPELLINGS
        .iter()
        .find_map(|names| {
            let all: Vec<usize> = names.iter().filter_map(|name| find(name)).collect();
            <[usize; 4]>::try_from(all).ok().map(Columns::Four)
        })
        .or_else(|| Some(Columns::Two([find("from")?, find("to")?])));
    let Some(columns) = columns else {
        bail!("line 1: needs the columns {}; it has {}", SPELLINGS[0].join(","), table.columns.join(","));
    };
    let name = find("q");
    let mut pairs = Vec::new();
    for (number, row) in table.rows().enumerate() {
        let row = row?;
        let line = row.line;
        let field = |column: usize| row.field(column);
        let (from, to) = match columns {
            Columns::Four([a, b, c, d]) => (position(field(a), field(b)), position(field(c), field(d))),
            Columns::Two([from, to]) => (joined(field(from)), joined(field(to))),
        };
        let (Some(from), Some(to)) = (from, to) else {
            bail!("line {line}: is no pair of coordinates (latitude -90 to 90, longitude -180 to 180)");
        };
        let q = name.map_or_else(|| (number + 1).to_string(), |column| field(column).to_owned());
        pairs.push(Pair { q, from, to });
    }
    Ok(pairs)
}

fn position(lat: &str, lon: &str) -> Option<LatLon> {
    LatLon::new(lat.parse().ok()?, lon.parse().ok()?)
}

fn joined(text: &str) -> Option<LatLon> {
    let (lat, lon) = text.split_once([',', ' '])?;
    position(lat.trim(), lon.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_several_spellings() {
        let expected = (LatLon { lat: 1.5, lon: 2.0 }, LatLon { lat: 3.0, lon: -4.0 });
        for text in [
            "q,from_lat,from_lon,to_lat,to_lon\na,1.5,2,3,-4\n",
            "\u{feff}q;lat1;lon1;lat2;lon2\na;1.5;2;3;-4\n",
            "q,from,to\na,\"1.5,2\",\"3, -4\"\n",
        ] {
            let pairs = parse(text).unwrap();
            assert_eq!((pairs[0].from, pairs[0].to), expected, "{text}");
            assert_eq!(pairs[0].q, "a");
        }
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = parse("from_lat,from_lon,to_lat,to_lon\n1,2,3,4\n91,2,3,4\n").unwrap_err();
        assert!(error.to_string().starts_with("line 3:"), "{error}");
        assert!(parse("a,b\n1,2\n").unwrap_err().to_string().contains("from_lat"));
    }
}
