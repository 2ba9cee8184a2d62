//! Restricts the data directory to its owner, whoever starts the program and whatever modes an older version left.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::Path;

use crate::PrivatePgError;
use crate::account::Account;
use crate::paths::CLUSTER;

/// Directories of ours in it that hold nothing of other programs. The database's own are its user's, see [`Account`].
const OWN_DIRS: [&str; 2] = ["mqtt", "places"];
const STICKY: u32 = 0o1000;
const OTHERS: u32 = 0o077;
/// Of a directory that the database's group has to pass through: neither listing nor reading.
const PASS: u32 = 0o010;

/// Makes the data directory and closes it, the files in it and those of the embedded broker to everybody else
/// (0700, files 0600). Where the database runs as another user than the directory's owner, that user's group may pass
/// through it (0710), and everything in it is closed.
///
/// What belongs to somebody else stays as it is, with a warning.
///
/// # Errors
/// It cannot be made, or it is a directory that all users share.
pub fn make_data_dir(dir: &Path) -> Result<(), PrivatePgError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(PrivatePgError::io("create", dir))?;
    let meta = fs::metadata(dir).map_err(PrivatePgError::io("read the mode of", dir))?;
    if meta.mode() & STICKY != 0 {
        return Err(PrivatePgError::SharedDir { dir: dir.to_owned() });
    }
    let group = Account::of_database(&dir.join(CLUSTER)).ok().and_then(|it| it.passing_group(meta.uid()));
    close_dir(dir, &meta, group);
    for (path, meta) in entries(dir) {
        let is_own_dir = meta.is_dir() && OWN_DIRS.iter().any(|name| path.ends_with(name));
        if meta.is_file() || is_own_dir {
            close_all(&path, &meta);
        }
    }
    Ok(())
}

fn close_dir(dir: &Path, meta: &Metadata, group: Option<u32>) {
    let mode = 0o700 | if group.is_some() { PASS } else { 0 };
    let has_group = group.is_none_or(|gid| meta.gid() == gid);
    if meta.mode() & 0o7777 == mode && has_group {
        return;
    }
    // Closed before the group changes: no group gets what the old mode gave another.
    let closed = set_mode(dir, 0o700)
        .and_then(|()| group.map_or(Ok(()), |gid| chown(dir, None, Some(gid))))
        .and_then(|()| set_mode(dir, mode));
    match closed {
        Ok(()) => tracing::debug!(dir = %dir.display(), "closed to other users: {mode:o}"),
        Err(error) => warn(dir, &error),
    }
}

fn close_all(path: &Path, meta: &Metadata) {
    if meta.mode() & OTHERS != 0
        && let Err(error) = set_mode(path, meta.mode() & 0o700)
    {
        warn(path, &error);
    }
    if meta.is_dir() {
        entries(path).for_each(|(path, meta)| close_all(&path, &meta));
    }
}

/// Files and directories only: a link may lead anywhere.
fn entries(dir: &Path) -> impl Iterator<Item = (std::path::PathBuf, Metadata)> + use<> {
    let found = fs::read_dir(dir).into_iter().flatten().flatten();
    found.filter_map(|entry| {
        let meta = entry.metadata().ok()?;
        (meta.is_file() || meta.is_dir()).then(|| (entry.path(), meta))
    })
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn warn(path: &Path, error: &io::Error) {
    // It may have gone since it was listed.
    if error.kind() != io::ErrorKind::NotFound {
        tracing::warn!(
            path = %path.display(),
            %error,
            "cannot be closed to other users of this machine: chown it to the program's user, or chmod go= it"
        );
    }
}
