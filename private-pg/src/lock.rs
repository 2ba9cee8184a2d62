//! One kreisverkehr per data directory.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::PrivatePgError;

/// Held for as long as a process owns the private database. The kernel lets go of it however the process ends, and
/// child processes do not inherit it.
#[derive(Debug)]
pub struct DataDirLock {
    file: File,
}

impl DataDirLock {
    /// Fails with [`PrivatePgError::InUse`] when another process (or another handle in this one) holds it.
    pub fn acquire(data_dir: &Path) -> Result<Self, PrivatePgError> {
        let path = data_dir.join(FILE);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(PrivatePgError::io("open", &path))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                PrivatePgError::InUse { data_dir: data_dir.to_owned(), owner: owner(&path) }
            }
            TryLockError::Error(error) => PrivatePgError::io("lock", &path)(error),
        })?;
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(PrivatePgError::io("write", &path))?;
        Ok(Self { file })
    }

    /// Whether some process holds it.
    pub fn is_held(data_dir: &Path) -> bool {
        let lock = File::open(data_dir.join(FILE)).map(|file| file.try_lock_shared());
        matches!(lock, Ok(Err(TryLockError::WouldBlock)))
    }
}

impl Drop for DataDirLock {
    /// Closing the file would not do at once: a process that is just being started has a copy of it until its program begins.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// In the data directory.
const FILE: &str = "lock";

fn owner(path: &Path) -> String {
    match fs::read_to_string(path) {
        Ok(pid) if !pid.trim().is_empty() => format!("process {}", pid.trim()),
        _ => "process unknown".to_owned(),
    }
}
