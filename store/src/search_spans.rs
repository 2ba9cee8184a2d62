//! Where the newest observation before an instant is looked for: in longer and longer spans.

use domain::UtcMicros;
use domain::feed::MAX_AHEAD_S;

use crate::Ts;

/// How far back the search for earlier observations goes, days: nearly all are found at once. `None`: all that is stored.
const DAYS_BACK: [Option<i64>; 3] = [Some(1), Some(30), None];

/// The latest instant that does not lie ahead of `now`.
pub(crate) fn last(now: UtcMicros) -> Ts {
    Ts(now.plus_s(MAX_AHEAD_S))
}

/// A span of time, `(after, until]`.
#[derive(Clone, Copy)]
pub(crate) struct SearchSpan {
    pub(crate) after: Ts,
    pub(crate) until: Ts,
}

/// The spans that [`DAYS_BACK`] reach.
pub(crate) fn spans(now: UtcMicros) -> impl Iterator<Item = SearchSpan> {
    let mut until = last(now);
    DAYS_BACK.into_iter().map(move |days| {
        let after = Ts(days.map_or(UtcMicros::EPOCH, |days| now.plus_s(-days * 86_400)));
        SearchSpan { after, until: std::mem::replace(&mut until, after) }
    })
}
