//! Reads captures, past whatever is damaged in them.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};

use domain::Lang;
use domain::feed_check::DamageKind;
use flate2::bufread::GzDecoder;

use super::{BEGINNING, COMMENT, Line, MAX_FRAME_BYTES, MAX_TEXT_BYTES, Record, VERSION};

/// Bytes asked for at once.
const CHUNK: usize = 64 << 10;

/// A damaged part of a capture. What stands in it is lost, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins in the file.
    pub offset_bytes: u64,
    /// How much of the file it is.
    pub length_bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind.sentence([self.offset_bytes, self.length_bytes], Lang::En))
    }
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading goes on behind it.
    #[error("{0}")]
    Damaged(Damage),
    /// The file cannot be read any further.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Yields messages and damages in the order of the file; memory is bounded by that of one frame.
pub struct Reader<R> {
    input: R,
    /// What was read and not decoded yet.
    buffer: Vec<u8>,
    /// Where `buffer` begins in the file.
    offset_bytes: u64,
    /// The input is exhausted.
    is_at_end: bool,
    /// Decoded and not yielded yet.
    ready: VecDeque<Result<Record, ReadError>>,
}

impl<R: Read> Reader<R> {
    /// Reads from the beginning of a capture.
    pub fn new(input: R) -> Self {
        Reader { input, buffer: Vec::new(), offset_bytes: 0, is_at_end: false, ready: VecDeque::new() }
    }

    /// Reads until the buffer holds the beginning of the frame after the first, or the end; returns where that is. A
    /// frame is searched from its second byte on, and given up when it is too large.
    fn end_of_frame(&mut self) -> io::Result<usize> {
        let mut from = 1;
        loop {
            if let Some(at) = position(&self.buffer, from) {
                return Ok(at);
            }
            if self.is_at_end || self.buffer.len() > MAX_FRAME_BYTES {
                return Ok(self.buffer.len());
            }
            from = self.buffer.len().saturating_sub(BEGINNING.len() - 1).max(1);
            let read = self.input.by_ref().take(CHUNK as u64).read_to_end(&mut self.buffer)?;
            self.is_at_end = read == 0;
        }
    }

    /// Decodes what stands at the beginning of the buffer. Whether there was anything.
    fn step(&mut self) -> io::Result<bool> {
        let end = self.end_of_frame()?;
        if end == 0 {
            return Ok(false);
        }
        let is_frame = self.buffer.starts_with(BEGINNING);
        let is_larger = !self.is_at_end && end > MAX_FRAME_BYTES;
        if !is_frame {
            self.damage(0, end, DamageKind::Foreign);
        } else if is_larger {
            self.damage(0, end, DamageKind::TooLarge);
        } else {
            self.frame(end);
        }
        self.buffer.drain(..end);
        self.offset_bytes += end as u64;
        Ok(true)
    }

    fn frame(&mut self, end: usize) {
        let mut decoder = GzDecoder::new(&self.buffer[..end]);
        let version = decoder.header().and_then(|head| head.comment()).and_then(version_of);
        if let Some(version) = version.filter(|version| *version > VERSION) {
            return self.damage(0, end, DamageKind::Newer(version));
        }
        let mut text = Vec::new();
        let read = decoder.by_ref().take(MAX_TEXT_BYTES + 1).read_to_end(&mut text);
        let rest = decoder.into_inner().len();
        match read {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => self.damage(0, end, DamageKind::Cut),
            Err(_) => self.damage(0, end, DamageKind::Corrupt),
            Ok(_) if version.is_none() => self.damage(0, end, DamageKind::Corrupt),
            Ok(n) if n as u64 > MAX_TEXT_BYTES => self.damage(0, end, DamageKind::TooLarge),
            Ok(_) => {
                for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    match serde_json::from_slice::<Line<'_>>(line).ok().and_then(Line::record) {
                        Some(record) => self.ready.push_back(Ok(record)),
                        None => self.damage(0, end - rest, DamageKind::Line),
                    }
                }
                if rest > 0 {
                    self.damage(end - rest, rest, DamageKind::Foreign);
                }
            }
        }
    }

    /// Notes a damage of so many bytes from `at` on in the buffer.
    fn damage(&mut self, at: usize, bytes: usize, kind: DamageKind) {
        let damage = Damage { offset_bytes: self.offset_bytes + at as u64, length_bytes: bytes as u64, kind };
        self.ready.push_back(Err(ReadError::Damaged(damage)));
    }
}

fn version_of(comment: &[u8]) -> Option<u32> {
    std::str::from_utf8(comment).ok()?.strip_prefix(COMMENT)?.parse().ok()
}

/// Where the next frame begins, from `from` on.
fn position(buffer: &[u8], from: usize) -> Option<usize> {
    let rest = buffer.get(from..)?;
    rest.windows(BEGINNING.len()).position(|window| window == BEGINNING).map(|at| from + at)
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.is_at_end = true;
                    self.buffer.clear();
                    return Some(Err(error.into()));
                }
            }
        }
    }
}
