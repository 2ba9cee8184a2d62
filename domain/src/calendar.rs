//! Days that a town marks itself: market days, events, its own holidays.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::place::wire_enum;

wire_enum! {
    /// What a town's calendar says of a day.
    MarkedKind { Holiday = "holiday", Market = "market", Event = "event", SchoolHoliday = "school_holiday" }
}

/// One entry of a town's calendar; its identity is all but `until`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarDay {
    /// Slug of the municipality.
    pub municipality: String,
    /// The first day.
    pub date: Date,
    /// The last day: that day included.
    pub until: Date,
    /// What is marked.
    pub kind: MarkedKind,
    /// What people call it.
    pub name: String,
}
