//! CSV tables: comma or semicolon, as Excel and databases write them.

use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use serde_json::Value;

use crate::cell::Notation;
use crate::characters::{hidden, readable};
use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::record::{Fields, Record, unknown_field_remedy};
use crate::schema::Schema;
use crate::text_file::Lines;

/// Adds what `parse` makes of every non-empty row of the table to `into`.
///
/// A wrong header is one problem, and then no row is read.
pub(crate) fn read_table<T>(
    file: &Arc<Path>,
    text: &str,
    schema: &Schema,
    problems: &mut FileProblems,
    parse: impl Fn(Record) -> Option<T>,
    into: &mut Vec<Located<T>>,
) {
    // Excel's own marker; line numbers stay right.
    let (excel_delimiter, text) = without_sep_line(text);
    let header_text = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let delimiter = excel_delimiter.unwrap_or_else(|| delimiter_of(header_text));
    let lines = Lines::of(text);
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes())
        .into_records();

    let mut header: Option<Vec<String>> = None;
    let mut start = 0;
    while let Some(row) = rows.next() {
        // The reader's own line is that of the empty lines before the row.
        let skipped = text[start..].bytes().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let at = Location { file: file.clone(), line: lines.line_at(start + skipped) };
        start = rows.reader().position().byte() as usize;
        let row = match row {
            Ok(row) => row,
            Err(e) => {
                let message = format!("is not CSV: {e}");
                return problems.push(FileProblem::at(&at, message, "check the quotes of this row"));
            }
        };
        if row.iter().all(str::is_empty) {
            continue;
        }
        let Some(header) = &header else {
            // A sheet that once was wider ends its lines with delimiters.
            let mut names: Vec<String> = row.iter().map(str::to_owned).collect();
            while names.pop_if(|last| last.is_empty()).is_some() {}
            let found = header_problems(&at, header_text, &names, schema);
            if !found.is_empty() {
                return problems.extend(found);
            }
            header = Some(names);
            continue;
        };
        if row.len() < header.len() || row.iter().skip(header.len()).any(|cell| !cell.is_empty()) {
            problems.push(wrong_width(&at, &row, header.len(), delimiter));
            continue;
        }
        let named = header.iter().zip(row.iter());
        let fields: Fields = named.map(|(name, cell)| (name.clone(), Value::from(cell))).collect();
        let value = parse(Record::new(at.clone(), Notation::Untyped, fields, problems));
        into.extend(value.map(|value| Located { value, at }));
    }
    if header.is_none() {
        let remedy = format!("write a first line with the columns: {}", schema.required.replace(' ', ","));
        problems.push(FileProblem::of_file(file, "is empty", remedy));
    }
}

/// Takes off a first line `sep=;`, which Excel reads and writes; the end of the line stays.
fn without_sep_line(text: &str) -> (Option<u8>, &str) {
    let line = text.lines().next().unwrap_or_default();
    let bare = line.trim().trim_matches('"').to_ascii_lowercase();
    match bare.strip_prefix("sep=").map(str::as_bytes) {
        Some([delimiter @ (b',' | b';')]) => (Some(*delimiter), &text[line.len()..]),
        _ => (None, text),
    }
}

fn delimiter_of(header: &str) -> u8 {
    if header.matches(';').count() > header.matches(',').count() { b';' } else { b',' }
}

fn header_problems(at: &Location, header_text: &str, names: &[String], schema: &Schema) -> Vec<FileProblem> {
    if names.len() == 1 && header_text.contains('\t') {
        let remedy = "save as CSV with comma or semicolon";
        return vec![FileProblem::at(at, "columns are separated by tabs", remedy)];
    }
    let mut problems = Vec::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            let message = format!("column {} has no name", i + 1);
            problems.push(FileProblem::at(at, message, "name it or delete the column"));
        } else if let Some(found) = hidden(name) {
            let message = format!("the column's name holds a hidden character: {found}");
            problems.push(FileProblem::at(at, message, "type the name again").field(readable(name)));
        } else if !schema.has(name) {
            let message = format!("is not a known column of {}", schema.what);
            problems.push(FileProblem::at(at, message, unknown_field_remedy(name, schema)).field(name));
        } else if names[..i].contains(name) {
            let problem = FileProblem::at(at, "stands twice in the header", "delete one of the columns");
            problems.push(problem.field(name));
        }
    }
    let missing: Vec<&str> =
        schema.required.split_whitespace().filter(|r| !names.iter().any(|n| n == r)).collect();
    if !missing.is_empty() {
        let message = format!("required columns are missing: {}", missing.join(", "));
        problems.push(FileProblem::at(at, message, format!("known columns: {}", schema.list())));
    }
    problems
}

fn wrong_width(at: &Location, row: &StringRecord, wanted: usize, delimiter: u8) -> FileProblem {
    let found = row.len();
    let (delimiter, other) = if delimiter == b';' { (';', ',') } else { (',', ';') };
    let uses_other = found == 1 && row[0].matches(other).count() + 1 >= wanted;
    let remedy = if uses_other {
        format!("the header separates cells by '{delimiter}', this row by '{other}': use one of the two")
    } else {
        let comma = if delimiter == ',' { "; numbers have a decimal point" } else { "" };
        format!(
            "write one '{delimiter}' between cells, also between empty ones, and texts that hold a '{delimiter}' in double quotes{comma}"
        )
    };
    FileProblem::at(at, format!("has {found} cells, the header has {wanted}"), remedy)
}
