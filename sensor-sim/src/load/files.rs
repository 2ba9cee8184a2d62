//! The input files of the load's town.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::county::Frame;

/// Slug of the town.
pub const MUNICIPALITY: &str = "loadtown";
/// Id of its one feed.
pub const FEED: &str = "load";

/// Bays in a row, and metres between two.
const ROW: u32 = 500;
const SPACING_M: (f64, f64) = (3.0, 8.0);

/// `load-000001` for bay number 1.
pub(super) fn bay_id(number: u32) -> String {
    format!("load-{number:06}")
}

/// The number of a bay, or `None` when it is not one of the load's.
pub(super) fn bay_number(id: &str) -> Option<u32> {
    id.strip_prefix("load-")?.parse().ok()
}

/// Writes `municipalities.csv`, `bays.geojson` and `feeds.toml` for `bays` bays into `dir`, which
/// is created when missing.
///
/// # Errors
/// The folder or a file cannot be written; the message names the folder.
pub fn write_files(dir: &Path, bays: u32) -> io::Result<()> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(dir)?;
        let town = format!(
            "slug,name,ags,lat,lon,tz,public_planning\n{MUNICIPALITY},Loadtown,05998001,51.6,7.0,Europe/Berlin,false\n"
        );
        fs::write(dir.join("municipalities.csv"), town)?;
        let feed = format!(
            "[[feed]]\nid = \"{FEED}\"\nmunicipality = \"{MUNICIPALITY}\"\nformat = \"native\"\n\
             topic = \"kv/1/{FEED}/#\"\nlicence = \"CC0-1.0\"\nattribution = \"Loadtown\"\n\
             contact = \"load@loadtown.example\"\n"
        );
        fs::write(dir.join("feeds.toml"), feed)?;
        let mut out = BufWriter::new(fs::File::create(dir.join("bays.geojson"))?);
        out.write_all(b"{\"type\":\"FeatureCollection\",\"features\":[\n")?;
        let frame = Frame::new(51.6, 7.0, 0.0);
        for number in 1..=bays {
            let (column, row) = ((number - 1) % ROW, (number - 1) / ROW);
            let [lon, lat] = frame.at(f64::from(column) * SPACING_M.0, f64::from(row) * SPACING_M.1);
            let comma = if number == bays { "" } else { "," };
            writeln!(
                out,
                "{{\"type\":\"Feature\",\"properties\":{{\"id\":\"{}\",\"municipality\":\"{MUNICIPALITY}\"}},\
                 \"geometry\":{{\"type\":\"Point\",\"coordinates\":[{lon},{lat}]}}}}{comma}",
                bay_id(number)
            )?;
        }
        out.write_all(b"]}\n")?;
        out.flush()
    };
    write().map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", dir.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_valid_and_hold_every_bay() {
        let dir = tempfile::tempdir().unwrap();
        write_files(dir.path(), 1_203).unwrap();
        let text = fs::read_to_string(dir.path().join("bays.geojson")).unwrap();
        let bays: serde_json::Value = serde_json::from_str(&text).unwrap();
        let features = bays["features"].as_array().unwrap();
        assert_eq!(features.len(), 1_203);
        assert_eq!(features[1_202]["properties"]["id"], "load-001203");
        assert_eq!(bay_number("load-001203"), Some(1_203));
        let feeds: toml::Table = fs::read_to_string(dir.path().join("feeds.toml")).unwrap().parse().unwrap();
        assert_eq!(feeds["feed"][0]["topic"].as_str(), Some("kv/1/load/#"));
    }
}
