//! Faulty files with their expected results.

use std::path::{Path, PathBuf};

use domain::catalogue::Catalogue;
use places::{FileProblem, read, remarks, settle, validate};
use serde_json::Value;

use crate::support::now;

#[derive(Debug, PartialEq)]
enum Outcome {
    Refused(Vec<FileProblem>),
    Remarked(Vec<FileProblem>),
    Accepted,
}

fn import(folder: &Path, known: &Catalogue) -> Outcome {
    let mut files = match read(&[folder.to_owned()]) {
        Ok(files) => files,
        Err(problems) => return Outcome::Refused(problems.to_vec()),
    };
    settle(&mut files, known);
    let problems = validate(&files, known, now());
    if !problems.is_empty() {
        return Outcome::Refused(problems.to_vec());
    }
    let notes = [files.notes.to_vec(), remarks(&files, known, now()).to_vec()].concat();
    if notes.is_empty() { Outcome::Accepted } else { Outcome::Remarked(notes) }
}

#[test]
fn each_sample_is_refused_remarked_or_taken_as_expected() {
    let samples = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/cases"));
    let Ok(index) = std::fs::read_to_string(samples.join("imports/index.json")) else {
        return eprintln!("SKIPPED: there are no samples at {}", samples.display());
    };
    let mut there = read(&[samples.join("places")]).unwrap();
    settle(&mut there, &Catalogue::default());
    let known = there.into_catalogue();
    let index: Vec<Value> = serde_json::from_str(&index).unwrap();
    let mut judged = 0;
    for sample in &index {
        let [id, expected] = ["id", "expect"].map(|key| sample[key].as_str().unwrap());
        // What is expected of the product at a later time is not for an import to show.
        if !["refused", "taken", "import warns"].iter().any(|word| expected.starts_with(word)) {
            continue;
        }
        judged += 1;
        let says = |words: &[&str]| words.iter().any(|word| expected.contains(word));
        let fits = match import(&samples.join("imports").join(id), &known) {
            Outcome::Refused(problems) => {
                assert!(problems.iter().all(|p| !p.remedy.is_empty()), "{id}: {problems:?}");
                says(&["refused", "remedy"])
            }
            Outcome::Remarked(_) => says(&["warn"]),
            Outcome::Accepted => says(&["taken", "position lies at"]),
        };
        assert!(fits, "{id}: expected: {expected}");
    }
    assert!(judged >= 8, "of {} samples only {judged} say what an import does", index.len());
}
