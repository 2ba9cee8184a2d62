//! TOML files whose errors must not show what stands in them: a password or a key may.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads the text of a file.
///
/// # Errors
/// Name the line and what is expected there.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    // The error's own display quotes the line.
    toml::from_str(text).map_err(|error| match error.span() {
        Some(span) => anyhow!("line {}: {}", line_at(text, span.start), without_value(error.message())),
        None => anyhow!("{}", without_value(error.message())),
    })
}

/// The line that holds the byte at `offset`, from 1.
pub fn line_at(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// A parser's message about a value of the wrong type, without the value: a password may be written as a number.
fn without_value(message: &str) -> String {
    match message.split_once(", expected ") {
        Some((found, wanted)) if found.starts_with("invalid ") => format!("expected {wanted}"),
        _ => message.to_owned(),
    }
}
