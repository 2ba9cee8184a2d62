//! Writes captures.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};

use super::{COMMENT, Line, Record, VERSION};

/// The text of a frame from which on it is written: large enough to compress well.
const FRAME_TEXT_BYTES: usize = 1 << 20;

/// What gzip adds to a text that cannot be compressed: head, end, and five bytes for each block of it.
const FRAME_BYTES: u64 = 512;

/// Appends frames to what is written already.
pub struct Writer<W> {
    out: W,
    /// The lines of the next frame.
    text: Vec<u8>,
    written_bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Appends to `out`, which stands at its end.
    pub fn new(out: W) -> Self {
        Writer { out, text: Vec::new(), written_bytes: 0 }
    }

    /// Adds a message. It is in the file after the next [`Writer::flush`], or when a frame is full.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        serde_json::to_writer(&mut self.text, &Line::of(record))?;
        self.text.push(b'\n');
        if self.text.len() >= FRAME_TEXT_BYTES { self.flush() } else { Ok(()) }
    }

    /// Ends the frame, if there is anything in it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let head = GzBuilder::new().comment(format!("{COMMENT}{VERSION}"));
        let mut frame = head.write(Vec::new(), Compression::default());
        frame.write_all(&self.text)?;
        let frame = frame.finish()?;
        self.out.write_all(&frame)?;
        self.out.flush()?;
        self.written_bytes += frame.len() as u64;
        self.text.clear();
        Ok(())
    }

    /// Whether `record` fits where this writer may write so many bytes. What waits is compressed before the answer is no.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn has_room(&mut self, record: &Record, most_bytes: u64) -> io::Result<bool> {
        let line_bytes = serde_json::to_vec(&Line::of(record))?.len() as u64 + FRAME_BYTES;
        if self.written_bytes + self.text.len() as u64 + line_bytes > most_bytes {
            self.flush()?;
        }
        Ok(self.written_bytes + self.text.len() as u64 + line_bytes <= most_bytes)
    }

    /// Bytes written by this writer.
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// What it writes to, after a [`Writer::flush`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }
}
