//! What the county's control centre lets riders know.

use jiff::civil::Date;

use crate::county::County;

/// Something worth an alert, by indices into the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Notice {
    /// Works have moved this stop.
    Works { stop: usize },
    /// This line leaves its way.
    Detour { line: usize },
}

impl Notice {
    /// The alert's id.
    pub(crate) fn id(self, county: &County) -> String {
        match self {
            Notice::Works { stop } => format!("works-{}", county.stops[stop].id),
            Notice::Detour { line } => format!("detour-{}", county.lines[line].id),
        }
    }
}

/// What is to be cancelled: its next run, when that is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cancel {
    /// A line, in both directions.
    Line(usize),
    /// One trip of the timetable.
    Trip(usize),
}

/// A run: the trip of the timetable, and its day of service.
pub(crate) type PlannedRun = (usize, Date);
