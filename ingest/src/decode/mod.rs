//! From wire formats to statements. Decoding never fails a stream: it yields statements *and*
//! faults, side by side, and the faults are kept in quarantine.
//!
//! One file per payload family. A decoder knows no places: it returns statements about text
//! ids; [`crate::check`] binds them to a bay, site or vehicle and accepts or rejects them.

mod faults;
pub mod gtfs_rt;
pub mod hfp;
pub mod json;
pub mod lorawan;
pub mod native;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod samples;

use std::borrow::Cow;

use domain::observation::{CountValue, DoorCount, SiteStatus, VehicleFix};
use domain::trip_update::Passed;
use domain::{Audience, BayState, Reason, TripUpdate, UtcMicros};

pub use self::faults::Faults;
pub use self::json::Dropped;

/// A statement about one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement<'a> {
    pub subject: Subject<'a>,
    /// When it was observed, by the sender's clock.
    pub at: Option<UtcMicros>,
    pub content: Content<'a>,
    pub seq: Option<i64>,
    /// Fields that were dropped.
    pub dropped: Vec<Dropped>,
}

/// The subject of a statement, by the supplier's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<'a> {
    Bay(Cow<'a, str>),
    Site(Cow<'a, str>),
    Vehicle(Cow<'a, str>),
    /// The trip that the update names.
    Trip,
}

impl Subject<'_> {
    /// The supplier's id of the place.
    pub fn place(&self) -> Option<&str> {
        match self {
            Subject::Bay(id) | Subject::Site(id) | Subject::Vehicle(id) => Some(id),
            Subject::Trip => None,
        }
    }
}

/// The content of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    Bay {
        state: BayState,
        battery_v: Option<f32>,
        rssi_dbm: Option<f32>,
        temperature_c: Option<f32>,
    },
    Count {
        value: CountValue,
        audience: Option<Audience>,
        status: Option<SiteStatus>,
        capacity: Option<i32>,
        source: Option<Cow<'a, str>>,
    },
    Fix(Box<VehicleFix>),
    Passengers {
        stop_id: Option<String>,
        trip_id: Option<String>,
        doors: Vec<DoorCount>,
        on_board: Option<i32>,
        source: Option<String>,
    },
    Trip {
        update: Box<TripUpdate>,
        /// When the message was made, by the sender's clock.
        message_at: Option<UtcMicros>,
        /// Stops that lay behind by then.
        passed: Vec<Passed>,
    },
}

impl Statement<'_> {
    /// The same statement, free of the message it was read from.
    pub fn into_owned(self) -> Statement<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let subject = match self.subject {
            Subject::Bay(id) => Subject::Bay(owned(id)),
            Subject::Site(id) => Subject::Site(owned(id)),
            Subject::Vehicle(id) => Subject::Vehicle(owned(id)),
            Subject::Trip => Subject::Trip,
        };
        let content = match self.content {
            Content::Bay { state, battery_v, rssi_dbm, temperature_c } => {
                Content::Bay { state, battery_v, rssi_dbm, temperature_c }
            }
            Content::Count { value, audience, status, capacity, source } => {
                Content::Count { value, audience, status, capacity, source: source.map(owned) }
            }
            Content::Fix(fix) => Content::Fix(fix),
            Content::Passengers { stop_id, trip_id, doors, on_board, source } => {
                Content::Passengers { stop_id, trip_id, doors, on_board, source }
            }
            Content::Trip { update, message_at, passed } => Content::Trip { update, message_at, passed },
        };
        Statement { subject, at: self.at, content, seq: self.seq, dropped: self.dropped }
    }
}

/// A detail quotes what the sender wrote, which may be as long as the message.
pub const MAX_DETAIL_BYTES: usize = 1_000;

/// Why a message, or one element of it, could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    /// The field, its value and what would be right.
    pub detail: String,
    /// What to do, where more is known than the reason's own remedy.
    pub remedy: Option<Cow<'static, str>>,
    /// The device or place it is about, as the message or its topic names it.
    pub device: Option<String>,
    /// It is about one element of a message of many.
    pub is_element: bool,
    /// The payload is no text at all.
    pub is_binary: bool,
}

impl Fault {
    /// A fault of the whole message. `detail` is cut to [`MAX_DETAIL_BYTES`].
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        Fault { reason, detail, remedy: None, device: None, is_element: false, is_binary: false }
    }

    /// A payload that cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Fault::new(Reason::Malformed, detail)
    }

    /// With what to do about it.
    pub fn remedy(self, remedy: impl Into<Cow<'static, str>>) -> Self {
        Fault { remedy: Some(remedy.into()), ..self }
    }

    /// With the device or place that it is about.
    pub fn about(self, device: impl Into<String>) -> Self {
        Fault { device: Some(device.into()), ..self }
    }
}

/// The result of decoding a message. Empty when it carries nothing for us (a valid event without
/// parking or transit data).
#[derive(Debug, Default, PartialEq)]
pub struct Decoded<'a> {
    pub statements: Vec<Statement<'a>>,
    pub faults: Faults,
}

impl<'a> Decoded<'a> {
    /// One statement.
    pub fn one(statement: Statement<'a>) -> Self {
        Decoded { statements: vec![statement], faults: Faults::default() }
    }
}

impl From<Fault> for Decoded<'_> {
    fn from(fault: Fault) -> Self {
        Decoded { statements: Vec::new(), faults: fault.into() }
    }
}
