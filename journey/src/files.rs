//! Reading files that others have written.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens the regular file that `path` leads to: opening a pipe would wait for somebody who writes into it.
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

/// Calls `watch` with the number of bytes of each read; its error is that of the read.
pub(crate) struct Watched<R, F> {
    pub inner: R,
    pub watch: F,
}

impl<R: Read, F: FnMut(u64) -> io::Result<()>> Read for Watched<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        (self.watch)(bytes as u64)?;
        Ok(bytes)
    }
}
