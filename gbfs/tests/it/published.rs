//! Feeds of operators and of other projects' tests, beside the repository: what is taken of each file, and what is refused and why.

use std::fs;
use std::path::{Path, PathBuf};

use gbfs::{FileKind, Files};

use crate::report::{self, OPTIONS};

/// Which file of a feed it is by its name.
fn kind(name: &str) -> Option<FileKind> {
    let bare = name.trim_end_matches(".json");
    let known = FileKind::OF_A_SYSTEM.iter().find(|file| bare.starts_with(file.as_str())).copied();
    known.or_else(|| bare.starts_with("free_bike_status").then_some(FileKind::VehicleStatus))
}

fn folder(path: &Path) -> String {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // As a feed is read: what others refer to first.
    names.sort_by_key(|name| (kind(name), name.clone()));
    let mut files = Files::default();
    let mut text = String::new();
    for name in names {
        let body = fs::read(path.join(&name)).unwrap();
        text += &match kind(&name) {
            Some(file) => report::file(&name, file, &files.read(file, &body, &OPTIONS)),
            None if name == "gbfs.json" || name == "manifest.json" => report::entry(&name, &body),
            // Hours, calendars, alerts, regions, versions.
            None => format!("{name}: not read\n"),
        };
    }
    text + "\n" + &report::system(&files)
}

#[test]
fn published_feeds_are_read_and_their_faults_named() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/gbfs"));
    let Ok(entries) = fs::read_dir(&root) else {
        return eprintln!("SKIPPED: {} is not there, so no published feed was read", root.display());
    };
    let mut read = 0;
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        insta::assert_snapshot!(name, folder(&path));
        read += 1;
    }
    assert!(read >= 12, "{read}");
}
