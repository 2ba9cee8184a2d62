//! Which stored intervals change.

use crate::time::UtcMicros;

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

/// Compares intervals, both in the order of time; no two of one side begin at the same instant.
pub fn diff<T: Copy + PartialEq>(before: &[T], after: &[T], from: impl Fn(&T) -> UtcMicros) -> Diff<T> {
    let beginning = |intervals: &[T], at: UtcMicros| {
        intervals.binary_search_by_key(&at, &from).ok().map(|i| intervals[i])
    };
    let gone = before.iter().map(&from).filter(|at| beginning(after, *at).is_none()).collect();
    let (there, new): (Vec<T>, Vec<T>) =
        after.iter().partition(|interval| beginning(before, from(interval)).is_some());
    let is_changed = |interval: &T| beginning(before, from(interval)) != Some(*interval);
    Diff { gone, changed: there.into_iter().filter(is_changed).collect(), new }
}
