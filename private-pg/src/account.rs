//! The OS user of the database, and what it may reach.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{User, geteuid};

use crate::PrivatePgError;

/// The users that root's database may run as: the product's own user where there is one, so that nobody else's programs run as
/// the database's owner; else the one that comes with PostgreSQL.
const DATABASE_USERS: [&str; 2] = ["kreisverkehr", "postgres"];

/// The OS user of the database: another one when we are root (PostgreSQL refuses root), else ourselves.
#[derive(Debug, Clone)]
pub struct Account {
    name: String,
    uid: u32,
    gid: u32,
    is_other: bool,
}

impl Account {
    /// Of the database in `cluster`. Root runs one that exists as its owner.
    pub fn of_database(cluster: &Path) -> Result<Self, PrivatePgError> {
        let me = geteuid();
        if !me.is_root() {
            let user = User::from_uid(me).ok().flatten();
            let user = user.ok_or(PrivatePgError::NamelessUser { uid: me.as_raw() })?;
            return Ok(Self::new(user, nix::unistd::getegid().as_raw(), false));
        }
        let owner = fs::metadata(cluster).ok().map(|meta| nix::unistd::Uid::from_raw(meta.uid()));
        let owner = owner.filter(|uid| !uid.is_root()).and_then(|uid| User::from_uid(uid).ok().flatten());
        let usual = || DATABASE_USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = owner.or_else(usual).ok_or(PrivatePgError::NoAccount { user: DATABASE_USERS[1] })?;
        let gid = user.gid.as_raw();
        Ok(Self::new(user, gid, true))
    }

    fn new(user: User, gid: u32, is_other: bool) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid, is_other }
    }

    /// The OS users who may connect: the database's own, and root, who can become any other anyway.
    pub fn may_connect(&self) -> Vec<&str> {
        if self.name == "root" { vec!["root"] } else { vec!["root", &self.name] }
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
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(PrivatePgError::io("create", dir))?;
        fs::set_permissions(dir, Permissions::from_mode(0o700))
            .map_err(PrivatePgError::io("set the mode of", dir))?;
        self.own(dir)
    }

    /// Writes `text` so that a reader sees the old file or the new one, and this user alone sees it.
    pub fn write_own(&self, file: &Path, text: &str) -> Result<(), PrivatePgError> {
        let mut part = file.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
        written
            .and_then(|mut out| {
                out.set_permissions(Permissions::from_mode(0o600))?;
                out.write_all(text.as_bytes())?;
                out.sync_all()
            })
            .map_err(PrivatePgError::io("write", &part))?;
        self.own(&part)?;
        fs::rename(&part, file).map_err(PrivatePgError::io("write", file))
    }

    fn own(&self, path: &Path) -> Result<(), PrivatePgError> {
        if !self.is_other {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid)).map_err(PrivatePgError::io("change the owner of", path))
    }

    /// Whether `dir` is a real directory (no link) of this user, closed to all others.
    pub fn owns_alone(&self, dir: &Path) -> bool {
        fs::symlink_metadata(dir)
            .is_ok_and(|meta| meta.is_dir() && meta.uid() == self.uid && meta.mode() & 0o077 == 0)
    }

    /// The group that must pass through a directory of `owner` for the database to reach what is in it.
    pub fn passing_group(&self, owner: u32) -> Option<u32> {
        (self.is_other && owner != self.uid).then_some(self.gid)
    }

    /// Makes sure that the database can pass through the directories above `data_dir`, which are not ours to change.
    pub fn must_enter(&self, data_dir: &Path, postgres: &Path) -> Result<(), PrivatePgError> {
        if !self.is_other || self.can_enter(data_dir, postgres) {
            return Ok(());
        }
        let closed = data_dir.ancestors().filter(|dir| !self.can_enter(dir, postgres)).last();
        closed.map_or(Ok(()), |dir| {
            Err(PrivatePgError::NotEnterable { dir: dir.to_owned(), user: self.name.clone() })
        })
    }

    /// Asks the kernel instead of reading mode bits: so access lists and groups count too.
    fn can_enter(&self, dir: &Path, postgres: &Path) -> bool {
        let tried = self.command(postgres).arg("--version").current_dir(dir).stdout(Stdio::null()).status();
        !matches!(tried, Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}
