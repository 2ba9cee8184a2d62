//! When a place could be observed, how long its sources are believed, and what it counts in.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::ids::{ScopeId, SourceKey};
use crate::time::UtcMicros;

/// `[from, until)`; the ends of time are [`i64::MIN`] and [`i64::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first instant.
    pub from: UtcMicros,
    /// The first instant after it.
    pub until: UtcMicros,
}

impl Span {
    /// All of time.
    pub const EVER: Span = Span { from: UtcMicros(i64::MIN), until: UtcMicros(i64::MAX) };

    /// `[from, until)`; an absent end is open.
    pub fn of(from: Option<UtcMicros>, until: Option<UtcMicros>) -> Span {
        Span { from: from.unwrap_or(Span::EVER.from), until: until.unwrap_or(Span::EVER.until) }
    }

    /// Whether `at` lies in it.
    pub fn contains(&self, at: UtcMicros) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether no instant lies in it.
    pub fn is_empty(&self) -> bool {
        self.from >= self.until
    }

    /// What lies in both; may be empty.
    pub fn within(&self, other: Span) -> Span {
        Span { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    /// Microseconds, 0 when empty.
    pub fn len_us(&self) -> i64 {
        self.until.0.saturating_sub(self.from.0).max(0)
    }
}

/// How long statements of a source about a place are believed, and when the source was assigned to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The sensor, or minus the feed that names the place itself.
    pub source: SourceKey,
    /// When the source was assigned to the place.
    pub span: Span,
    /// Microseconds. [`Hold::DISTRUSTED`]: what it states is not believed, and what it stated before holds until then at most.
    pub hold_us: i64,
}

impl Hold {
    /// See [`Hold::hold_us`].
    pub const DISTRUSTED: i64 = 0;

    /// `self`, except while one of `particular` holds: those are of the same source and do not overlap.
    pub fn except(self, particular: impl IntoIterator<Item = Hold>) -> Vec<Hold> {
        let mut particular: Vec<Hold> = particular
            .into_iter()
            .map(|h| Hold { source: self.source, span: h.span.within(self.span), hold_us: h.hold_us })
            .filter(|h| !h.span.is_empty())
            .collect();
        particular.sort_unstable_by_key(|h| h.span.from);
        let mut all = Vec::with_capacity(2 * particular.len() + 1);
        let mut from = self.span.from;
        for hold in particular {
            let span = Span { from: hold.span.from.max(from), until: hold.span.until };
            all.push(Hold { span: Span { from, until: span.from }, ..self });
            all.push(Hold { span, ..hold });
            from = from.max(span.until);
        }
        all.push(Hold { span: Span { from, until: self.span.until }, ..self });
        all.retain(|h| !h.span.is_empty());
        all
    }
}

/// A time in which the place could be observed, in the same scopes all along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// From when to when.
    pub span: Span,
    /// What it counts in: see [`crate::inclusion`].
    pub scopes: SmallVec<[ScopeId; 6]>,
    /// It is a bay that was shown by itself then.
    pub is_shown: bool,
}

/// The conditions of a place at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// It was valid, not closed, and had a sensor or a feed.
    pub is_possible: bool,
    /// What it counts in.
    pub scopes: SmallVec<[ScopeId; 6]>,
    /// See [`Piece::is_shown`].
    pub is_shown: bool,
}

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// In any order; of one source without overlap.
    pub holds: Vec<Hold>,
    /// In the order of time, without overlap.
    pub pieces: Vec<Piece>,
    /// Of a counted site, or of one audience's spaces in it: how many there are from an instant on, as its definitions
    /// say. In the order of time; empty of bays.
    pub capacities: Vec<(UtcMicros, i32)>,
}

/// The possible time of a place: `at` is evaluated between any two of `cuts`, the instants at which something
/// may change.
pub fn pieces(cuts: Vec<UtcMicros>, at: impl Fn(UtcMicros) -> Conditions) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for span in spans_between(cuts) {
        let Conditions { is_possible, scopes, is_shown } = at(span.from);
        if !is_possible {
            continue;
        }
        match pieces.last_mut() {
            Some(last)
                if last.span.until == span.from && last.scopes == scopes && last.is_shown == is_shown =>
            {
                last.span.until = span.until;
            }
            _ => pieces.push(Piece { span, scopes, is_shown }),
        }
    }
    pieces
}

impl Timeline {
    /// How long what `source` says at `at` is believed, microseconds; `None`: it was not assigned to the
    /// place then, or is not believed.
    pub fn hold_us(&self, source: SourceKey, at: UtcMicros) -> Option<i64> {
        let hold_us = self.assigned_us(source, at).filter(|us| *us != Hold::DISTRUSTED)?;
        let later = self.holds.iter().filter(|h| h.source == source && h.hold_us == Hold::DISTRUSTED);
        let left_us = later.map(|h| h.span.from.0 - at.0).filter(|us| *us > 0);
        Some(left_us.fold(hold_us, i64::min))
    }

    /// Of the hold that `at` lies in.
    fn assigned_us(&self, source: SourceKey, at: UtcMicros) -> Option<i64> {
        self.holds.iter().find(|h| h.source == source && h.span.contains(at)).map(|h| h.hold_us)
    }

    /// The longest that any source is believed.
    pub fn longest_hold_us(&self) -> i64 {
        self.holds.iter().map(|h| h.hold_us).max().unwrap_or(1)
    }

    /// `self` before `at`, `new` from then on.
    pub fn spliced(&self, new: &Timeline, at: UtcMicros) -> Timeline {
        let (before, after) = (Span::of(None, Some(at)), Span::of(Some(at), None));
        let cut = |of: &Timeline, to: Span| {
            let holds = of.holds.iter().map(|h| Hold { span: h.span.within(to), ..*h });
            let pieces = of.pieces.iter().map(|p| Piece { span: p.span.within(to), ..p.clone() });
            (
                holds.filter(|h| !h.span.is_empty()).collect::<Vec<_>>(),
                pieces.filter(|p| !p.span.is_empty()).collect::<Vec<_>>(),
            )
        };
        let (mut holds, mut pieces) = cut(self, before);
        let (new_holds, new_pieces) = cut(new, after);
        for hold in new_holds {
            let joined = holds.iter_mut().find(|h| {
                h.source == hold.source && h.hold_us == hold.hold_us && h.span.until == hold.span.from
            });
            match joined {
                Some(h) => h.span.until = hold.span.until,
                None => holds.push(hold),
            }
        }
        let mut rest = new_pieces.into_iter().peekable();
        if let (Some(last), Some(first)) = (pieces.last_mut(), rest.peek())
            && last.span.until == first.span.from
            && (&last.scopes, last.is_shown) == (&first.scopes, first.is_shown)
        {
            last.span.until = first.span.until;
            rest.next();
        }
        pieces.extend(rest);
        holds.sort_unstable_by_key(|h| (h.source, h.span.from));
        Timeline { holds, pieces, capacities: new.capacities.clone() }
    }

    /// Spaces at `at`, as the definitions say; 0 before the first of them.
    pub fn capacity_at(&self, at: UtcMicros) -> i32 {
        let after = self.capacities.partition_point(|(from, _)| *from <= at);
        after.checked_sub(1).map_or(0, |i| self.capacities[i].1)
    }

    /// Spaces, and when there were so many.
    pub fn capacity_spans(&self) -> impl Iterator<Item = (Span, i32)> + '_ {
        self.capacities.iter().enumerate().map(|(i, (from, capacity))| {
            (Span::of(Some(*from), self.capacities.get(i + 1).map(|(next, _)| *next)), *capacity)
        })
    }

    /// The time in which there are more or fewer spaces.
    pub fn differs_in_capacities(&self, other: &Timeline) -> Option<Span> {
        let cuts = self.capacities.iter().chain(&other.capacities).map(|(from, _)| *from);
        differs(cuts.collect(), |at| self.capacity_at(at) != other.capacity_at(at))
    }

    /// The time in which statements count differently, or for another length of time.
    pub fn differs_in_holds(&self, other: &Timeline) -> Option<Span> {
        let cuts = self.holds.iter().chain(&other.holds).flat_map(|h| [h.span.from, h.span.until]);
        let sources: Vec<SourceKey> = self.holds.iter().chain(&other.holds).map(|h| h.source).collect();
        differs(cuts.collect(), |at| {
            sources.iter().any(|source| self.assigned_us(*source, at) != other.assigned_us(*source, at))
        })
    }

    /// The time in which the place counts elsewhere, or is possible in one of both only.
    pub fn differs_in_pieces(&self, other: &Timeline) -> Option<Span> {
        let cuts = self.pieces.iter().chain(&other.pieces).flat_map(|p| [p.span.from, p.span.until]);
        let scopes =
            |of: &Timeline, at| of.pieces.iter().find(|p| p.span.contains(at)).map(|p| p.scopes.clone());
        differs(cuts.collect(), |at| scopes(self, at) != scopes(other, at))
    }
}

/// The shortest span that both lie in.
pub fn hull(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    match (a, b) {
        (Some(a), Some(b)) => Some(Span { from: a.from.min(b.from), until: a.until.max(b.until) }),
        (a, b) => a.or(b),
    }
}

/// All of time, cut into spans.
fn spans_between(mut cuts: Vec<UtcMicros>) -> Vec<Span> {
    cuts.extend([Span::EVER.from, Span::EVER.until]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|ends| Span { from: ends[0], until: ends[1] }).collect()
}

/// From the first to the last instant at which `is_different` holds.
fn differs(cuts: Vec<UtcMicros>, is_different: impl Fn(UtcMicros) -> bool) -> Option<Span> {
    let different = spans_between(cuts).into_iter().filter(|span| is_different(span.from));
    different.reduce(|all, span| Span { until: span.until, ..all })
}
