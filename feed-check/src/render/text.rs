//! A report for a terminal.

use std::fmt::Write;

use places::shown;

use super::sections::{reason, sections};
use crate::report::{Group, Report};
use domain::Lang;

/// Characters of a cell: a topic or value may be as long as its sender likes.
const CELL_CHARS: usize = 90;

/// The report as lines of text, without control characters of others.
pub fn text(report: &Report, lang: Lang) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut out, report, lang);
    out
}

fn write_all(out: &mut String, report: &Report, lang: Lang) -> std::fmt::Result {
    writeln!(out, "{}", shown(&report.source))?;
    writeln!(out, "{}\n", report.verdict.words(lang))?;
    if let Some(error) = &report.error {
        writeln!(out, "{}: {}", lang.say("Fehler", "Error"), shown(error))?;
    }
    for finding in &report.findings {
        let weight = finding.weight().words(lang);
        writeln!(out, "{weight}: {}", shown(&finding.sentence(lang)))?;
    }
    if !report.faults.is_empty() {
        writeln!(out, "\n{}", lang.say("Was falsch ist", "What is wrong"))?;
        for group in &report.faults {
            fault(out, group, lang)?;
        }
        if report.other_faults > 0 {
            writeln!(out, "  {} {}", report.other_faults, lang.say("weitere", "more"))?;
        }
    }
    for section in sections(report, lang) {
        writeln!(out, "\n{}", section.heading)?;
        table(out, &section.rows)?;
    }
    Ok(())
}

fn fault(out: &mut String, group: &Group, lang: Lang) -> std::fmt::Result {
    let reason = reason(group.reason, lang);
    writeln!(out, "  {}x {reason}: {}", group.count, shown(&group.fault.detail.sentence(lang)))?;
    let remedy = group.fault.advice(lang);
    writeln!(out, "     {}: {}", lang.say("Abhilfe", "remedy"), shown(&remedy))?;
    if !group.devices.is_empty() {
        writeln!(out, "     {}: {}", lang.say("Geräte", "devices"), shown(&group.devices.join(", ")))?;
    }
    writeln!(out, "     {}: {}", lang.say("z. B. auf", "e.g. on"), shown(&group.topic))?;
    writeln!(out, "     {}", shown(&group.excerpt))
}

fn table(out: &mut String, rows: &[Vec<String>]) -> std::fmt::Result {
    let cut = |cell: &String| {
        let cell = shown(cell);
        let short: String = cell.chars().take(CELL_CHARS).collect();
        if short.len() < cell.len() { format!("{short}...") } else { short }
    };
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cut).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows.iter().filter(|row| row.iter().any(|cell| !cell.is_empty())) {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "  {}", cells.join("  ").trim_end())?;
    }
    Ok(())
}
