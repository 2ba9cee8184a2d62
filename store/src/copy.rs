//! Rows for `COPY ... FROM STDIN (FORMAT binary)`.
//!
//! Format: PostgreSQL documentation, "COPY", section "Binary Format": an 11-byte signature, two
//! 32-bit fields, then per row a 16-bit field count and per field a 32-bit length and the value
//! in network byte order (length -1 = NULL); a field count of -1 ends the data.

use bytes::{BufMut, BytesMut};
use domain::UtcMicros;

use crate::ts::Ts;

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Encodes rows.
#[derive(Debug)]
pub struct CopyRows(BytesMut);

impl CopyRows {
    /// Begins the data; `capacity` is a guess of its size in bytes.
    pub fn new(capacity: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(capacity + 64);
        buffer.put_slice(SIGNATURE);
        buffer.put_i32(0);
        buffer.put_i32(0);
        CopyRows(buffer)
    }

    /// Begins a row of `fields` fields.
    pub fn row(&mut self, fields: i16) -> &mut Self {
        self.0.put_i16(fields);
        self
    }

    pub fn int2(&mut self, value: i16) -> &mut Self {
        self.0.put_i32(2);
        self.0.put_i16(value);
        self
    }

    pub fn int4(&mut self, value: impl Into<Option<i32>>) -> &mut Self {
        match value.into() {
            Some(v) => {
                self.0.put_i32(4);
                self.0.put_i32(v);
            }
            None => self.0.put_i32(-1),
        }
        self
    }

    pub fn int8(&mut self, value: impl Into<Option<i64>>) -> &mut Self {
        match value.into() {
            Some(v) => {
                self.0.put_i32(8);
                self.0.put_i64(v);
            }
            None => self.0.put_i32(-1),
        }
        self
    }

    pub fn float4(&mut self, value: Option<f32>) -> &mut Self {
        match value {
            Some(v) => {
                self.0.put_i32(4);
                self.0.put_f32(v);
            }
            None => self.0.put_i32(-1),
        }
        self
    }

    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.0.put_i32(1);
        self.0.put_u8(value.into());
        self
    }

    pub fn text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(v) => {
                // PostgreSQL's own limit is 1 GiB; longer data is refused there.
                self.0.put_i32(i32::try_from(v.len()).unwrap_or(i32::MAX));
                self.0.put_slice(v.as_bytes());
            }
            None => self.0.put_i32(-1),
        }
        self
    }

    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.put_i32(value.len() as i32);
        self.0.put_slice(value);
        self
    }

    pub fn timestamptz(&mut self, at: UtcMicros) -> &mut Self {
        self.int8(Ts::pg(at))
    }

    /// Ends the data.
    pub fn finish(mut self) -> BytesMut {
        self.0.put_i16(-1);
        self.0
    }
}
