//! Where PostgreSQL's programs are.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PrivatePgError;

const DEBIAN_ROOT: &str = "/usr/lib/postgresql";

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone)]
pub struct Binaries {
    pub dir: PathBuf,
    pub major: u32,
}

impl Binaries {
    /// The newest version found; where a cluster exists, the version that made it.
    pub fn find(cluster: &Path) -> Result<Self, PrivatePgError> {
        let found = candidates();
        match cluster_major(cluster) {
            // Of one version the first that was found.
            None => found.into_iter().min_by_key(|it| Reverse(it.major)).ok_or(PrivatePgError::NoBinaries),
            Some(_) if found.is_empty() => Err(PrivatePgError::NoBinaries),
            Some(cluster_major) => found.into_iter().find(|it| it.major == cluster_major).ok_or_else(|| {
                PrivatePgError::NoBinariesOfVersion { cluster: cluster.to_owned(), cluster_major }
            }),
        }
    }

    /// The path of a program, such as `initdb`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Debian's builds have lz4; of others it is not known.
    pub fn has_lz4(&self) -> bool {
        self.major >= 15 && self.dir.starts_with(DEBIAN_ROOT)
    }

    /// Whether TimescaleDB is installed for this version.
    pub fn has_timescaledb(&self) -> bool {
        let beside = self.dir.with_file_name("lib");
        let reported = output_path(Command::new(self.program("pg_config")).arg("--pkglibdir"));
        [Some(beside), reported].into_iter().flatten().any(|dir| dir.join("timescaledb.so").is_file())
    }
}

/// Debian's directories stand before PATH, where `postgres` and `initdb` may be wrapper scripts.
fn candidates() -> Vec<Binaries> {
    let debian =
        fs::read_dir(DEBIAN_ROOT).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let reported = output_path(Command::new("pg_config").arg("--bindir"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .chain(reported)
        .chain(std::env::split_paths(&path))
        .filter(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
        .filter_map(|dir| {
            let major = version_of(&dir.join("postgres"))?;
            Some(Binaries { dir, major })
        })
        .collect()
}

fn cluster_major(cluster: &Path) -> Option<u32> {
    let text = fs::read_to_string(cluster.join("PG_VERSION")).ok()?;
    text.trim().parse().ok()
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15.
fn version_of(postgres: &Path) -> Option<u32> {
    let text = output(Command::new(postgres).arg("--version"))?;
    let number = text.split_whitespace().nth(2)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn output_path(command: &mut Command) -> Option<PathBuf> {
    output(command).map(|text| PathBuf::from(OsStr::new(text.trim())))
}

fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
