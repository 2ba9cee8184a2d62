//! Where the tables come from: files, folders, archives.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use lzma_rust2::XzReader;
use places::Problem;

/// A table is read into memory whole; more is no day or year of counts but a mistake, or an
/// archive made to fill it.
const MAX_TABLE_BYTES: u64 = 512 << 20;

/// Folders inside folders that are followed; a link in a circle ends here.
const MAX_DEPTH: usize = 8;

/// All files at `paths`, folders opened, in the order of their names.
pub(crate) fn files(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            if let Err(e) = walk(path, MAX_DEPTH, &mut found) {
                problems.push(Problem::of_file(
                    path,
                    format!("cannot be read: {e}"),
                    "check path and permissions",
                ));
            } else if found.len() == before {
                problems.push(Problem::of_file(
                    path,
                    "holds no .csv and no archive",
                    "name the folder with the files",
                ));
            }
        } else {
            found.push(path.clone());
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()).then_with(|| a.cmp(b)));
    found.dedup();
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, found)?;
            }
        } else if Kind::of(&path).is_some() {
            found.push(path);
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Xz,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    packing: Packing,
    is_tar: bool,
}

impl Kind {
    fn of(path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let (stem, packing) = if let Some(stem) = name.strip_suffix(".xz") {
            (stem.to_owned(), Packing::Xz)
        } else if let Some(stem) = name.strip_suffix(".gz") {
            (stem.to_owned(), Packing::Gzip)
        } else if let Some(stem) = name.strip_suffix(".tgz") {
            (format!("{stem}.tar"), Packing::Gzip)
        } else {
            (name, Packing::Plain)
        };
        let is_tar = stem.ends_with(".tar");
        (is_tar || stem.ends_with(".csv")).then_some(Kind { packing, is_tar })
    }
}

/// Calls `each` with name and bytes of every table in `file`.
pub(crate) fn tables(file: &Path, mut each: impl FnMut(&Path, Vec<u8>)) -> Result<(), Box<Problem>> {
    let fault = |e: io::Error| {
        let remedy = "check that the file is there, complete and readable; or unpack it and name the folder";
        Box::new(Problem::of_file(file, format!("cannot be read: {e}"), remedy))
    };
    let kind = Kind::of(file).unwrap_or(Kind { packing: Packing::Plain, is_tar: false });
    let plain = BufReader::new(File::open(file).map_err(fault)?);
    let unpacked: Box<dyn Read> = match kind.packing {
        Packing::Plain => Box::new(plain),
        Packing::Gzip => Box::new(GzDecoder::new(plain)),
        Packing::Xz => Box::new(XzReader::new(plain, true)),
    };
    if !kind.is_tar {
        each(file, whole(unpacked).map_err(fault)?);
        return Ok(());
    }
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = file.join(entry.path().map_err(fault)?);
        if entry.header().entry_type().is_file()
            && Kind::of(&name).is_some_and(|k| k.packing == Packing::Plain)
        {
            each(&name, whole(entry).map_err(fault)?);
        }
    }
    Ok(())
}

fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_TABLE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TABLE_BYTES {
        return Err(io::Error::other(format!("a table is larger than {MAX_TABLE_BYTES} bytes")));
    }
    Ok(bytes)
}
