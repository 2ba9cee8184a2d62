//! Format and locale of a table.

use axum::http::{HeaderMap, header};

use crate::http::params::Params;
use crate::http::problem::Problem;

domain::wire_enum! {
    /// How a table is written.
    TableFormat {
        Json = "json",
        /// RFC 4180, UTF-8.
        Csv = "csv",
        /// Apache Parquet.
        Parquet = "parquet",
    }
}

impl TableFormat {
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            TableFormat::Json => "application/json",
            TableFormat::Csv => "text/csv; charset=utf-8; header=present",
            TableFormat::Parquet => PARQUET,
        }
    }

    /// `None`: it is not saved as a file.
    pub(super) const fn file_ending(self) -> Option<&'static str> {
        match self {
            TableFormat::Json => None,
            TableFormat::Csv | TableFormat::Parquet => Some(self.as_str()),
        }
    }
}

/// The media type of Parquet, as registered with IANA.
pub const PARQUET: &str = "application/vnd.apache.parquet";

domain::wire_enum! {
    /// How CSV separates cells and writes numbers.
    Locale {
        /// Comma and decimal point.
        Plain = "en",
        /// As a German Excel reads it: see [`super::german`].
        German = "de",
    }
}

/// The requested format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub format: TableFormat,
    pub(super) locale: Locale,
}

impl Shape {
    /// As `format=` says, else as `Accept` says; `locale=` holds for CSV.
    ///
    /// # Errors
    /// 400: there is no such format or locale.
    pub fn of(params: &Params<'_>, headers: &HeaderMap) -> Result<Self, Problem> {
        let format = params.one("format", &TableFormat::choices())?.unwrap_or_else(|| accepted(headers));
        let locales = "en (comma, decimal point), de (as a German Excel reads it: semicolon, decimal comma)";
        let locale = params.one("locale", locales)?.unwrap_or(Locale::Plain);
        Ok(Shape { format, locale })
    }
}

/// The first of our formats that the caller names.
fn accepted(headers: &HeaderMap) -> TableFormat {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let bare = |part: &str| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    accept
        .split(',')
        .find_map(|part| match bare(part).as_str() {
            "application/json" => Some(TableFormat::Json),
            "text/csv" => Some(TableFormat::Csv),
            PARQUET => Some(TableFormat::Parquet),
            _ => None,
        })
        .unwrap_or(TableFormat::Json)
}
