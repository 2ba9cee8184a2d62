//! The sample data beside the checkout, where it is.

use std::path::{Path, PathBuf};

use domain::UtcMicros;
use places::history::{self, Mapping};

fn shared(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/parking").join(name);
    if !file.exists() {
        eprintln!("SKIPPED: {} is not there", file.display());
        return None;
    }
    Some(file)
}

#[test]
fn birmingham_is_read_without_a_problem() {
    let Some(file) = shared("birmingham_train.csv") else { return };
    let mapping_file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/history/birmingham.toml");
    let mapping = Mapping::parse(&mapping_file, &std::fs::read_to_string(&mapping_file).unwrap()).unwrap();
    let read = history::read(&[file], &mapping, UtcMicros(i64::MAX), |_| {});
    assert_eq!(*read.problems, []);
    assert_eq!(read.series.len(), 29);
    // Local summer time: 8:00 in Birmingham on 4 October.
    assert!(read.series.iter().all(|s| s.readings[0].0.to_string() == "2016-10-04T07:00:00Z"));
}
