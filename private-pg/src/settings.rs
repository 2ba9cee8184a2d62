//! PostgreSQL's settings for many small writes on a small machine.

use crate::binaries::Binaries;
use crate::paths::{PORT, Paths};

const PRELOAD: &str = "\nshared_preload_libraries = 'timescaledb'\n";

/// Choices of the operator.
#[derive(Debug, Clone, Copy)]
pub struct PrivatePgSettings {
    /// Load TimescaleDB where it is installed. Off: only if this cluster has been loading it, since its
    /// tables may need it.
    pub timescaledb: bool,
}

impl Default for PrivatePgSettings {
    fn default() -> Self {
        Self { timescaledb: true }
    }
}

impl PrivatePgSettings {
    /// The text of `postgres.conf`.
    pub(crate) fn render(self, binaries: &Binaries, paths: &Paths) -> String {
        let wal_compression = if binaries.has_lz4() { "lz4" } else { "on" };
        let socket_dir = quoted(&paths.socket_dir.to_string_lossy());
        let mut text = format!(
            "# Rewritten at each start of Kreisverkehr. Settings of your own go to the end of postgres/postgresql.conf.\n\
             listen_addresses = ''\n\
             port = {PORT}\n\
             unix_socket_directories = {socket_dir}\n\
             unix_socket_permissions = 0700\n\
             max_connections = 100\n\
             # What a client asked for that is gone ends, also in the midst of a long query or of waiting for a lock.\n\
             client_connection_check_interval = 5s\n\
             \n\
             # What is acknowledged is on the disk.\n\
             fsync = on\n\
             synchronous_commit = on\n\
             full_page_writes = on\n\
             \n\
             # Rare checkpoints: each one makes the next write of every page a full copy in the log.\n\
             shared_buffers = 256MB\n\
             checkpoint_timeout = 15min\n\
             # The log takes about so much of the disk at most, also while much is imported.\n\
             max_wal_size = 1GB\n\
             wal_keep_size = 0\n\
             # A standby that nobody needs any more must not fill the disk.\n\
             max_slot_wal_keep_size = 1GB\n\
             wal_compression = {wal_compression}\n\
             \n\
             # Costs more than it saves on short queries.\n\
             jit = off\n\
             \n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             log_destination = 'stderr'\n\
             logging_collector = off\n\
             log_checkpoints = off\n\
             log_min_messages = warning\n\
             log_line_prefix = '%m [%p] '\n"
        );
        let was_loaded = || std::fs::read_to_string(&paths.settings).is_ok_and(|old| old.contains(PRELOAD));
        if (self.timescaledb || was_loaded()) && binaries.has_timescaledb() {
            text.push_str(PRELOAD);
            text.push_str(
                "\
                 timescaledb.telemetry_level = off\n\
                 # Its jobs run in workers of their own beside PostgreSQL's.\n\
                 timescaledb.max_background_workers = 8\n\
                 max_worker_processes = 19\n",
            );
        }
        text
    }
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}
