//! TOML files of arrays of tables, with the line of every key.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::cell::Notation;
use crate::nearest::did_you_mean;
use crate::problem::{FileProblem, Location};
use crate::problems::FileProblems;
use crate::record::{Fields, Record};
use crate::text_file::Lines;

/// Calls `each` with the name and the record of every `[[name]]` table; only `names` are known.
pub(crate) fn read_tables(
    file: &Arc<Path>,
    text: &str,
    names: &[&str],
    problems: &mut FileProblems,
    mut each: impl FnMut(&str, Record),
) {
    let lines = Lines::of(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        problems.extend(errors.iter().map(|e| {
            let line = e.span().map_or(1, |span| lines.line_at(span.start));
            let message = format!("is not TOML: {}", e.message());
            FileProblem::of_file(file, message, "correct this line; texts stand in double quotes").line(line)
        }));
        return;
    }
    for (name, value) in document.into_inner() {
        let at = Location { file: file.clone(), line: lines.line_at(name.span().start) };
        let name = name.into_inner();
        if !names.contains(&name.as_ref()) {
            let known: Vec<String> = names.iter().map(|n| format!("[[{n}]]")).collect();
            let remedy = format!("{}known: {}", did_you_mean(&name, names.iter().copied()), known.join(", "));
            problems.push(FileProblem::at(&at, "is not known here", remedy).field(name));
            continue;
        }
        let DeValue::Array(tables) = value.into_inner() else {
            let remedy = format!("write [[{name}]] above each {name}, with two brackets");
            problems.push(FileProblem::at(&at, "is not a list of tables", remedy).field(name));
            continue;
        };
        for table in tables {
            let at = Location { line: lines.line_at(table.span().start), ..at.clone() };
            let DeValue::Table(table) = table.into_inner() else {
                let remedy = format!("write [[{name}]] above each {name}");
                problems.push(FileProblem::at(&at, "is not a table", remedy).field(name.as_ref()));
                continue;
            };
            let keys = table.keys().map(|key| (key.get_ref().to_string(), lines.line_at(key.span().start)));
            let keys: HashMap<String, u32> = keys.collect();
            each(&name, Record::new(at, Notation::Typed, fields(table), problems).with_lines(keys));
        }
    }
}

fn fields(table: DeTable) -> Fields {
    table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), json(value.into_inner()))).collect()
}

/// The same value in the words of JSON; what JSON has no word for becomes text.
fn json(value: DeValue) -> Value {
    match value {
        DeValue::String(text) => Value::from(text.into_owned()),
        DeValue::Boolean(b) => Value::from(b),
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| Value::from(i.to_string()), Value::from),
        DeValue::Float(f) => {
            let number = f.as_str().parse().ok().and_then(serde_json::Number::from_f64);
            number.map_or_else(|| Value::from(f.to_string()), Value::Number)
        }
        DeValue::Datetime(instant) => Value::from(instant.to_string()),
        DeValue::Array(items) => items.into_iter().map(|item| json(item.into_inner())).collect(),
        DeValue::Table(table) => Value::Object(fields(table)),
    }
}
