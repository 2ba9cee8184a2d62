//! The occupancy of a counted site over time.
//!
//! An absolute count says how many spaces are occupied; entries and exits after it move the number; the
//! next absolute count replaces it, which corrects what gates missed. Entries and exits
//! mean nothing before a first absolute count. See [`crate::site_count`] for the state now.

use crate::observation::{CountValue, SiteCount, SiteStatus};
use crate::site_count::{Absolute, SourceAbsolute, decide_absolute};
use crate::time::UtcMicros;

/// One count as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountStatement {
    /// When it was so.
    pub at: UtcMicros,
    /// How many spaces are occupied or vacant, with who says so; `None`: it does not say.
    pub absolute: Option<SourceAbsolute>,
    /// Cars that came in since the source's last count.
    pub entries: i32,
    /// Cars that went out since the source's last count.
    pub exits: i32,
    /// Whether the site lets cars in; `None`: it does not say.
    pub status: Option<SiteStatus>,
    /// Capacity as the supplier states it.
    pub capacity: Option<i32>,
    /// How long it is believed without a newer one, microseconds.
    pub hold_us: i64,
}

impl CountStatement {
    /// What `count` says, believed for `hold_us` microseconds.
    pub fn of(count: &SiteCount, hold_us: i64) -> Self {
        let (entries, exits) = match count.value {
            CountValue::Flow { entries, exits } => (entries, exits),
            CountValue::Occupied(_) | CountValue::Vacant(_) | CountValue::None => (0, 0),
        };
        CountStatement {
            at: count.observed_at,
            absolute: SourceAbsolute::of(count),
            entries,
            exits,
            status: count.status,
            capacity: count.capacity,
            hold_us,
        }
    }
}

/// A counted site with one number of occupied spaces without a gap, `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountInterval {
    /// Its first instant.
    pub from: UtcMicros,
    /// The first instant after it.
    pub until: UtcMicros,
    /// As counted: gates drift, so it may lie outside of 0 to the capacity. `None`: never counted, so the time is
    /// unobserved.
    pub occupied: Option<i32>,
    /// Spaces: as the supplier stated them, else as defined.
    pub capacity: i32,
    /// The site stated that it was closed.
    pub is_closed: bool,
    /// Whether an absolute count began it.
    pub is_anchored: bool,
    /// Cars that gates counted at `from`.
    pub entries: i32,
    /// Cars that gates counted out at `from`.
    pub exits: i32,
}

/// The running state of a site's counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Running {
    /// Occupied spaces; `None` before the first absolute count.
    occupied: Option<i64>,
    /// As the supplier stated it.
    capacity: Option<i32>,
    is_closed: bool,
}

/// The intervals of `counts`, which are in the order of time; `before` is the interval before them. `defined` is the
/// capacity as the place's definition says at an instant. Each interval begins with a count.
pub fn derive_count_intervals(
    before: Option<CountInterval>,
    counts: &[CountStatement],
    defined: impl Fn(UtcMicros) -> i32,
) -> Vec<CountInterval> {
    let mut intervals: Vec<CountInterval> = Vec::new();
    let mut running = before.map_or(Running::default(), |interval| Running {
        occupied: interval.occupied.map(i64::from),
        capacity: Some(interval.capacity).filter(|c| *c != defined(interval.from)),
        is_closed: interval.is_closed,
    });
    for now in counts.chunk_by(|a, b| a.at == b.at) {
        let at = now[0].at;
        if let Some(last) = intervals.last_mut() {
            last.until = last.until.min(at);
        }
        running.capacity = now.iter().filter_map(|c| c.capacity).max().or(running.capacity);
        if let Some(status) = now.iter().filter_map(|c| c.status).max() {
            running.is_closed = status == SiteStatus::Closed;
        }
        let capacity = running.capacity.unwrap_or_else(|| defined(at));
        let absolutes: Vec<SourceAbsolute> = now.iter().filter_map(|c| c.absolute.clone()).collect();
        let anchor = decide_absolute(&absolutes, capacity.into()).map(|a| match a {
            Absolute::Occupied(n) => i64::from(n),
            Absolute::Vacant(n) => i64::from(capacity) - i64::from(n),
        });
        let (entries, exits) =
            now.iter().fold((0i64, 0i64), |(i, o), c| (i + i64::from(c.entries), o + i64::from(c.exits)));
        running.occupied = anchor.or(running.occupied.map(|n| n + entries - exits));
        let hold_us = now.iter().map(|c| c.hold_us).max().unwrap_or(1).max(1);
        intervals.push(CountInterval {
            from: at,
            until: UtcMicros(at.0.saturating_add(hold_us)),
            occupied: running.occupied.map(|n| n.clamp(i32::MIN.into(), i32::MAX.into()) as i32),
            capacity,
            is_closed: running.is_closed,
            is_anchored: anchor.is_some(),
            entries: entries.clamp(0, i32::MAX.into()) as i32,
            exits: exits.clamp(0, i32::MAX.into()) as i32,
        });
    }
    intervals
}
