//! Files and links that the documents name exist.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file and folder of the repository, from its root.
fn everything() -> Vec<String> {
    const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().is_some_and(|name| NOT_OURS.iter().any(|not| *name == **not)) {
                continue;
            }
            let slash = if path.is_dir() { "/" } else { "" };
            found.push(format!("{}{slash}", path.strip_prefix(root()).unwrap().display()));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

fn documents() -> Vec<(PathBuf, String)> {
    let is_document = |path: &&String| path.ends_with(".md") && !path.starts_with("fuzz");
    let paths = everything();
    let documents = paths.iter().filter(is_document).map(|path| {
        let path = root().join(path);
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    });
    documents.collect()
}

/// What looks like a file or folder of ours among the words of a text.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || "/._-".contains(c);
    text.split(move |c: char| !is_part(c)).map(|word| word.trim_end_matches('.')).filter(|word| {
        let of_code = word.ends_with(".rs") || word.ends_with(".sql") || word.ends_with(".js");
        let folder = word.ends_with('/') && word.len() > 1 && word.chars().any(char::is_alphabetic);
        (of_code || folder) && !word.starts_with('/')
    })
}

fn is_there(all: &[String], within: &str, name: &str) -> bool {
    all.iter().any(|path| path.starts_with(within) && (path == name || path.ends_with(&format!("/{name}"))))
}

#[test]
fn the_map_of_the_architecture_names_what_is_there() {
    let all = everything();
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).unwrap();
    let map = text.split("```").nth(1).unwrap();
    let mut within = String::new();
    let mut checked = 0;
    for line in map.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with(' ') {
            within = line.split_whitespace().next().unwrap().to_owned();
            assert!(all.contains(&within), "at the root there is no {within}");
        }
        for name in named(line) {
            checked += 1;
            // `domain/src/x.rs` from the root, `x.rs` somewhere in the crate.
            let found = is_there(&all, &within, name) || all.iter().any(|path| path == name);
            assert!(found, "in {within} there is no {name}: {line}");
        }
    }
    assert!(checked > 40, "{checked}");
    // And each crate and folder of code is on it.
    for entry in &all {
        let is_top = entry.ends_with('/') && entry.matches('/').count() == 1 && !entry.starts_with('.');
        let has_code = is_top && all.iter().any(|path| path.starts_with(entry) && path.ends_with(".rs"));
        let on_map = map.lines().any(|line| line.starts_with(entry.as_str()));
        assert!(!has_code || on_map, "{entry} is not on the map");
    }
}

#[test]
fn files_named_in_texts_are_there() {
    let all = everything();
    for (path, text) in documents() {
        // It names files of earlier versions.
        if path.ends_with("CHANGELOG.md") {
            continue;
        }
        let prose: String = text.split("```").step_by(2).collect();
        let quoted = prose.split('`').skip(1).step_by(2);
        for name in quoted.flat_map(named).filter(|name| name.ends_with(".rs")) {
            assert!(is_there(&all, "", name), "{}: there is no {name}", path.display());
        }
    }
}

/// The address that a heading gets.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
        .collect::<String>();
    kept.trim().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    let anchors: HashMap<&Path, Vec<String>> = documents
        .iter()
        .map(|(path, text)| {
            let headings = text.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
            (path.as_path(), headings.map(anchor).collect())
        })
        .collect();
    let mut checked = 0;
    for (path, text) in &documents {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let target = target.canonicalize().unwrap_or_else(|_| panic!("{}: no {link}", path.display()));
            if !fragment.is_empty() {
                let known =
                    anchors.get(target.as_path()).is_some_and(|all| all.iter().any(|a| a == fragment));
                assert!(known, "{}: no heading {link}", path.display());
            }
        }
    }
    assert!(checked > 50, "{checked}");
}

/// The functions of the sources that are tests: an attribute that says so stands in the lines before.
fn tests() -> std::collections::HashSet<String> {
    let mut found = std::collections::HashSet::new();
    for path in everything().iter().filter(|path| path.ends_with(".rs")) {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (n, line) in lines.iter().enumerate() {
            let words = line.trim().trim_start_matches("async ").strip_prefix("fn ");
            let Some((name, _)) = words.and_then(|rest| rest.split_once('(')) else { continue };
            let before = lines[n.saturating_sub(4)..n].iter().map(|line| line.trim());
            if before.clone().any(|line| line == "#[test]" || line.starts_with("#[tokio::test")) {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

/// The last cell of each row of the first table after `heading`: names of tests or of files.
fn names_of_tests(document: &str, heading: &str) {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let (tests, all) = (tests(), everything());
    let (_, below) = text.split_once(heading).unwrap();
    let below = below.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<&str> = below.take_while(|line| line.starts_with('|')).skip(2).collect();
    assert!(rows.len() >= 15, "the table is gone");
    for row in rows {
        let shown = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(tests.contains(name) || all.iter().any(|path| path == name), "there is no {name}: {row}");
        }
    }
}

#[test]
fn every_threat_names_a_test_that_there_is() {
    names_of_tests("docs/THREATS.md", "");
}

#[test]
fn every_invariant_names_a_test_that_there_is() {
    names_of_tests("docs/ARCHITECTURE.md", "## Invariants");
}
