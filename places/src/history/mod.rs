//! Counts of past years, from municipalities' CSV files.
//!
//! A [`Mapping`] (TOML) describes the columns; [`read_counts`] turns files, folders and archives into one series per site.
//! Unreadable values are returned as problems beside it.

mod counts;
mod mapping;
mod source;
mod table;
mod time;

use std::path::PathBuf;

use domain::UtcMicros;
use jiff::tz::TimeZone;

pub use counts::{Count, Counts, DatedCount, History, Series};
pub use mapping::{Code, Column, Mapping, Town, Value};

/// How far reading is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Tables read so far.
    pub tables: u64,
    /// Counts so far.
    pub counts: u64,
}

/// Reads `paths` as vacant spaces: see [`read_counts`].
///
/// `capacity_until`: later counts do not determine the capacity (a test must not look ahead).
pub fn read(
    paths: &[PathBuf],
    mapping: &Mapping,
    capacity_until: UtcMicros,
    progress: impl FnMut(Progress),
) -> History {
    read_counts(paths, mapping, progress).map(|counts| counts.into_vacant(capacity_until))
}

/// Reads `paths`: CSV files, plain or as `.gz` and `.xz`, `.tar` archives of them with the same compression, and folders
/// that hold any of these.
pub fn read_counts(
    paths: &[PathBuf],
    mapping: &Mapping,
    mut progress: impl FnMut(Progress),
) -> History<Counts> {
    let mut history = History::of(mapping.columns.iter().map(|column| Counts {
        site: column.site.clone(),
        name: column.name.clone(),
        capacity: column.capacity,
        rows: Vec::new(),
    }));
    let tz = TimeZone::get(&mapping.tz).unwrap_or(TimeZone::UTC);
    let mut problems = Vec::new();
    for file in source::files(paths, &mut problems) {
        let done = source::tables(&file, |name, bytes| {
            table::read(name, &bytes, mapping, &tz, &mut history);
            history.tables += 1;
            let counts = history.series.iter().map(|counts| counts.rows.len() as u64).sum();
            progress(Progress { tables: history.tables, counts });
        });
        problems.extend(done.err().map(|problem| *problem));
    }
    problems.into_iter().for_each(|problem| history.problem(problem));
    history.series.iter_mut().for_each(Counts::order);
    history
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use domain::forecast::Reading;

    use super::*;

    const MAPPING: &str = r#"
time_column = "Zeit"
time_format = "%Y-%m-%d %H:%M"
tz = "Europe/Berlin"
value = "vacant"
skip_rows = ["Summe"]
capacity_cells = "(N)"
[codes]
ges = "closed"
kei = "none"
besetzt = "full"
[[column]]
name = "PH Süd"
also = ["Süd"]
site = "sued"
[[column]]
name = "Nord"
site = "nord"
"#;

    fn history(files: &[(&str, &str)]) -> History {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mapping = Mapping::parse(Path::new("m.toml"), MAPPING).unwrap();
        read(&[folder.path().to_owned()], &mapping, UtcMicros(i64::MAX), |_| {})
    }

    #[test]
    fn files_of_several_years_become_one_series() {
        let read = history(&[
            (
                "2024.csv",
                "\u{feff}Zeit,Nord,Süd,Neu\n,(40),(90),(7)\n2024-01-01 00:00,ges,besetzt,1\nSumme,1,2,3\n",
            ),
            ("2023.csv", "Zeit,PH Süd\n2023-12-31 23:45,17\n2023-12-31 23:30,kei\n"),
        ]);
        assert_eq!(*read.problems, []);
        assert_eq!(read.unmapped.iter().collect::<Vec<_>>(), ["Neu"]);
        let [sued, nord] = read.series.as_slice() else { panic!("two series") };
        let readings_of: Vec<_> = sued.readings.iter().map(|(at, r)| (at.to_string(), *r)).collect();
        assert_eq!(
            readings_of,
            [
                ("2023-12-31T22:30:00Z".to_owned(), Reading::Unknown),
                ("2023-12-31T22:45:00Z".to_owned(), Reading::Vacant(17)),
                ("2023-12-31T23:00:00Z".to_owned(), Reading::Vacant(0)),
            ]
        );
        assert_eq!((sued.capacity, nord.capacity), (90, 40));
        assert_eq!(nord.readings[0].1, Reading::Closed);
    }

    #[test]
    fn what_cannot_be_read_is_named_and_the_rest_is_read() {
        let read = history(&[
            ("a.csv", "Zeit,Nord\n2024-01-01 00:00,viele\n1.1.2024,3\n2024-01-01 00:30,5\n"),
            ("b.csv", "Datum,Nord\n2024-01-01 00:45,5\n"),
        ]);
        let texts: Vec<String> = read.problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        for (text, parts) in texts.iter().zip([
            ["a.csv:2", "Nord = 'viele'", "[codes]"],
            ["a.csv:3", "Zeit = '1.1.2024'", "time_format"],
            ["b.csv:1", "time_column = 'Zeit'", "Datum | Nord"],
        ]) {
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
        assert_eq!(read.series[1].readings.len(), 1);
    }
}
