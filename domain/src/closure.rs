//! When places cannot be used: works, a fair, snow.

use serde::{Deserialize, Serialize};

use crate::place::PlaceKind;
use crate::time::UtcMicros;

/// A place that is closed during `[from, until)`, by text ids.
///
/// Its identity is the place and `from`. Closures of one place may overlap: see [`Spans`]. An
/// empty span closes nothing: that is how a mistaken closure is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closure {
    /// Whether the place is a site or a bay.
    pub kind: PlaceKind,
    /// Id of the site or bay.
    pub place: String,
    /// When it begins.
    pub from: UtcMicros,
    /// `None`: until further notice.
    pub until: Option<UtcMicros>,
    /// For people.
    pub reason: Option<String>,
}

/// The end of a span that has none.
pub const NEVER: UtcMicros = UtcMicros(i64::MAX);

/// Spans of time `[from, until)`, in order and apart from each other: what several closures cover
/// together. However they overlap, no second counts twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans(Vec<(UtcMicros, UtcMicros)>);

impl Spans {
    /// Whatever any of `spans` covers; an open one ends at [`NEVER`].
    pub fn union(spans: impl IntoIterator<Item = (UtcMicros, UtcMicros)>) -> Self {
        let mut sorted: Vec<_> = spans.into_iter().filter(|(from, until)| from < until).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(UtcMicros, UtcMicros)> = Vec::with_capacity(sorted.len());
        for (from, until) in sorted {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(until),
                _ => merged.push((from, until)),
            }
        }
        Spans(merged)
    }

    /// The spans, in order.
    pub fn iter(&self) -> impl Iterator<Item = (UtcMicros, UtcMicros)> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing is ever covered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The end of the span that holds `at`.
    pub(crate) fn end_of(&self, at: UtcMicros) -> Option<UtcMicros> {
        let span = self.0.get(self.0.partition_point(|(_, until)| *until <= at))?;
        (span.0 <= at).then_some(span.1)
    }

    /// Whether `at` is covered.
    pub fn covers(&self, at: UtcMicros) -> bool {
        self.end_of(at).is_some()
    }

    /// How many seconds of `[from, until)` are covered.
    pub fn covered_s(&self, from: UtcMicros, until: UtcMicros) -> f64 {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        let within = self.0[first..].iter().take_while(|(start, _)| *start < until);
        within.map(|(start, end)| (*end).min(until).seconds_since((*start).max(from))).sum()
    }

    /// Where the next span after `at` begins.
    pub(crate) fn next_start(&self, at: UtcMicros) -> Option<UtcMicros> {
        self.0.get(self.0.partition_point(|(from, _)| *from <= at)).map(|(from, _)| *from)
    }

    /// The first instant after `at` at which a span begins or ends.
    pub(crate) fn next_edge(&self, at: UtcMicros) -> Option<UtcMicros> {
        match self.end_of(at) {
            Some(end) => (end != NEVER).then_some(end),
            None => self.next_start(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(list: &[(i64, i64)]) -> Spans {
        Spans::union(list.iter().map(|(a, b)| (UtcMicros(*a), UtcMicros(*b))))
    }

    #[test]
    fn an_open_span_has_no_edge_ahead() {
        let open = Spans::union([(UtcMicros(5), NEVER)]);
        assert_eq!((open.next_edge(UtcMicros(4)), open.next_edge(UtcMicros(5))), (Some(UtcMicros(5)), None));
        assert_eq!(open.end_of(UtcMicros(9)), Some(NEVER));
        assert!(spans(&[(7, 7)]).is_empty(), "what ends as it begins covers nothing");
    }

    proptest! {
        #[test]
        fn the_union_covers_what_any_covers(list in prop::collection::vec((0i64..40, 0i64..12), 0..8)) {
            let list: Vec<(i64, i64)> = list.into_iter().map(|(from, length)| (from, from + length)).collect();
            let union = spans(&list);
            for at in 0..60 {
                let by_hand = list.iter().any(|(from, until)| (*from..*until).contains(&at));
                prop_assert_eq!(union.covers(UtcMicros(at)), by_hand, "{}", at);
            }
            let ends: Vec<_> = union.iter().collect();
            prop_assert!(ends.windows(2).all(|w| w[0].1 < w[1].0), "apart and in order: {ends:?}");
            let covered = (10..35).filter(|at| union.covers(UtcMicros(*at))).count();
            prop_assert!((union.covered_s(UtcMicros(10), UtcMicros(35)) - covered as f64 * 1e-6).abs() < 1e-12);
            // Walking from edge to edge meets each of them once.
            let mut edges = Vec::new();
            let mut at = UtcMicros(-1);
            while let Some(next) = union.next_edge(at) {
                edges.push(next);
                at = next;
            }
            prop_assert_eq!(edges, ends.iter().flat_map(|(from, until)| [*from, *until]).collect::<Vec<_>>());
        }
    }
}
