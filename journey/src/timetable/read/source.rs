//! A feed as a zip file or a folder.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::ReadError;

/// The largest file of a feed, unpacked, bytes: ten times what the whole of Germany needs. A zip
/// that unpacks to more is a mistake or an attack.
const MAX_FILE_BYTES: u64 = 32 << 30;

/// Where the files of a feed are.
pub struct Source {
    /// File or folder name: what problems call it.
    pub name: String,
    files: Files,
}

enum Files {
    Folder(PathBuf),
    Zip {
        archive: Box<zip::ZipArchive<BufReader<File>>>,
        prefix: String,
    },
    #[cfg(test)]
    Memory(Vec<(String, Vec<u8>)>),
}

impl Source {
    /// Opens the feed at `path`.
    ///
    /// # Errors
    /// It is neither a folder nor a zip file that can be read.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let unreadable = |error: io::Error| ReadError::Open { path: path.to_owned(), error };
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if path.is_dir() {
            return Ok(Source { name, files: Files::Folder(path.to_owned()) });
        }
        let file = BufReader::new(File::open(path).map_err(unreadable)?);
        let archive = zip::ZipArchive::new(file)
            .map_err(|error| ReadError::Zip { path: path.to_owned(), reason: error.to_string() })?;
        // Some feeds are packed with their folder.
        let stops = archive.file_names().find(|name| is_file(name, "stops.txt"));
        let prefix = stops.map_or("", |name| &name[..name.len() - "stops.txt".len()]).to_owned();
        Ok(Source { name, files: Files::Zip { archive: Box::new(archive), prefix } })
    }

    /// A feed of these files.
    #[cfg(test)]
    pub fn memory(name: &str, files: Vec<(String, Vec<u8>)>) -> Self {
        Source { name: name.to_owned(), files: Files::Memory(files) }
    }

    /// Opens one file; `None` when the feed has none of this name.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn file(&mut self, file: &str) -> Result<Option<Box<dyn Read + '_>>, ReadError> {
        let failed = |error: io::Error| ReadError::File { file: file.to_owned(), error };
        match &mut self.files {
            Files::Folder(folder) => match File::open(folder.join(file)) {
                Ok(opened) => Ok(Some(Box::new(BufReader::new(opened).take(MAX_FILE_BYTES)))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(error)),
            },
            Files::Zip { archive, prefix } => match archive.by_name(&format!("{prefix}{file}")) {
                Ok(opened) => Ok(Some(Box::new(opened.take(MAX_FILE_BYTES)))),
                Err(zip::result::ZipError::FileNotFound) => Ok(None),
                Err(error) => Err(failed(io::Error::other(error))),
            },
            #[cfg(test)]
            Files::Memory(files) => {
                let found = files.iter().find(|(name, _)| name == file);
                Ok(found.map(|(_, bytes)| Box::new(bytes.as_slice()) as Box<dyn Read>))
            }
        }
    }
}

fn is_file(path: &str, name: &str) -> bool {
    let folder = path.strip_suffix(name);
    folder.is_some_and(|f| f.is_empty() || (f.ends_with('/') && !f.starts_with("__MACOSX")))
}
