//! Feeds as suppliers send them, and what is reported of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod documented;
mod feeds;
mod suppliers;

use std::path::{Path, PathBuf};

use feed_check::payloads::{self, Found};
use feed_check::{Check, Options, Report};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
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
