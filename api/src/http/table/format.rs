//! Format and locale of a table.

use axum::http::{HeaderMap, header};

use crate::http::params::Params;
use crate::http::problem::Problem;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    Json,
    /// RFC 4180, UTF-8.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl TableFormat {
    pub const ALL: [TableFormat; 3] = [TableFormat::Json, TableFormat::Csv, TableFormat::Parquet];

    pub const fn name(self) -> &'static str {
        match self {
            TableFormat::Json => "json",
            TableFormat::Csv => "csv",
            TableFormat::Parquet => "parquet",
        }
    }

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
            TableFormat::Csv | TableFormat::Parquet => Some(self.name()),
        }
    }
}

/// The media type of Parquet, as registered with IANA.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// How CSV separates cells and writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Locale {
    /// Comma and decimal point.
    Plain,
    /// As a German Excel reads it: see [`super::german`].
    German,
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
        let format = match params.text("format") {
            None => accepted(headers),
            Some(name) => TableFormat::ALL.into_iter().find(|f| f.name() == name).ok_or_else(|| {
                Problem::bad_parameter("format", name, format!("There is no format '{name}'."))
                    .remedy("One of json, csv, parquet.")
            })?,
        };
        let locale = match params.text("locale") {
            None | Some("en") => Locale::Plain,
            Some("de") => Locale::German,
            Some(other) => {
                let detail = format!("There is no locale '{other}'.");
                return Err(Problem::bad_parameter("locale", other, detail)
                    .remedy("One of en (comma, decimal point), de (as a German Excel reads it: semicolon, decimal comma)."));
            }
        };
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
