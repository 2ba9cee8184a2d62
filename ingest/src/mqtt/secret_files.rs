//! Files that `feeds.toml` and `notices.toml` name: passwords, certificates, keys.
//!
//! Whoever writes `feeds.toml` also names the broker to which a password goes. With a directory configured, nothing
//! outside it can be sent there, whatever name or symbolic link leads to it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file, bytes: chains of certificates have some thousands.
const MAX_BYTES: u64 = 1 << 20;

/// The directory of such files, if restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretFiles {
    directory: Option<PathBuf>,
}

impl SecretFiles {
    /// Only in `directory`, or below it.
    ///
    /// # Errors
    /// It is not a directory, or may not be looked at.
    pub fn within(directory: &Path) -> io::Result<Self> {
        let directory = directory.canonicalize()?;
        if !directory.is_dir() {
            return Err(io::Error::other("is not a directory"));
        }
        Ok(SecretFiles { directory: Some(directory) })
    }

    /// The current content of the file.
    ///
    /// # Errors
    /// It cannot be read, lies elsewhere once symbolic links are followed, is no regular file, is empty, or is larger than
    /// 1 MiB. The text of the error says nothing of what it holds.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let error = |what: String| Err(io::Error::other(what));
        let resolved = path.canonicalize()?;
        if let Some(directory) = &self.directory
            && !resolved.starts_with(directory)
        {
            return error(format!("lies outside --secrets-dir {}; move it there", directory.display()));
        }
        // Opening a pipe would wait for its writer.
        if !resolved.metadata()?.is_file() {
            return error("is no regular file".to_owned());
        }
        let mut content = Vec::new();
        File::open(&resolved)?.take(MAX_BYTES + 1).read_to_end(&mut content)?;
        match content.len() as u64 {
            0 => error("is empty".to_owned()),
            1..=MAX_BYTES => Ok(content),
            _ => error(format!("is larger than {MAX_BYTES} bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_lies_in_the_directory_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("secrets"), folder.path().join("elsewhere"));
        std::fs::create_dir_all(inside.join("deep")).unwrap();
        std::fs::create_dir_all(folder.path().join("secrets-too")).unwrap();
        std::fs::write(inside.join("deep/password"), "p").unwrap();
        std::fs::write(&outside, "other").unwrap();
        std::fs::write(folder.path().join("secrets-too/password"), "other").unwrap();
        symlink(&outside, inside.join("link")).unwrap();
        symlink(inside.join("deep/password"), folder.path().join("link")).unwrap();
        let files = SecretFiles::within(&inside).unwrap();
        for path in ["secrets/deep/password", "secrets/../secrets/deep/password", "link"] {
            assert_eq!(files.read(&folder.path().join(path)).unwrap(), b"p", "{path}");
        }
        for path in ["elsewhere", "secrets/link", "secrets/../elsewhere", "secrets-too/password"] {
            let error = files.read(&folder.path().join(path)).unwrap_err().to_string();
            assert!(error.contains("--secrets-dir") && !error.contains("other"), "{path}: {error}");
        }
        assert_eq!(SecretFiles::default().read(&outside).unwrap(), b"other");
        assert!(SecretFiles::within(&outside).is_err());
    }

    #[test]
    fn what_is_no_file_of_a_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("empty"), "").unwrap();
        std::fs::write(path("large"), vec![b'a'; MAX_BYTES as usize + 1]).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let files = SecretFiles::default();
        for (name, content) in [
            ("empty", "empty"),
            ("large", "larger"),
            ("socket", "no regular file"),
            (".", "no regular file"),
            ("absent", "No such file"),
        ] {
            assert!(files.read(&path(name)).unwrap_err().to_string().contains(content), "{name}");
        }
        assert!(files.read(Path::new("/dev/zero")).is_err());
        drop(socket);
    }
}
