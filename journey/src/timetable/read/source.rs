//! A feed as a zip file or a folder.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::ReadError;
use crate::files::{self, Watched};

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
    Zip { archive: Box<zip::ZipArchive<BufReader<File>>>, prefix: String },
}

/// So many times its packed size a file may have: timetables shrink to a thirtieth at best, a file made to fill
/// memory and time to a thousandth.
const MAX_RATIO: u64 = 300;

/// What is let through however small the packed file is.
const ALWAYS_BYTES: u64 = 16 << 20;

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
        let file = BufReader::new(files::open(path).map_err(unreadable)?);
        let archive = zip::ZipArchive::new(file)
            .map_err(|error| ReadError::Zip { path: path.to_owned(), reason: error.to_string() })?;
        // Some feeds are packed with their folder.
        let stops = archive.file_names().find(|name| is_file(name, "stops.txt"));
        let prefix = stops.map_or("", |name| &name[..name.len() - "stops.txt".len()]).to_owned();
        Ok(Source { name, files: Files::Zip { archive: Box::new(archive), prefix } })
    }

    /// Opens one file; `None` when the feed has none of this name.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn file(&mut self, file: &str) -> Result<Option<Box<dyn Read + '_>>, ReadError> {
        let failed = |error: io::Error| ReadError::File { file: file.to_owned(), error };
        match &mut self.files {
            Files::Folder(folder) => match files::open(&folder.join(file)) {
                Ok(opened) => Ok(Some(Box::new(BufReader::new(opened).take(MAX_FILE_BYTES)))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(failed(error)),
            },
            Files::Zip { archive, prefix } => match archive.by_name(&format!("{prefix}{file}")) {
                Ok(opened) => {
                    let most = opened.compressed_size().saturating_mul(MAX_RATIO).max(ALWAYS_BYTES);
                    let mut left = most.min(MAX_FILE_BYTES);
                    let in_proportion = move |bytes| {
                        left = left.checked_sub(bytes).ok_or_else(|| {
                            let reason = "times its size, as no timetable does";
                            io::Error::other(format!("it unpacks to more than {MAX_RATIO} {reason}"))
                        })?;
                        Ok(())
                    };
                    Ok(Some(Box::new(Watched { inner: opened, watch: in_proportion })))
                }
                Err(zip::result::ZipError::FileNotFound) => Ok(None),
                Err(error) => Err(failed(io::Error::other(error))),
            },
        }
    }
}

fn is_file(path: &str, name: &str) -> bool {
    let folder = path.strip_suffix(name);
    folder.is_some_and(|f| f.is_empty() || (f.ends_with('/') && !f.starts_with("__MACOSX")))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn what_unpacks_out_of_proportion_is_refused_while_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.zip");
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .compression_level(Some(9));
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let trips: String =
            (0..200_000).map(|n| format!("line-{},service-{},trip-{n}\n", n % 90, n % 7)).collect();
        for (name, text) in [("stops.txt", "0\n".repeat(20 << 20)), ("trips.txt", trips.clone())] {
            zip.start_file(name, options).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let mut source = Source::open(&path).unwrap();
        let mut read = |file| {
            let mut bytes = Vec::new();
            let mut opened = source.file(file).unwrap().unwrap();
            opened.read_to_end(&mut bytes).map_err(|e| e.to_string())
        };
        let refused = read("stops.txt").unwrap_err();
        assert!(refused.contains("300 times its size"), "{refused}");
        assert_eq!(read("trips.txt"), Ok(trips.len()));
    }
}
