//! Tables for planners: rows in one of three formats, streamed. A year of a county is never held in memory.
//!
//! A row type declares its columns once ([`Column`]); the three formats follow from that. All
//! columns are always there; what is not known is `null`, in CSV an empty cell. A column named
//! `group.name` is a field of an object in JSON, and a column `group_name` in CSV and Parquet.
//!
//! Rows are pulled by a task that hands finished pieces to the body. What fails before the first
//! piece is a problem; after it the body ends abnormally, since a list that looks whole and is not
//! would be worse.

pub mod bound;
mod csv;
mod format;
mod german;
mod json;
mod parquet;
#[cfg(test)]
mod tests;

use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::UtcMicros;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use self::bound::Fits;
pub use self::csv::harmless;
use self::format::Locale;
pub use self::format::{PARQUET, Shape, TableFormat};
#[cfg(test)]
pub use self::tests::{documented, shown};
use crate::http::permits::{Permit, Permits};
use crate::http::problem::Problem;
use crate::http::wire::Source;

/// How long a reader may take nothing of what is ready.
const STALLED: Duration = Duration::from_secs(30);

/// The same while others wait for a permit: half of what they wait for.
const STALLED_AWAITED: Duration = Duration::from_secs(5);

/// Pieces that are ready and not taken yet: one is written while another is sent.
const PIECES: usize = 2;

/// The largest piece, bytes: small enough that a slow reader takes one now and then.
const PIECE: usize = 64 << 10;

/// Rows of a piece of JSON or CSV: some hundred KiB.
const TEXT_ROWS: usize = 1_000;

/// Rows of a row group of Parquet: enough for columns to be packed well, some MiB in memory.
const GROUP_ROWS: usize = 16_384;

/// A column of rows of type `R`: its name, its type, and how it is read.
pub struct Column<R> {
    name: &'static str,
    read: Read<R>,
    /// The column that it explains.
    beside: Option<&'static str>,
    /// Its numbers are days of the week, 1 is Monday.
    is_weekday: bool,
}

enum Read<R> {
    Text(fn(&R) -> Option<&str>),
    Integer(fn(&R) -> Option<i64>),
    Float(fn(&R) -> Option<f64>),
    Boolean(fn(&R) -> Option<bool>),
    Time(fn(&R) -> Option<UtcMicros>),
}

impl<R> Column<R> {
    /// Text.
    pub const fn text(name: &'static str, read: fn(&R) -> Option<&str>) -> Self {
        Column::new(name, Read::Text(read))
    }

    /// A whole number.
    pub const fn integer(name: &'static str, read: fn(&R) -> Option<i64>) -> Self {
        Column::new(name, Read::Integer(read))
    }

    /// A day of the week, 1 is Monday; German CSV names it as well.
    pub const fn weekday(name: &'static str, read: fn(&R) -> Option<i64>) -> Self {
        Column { is_weekday: true, ..Column::new(name, Read::Integer(read)) }
    }

    /// Numbers that are not finite are not known.
    pub const fn float(name: &'static str, read: fn(&R) -> Option<f64>) -> Self {
        Column::new(name, Read::Float(read))
    }

    /// Yes or no.
    pub const fn boolean(name: &'static str, read: fn(&R) -> Option<bool>) -> Self {
        Column::new(name, Read::Boolean(read))
    }

    /// An instant: RFC 3339 UTC in JSON and CSV (the town's clock in German CSV), `TIMESTAMP(MICROS, UTC)` in Parquet.
    pub const fn time(name: &'static str, read: fn(&R) -> Option<UtcMicros>) -> Self {
        Column::new(name, Read::Time(read))
    }

    const fn new(name: &'static str, read: Read<R>) -> Self {
        Column { name, read, beside: None, is_weekday: false }
    }

    /// `explaining` explains the column named `of`, e.g. names what that has the id of. German CSV, which people read, has
    /// it beside that column; programs that go by the number of a column find it at the end.
    pub const fn beside(of: &'static str, explaining: Self) -> Self {
        Column { beside: Some(of), ..explaining }
    }

    fn cell<'r>(&self, row: &'r R) -> Option<Cell<'r>> {
        match self.read {
            Read::Text(read) => read(row).map(Cell::Text),
            Read::Integer(read) => read(row).map(Cell::Integer),
            Read::Float(read) => read(row).filter(|number| number.is_finite()).map(Cell::Float),
            Read::Boolean(read) => read(row).map(Cell::Boolean),
            Read::Time(read) => read(row).map(Cell::Time),
        }
    }

    /// The name where there are no objects.
    fn flat_name(&self) -> String {
        self.name.replace('.', "_")
    }
}

enum Cell<'r> {
    Text(&'r str),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Time(UtcMicros),
}

/// Writes one format, appending to `out`.
trait Encoder<R>: Send {
    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable>;

    /// The end, with the fields beside the rows.
    fn finish(self: Box<Self>, extra: Map<String, Value>, out: &mut Vec<u8>) -> Result<(), Unwritable>;
}

/// A row that a format cannot represent: a bug.
type Unwritable = Box<dyn std::error::Error + Send + Sync>;

/// Fields beside the rows, e.g. `attribution`: asked for after the last row.
pub type Extra = Box<dyn FnOnce() -> Map<String, Value> + Send>;

/// The bounds of tables.
#[derive(Clone)]
pub struct Bounds {
    /// Of all tables that are written at a time.
    pub permits: Permits,
    /// Most rows of one answer in JSON.
    pub max_json_rows: i64,
}

/// A table to be written.
pub struct Table<R: 'static> {
    pub columns: Vec<Column<R>>,
    /// The file's name without its ending.
    pub file_stem: String,
    /// Beside `items` in JSON, in the metadata of Parquet; CSV has no room for it.
    pub extra: Extra,
    /// `Cache-Control`
    pub cache: &'static str,
    /// Whose clock German CSV goes by.
    pub zone: fn(&R) -> &TimeZone,
}

/// The JSON form of a table, for the OpenAPI document; it is never held as a whole.
#[derive(Serialize, ToSchema)]
pub struct Rows<R> {
    /// The rows, in the order of their groups and times.
    items: Vec<R>,
    /// Whose data it is.
    attribution: Vec<Source<'static>>,
}

impl<R: Send + Sync + 'static> Table<R> {
    /// Answers with `rows` in the asked shape, in which they fit.
    ///
    /// # Errors
    /// Whatever `rows` fails with before there is something to send.
    pub async fn answer(
        self,
        permit: Permit,
        fits: Fits,
        rows: impl Stream<Item = Result<R, Problem>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let shape = fits.shape();
        let rows_at_once = if shape.format == TableFormat::Parquet { GROUP_ROWS } else { TEXT_ROWS };
        let mut encoder: Box<dyn Encoder<R>> = match shape.format {
            TableFormat::Json => Box::new(json::Json::new(self.columns)),
            TableFormat::Csv if shape.locale == Locale::German => {
                Box::new(german::encoder(self.columns, self.zone))
            }
            TableFormat::Csv => Box::new(csv::Csv::plain(self.columns)),
            TableFormat::Parquet => Box::new(parquet::Parquet::new(self.columns).map_err(unwritable)?),
        };
        let mut batches = Box::pin(rows.try_chunks(rows_at_once));
        let first = batches.next().await.transpose().map_err(|error| error.1)?.unwrap_or_default();
        let mut piece = Vec::new();
        encoder.rows(&first, &mut piece).map_err(unwritable)?;
        drop(first);
        let (sender, receiver) = mpsc::channel(PIECES);
        let rest = batches.map_err(|error| error.1);
        tokio::spawn(async move {
            let to = Reader { sender, permit };
            if let Err(Cut::Fault(error)) = write(piece, encoder, rest, self.extra, &to).await {
                tracing::error!("a table was cut: {error}");
            }
        });
        let pieces = stream::unfold(Some(receiver), |receiver| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
                Some(Piece::End) => None,
                None => Some((Err(std::io::Error::other("the answer was cut")), None)),
            }
        });
        // The compression layer polls again after the end.
        let body = Body::from_stream(pieces.fuse());
        let headers = [
            (header::CONTENT_TYPE, shape.format.media_type()),
            (header::CACHE_CONTROL, self.cache),
            (header::VARY, "accept, authorization"),
        ];
        let mut response = (headers, body).into_response();
        if let Some(ending) = shape.format.file_ending() {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_DISPOSITION, disposition(&self.file_stem, ending));
            // Sources and licences, for files that have no room for them.
            headers.insert(header::LINK, HeaderValue::from_static("</v1/feeds>; rel=\"license\""));
        }
        Ok(response)
    }
}

/// A piece of the body. Without an `End` the transfer breaks off, which its reader notices.
enum Piece {
    Bytes(Bytes),
    End,
}

/// Why a table ends before its end.
enum Cut {
    Fault(String),
    ReaderGone,
}

/// The receiver of the pieces.
struct Reader {
    sender: mpsc::Sender<Piece>,
    permit: Permit,
}

/// Sends pieces to `reader` until the end, an error, or a reader that is gone or stalled.
async fn write<R>(
    first: Vec<u8>,
    mut encoder: Box<dyn Encoder<R>>,
    batches: impl Stream<Item = Result<Vec<R>, Problem>>,
    extra: Extra,
    reader: &Reader,
) -> Result<(), Cut> {
    let fault = |error: Unwritable| Cut::Fault(error.to_string());
    let mut batches = pin!(batches);
    reader.take(first).await?;
    loop {
        let batch = tokio::select! {
            () = reader.sender.closed() => return Err(Cut::ReaderGone),
            batch = batches.next() => batch,
        };
        let Some(batch) = batch else { break };
        let batch = batch.map_err(|problem| Cut::Fault(problem.detail().to_owned()))?;
        let mut piece = Vec::new();
        encoder.rows(&batch, &mut piece).map_err(fault)?;
        drop(batch);
        reader.take(piece).await?;
    }
    let mut piece = Vec::new();
    encoder.finish(extra(), &mut piece).map_err(fault)?;
    reader.take(piece).await?;
    reader.take_one(Piece::End).await
}

impl Reader {
    async fn take(&self, written: Vec<u8>) -> Result<(), Cut> {
        let mut rest = Bytes::from(written);
        while !rest.is_empty() {
            self.take_one(Piece::Bytes(rest.split_to(rest.len().min(PIECE)))).await?;
        }
        Ok(())
    }

    async fn take_one(&self, piece: Piece) -> Result<(), Cut> {
        let mut stalled = Duration::ZERO;
        let mut sending = pin!(self.sender.send(piece));
        while stalled < STALLED && (stalled.is_zero() || !self.permit.is_awaited()) {
            match tokio::time::timeout(STALLED_AWAITED, sending.as_mut()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(_)) => return Err(Cut::ReaderGone),
                Err(_) => stalled += STALLED_AWAITED,
            }
        }
        Err(Cut::Fault(format!("its reader took nothing for {} s", stalled.as_secs())))
    }
}

fn unwritable(error: impl std::fmt::Display) -> Problem {
    tracing::error!("a table cannot be written: {error}");
    Problem::internal()
}

/// A download's name; letters that not every system can have in a file's name are replaced.
fn disposition(stem: &str, ending: &str) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let stem: String = stem.chars().map(plain).collect();
    let value = format!("attachment; filename=\"{stem}.{ending}\"");
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}
