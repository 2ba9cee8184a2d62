//! Files that hold something: opening a pipe would wait for somebody who writes into it.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens the regular file that `path` leads to.
///
/// # Errors
/// It is none (once symbolic links are followed), or cannot be opened.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("is no regular file (but a folder, pipe, socket or device); copy it into one"))
    }
}
