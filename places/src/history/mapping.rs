//! The mapping of a municipality's columns.

use std::collections::BTreeMap;
use std::path::Path;

use domain::SiteKind;
use domain::holidays::Land;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::problem::FileProblem;
use crate::text_file::Lines;

/// A mapping file; see `docs/history/` for examples.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// One character between cells; comma when left out.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Header of the column with the time.
    pub time_column: String,
    /// How times are written, as in `strftime`, e.g. `%Y-%m-%d %H:%M`.
    pub time_format: String,
    /// IANA zone of the times, e.g. `Europe/Berlin`. In the repeated hour when clocks go back the order of the
    /// rows decides. Not needed where `time_format` holds an offset (`%z`).
    #[serde(default = "utc")]
    pub tz: String,
    /// Whose public holidays the forecast knows, e.g. `NW`.
    pub land: Option<Land>,
    /// What the cells count.
    pub value: Value,
    /// Seconds for which a count holds when no newer one comes; a little under 15 minutes when
    /// left out.
    #[serde(default = "quarter_hour")]
    pub hold_s: u32,
    /// Shown with every answer that rests on the data.
    pub attribution: Option<String>,
    /// Licence of the data, likewise.
    pub licence: Option<String>,
    /// Codes in place of a number.
    #[serde(default)]
    pub codes: BTreeMap<String, Code>,
    /// Rows whose time cell holds one of these texts are skipped.
    #[serde(default)]
    pub skip_rows: Vec<String>,
    /// How a capacity is written in place of a count, with `N` for the number, e.g. `(N)`. A row
    /// with such cells is no row of counts.
    pub capacity_cells: Option<String>,
    /// Whose sites these are, for `--make-sites`.
    pub municipality: Option<Town>,
    /// One for each site.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

/// A municipality that is made when it is not there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Town {
    /// Its short name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Official key: 5, 8 or 12 digits.
    pub ags: String,
    /// Latitude of its centre, degrees (WGS 84): the position of sites without one of their own.
    pub lat: Option<f64>,
    /// Longitude of its centre, degrees.
    pub lon: Option<f64>,
}

/// What a cell counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Vacant spaces.
    Vacant,
    /// Occupied spaces.
    Occupied,
    /// Occupied share of the capacity, 0-1.
    Rate,
}

/// Meaning of a code in place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The site is closed.
    Closed,
    /// No data; also "some are vacant", which is not a count.
    None,
    /// No vacant space.
    Full,
}

/// One site's column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its header.
    pub name: String,
    /// Headers it had in other years.
    #[serde(default)]
    pub also: Vec<String>,
    /// Id of the site.
    pub site: String,
    /// Spaces. Left out: what the files say (`capacity_cells`), else the most that was ever
    /// vacant.
    pub capacity: Option<u32>,
    /// For `--make-sites`: what the site is called; the header when left out.
    pub title: Option<String>,
    /// For `--make-sites`: `car_park` when left out.
    pub kind: Option<SiteKind>,
    /// For `--make-sites`: latitude of where it stands, degrees (WGS 84).
    pub lat: Option<f64>,
    /// Longitude of where it stands, degrees.
    pub lon: Option<f64>,
}

fn comma() -> char {
    ','
}

fn utc() -> String {
    "UTC".to_owned()
}

fn quarter_hour() -> u32 {
    899
}

impl Column {
    /// Whether a header, without spaces around it, is this column's.
    pub fn is_named(&self, header: &str) -> bool {
        self.name == header || self.also.iter().any(|name| name == header)
    }
}

impl Mapping {
    /// Parses the mapping file `file` with the content `text`.
    ///
    /// # Errors
    /// What is wrong with it, with line and remedy.
    pub fn parse(file: &Path, text: &str) -> Result<Mapping, Box<FileProblem>> {
        let mapping: Mapping = toml::from_str(text).map_err(|e| {
            let remedy = "see docs/history/ for examples of every key";
            let line = e.span().map(|span| Lines::of(text).line_at(span.start));
            Box::new(FileProblem { line, ..FileProblem::of_file(file, e.message(), remedy) })
        })?;
        mapping.check(file, text).map_or(Ok(mapping), |problem| Err(Box::new(problem)))
    }

    /// What is wrong with it.
    fn check(&self, file: &Path, text: &str) -> Option<FileProblem> {
        let fault = |key: &str, value: &str, message: &str, remedy: &str| {
            let line = 1 + text.lines().take_while(|l| !(l.contains(key) && l.contains(value))).count();
            Some(FileProblem::of_file(file, message, remedy).line(line as u32).field(key).value(value))
        };
        if !self.delimiter.is_ascii() {
            let delimiter = self.delimiter.to_string();
            return fault("delimiter", &delimiter, "is not an ASCII character", "write , ; or \\t");
        }
        if TimeZone::get(&self.tz).is_err() {
            return fault("tz", &self.tz, "is not a time zone", "write an IANA name such as Europe/Berlin");
        }
        if let Some(pattern) = self.capacity_cells.as_deref().filter(|p| p.matches('N').count() != 1) {
            let remedy = "write N where the number stands, e.g. (N)";
            return fault("capacity_cells", pattern, "has not one N", remedy);
        }
        let is_key = |ags: &str| matches!(ags.len(), 5 | 8 | 12) && ags.bytes().all(|b| b.is_ascii_digit());
        if let Some(town) = self.municipality.as_ref().filter(|town| !is_key(&town.ags)) {
            let remedy = "write its 5, 8 or 12 digits, with leading zeros";
            return fault("ags", &town.ags, "is no official key", remedy);
        }
        for (i, column) in self.columns.iter().enumerate() {
            if column.lat.is_some() != column.lon.is_some() {
                return fault("site", &column.site, "has one of lat and lon", "write both, or none");
            }
            if column.capacity == Some(0) {
                let remedy = "write the number of spaces, or leave it out";
                return fault("capacity", "0", "is no capacity", remedy);
            }
            let before = &self.columns[..i];
            if let Some(twice) = before.iter().find(|other| other.site == column.site) {
                let remedy = format!("give {} other names with also = [...] instead", twice.name);
                return fault("site", &column.site, "stands at two columns", &remedy);
            }
            if before.iter().any(|other| other.is_named(&column.name)) {
                return fault("name", &column.name, "is the name of two columns", "delete one of them");
            }
        }
        let remedy = "write one for each site, with name and site";
        self.columns.is_empty().then(|| FileProblem::of_file(file, "has no [[column]]", remedy))
    }

    /// The number in a cell that states a capacity.
    pub(super) fn capacity_in(&self, cell: &str) -> Option<u32> {
        let (before, after) = self.capacity_cells.as_deref()?.split_once('N')?;
        cell.strip_prefix(before)?.strip_suffix(after)?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "time_column = \"t\"\ntime_format = \"%Y-%m-%d %H:%M\"\ntz = \"Europe/Berlin\"\n\
                        value = \"vacant\"\n[[column]]\nname = \"A\"\nsite = \"a\"\n";

    fn fault(text: &str) -> String {
        Mapping::parse(Path::new("m.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn faults_name_line_value_and_remedy() {
        assert!(Mapping::parse(Path::new("m.toml"), GOOD).is_ok());
        let zone = fault(&GOOD.replace("Europe/Berlin", "Europe/Muenster"));
        assert!(zone.starts_with("m.toml:3: tz = 'Europe/Muenster'") && zone.contains("remedy"), "{zone}");
        let key = fault(&GOOD.replace("value", "worth"));
        assert!(key.starts_with("m.toml:4: ") && key.contains("worth"), "{key}");
        let town = "[municipality]\nslug = \"a\"\nname = \"A\"\nags = \"5515000\"\n";
        let key = fault(&GOOD.replace("[[column]]", &format!("{town}[[column]]")));
        assert!(key.contains("ags = '5515000'") && key.contains("leading zeros"), "{key}");
        let half = fault(&format!("{GOOD}lat = 51.9\n"));
        assert!(half.contains("site = 'a'") && half.contains("lat and lon"), "{half}");
        let twice = fault(&format!("{GOOD}[[column]]\nname = \"B\"\nsite = \"a\"\n"));
        assert!(twice.contains("site = 'a'") && twice.contains("also"), "{twice}");
    }

    #[test]
    fn the_examples_are_mappings() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/history");
        for name in ["muenster.toml", "birmingham.toml"] {
            let file = docs.join(name);
            let text = std::fs::read_to_string(&file).unwrap();
            let mapping = Mapping::parse(&file, &text).unwrap_or_else(|e| panic!("{e}"));
            assert!(mapping.columns.len() >= 17, "{name}");
        }
    }
}
