//! A report as text for a terminal, as JSON, or as a page.

mod html;
mod sections;
mod text;

pub use html::page;
pub use text::text;

use domain::Lang;

use crate::report::Report;

/// The report as JSON: codes and figures; the details of what is wrong are sentences of this language.
pub fn json(report: &Report, lang: Lang) -> String {
    let mut report = report.clone();
    for group in &mut report.faults {
        (group.detail, group.remedy) = (group.fault.detail.sentence(lang), group.fault.advice(lang));
    }
    for part in &mut report.damaged {
        part.detail = part.sentence(lang);
    }
    // A report is made of texts and numbers alone.
    serde_json::to_string_pretty(&report).unwrap_or_default()
}
