//! What is to happen, by time.

use std::collections::BTreeMap;

/// Things that are due at a time, in its order; those of one time in the order in which they were planned.
#[derive(Debug)]
pub(crate) struct Agenda<At, Due> {
    entries: BTreeMap<(At, u64), Due>,
    planned: u64,
}

impl<At: Copy + Ord, Due> Agenda<At, Due> {
    pub(crate) fn new() -> Self {
        Self { entries: BTreeMap::new(), planned: 0 }
    }

    pub(crate) fn plan(&mut self, at: At, due: Due) {
        self.planned += 1;
        self.entries.insert((at, self.planned), due);
    }

    /// Takes out what is due next.
    pub(crate) fn next(&mut self) -> Option<(At, Due)> {
        self.entries.pop_first().map(|((at, _), due)| (at, due))
    }

    /// Takes out what is due next, if it is by `until`.
    pub(crate) fn next_until(&mut self, until: At) -> Option<(At, Due)> {
        let is_due = self.entries.first_key_value().is_some_and(|((at, _), _)| *at <= until);
        is_due.then(|| self.next()).flatten()
    }
}
