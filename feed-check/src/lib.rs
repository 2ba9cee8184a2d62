//! Looks at a supplier's feed before it is trusted: what arrives, how it is read, what is wrong with it and what to do.
//!
//! [`Check`] takes messages one by one, in bounded memory, and ends in a [`Report`], which [`render`] shows as text, JSON
//! or a page. Messages come from [`payloads`] (files, folders, lines), from a [`capture`], or from a broker, which the
//! caller listens to. Nothing here knows a database, a clock or a network.

#![warn(missing_docs)]

pub mod capture;
mod check;
mod county;
mod decoders;
mod faults;
mod fields;
mod findings;
mod formats;
mod json;
mod judge;
pub mod payloads;
mod personal;
pub mod render;
mod report;
pub mod results;
mod sample;
pub mod shift;
mod topics;

use domain::UtcMicros;

pub use check::{Check, Options};
pub use county::{County, CountyError};
pub use personal::redact;
pub use report::{Group, Report};

/// A message, with as much as is known of how it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When it was received; `None`: it comes from a file that does not say.
    pub received_at: Option<UtcMicros>,
    /// Its topic; `None`: as for `received_at`.
    pub topic: Option<String>,
    /// Quality of service with which it was delivered.
    pub qos: Option<u8>,
    /// The broker had kept it from before the subscription.
    pub retain: bool,
    /// The bytes as they came.
    pub payload: Vec<u8>,
}

/// Bytes kept of an id or topic: MQTT allows topics of 64 KiB.
const MAX_NAME_BYTES: usize = 200;

/// An id or topic as it is kept.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME_BYTES)]
}
