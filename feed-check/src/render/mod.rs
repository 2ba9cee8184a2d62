//! A report as text for a terminal, as JSON, or as a page.

mod html;
mod sections;
mod text;

pub use html::page;
pub use text::text;

use crate::report::Report;

/// The report as JSON: codes and figures, no sentences.
pub fn json(report: &Report) -> String {
    // A report is made of texts and numbers alone.
    serde_json::to_string_pretty(report).unwrap_or_default()
}
