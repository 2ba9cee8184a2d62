//! Which stored intervals change.

use super::bay_intervals::BayInterval;
use super::count_intervals::CountInterval;
use crate::time::UtcMicros;

/// An interval of a place.
pub trait Interval: Copy + PartialEq {
    /// Where it begins: no two of one place begin at the same instant.
    fn from(&self) -> UtcMicros;
}

impl Interval for BayInterval {
    fn from(&self) -> UtcMicros {
        self.from
    }
}

impl Interval for CountInterval {
    fn from(&self) -> UtcMicros {
        self.from
    }
}

/// The differences between the intervals of a place as they were and as they are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff<T> {
    /// Where intervals began and none begins any more.
    pub gone: Vec<UtcMicros>,
    /// Those that differ from the one that began there.
    pub changed: Vec<T>,
    /// Those that begin where none began.
    pub new: Vec<T>,
}

/// Compares intervals, both in the order of time.
pub fn diff<T: Interval>(before: &[T], after: &[T]) -> Diff<T> {
    let beginning = |intervals: &[T], from: UtcMicros| {
        intervals.binary_search_by_key(&from, Interval::from).ok().map(|i| intervals[i])
    };
    let begun = before.iter().map(Interval::from);
    let gone = begun.filter(|from| beginning(after, *from).is_none()).collect();
    let (there, new): (Vec<T>, Vec<T>) =
        after.iter().partition(|interval| beginning(before, Interval::from(*interval)).is_some());
    let is_changed = |interval: &T| beginning(before, interval.from()) != Some(*interval);
    Diff { gone, changed: there.into_iter().filter(is_changed).collect(), new }
}
