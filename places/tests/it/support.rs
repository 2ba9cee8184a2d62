//! A folder with files, and what comes of it.

use std::fs;

use domain::UtcMicros;
use domain::catalogue::Catalogue;
use places::{FileProblem, PlaceFiles, read, settle, validate};
use tempfile::TempDir;

/// A town and the county around it.
pub const MUNICIPALITIES: (&str, &str) = (
    "municipalities.csv",
    "slug,name,ags,lat,lon\ncoesfeld,Coesfeld,05558012,51.94,7.17\nduelmen,Dülmen,05558016,51.83,7.28\nkreis,Kreis Coesfeld,05558,,\n",
);

/// A folder that holds these files.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The files' definitions, or the problems as a person reads them, with bare file names.
pub fn read_files(files: &[(&str, &str)]) -> Result<PlaceFiles, String> {
    let folder = folder(files);
    read(&[folder.path().to_owned()]).map_err(|problems| shown(&folder, &problems))
}

/// The problems of files that read well but do not fit; `known` exists already.
pub fn misfits(files: &[(&str, &str)], known: &Catalogue) -> String {
    let folder = folder(files);
    let mut files = read(&[folder.path().to_owned()]).unwrap_or_else(|e| panic!("{}", shown(&folder, &e)));
    settle(&mut files, known);
    shown(&folder, &validate(&files, known, now()))
}

/// Warnings about valid files.
pub fn remarks(files: &[(&str, &str)], known: &Catalogue) -> String {
    let folder = folder(files);
    let mut files = read(&[folder.path().to_owned()]).unwrap_or_else(|e| panic!("{}", shown(&folder, &e)));
    settle(&mut files, known);
    assert_eq!(*validate(&files, known, now()), []);
    shown(&folder, &places::remarks(&files, known, now()))
}

/// What is there once `files` are imported.
pub fn existing(files: &[(&str, &str)]) -> Catalogue {
    let mut files = read_files(files).unwrap_or_else(|problems| panic!("{problems}"));
    settle(&mut files, &Catalogue::default());
    assert_eq!(*validate(&files, &Catalogue::default(), now()), []);
    definitions(files)
}

/// The bare definitions.
pub fn definitions(files: PlaceFiles) -> Catalogue {
    files.into_catalogue()
}

/// When the imports of these tests happen.
pub fn now() -> UtcMicros {
    UtcMicros::parse("2026-07-01T00:00:00Z").unwrap()
}

pub fn shown(folder: &TempDir, problems: &[FileProblem]) -> String {
    let texts: Vec<String> = problems.iter().map(FileProblem::to_string).collect();
    texts.join("\n").replace(&format!("{}/", folder.path().display()), "")
}

/// A FeatureCollection, one feature on each line from the second on.
pub fn collection(features: &[&str]) -> String {
    format!("{{\"type\": \"FeatureCollection\", \"features\": [\n{}\n]}}\n", features.join(",\n"))
}

/// A feature at a point in Coesfeld; `properties` without the braces.
pub fn feature(properties: &str) -> String {
    feature_at(properties, "[7.17, 51.94]")
}

pub fn feature_at(properties: &str, position: &str) -> String {
    format!(
        "{{\"type\": \"Feature\", \"properties\": {{{properties}}}, \"geometry\": {{\"type\": \"Point\", \"coordinates\": {position}}}}}"
    )
}
