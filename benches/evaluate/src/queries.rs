//! Queries from CSV files: with commas or semicolons, columns by name.

use std::path::Path;

use anyhow::{Context, Result, bail};
use csv::StringRecord;
use domain::geo::LatLon;
use serde_json::Value;

/// Departures later than this are a slip of the pen, seconds.
const LATEST_S: i32 = 7 * 86_400;
/// Names that the columns of a pair of coordinates may have; or `from` and `to`, each as `LAT,LON`.
const SPELLINGS: [[&str; 4]; 5] = [
    ["from_lat", "from_lon", "to_lat", "to_lon"],
    ["lat1", "lon1", "lat2", "lon2"],
    ["flat", "flon", "tlat", "tlon"],
    ["origin_lat", "origin_lon", "destination_lat", "destination_lon"],
    ["lat_from", "lon_from", "lat_to", "lon_to"],
];

/// A query between coordinates.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) q: String,
    pub(crate) from: LatLon,
    pub(crate) to: LatLon,
}

/// A query from stop to stop.
#[derive(Debug, Clone)]
pub(crate) struct StopPair {
    /// Its name: a number where it is one; else the row's number from 0.
    pub(crate) q: Value,
    pub(crate) from: String,
    pub(crate) to: String,
    /// Departure, seconds after midnight.
    pub(crate) dep: i32,
    /// Line in the file.
    pub(crate) line: u64,
}

/// Reads the file `path` as pairs of coordinates.
///
/// # Errors
/// The file cannot be read, a column is missing, or a value is no coordinate: with its line.
pub(crate) fn pairs(path: &Path) -> Result<Vec<Pair>> {
    read(path, parse_pairs)
}

/// Reads the file `path` with the columns `from,to,dep` and optionally `q`.
///
/// # Errors
/// The file cannot be read, a column is missing, or a value is no time: with its line.
pub(crate) fn stop_pairs(path: &Path) -> Result<Vec<StopPair>> {
    read(path, parse_stop_pairs)
}

fn read<T>(path: &Path, parse: impl FnOnce(&Table) -> Result<T>) -> Result<T> {
    let text = places::read_regular(path).with_context(|| format!("{}", path.display()))?;
    Table::new(&text).and_then(|table| parse(&table)).with_context(|| format!("{}", path.display()))
}

fn parse_pairs(table: &Table) -> Result<Vec<Pair>> {
    let columns =
        |names: &[&str]| names.iter().map(|name| table.column(name)).collect::<Option<Vec<usize>>>();
    let of_both = SPELLINGS.iter().find_map(|names| columns(names)).or_else(|| columns(&["from", "to"]));
    let Some(of_both) = of_both else {
        bail!("line 1: needs the columns {}; it has {}", SPELLINGS[0].join(","), table.columns.join(","));
    };
    let name = table.column("q");
    let rows = table.rows.iter().zip(1..).map(|(row, number)| {
        let position = |columns: &[usize]| {
            let text = columns.iter().map(|column| field(row, *column)).collect::<Vec<_>>().join(",");
            let (lat, lon) = text.split_once([',', ' '])?;
            LatLon::new(lat.trim().parse().ok()?, lon.trim().parse().ok()?)
        };
        let (from, to) = of_both.split_at(of_both.len() / 2);
        let (Some(from), Some(to)) = (position(from), position(to)) else {
            bail!(
                "line {}: is no pair of coordinates (latitude -90 to 90, longitude -180 to 180)",
                line(row)
            );
        };
        let q = name.map_or_else(|| number.to_string(), |column| field(row, column).to_owned());
        Ok(Pair { q, from, to })
    });
    rows.collect()
}

fn parse_stop_pairs(table: &Table) -> Result<Vec<StopPair>> {
    let columns = (table.column("from"), table.column("to"), table.column("dep"));
    let (Some(from), Some(to), Some(dep)) = columns else {
        bail!("line 1: needs the columns from,to,dep; it has {}", table.columns.join(","));
    };
    let name = table.column("q");
    let rows = table.rows.iter().enumerate().map(|(number, row)| {
        let (line, text) = (line(row), field(row, dep));
        let Some(time) = text.parse().ok().filter(|s| (0..=LATEST_S).contains(s)) else {
            bail!("line {line}: dep '{text}': give seconds after midnight, 0 to {LATEST_S}");
        };
        let q = match name.map(|column| field(row, column)) {
            Some(text) => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
            None => Value::from(number),
        };
        let [from, to] = [from, to].map(|column| field(row, column).to_owned());
        Ok(StopPair { q, from, to, dep: time, line })
    });
    rows.collect()
}

/// Rows under the names of their columns, in lower case.
struct Table {
    columns: Vec<String>,
    rows: Vec<StringRecord>,
}

impl Table {
    fn new(text: &str) -> Result<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let head = text.lines().next().unwrap_or_default();
        let delimiter = if head.contains(';') && !head.contains(',') { b';' } else { b',' };
        let mut options = csv::ReaderBuilder::new();
        let options = options.delimiter(delimiter).trim(csv::Trim::All).flexible(true);
        let mut reader = options.from_reader(text.as_bytes());
        let columns = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        Ok(Table { columns, rows: reader.records().collect::<Result<_, _>>()? })
    }

    fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// The value in a column; empty in a short row.
fn field(row: &StringRecord, column: usize) -> &str {
    row.get(column).unwrap_or_default()
}

fn line(row: &StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Result<Vec<Pair>> {
        Table::new(text).and_then(|table| parse_pairs(&table))
    }

    fn stop_pairs(text: &str) -> Result<Vec<StopPair>> {
        Table::new(text).and_then(|table| parse_stop_pairs(&table))
    }

    #[test]
    fn takes_several_spellings() {
        let expected = (LatLon { lat: 1.5, lon: 2.0 }, LatLon { lat: 3.0, lon: -4.0 });
        for text in [
            "q,from_lat,from_lon,to_lat,to_lon\na,1.5,2,3,-4\n",
            "\u{feff}q;lat1;lon1;lat2;lon2\na;1.5;2;3;-4\n",
            "q,from,to\na,\"1.5,2\",\"3, -4\"\n",
        ] {
            let pairs = pairs(text).unwrap();
            assert_eq!((pairs[0].from, pairs[0].to), expected, "{text}");
            assert_eq!(pairs[0].q, "a");
        }
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = pairs("from_lat,from_lon,to_lat,to_lon\n1,2,3,4\n91,2,3,4\n").unwrap_err();
        assert!(error.to_string().starts_with("line 3:"), "{error}");
        assert!(pairs("a,b\n1,2\n").unwrap_err().to_string().contains("from_lat"));
    }

    #[test]
    fn names_are_optional() {
        let named = stop_pairs("q,from,to,dep\n7,A,B,60\nx,A,B,0\n").unwrap();
        assert_eq!((&named[0].q, &named[1].q), (&Value::from(7), &Value::from("x")));
        let unnamed = stop_pairs("\u{feff}from;to;dep\nA;B;60\nB;A;61\n").unwrap();
        assert_eq!((&unnamed[1].q, unnamed[1].dep, unnamed[1].line), (&Value::from(1), 61, 3));
    }

    #[test]
    fn errors_name_the_line() {
        assert!(stop_pairs("from,to\nA,B\n").unwrap_err().to_string().contains("line 1"));
        let error = stop_pairs("from,to,dep\nA,B,1\nA,B,07:00\n").unwrap_err().to_string();
        assert!(error.contains("line 3: dep '07:00'"));
    }
}
