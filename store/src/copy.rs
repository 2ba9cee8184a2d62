//! Rows for `COPY ... FROM STDIN (FORMAT binary)`.
//!
//! Format: PostgreSQL documentation, "COPY", section "Binary Format": an 11-byte signature, two
//! 32-bit fields, then per row a 16-bit field count and per field a 32-bit length and the value
//! in network byte order (length -1 = NULL); a field count of -1 ends the data.

use bytes::{BufMut, BytesMut};
use domain::UtcMicros;
use sqlx::PgConnection;

use crate::{Result, Ts};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// A value of a column.
pub(crate) trait Field {
    /// Appends its length, and itself.
    fn put(&self, buffer: &mut BytesMut);
}

macro_rules! field {
    ($($type:ty => $put:ident($bytes:literal),)+) => {
        $(impl Field for $type {
            fn put(&self, buffer: &mut BytesMut) {
                buffer.put_i32($bytes);
                buffer.$put((*self).into());
            }
        })+
    };
}

field! {
    i16 => put_i16(2),
    i32 => put_i32(4),
    i64 => put_i64(8),
    f32 => put_f32(4),
    bool => put_u8(1),
}

impl Field for UtcMicros {
    fn put(&self, buffer: &mut BytesMut) {
        Ts::pg(*self).put(buffer);
    }
}

impl Field for Vec<u8> {
    fn put(&self, buffer: &mut BytesMut) {
        // PostgreSQL's own limit is 1 GiB; longer data is refused there.
        buffer.put_i32(i32::try_from(self.len()).unwrap_or(i32::MAX));
        buffer.put_slice(self);
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, buffer: &mut BytesMut) {
        match self {
            Some(value) => value.put(buffer),
            None => buffer.put_i32(-1),
        }
    }
}

/// Rows of one table.
pub(crate) struct CopyRows {
    buffer: BytesMut,
    columns: &'static str,
}

impl CopyRows {
    /// Begins the data of these columns; `capacity` is a guess of its size in bytes.
    pub(crate) fn new(columns: &'static str, capacity: usize) -> Self {
        let mut buffer = BytesMut::with_capacity(capacity + 64);
        buffer.put_slice(SIGNATURE);
        buffer.put_i64(0);
        CopyRows { buffer, columns }
    }

    /// Appends a row, with a field for each column.
    pub(crate) fn row(&mut self, fields: &[&dyn Field]) {
        self.buffer.put_i16(fields.len() as i16);
        fields.iter().for_each(|field| field.put(&mut self.buffer));
    }

    /// Stores the rows in `table`.
    pub(crate) async fn send(mut self, conn: &mut PgConnection, table: &str) -> Result<()> {
        self.buffer.put_i16(-1);
        let statement = format!("COPY {table} ({}) FROM STDIN (FORMAT binary)", self.columns);
        let mut copy = conn.copy_in_raw(&statement).await?;
        copy.send(self.buffer).await?;
        copy.finish().await?;
        Ok(())
    }
}
