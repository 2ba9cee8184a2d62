//! The sources of tables: files, folders, archives.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use lzma_rust2::XzReader;

use crate::problem::FileProblem;
use crate::regular::open_regular;

/// A table is read into memory whole; more is no day or year of counts but a mistake, or an
/// archive made to fill it.
const MAX_TABLE_BYTES: u64 = 512 << 20;

/// Largest compression ratio: counts compress thirtyfold, a file made to exhaust memory thousandfold.
const MAX_RATIO: u64 = 300;

/// Unpacked size that is always allowed.
const ALWAYS_BYTES: u64 = 16 << 20;

/// Memory that unpacking may take, KiB: what `xz -9` needs; a file may ask for gigabytes.
const MAX_XZ_KIB: u32 = 80 << 10;

/// Folders inside folders that are followed; a link in a circle ends here.
const MAX_DEPTH: usize = 8;

/// All files at `paths`, folders opened, in the order of their names.
pub(super) fn files(paths: &[PathBuf], problems: &mut Vec<FileProblem>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        let (message, remedy) = match walk(path, MAX_DEPTH, &mut found) {
            Err(e) => (format!("cannot be read: {e}"), "check path and permissions"),
            Ok(()) if found.len() == before => {
                ("holds no .csv and no archive".to_owned(), "name the folder with the files")
            }
            Ok(()) => continue,
        };
        problems.push(FileProblem::of_file(path, message, remedy));
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

#[derive(Debug, Clone, Copy)]
struct Kind {
    packing: Packing,
    is_tar: bool,
}

impl Kind {
    fn of(path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let (stem, packing) = match name.rsplit_once('.')? {
            (stem, "xz") => (stem, Packing::Xz),
            (stem, "gz") => (stem, Packing::Gzip),
            (_, "tgz") => (".tar", Packing::Gzip),
            _ => (&*name, Packing::Plain),
        };
        let is_tar = stem.ends_with(".tar");
        (is_tar || stem.ends_with(".csv")).then_some(Kind { packing, is_tar })
    }
}

/// Calls `each` with name and bytes of every table in `file`.
pub(super) fn tables(file: &Path, mut each: impl FnMut(&Path, Vec<u8>)) -> Result<(), Box<FileProblem>> {
    let fault = |e: io::Error| {
        let remedy = "check that the file is there, complete and readable; or unpack it and name the folder";
        Box::new(FileProblem::of_file(file, format!("cannot be read: {e}"), remedy))
    };
    let kind = Kind::of(file).unwrap_or(Kind { packing: Packing::Plain, is_tar: false });
    let opened = open_regular(file).map_err(fault)?;
    let packed_bytes = opened.metadata().map_err(fault)?.len();
    let left = packed_bytes.saturating_mul(MAX_RATIO).max(ALWAYS_BYTES);
    let plain = BufReader::new(opened);
    let unpacked: Box<dyn Read> = match kind.packing {
        Packing::Plain => Box::new(plain),
        Packing::Gzip => Box::new(Unpacked { inner: GzDecoder::new(plain), left }),
        Packing::Xz => Box::new(Unpacked { inner: XzReader::new_mem_limit(plain, true, MAX_XZ_KIB), left }),
    };
    if !kind.is_tar {
        each(file, whole(unpacked).map_err(fault)?);
        return Ok(());
    }
    let mut archive = tar::Archive::new(unpacked);
    for entry in archive.entries().map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = file.join(entry.path().map_err(fault)?);
        let is_plain = || Kind::of(&name).is_some_and(|k| k.packing == Packing::Plain);
        if entry.header().entry_type().is_file() && is_plain() {
            each(&name, whole(entry).map_err(fault)?);
        }
    }
    Ok(())
}

/// Decompresses a file up to the allowed ratio.
struct Unpacked<R> {
    inner: R,
    /// Bytes that may still come.
    left: u64,
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to more than {MAX_RATIO} times its size, as no counts do"))
        })?;
        Ok(read)
    }
}

fn whole(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_TABLE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_TABLE_BYTES {
        return Err(io::Error::other(format!("a table is larger than {MAX_TABLE_BYTES} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// 9,437,184 rows of a zero, packed to 3 kB.
    const ZEROS: &[u8] = include_bytes!("fixtures/zeros.csv.xz");

    /// `Zeit,Nord` and one row, as `xz` packs them.
    const ONE_ROW: &str = "fd377a585a000004e6d6b4460200210116000000742fe5a301001c5a6569742c4e6f72640a323032342d30312d\
                           30312030303a30302c350a00000000a73f345b1fed87b90001351d441bb1e11fb6f37d010000000004595a";

    fn one_row() -> Vec<u8> {
        let digits = |at| u8::from_str_radix(&ONE_ROW[at..at + 2], 16).unwrap();
        (0..ONE_ROW.len()).step_by(2).map(digits).collect()
    }

    /// The file asks for a dictionary of 4 GiB.
    fn with_large_dictionary() -> Vec<u8> {
        const BLOCK: std::ops::Range<usize> = 12..20;
        let mut bytes = one_row();
        assert_eq!(bytes[BLOCK.start + 2..BLOCK.start + 4], [0x21, 1], "LZMA2, with one byte of properties");
        bytes[BLOCK.start + 4] = 40;
        let mut sum = flate2::Crc::new();
        sum.update(&bytes[BLOCK]);
        bytes[BLOCK.end..BLOCK.end + 4].copy_from_slice(&sum.sum().to_le_bytes());
        bytes
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    /// A table in an archive.
    fn tar(bytes: &[u8]) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, "a.csv", bytes).unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn what_unpacks_out_of_proportion_is_refused_while_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let mut found = 0;
            tables(&path, |_, bytes| found += bytes.len()).map(|()| found).map_err(|p| p.to_string())
        };
        let zeros = b"0\n".repeat(9 << 20);
        for (name, bytes) in
            [("a.csv.xz", ZEROS.to_vec()), ("a.csv.gz", gzip(&zeros)), ("a.tgz", gzip(&tar(&zeros)))]
        {
            let refused = read(name, &bytes).unwrap_err();
            assert!(refused.contains("300 times its size"), "{refused}");
        }
        let refused = read("b.csv.xz", &with_large_dictionary()).unwrap_err();
        assert!(refused.contains("memory"), "{refused}");
        assert_eq!(read("c.csv.xz", &one_row()), Ok(29));
        // A year of counts every minute.
        let at =
            |n: usize| format!("2024-{:02}-{:02} {:02}:{:02},{}\n", n % 12, n % 28, n % 24, n % 60, n % 97);
        let counts: String = (0..500_000).map(at).collect();
        assert_eq!(read("d.csv.gz", &gzip(counts.as_bytes())), Ok(counts.len()));
    }
}
