//! What the program writes is for the user who runs it, whatever their umask.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::{Instance, eventually};

/// Modes of everything in `dir` that others may use.
fn open_to_others(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // The server renames and removes files while we look.
        let Ok(meta) = path.symlink_metadata() else { continue };
        if meta.mode() & 0o077 != 0 {
            found.push(format!("{:o} {}", meta.mode() & 0o7777, path.display()));
        }
        if meta.is_dir() {
            found.extend(open_to_others(&path));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_data_directory_of_a_demo_is_open_to_other_users() {
    let mut demo = Instance::run(&["demo", "--http", "127.0.0.1:0", "--mqtt-listen", "127.0.0.1:0"]).await;
    eventually("the broker keeps sessions", || async { demo.data().join("mqtt").is_dir().then_some(()) })
        .await;
    let mode = demo.data().metadata().unwrap().mode() & 0o7777;
    // The database of root runs as another user, whose group passes through.
    let expected = if nix::unistd::geteuid().is_root() { 0o710 } else { 0o700 };
    assert_eq!(mode, expected, "{mode:o}");
    assert_eq!(open_to_others(&demo.data()), [""; 0]);
    for written in
        ["journey.kvj", "mqtt-client-id", "postgres.log", "lock", "orders.txt", "places/sensors.csv"]
    {
        assert!(demo.data().join(written).is_file(), "{written}");
    }
    // A stop writes what the broker holds.
    demo.end().await;
    assert_eq!(open_to_others(&demo.data()), [""; 0]);
}
