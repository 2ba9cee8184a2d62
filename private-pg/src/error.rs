use std::io;
use std::path::{Path, PathBuf};

/// Why the private PostgreSQL cannot be used. Every message says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum PrivatePgError {
    #[error(
        "no PostgreSQL server found (looked in /usr/lib/postgresql/*/bin, at `pg_config --bindir` and in PATH for \
         initdb and postgres): run `apt-get install postgresql`, or name a database with --database-url"
    )]
    NoBinaries,

    #[error(
        "{cluster} was made by PostgreSQL {cluster_major}, and no binaries of that version were found: run \
         `apt-get install postgresql-{cluster_major}`, or bring it to a newer version with pg_upgrade"
    )]
    NoBinariesOfVersion { cluster: PathBuf, cluster_major: u32 },

    #[error(
        "PostgreSQL refuses to run as root, and this system has no user `{user}` to run it as: run \
         `apt-get install postgresql`, or start as an ordinary user"
    )]
    NoAccount { user: &'static str },

    #[error(
        "user id {uid} has no name on this machine, and PostgreSQL runs as named users only: add it to /etc/passwd, or \
         name a database with --database-url"
    )]
    NamelessUser { uid: u32 },

    #[error(
        "the data directory {dir} is shared by all users of this machine (its mode has the sticky bit): name a \
         directory in it, e.g. --data-dir {dir}/kreisverkehr"
    )]
    SharedDir { dir: PathBuf },

    #[error(
        "the database runs as user `{user}`, who may not enter {dir}: run `chmod o+x {dir}`, or choose another \
         place with --data-dir"
    )]
    NotEnterable { dir: PathBuf, user: String },

    #[error(
        "the data directory {data_dir} is in use by another kreisverkehr ({owner}): stop that one, or choose \
         another place with --data-dir"
    )]
    InUse { data_dir: PathBuf, owner: String },

    #[error(
        "the socket directory {dir} belongs to somebody else or may be entered by others: remove it, or choose a \
         shorter --data-dir so that it is not needed"
    )]
    UnsafeSocketDir { dir: PathBuf },

    #[error("cannot {action} {path}: {source}")]
    Io { action: &'static str, path: PathBuf, source: io::Error },

    #[error("`{program}` failed ({status}): {output}")]
    Command { program: PathBuf, status: String, output: String },

    #[error("PostgreSQL stopped while starting; the end of {log}:\n{tail}")]
    ServerExited { log: PathBuf, tail: String },

    #[error("PostgreSQL did not accept connections within {waited_s} s (last answer: {last}); see {log}")]
    NotReady { waited_s: u64, last: String, log: PathBuf },

    #[error("cannot use the private PostgreSQL at {socket_dir}: {source}")]
    Connect { socket_dir: PathBuf, source: sqlx::Error },

    #[error("process {pid} of the private PostgreSQL does not stop, not even by SIGKILL: see {log}")]
    Unstoppable { pid: i32, log: PathBuf },

    #[error("the private PostgreSQL is being stopped")]
    Stopping,
}

impl PrivatePgError {
    /// For `map_err` on file operations: says what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
