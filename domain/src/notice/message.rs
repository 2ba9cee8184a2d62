//! What is delivered.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::cause::{Cause, ChangedField, Subject};
use super::parts::{Event, NoticeKind, Tally, Text};
use crate::health::Code;
use crate::time::UtcMicros;

/// One thing that a notice says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// What happened.
    pub event: Event,
    /// What is wrong.
    pub code: Code,
    /// What is not well.
    pub subject: Subject,
    /// Since when it is so.
    pub since: UtcMicros,
    /// When it ended; `None`: it has not.
    pub until: Option<UtcMicros>,
    /// See [`Cause::value`].
    pub value: Option<f64>,
    /// See [`Cause::limit`].
    pub limit: Option<f64>,
    /// See [`Cause::sensors`].
    pub sensors: Option<u32>,
    /// See [`Cause::fields`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ChangedField>,
    /// The same as a sentence.
    pub text: Text,
}

impl Item {
    /// About `cause`; sentences name times by the clock of the town.
    pub fn new(event: Event, cause: &Cause, until: Option<UtcMicros>, tz: &TimeZone) -> Self {
        Item {
            event,
            code: cause.code,
            subject: cause.subject.clone(),
            since: cause.since,
            until,
            value: cause.value,
            limit: cause.limit,
            sensors: cause.sensors,
            fields: cause.fields.clone(),
            text: cause.sentence(event, until, tz),
        }
    }
}

/// What is delivered, without its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Id of its rule in `notices.toml`.
    pub notice: String,
    /// Slug of the municipality.
    pub municipality: String,
    /// Why it is sent.
    pub kind: NoticeKind,
    /// When it was made.
    pub at: UtcMicros,
    /// Of daily notices: how many sensors are how.
    pub sensors: Option<Tally>,
    /// What it says, oldest first.
    pub items: Vec<Item>,
    /// All of it in a sentence.
    pub text: Text,
}

impl Notice {
    /// Writes [`Notice::text`] from the rest.
    pub fn summarized(self) -> Self {
        let items: Vec<&Text> = self.items.iter().map(|item| &item.text).collect();
        Notice { text: self.kind.sentence(&items, self.sensors), ..self }
    }
}
