//! One row, feature or table, parsed field by field; problems are collected.

use std::collections::HashMap;

use domain::feed::shown_address;
use serde_json::{Map, Value};

use crate::cell::{Cell, Complaint, Notation, Parsed, shown};
use crate::nearest::did_you_mean;
use crate::problem::{FileProblem, Location};
use crate::problems::FileProblems;
use crate::schema::Schema;

/// Fields by name.
pub(crate) type Fields = Map<String, Value>;

/// See the module's description.
pub(crate) struct Record<'p> {
    pub at: Location,
    notation: Notation,
    fields: Fields,
    /// Lines of single fields, where the format knows them.
    lines: HashMap<String, u32>,
    /// `restrictions[0].` of a nested record.
    prefix: String,
    problems: &'p mut FileProblems,
}

impl<'p> Record<'p> {
    pub(crate) fn new(
        at: Location,
        notation: Notation,
        fields: Fields,
        problems: &'p mut FileProblems,
    ) -> Self {
        Record { at, notation, fields, lines: HashMap::new(), prefix: String::new(), problems }
    }

    pub(crate) fn with_lines(self, lines: HashMap<String, u32>) -> Self {
        Record { lines, ..self }
    }

    /// A record inside this one, e.g. one restriction of a list.
    pub(crate) fn nested(&mut self, name: &str, fields: Fields) -> Record<'_> {
        Record {
            at: self.at.clone(),
            notation: self.notation,
            fields,
            lines: HashMap::new(),
            prefix: format!("{}{name}.", self.prefix),
            problems: self.problems,
        }
    }

    /// A field that must be there. `None`: it is not, or is invalid; that is noted.
    pub(crate) fn required<T>(&mut self, name: &str, parse: impl Fn(Cell) -> Parsed<T>) -> Option<T> {
        if self.has(name) {
            return self.optional(name, parse);
        }
        self.complain(name, "is missing", format!("add '{name}'"));
        None
    }

    /// A field that may be left out or empty. An invalid value is noted.
    pub(crate) fn optional<T>(&mut self, name: &str, parse: impl Fn(Cell) -> Parsed<T>) -> Option<T> {
        if !self.has(name) {
            return None;
        }
        let value = &self.fields[name];
        match parse(Cell { value, notation: self.notation }) {
            Ok(value) => Some(value),
            Err(Complaint { message, remedy }) => {
                self.refuse(name, message, remedy);
                None
            }
        }
    }

    /// Adds a problem of a field and its value.
    pub(crate) fn refuse(&mut self, name: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let value = self.fields.get(name).map(shown).unwrap_or_default();
        // Passwords and keys stand in addresses.
        let value = if ["url", "webhook"].contains(&name) { shown_address(&value) } else { value };
        let problem = self.problem(name, message, remedy).value(value);
        self.problems.push(problem);
    }

    /// Takes a field out whose value must not be shown, and notes why.
    pub(crate) fn conceal(&mut self, name: &str, message: &str, remedy: &str) {
        self.fields.remove(name);
        self.complain(name, message, remedy);
    }

    /// Whether the field is there and not empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self.fields.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(_) => true,
        }
    }

    /// Adds a problem of a field, without its value.
    pub(crate) fn complain(&mut self, name: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let problem = self.problem(name, message, remedy);
        self.problems.push(problem);
    }

    fn problem(&self, name: &str, message: impl Into<String>, remedy: impl Into<String>) -> FileProblem {
        let line = self.lines.get(name).copied().unwrap_or(self.at.line);
        FileProblem::at(&self.at, message, remedy).line(line).field(format!("{}{name}", self.prefix))
    }

    /// The fields that `schema` does not know.
    pub(crate) fn unknown_fields(&self, schema: &Schema) -> Vec<String> {
        self.fields.keys().filter(|name| !schema.has(name)).cloned().collect()
    }

    /// Notes the fields that `schema` does not know as problems.
    pub(crate) fn refuse_unknown_fields(&mut self, schema: &Schema) {
        for name in self.unknown_fields(schema) {
            let remedy = unknown_field_remedy(&name, schema);
            self.complain(&name, format!("is not known in {}", schema.what), remedy);
        }
    }
}

/// `did you mean 'x'? known: ...`
pub(crate) fn unknown_field_remedy(name: &str, schema: &Schema) -> String {
    format!("{}known: {}", did_you_mean(name, schema.names()), schema.list())
}
