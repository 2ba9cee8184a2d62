//! `{"items": [...], "attribution": ...}`, row by row.

use std::io::Write;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::{Cell, Column, Encoder, Unwritable};

/// Writes JSON.
pub struct Json<R: 'static> {
    columns: Vec<Column<R>>,
    is_begun: bool,
}

impl<R> Json<R> {
    /// Begins an answer.
    pub fn new(columns: Vec<Column<R>>) -> Self {
        Json { columns, is_begun: false }
    }

    /// What stands before a row, or before the end if there was none.
    fn before(&mut self) -> &'static str {
        if std::mem::replace(&mut self.is_begun, true) { "," } else { "{\"items\":[" }
    }
}

impl<R: Send + Sync> Encoder<R> for Json<R> {
    fn rows(&mut self, rows: &[R], out: &mut Vec<u8>) -> Result<(), Unwritable> {
        for row in rows {
            out.write_all(self.before().as_bytes())?;
            serde_json::to_writer(&mut *out, &Object { columns: &self.columns, row, inside: "" })?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, extra: Map<String, Value>, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        if !self.is_begun {
            out.write_all(self.before().as_bytes())?;
        }
        out.push(b']');
        for (name, value) in extra {
            out.push(b',');
            serde_json::to_writer(&mut *out, &name)?;
            out.push(b':');
            serde_json::to_writer(&mut *out, &value)?;
        }
        out.push(b'}');
        Ok(())
    }
}

/// The columns whose names begin with `inside`, without it. Those of one group stand together.
struct Object<'r, R> {
    columns: &'r [Column<R>],
    row: &'r R,
    inside: &'static str,
}

impl<R> Serialize for Object<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let mut rest = self.columns;
        while let Some(column) = rest.first() {
            let name = &column.name[self.inside.len()..];
            match name.split_once('.') {
                None => {
                    object.serialize_entry(name, &column.cell(self.row))?;
                    rest = &rest[1..];
                }
                Some((group, _)) => {
                    let inside = &column.name[..self.inside.len() + group.len() + 1];
                    let size = rest.iter().take_while(|c| c.name.starts_with(inside)).count();
                    object
                        .serialize_entry(group, &Object { columns: &rest[..size], row: self.row, inside })?;
                    rest = &rest[size..];
                }
            }
        }
        object.end()
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Integer(number) => serializer.serialize_i64(*number),
            Cell::Float(number) => serializer.serialize_f64(*number),
            Cell::Boolean(is) => serializer.serialize_bool(*is),
            Cell::Time(at) => at.serialize(serializer),
        }
    }
}
