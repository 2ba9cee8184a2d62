//! Regular files only: opening a pipe would block until somebody writes into it, reading a device might never end.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Opens the regular file that `path` leads to.
///
/// # Errors
/// It is none (once symbolic links are followed), or cannot be opened.
pub fn open_regular(path: &Path) -> io::Result<File> {
    if path.metadata()?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("is no regular file (but a folder, pipe, socket or device); copy it into one"))
    }
}

/// The text of the regular file that `path` leads to.
///
/// # Errors
/// As [`open_regular`], or it is not UTF-8.
pub fn read_regular(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open_regular(path)?.read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status().unwrap();
        assert!(made.success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink(path("pipe"), path("link-to-pipe")).unwrap();
        for good in ["file", "link"] {
            assert_eq!(read_regular(&path(good)).unwrap(), "text");
        }
        for bad in ["pipe", "socket", "link-to-pipe", "."] {
            let error = open_regular(&path(bad)).unwrap_err().to_string();
            assert!(error.contains("no regular file"), "{bad}: {error}");
        }
        assert!(open_regular(Path::new("/dev/zero")).is_err());
        assert_eq!(open_regular(&path("absent")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
