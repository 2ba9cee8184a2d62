//! The paths of the database under the data directory, and its address.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::PrivatePgError;

/// The role that owns everything and the name of the database.
pub const NAME: &str = "kreisverkehr";
/// The directory of the cluster, in the data directory.
pub const CLUSTER: &str = "postgres";
/// Only part of the socket's file name: the server listens to no network.
pub const PORT: u16 = 5432;

/// What fits into `sockaddr_un.sun_path` with its closing zero.
const SOCKET_PATH_MAX_BYTES: usize = 107;

/// Where everything of one private server is.
#[derive(Debug, Clone)]
pub struct Paths {
    pub data_dir: PathBuf,
    /// The cluster (`PGDATA`).
    pub cluster: PathBuf,
    /// Our settings, rewritten at each start; `postgresql.conf` includes them.
    pub settings: PathBuf,
    pub log: PathBuf,
    pub socket_dir: PathBuf,
}

impl Paths {
    /// `data_dir` must exist.
    pub fn of(data_dir: &Path) -> Result<Self, PrivatePgError> {
        let data_dir = data_dir.canonicalize().map_err(PrivatePgError::io("find", data_dir))?;
        Ok(Self {
            cluster: data_dir.join(CLUSTER),
            settings: data_dir.join("postgres.conf"),
            log: data_dir.join("postgres.log"),
            socket_dir: socket_dir(&data_dir),
            data_dir,
        })
    }

    /// An address for sqlx as well as for libpq (psql, pg_dump). The port stands in it because both would else take
    /// it from PGPORT.
    pub fn url(&self) -> String {
        self.url_of(NAME)
    }

    /// What PostgreSQL writes beside its socket.
    pub fn socket_lock_file(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{PORT}.lock"))
    }

    /// The same address for another database.
    pub fn url_of(&self, database: &str) -> String {
        let socket_dir = percent_encoded(&self.socket_dir);
        format!("postgres://{NAME}@localhost:{PORT}/{database}?host={socket_dir}")
    }
}

/// `{data_dir}/run`, or a short one in `/tmp` where the kernel's limit forbids that. Not in `$TMPDIR` or
/// `$XDG_RUNTIME_DIR`: each process that looks for the database must come to the same place.
fn socket_dir(data_dir: &Path) -> PathBuf {
    let inside = data_dir.join("run");
    let socket = inside.join(format!(".s.PGSQL.{PORT}"));
    if socket.as_os_str().len() <= SOCKET_PATH_MAX_BYTES {
        return inside;
    }
    PathBuf::from(format!("/tmp/kreisverkehr-{:016x}", fnv1a(data_dir.as_os_str().as_bytes())))
}

/// FNV-1a, 64 bit: the same in every build, which the standard library's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What is written as `%XX` in the path of an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn percent_encoded(path: &Path) -> String {
    percent_encode(path.as_os_str().as_bytes(), ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_dir_is_short_enough_whatever_the_data_dir() {
        assert_eq!(socket_dir(Path::new("/data")), Path::new("/data/run"));
        let long = PathBuf::from("/").join("d".repeat(200));
        let other = PathBuf::from("/").join("e".repeat(200));
        assert!(socket_dir(&long).starts_with("/tmp"));
        assert_eq!(socket_dir(&long), socket_dir(&long));
        assert_ne!(socket_dir(&long), socket_dir(&other));
    }

    #[test]
    fn odd_paths_are_percent_encoded() {
        assert_eq!(percent_encoded(Path::new("/a b+ü%/run")), "/a%20b%2B%C3%BC%25/run");
    }
}
