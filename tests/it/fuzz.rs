//! The seeds of every fuzz target and small mutations of them: all readers of foreign input survive these, in time.
//! More is tried by `scripts/fuzz`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::Decoder;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Of each seed so many places are changed, and so many cut.
const PLACES: usize = 40;
/// Nothing that fits into a seed may take longer, on a busy machine and without optimisation.
const LIMIT: Duration = Duration::from_secs(20);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = root().join("seeds").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds no seed", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// The seed itself, and one change each: a bit, an end, a digit, a piece that comes twice.
fn around(seed: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let step = seed.len().div_ceil(PLACES).max(1);
    let changed = (0..seed.len()).step_by(step).flat_map(move |at| {
        let with = |byte: u8| [&seed[..at], &[byte], &seed[at + 1..]].concat();
        let bit = 1 << (at / step % 8);
        let twice = [&seed[..at], &seed[at..(at + step).min(seed.len())], &seed[at..]].concat();
        [with(seed[at] ^ bit), with(0xff), with(b'9'), seed[..at].to_vec(), twice]
    });
    std::iter::once(seed.to_vec()).chain(changed)
}

fn survive(targets: &[targets::Target]) {
    let mut failures = Vec::new();
    for target in targets {
        for (path, seed) in seeds(target.name) {
            for input in around(&seed) {
                let began = Instant::now();
                let outcome = std::panic::catch_unwind(|| (target.run)(&input));
                if outcome.is_err() || began.elapsed() > LIMIT {
                    let took = began.elapsed();
                    failures.push(format!(
                        "{} next to {}, {took:.1?}: {input:02x?}",
                        target.name,
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn messages_and_topics_next_to_the_seeds_are_survived() {
    survive(&targets::TARGETS[..targets::MESSAGES]);
}

#[test]
fn files_next_to_the_seeds_are_survived() {
    survive(&targets::TARGETS[targets::MESSAGES..]);
}

#[test]
fn every_target_has_a_binary_and_seeds_and_every_device_a_target() {
    let names: BTreeSet<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let bins = manifest.split("[[bin]]\nname = \"").skip(1).filter_map(|bin| bin.split('"').next());
    assert_eq!(bins.collect::<BTreeSet<_>>(), names);
    let folders: BTreeSet<String> = std::fs::read_dir(root().join("seeds"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders.iter().map(String::as_str).collect::<BTreeSet<_>>(), names);
    for (decoder, target) in Decoder::ALL.iter().zip(targets::TARGETS) {
        assert_eq!(decoder.as_str().replace('-', "_"), target.name);
    }
}
