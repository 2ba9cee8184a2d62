//! What a check ends in: codes and figures. Their sentences are in [`domain::words`].

use std::collections::BTreeMap;

use domain::feed_check::{DamageKind, Finding, Recognised, Verdict};
use domain::{Lang, UtcMicros};
use serde::Serialize;

pub use crate::decoders::{Accepted, Unread};
pub use crate::faults::{DroppedField, Group};
pub use crate::fields::Field;

/// How fast it comes.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Pace {
    /// The first receipt.
    pub from: Option<UtcMicros>,
    /// The last receipt.
    pub until: Option<UtcMicros>,
    /// Messages an hour between them; `None`: they are too few or too close.
    pub per_hour: Option<f64>,
    /// The longest time without any message, seconds.
    pub longest_gap_s: Option<f64>,
    /// When it began.
    pub longest_gap_from: Option<UtcMicros>,
    /// Median time between two messages of one device or place, seconds.
    pub interval_median_s: Option<f64>,
}

/// The senders' clocks against the time of receipt, seconds: positive is ahead of us.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Clocks {
    /// Times that were compared.
    pub count: u64,
    /// Of them ahead of us.
    pub ahead: u64,
    /// The least.
    pub min_s: Option<f64>,
    /// 5 % lie below.
    pub p05_s: Option<f64>,
    /// Half lie below.
    pub median_s: Option<f64>,
    /// 95 % lie below.
    pub p95_s: Option<f64>,
    /// The greatest.
    pub max_s: Option<f64>,
}

/// Who spoke, and who should have.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Coverage {
    /// Devices and places that spoke; at most as many as are remembered.
    pub heard: u64,
    /// That should speak, by the county's files; `None`: there are none.
    pub expected: Option<u64>,
    /// Of them silent.
    pub silent: u64,
    /// Some of the silent ones.
    pub silent_ids: Vec<String>,
}

/// LoRaWAN: payloads and who can read them.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Lorawan {
    /// Payloads of applications.
    pub uplinks: u64,
    /// Payloads that no decoder accepts.
    pub unread: u64,
    /// Some of these.
    pub unread_examples: Vec<Unread>,
    /// Messages by the server's event.
    pub events: BTreeMap<&'static str, u64>,
    /// Messages whose network clock is impossible: their states would stand at the receipt.
    pub impossible_clocks: u64,
    /// Frames that are missing, by the devices' counters.
    pub missing_frames: u64,
    /// Decoders that accept payloads.
    pub decoders: Vec<Accepted>,
}

/// A topic, its last levels replaced where there are many.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicCount {
    /// The topic.
    pub topic: String,
    /// Messages on it.
    pub count: u64,
}

/// A damaged part of a capture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DamagedPart {
    /// Where it begins, bytes.
    pub offset: u64,
    /// How much it is, bytes.
    pub length: u64,
    /// What is wrong, in words.
    pub detail: String,
    /// What is wrong.
    #[serde(skip)]
    pub kind: DamageKind,
}

impl DamagedPart {
    /// What is wrong, in this language.
    pub fn sentence(&self, lang: Lang) -> String {
        self.kind.sentence([self.offset, self.length], lang)
    }
}

/// The whole of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What was looked at: an address and topic without what is secret, or a path.
    pub source: String,
    /// The outcome.
    pub verdict: Verdict,
    /// Why the check could not be finished: no connection, a file that cannot be read.
    pub error: Option<String>,
    /// What is worth a sentence, the gravest first.
    pub findings: Vec<Finding>,
    /// Messages that arrived.
    pub messages: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// The format that was asked for; `None`: it was guessed of each message.
    pub format: Option<&'static str>,
    /// How many messages were taken for which format.
    pub formats: BTreeMap<Recognised, u64>,
    /// How fast it comes.
    pub pace: Pace,
    /// What is wrong.
    pub faults: Vec<Group>,
    /// Faults beyond those.
    pub other_faults: u64,
    /// Optional fields that are wrong and cost nothing but themselves.
    pub dropped_fields: Vec<DroppedField>,
    /// All fields.
    pub fields: Vec<Field>,
    /// Values of fields beyond those.
    pub other_fields: u64,
    /// The senders' clocks.
    pub clocks: Clocks,
    /// The same message again.
    pub duplicates: u64,
    /// Older than the newest of the same device or place.
    pub out_of_order: u64,
    /// Delivered with QoS 0.
    pub qos0: u64,
    /// Kept by the broker from before the subscription.
    pub retained: u64,
    /// Who spoke.
    pub coverage: Coverage,
    /// `None`: no message of a LoRaWAN server.
    pub lorawan: Option<Lorawan>,
    /// On which topics, the busiest first.
    pub topics: Vec<TopicCount>,
    /// Damaged parts of the capture.
    pub damaged: Vec<DamagedPart>,
    /// How often the connection was lost.
    pub connection_lost: u64,
}
