//! As whom the database runs, and what that user may reach.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::PrivatePgError;

const DATABASE_USER: &str = "postgres";

/// The OS user of the database: `postgres` when we are root (PostgreSQL refuses root), else ourselves.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    uid: u32,
    gid: u32,
    is_other: bool,
}

impl Account {
    pub fn of_database() -> Result<Self, PrivatePgError> {
        let me = nix::unistd::geteuid();
        if !me.is_root() {
            return Ok(Self { uid: me.as_raw(), gid: nix::unistd::getegid().as_raw(), is_other: false });
        }
        let user = nix::unistd::User::from_name(DATABASE_USER)
            .ok()
            .flatten()
            .ok_or(PrivatePgError::NoAccount { user: DATABASE_USER })?;
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), is_other: true })
    }

    /// The mode of a data directory of ours that the database must be able to pass through.
    pub fn data_dir_mode(&self) -> u32 {
        if self.is_other { 0o711 } else { 0o700 }
    }

    /// A command that runs as this user, in its own process group (Ctrl-C at our terminal must reach us alone: we
    /// decide when the database stops) and without our environment (PGPORT, PGDATA, LC_ALL would change what it does).
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir("/")
            .stdin(Stdio::null())
            .process_group(0);
        if self.is_other {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes `dir` if needed and this user's own, closed to all others.
    pub fn make_own_dir(&self, dir: &Path) -> Result<(), PrivatePgError> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(PrivatePgError::io("create", dir)(error));
            }
            _ => {}
        }
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(PrivatePgError::io("set the mode of", dir))?;
        if self.is_other {
            chown(dir, Some(self.uid), Some(self.gid))
                .map_err(PrivatePgError::io("change the owner of", dir))?;
        }
        Ok(())
    }

    /// Whether `dir` is a real directory (no link) of this user, closed to all others.
    pub fn owns_alone(&self, dir: &Path) -> bool {
        fs::symlink_metadata(dir)
            .is_ok_and(|meta| meta.is_dir() && meta.uid() == self.uid && meta.mode() & 0o077 == 0)
    }

    /// Makes sure that the database can pass through `data_dir`. Opens the last component (typically from `mktemp -d`)
    /// when that is what is missing; the directories above it are not ours to change.
    pub fn ensure_enterable(&self, data_dir: &Path, postgres: &Path) -> Result<(), PrivatePgError> {
        if !self.is_other || self.can_enter(data_dir, postgres) {
            return Ok(());
        }
        let parents: Vec<_> = data_dir.ancestors().skip(1).collect();
        if let Some(closed) = parents.into_iter().rev().find(|dir| !self.can_enter(dir, postgres)) {
            return Err(PrivatePgError::NotEnterable { dir: closed.to_owned(), user: DATABASE_USER });
        }
        let mode = fs::metadata(data_dir).map_err(PrivatePgError::io("read the mode of", data_dir))?.mode();
        fs::set_permissions(data_dir, Permissions::from_mode(mode & 0o7777 | 0o001))
            .map_err(PrivatePgError::io("set the mode of", data_dir))?;
        tracing::info!(
            dir = %data_dir.display(),
            "made the data directory enterable (chmod o+x) for the database's user {DATABASE_USER}"
        );
        Ok(())
    }

    /// Asks the kernel instead of reading mode bits: so access lists and groups count too.
    fn can_enter(&self, dir: &Path, postgres: &Path) -> bool {
        let tried = self.command(postgres).arg("--version").current_dir(dir).stdout(Stdio::null()).status();
        !matches!(tried, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}
