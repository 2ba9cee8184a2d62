//! Queries from stop to stop, from a CSV file.

use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use super::table::{self, Table};

/// One query.
#[derive(Debug, Clone)]
pub struct StopPair {
    /// Its name: a number where it is one; else the row's number from 0.
    pub q: Value,
    pub from: String,
    pub to: String,
    /// Departure, seconds after midnight.
    pub dep: i32,
    /// Line in the file.
    pub line: u64,
}

/// Departures later than this are a slip of the pen, seconds.
const LATEST_S: i32 = 7 * 86_400;

/// Reads a file with the columns `from,to,dep` and optionally `q`, with commas or semicolons.
///
/// # Errors
/// The file cannot be read, a column is missing, or a value is no time: with its line.
pub fn read(path: &Path) -> Result<Vec<StopPair>> {
    table::read(path, parse)
}

fn parse(text: &str) -> Result<Vec<StopPair>> {
    let mut table = Table::new(text)?;
    let column = |name: &str| table.column(name);
    let (Some(from), Some(to), Some(dep)) = (column("from"), column("to"), column("dep")) else {
        bail!("line 1: needs the columns from,to,dep; it has {}", table.columns.join(","));
    };
    let name = column("q");
    let mut pairs = Vec::new();
    for (number, row) in table.rows().enumerate() {
        let row = row?;
        let line = row.line;
        let field = |column: usize| row.field(column);
        let time: Option<i32> = field(dep).parse().ok().filter(|s| (0..=LATEST_S).contains(s));
        let Some(time) = time else {
            bail!("line {line}: dep '{}': give seconds after midnight, 0 to {LATEST_S}", field(dep));
        };
        let q = match name.map(field) {
            Some(text) => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
            None => Value::from(number),
        };
        pairs.push(StopPair { q, from: field(from).to_owned(), to: field(to).to_owned(), dep: time, line });
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_optional() {
        let named = parse("q,from,to,dep\n7,A,B,60\nx,A,B,0\n").unwrap();
        assert_eq!((&named[0].q, &named[1].q), (&Value::from(7), &Value::from("x")));
        let unnamed = parse("\u{feff}from;to;dep\nA;B;60\nB;A;61\n").unwrap();
        assert_eq!((&unnamed[1].q, unnamed[1].dep, unnamed[1].line), (&Value::from(1), 61, 3));
    }

    #[test]
    fn errors_name_the_line() {
        assert!(parse("from,to\nA,B\n").unwrap_err().to_string().contains("line 1"));
        assert!(
            parse("from,to,dep\nA,B,1\nA,B,07:00\n").unwrap_err().to_string().contains("line 3: dep '07:00'")
        );
    }
}
