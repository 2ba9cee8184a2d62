//! Feeds as suppliers send them, and what is reported of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod documented;
mod feeds;
mod suppliers;

use std::path::{Path, PathBuf};

use domain::Lang;
use feed_check::payloads::{self, Found};
use feed_check::{Check, Group, Options, Report};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Both sentences are there in German, and no word of the English ones is left in them.
fn assert_german(group: &Group, what: &str) {
    let (detail, remedy) = (group.fault.detail.sentence(Lang::De), group.fault.advice(Lang::De));
    assert!(detail != group.detail && remedy != group.remedy, "{what}: {detail} {remedy}");
    for text in [detail, remedy] {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).collect();
        for english in ["the", "is", "it", "of", "and", "not", "expected", "with", "Write", "Send"] {
            assert!(!words.contains(&english), "{what}: '{english}' in: {text}");
        }
    }
}

/// What a check of the file or folder says.
fn checked(path: &Path, options: Options) -> Report {
    let mut check = Check::new(options);
    payloads::of_path(path, None, |found| match found {
        Found::Message(message) => check.note(&message),
        Found::Damage(damage) => check.damaged(damage),
    })
    .unwrap();
    check.finish(&path.strip_prefix(root()).unwrap_or(path).display().to_string())
}
