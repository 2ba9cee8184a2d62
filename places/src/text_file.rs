//! Files as UTF-8 text, with problems that name other encodings; lines by byte offset.

use std::io::Read;
use std::path::Path;

use crate::problem::FileProblem;
use crate::regular::open_regular;

const UTF8_REMEDY: &str =
    "save the file as UTF-8 (Excel: file type 'CSV UTF-8 (Comma delimited)'; editors: encoding UTF-8)";

/// Bytes of the largest list of feeds: some eight hundred of them. What is read of TOML takes three hundred times its size.
const MAX_TOML_BYTES: u64 = 256 << 10;

/// Bytes of the largest file of places: those of a million bays.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The file's text without a byte order mark.
///
/// # Errors
/// It cannot be read, is larger than any such file, or is not UTF-8.
pub(crate) fn load(path: &Path, is_toml: bool) -> Result<String, Box<FileProblem>> {
    let unreadable = |e: std::io::Error| {
        let message = format!("cannot be read: {e}");
        Box::new(FileProblem::of_file(path, message, "check the path and who may read the file"))
    };
    let most = if is_toml { MAX_TOML_BYTES } else { MAX_FILE_BYTES };
    let mut bytes = Vec::new();
    let file = open_regular(path).map_err(unreadable)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        let message = format!("is larger than {} KiB", most >> 10);
        let remedy = "split it into several files of the same name in several folders; is it the right one?";
        return Err(Box::new(FileProblem::of_file(path, message, remedy)));
    }
    decode(path, bytes)
}

fn decode(path: &Path, bytes: Vec<u8>) -> Result<String, Box<FileProblem>> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Box::new(FileProblem::of_file(path, "is UTF-16, not UTF-8", UTF8_REMEDY)));
    }
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count() as u32;
        let problem =
            FileProblem::of_file(path, "holds a zero byte: it is UTF-16 or no text at all", UTF8_REMEDY);
        return Err(Box::new(problem.line(line)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(e) => {
            let bad = e.utf8_error().valid_up_to();
            let bytes = e.into_bytes();
            let line = 1 + bytes[..bad].iter().filter(|b| **b == b'\n').count() as u32;
            let problem = FileProblem::of_file(path, "is not UTF-8 but Latin-1 (Windows-1252)", UTF8_REMEDY);
            Err(Box::new(problem.line(line).value(word_around(&bytes, bad))))
        }
    }
}

/// The word that holds the byte at `position`, read as Latin-1.
fn word_around(bytes: &[u8], position: usize) -> String {
    let ends_word = |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b'"');
    let start = bytes[..position].iter().rposition(ends_word).map_or(0, |i| i + 1);
    let end = bytes[position..].iter().position(ends_word).map_or(bytes.len(), |i| position + i);
    bytes[start..end].iter().map(|b| char::from(*b)).collect()
}

/// Where the lines of a text begin.
pub(crate) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Lines { starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    /// The 1-based line that holds the byte at `offset`.
    pub(crate) fn line_at(&self, offset: usize) -> u32 {
        self.starts.partition_point(|start| *start <= offset) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin_1_is_named_with_line_and_word() {
        let bytes = b"slug,name,ags\ncoesfeld,M\xfcnster,05515000\n".to_vec();
        let problem = decode(Path::new("municipalities.csv"), bytes).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "municipalities.csv:2: 'M\u{fc}nster': is not UTF-8 but Latin-1 (Windows-1252)\n  remedy: save the file as UTF-8 (Excel: file type 'CSV UTF-8 (Comma delimited)'; editors: encoding UTF-8)"
        );
    }

    #[test]
    fn a_byte_order_mark_is_taken_off() {
        assert_eq!(decode(Path::new("x"), b"\xef\xbb\xbfid".to_vec()).unwrap(), "id");
    }

    #[test]
    fn utf_16_is_named_with_and_without_its_mark() {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let marked = decode(Path::new("x.csv"), utf_16("\u{feff}id")).unwrap_err();
        assert!(marked.to_string().starts_with("x.csv: is UTF-16"), "{marked}");
        let bare = decode(Path::new("x.csv"), utf_16("id\nä")).unwrap_err();
        assert!(bare.to_string().starts_with("x.csv:1: holds a zero byte: it is UTF-16"), "{bare}");
    }

    #[test]
    fn offsets_become_lines() {
        let lines = Lines::of("a\nbc\n\nd");
        assert_eq!([0, 1, 2, 4, 5, 6].map(|o| lines.line_at(o)), [1, 1, 2, 2, 3, 4]);
    }
}
