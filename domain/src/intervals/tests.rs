//! Any order with any duplicates gives the same intervals, and the same hours.

use proptest::prelude::*;

use super::bay_intervals::decide;
use super::*;
use crate::bay_state::{BayReading, BayState};
use crate::ids::{FeedId, ScopeId, SensorId, SourceKey};
use crate::observation::SiteStatus;
use crate::site_count::{Absolute, SourceAbsolute};
use crate::time::{MICROS_PER_S, UtcMicros};

const MINUTE: i64 = 60 * MICROS_PER_S;

fn of_feed(feed: i32) -> SourceKey {
    SourceKey::of(FeedId(feed), None)
}

fn of_sensor(sensor: i32) -> SourceKey {
    SourceKey::of(FeedId(0), Some(SensorId(sensor)))
}

fn minute(n: i64) -> UtcMicros {
    UtcMicros(n * MINUTE)
}

/// A bay with a feed that is believed for 50 minutes and a sensor that is for 20, though not from 60 to 100, and left at 200.
fn timeline() -> Timeline {
    let scopes = [ScopeId(1), ScopeId(2)];
    let sensor = Hold { source: of_sensor(7), span: Span::of(None, Some(minute(200))), hold_us: 20 * MINUTE };
    let span = Span::of(Some(minute(60)), Some(minute(100)));
    let mut holds = sensor.except([Hold { span, hold_us: Hold::DISTRUSTED, ..sensor }]);
    holds.push(Hold { source: of_feed(1), span: Span::EVER, hold_us: 50 * MINUTE });
    Timeline {
        holds,
        pieces: vec![
            Piece {
                span: Span::of(None, Some(minute(90))),
                scopes: scopes.into_iter().collect(),
                is_shown: true,
            },
            Piece {
                span: Span::of(Some(minute(130)), Some(minute(300))),
                scopes: [ScopeId(2)].into_iter().collect(),
                is_shown: true,
            },
        ],
        ..Timeline::default()
    }
}

fn reading() -> impl Strategy<Value = BayReading> {
    (0..400i64, proptest::option::of(0..2i64), any::<bool>(), 0..3i16).prop_map(
        |(at, seq, by_sensor, state)| {
            BayReading {
                feed: FeedId(1),
                sensor: by_sensor.then_some(SensorId(7)),
                // Rounded, so that instants are shared.
                observed_at: minute(at / 4 * 4),
                seq,
                state: BayState::from_code(state),
            }
        },
    )
}

fn stated_at(all: &[BayReading], at: UtcMicros, timeline: &Timeline) -> Option<BayStatement> {
    let here = all.iter().filter(|r| r.observed_at == at).copied();
    decide(here, |r| timeline.hold_us(r.source(), r.observed_at))
}

fn instants(all: &[BayReading], timeline: &Timeline) -> Vec<UtcMicros> {
    let mut instants: Vec<UtcMicros> = all.iter().map(|r| r.observed_at).collect();
    instants.sort();
    instants.dedup();
    instants.retain(|at| stated_at(all, *at, timeline).is_some());
    instants
}

fn from_nothing(all: &[BayReading], timeline: &Timeline) -> Vec<BayInterval> {
    derive_intervals(instants(all, timeline).into_iter().filter_map(|at| stated_at(all, at, timeline)))
}

fn plain(intervals: &[BayInterval]) -> Vec<(UtcMicros, UtcMicros, BayState)> {
    intervals.iter().map(|r| (r.from, r.until, r.state)).collect()
}

/// Brute force: what holds at an instant.
fn holds_at(all: &[BayReading], timeline: &Timeline, at: UtcMicros) -> Option<BayState> {
    let last = instants(all, timeline).into_iter().rfind(|i| *i <= at)?;
    let statement = stated_at(all, last, timeline)?;
    (at.0 < statement.at.0 + statement.hold_us).then_some(statement.state)
}

/// Applies `order` with `stored` already there, as the store does: a statement is looked up, applied, and
/// placed between its neighbours when it needs them.
fn live(
    order: &[BayReading],
    stored: impl Fn(usize) -> Vec<BayReading>,
    timeline: &Timeline,
) -> (Vec<BayInterval>, Delta) {
    let mut intervals = BayIntervals::default();
    let mut hours = Delta::default();
    for (i, reading) in order.iter().enumerate() {
        let stored = stored(i);
        let before = intervals.clone();
        let Some(hold_us) = timeline.hold_us(reading.source(), reading.observed_at) else { continue };
        let statement = BayStatement { at: reading.observed_at, state: reading.state, hold_us };
        if intervals.apply(statement, timeline.longest_hold_us()) == Applied::NeedsNeighbours {
            let all = instants(&stored, timeline);
            let left =
                all.iter().rfind(|at| **at < statement.at).and_then(|at| stated_at(&stored, *at, timeline));
            let end = UtcMicros(statement.at.0 + timeline.longest_hold_us());
            let right = all.iter().copied().find(|at| statement.at < *at && *at <= end);
            intervals.place(left, stated_at(&stored, statement.at, timeline).unwrap(), right.unwrap_or(end));
        }
        hours.add_bays(before.as_slice(), timeline, Span::EVER, -1);
        hours.add_bays(intervals.as_slice(), timeline, Span::EVER, 1);
    }
    hours.0.retain(|_, sums| !sums.is_zero());
    (intervals.as_slice().to_vec(), hours)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_order_with_duplicates_gives_the_same_runs_and_hours(
        (readings, order, ahead) in proptest::collection::vec(reading(), 1..24).prop_flat_map(|v| {
            let twice = [v.clone(), v.clone()].concat();
            (Just(v), Just(twice).prop_shuffle(), 0..12usize)
        })
    ) {
        let timeline = timeline();
        let expected = from_nothing(&readings, &timeline);
        // Other writers may have stored more than was applied so far.
        let (intervals, hours) = live(&order, |i| order[..(i + 1 + ahead).min(order.len())].to_vec(), &timeline);
        prop_assert_eq!(plain(&intervals), plain(&expected));
        let mut fresh = Delta::default();
        fresh.add_bays(&expected, &timeline, Span::EVER, 1);
        fresh.0.retain(|_, sums| !sums.is_zero());
        prop_assert_eq!(hours.0, fresh.0);
    }

    #[test]
    fn intervals_are_what_holds_at_each_instant(readings in proptest::collection::vec(reading(), 1..24)) {
        let timeline = timeline();
        let intervals = from_nothing(&readings, &timeline);
        for m in 0..460 {
            let at = minute(m);
            let interval = intervals.iter().find(|r| r.from <= at && at < r.until);
            prop_assert_eq!(interval.map(|r| r.state), holds_at(&readings, &timeline, at), "minute {}", m);
        }
        prop_assert!(intervals.windows(2).all(|w| w[0].until <= w[1].from));
    }

    #[test]
    fn hours_cut_in_two_add_up(readings in proptest::collection::vec(reading(), 1..24), cut in 0..460i64) {
        let timeline = timeline();
        let intervals = from_nothing(&readings, &timeline);
        let (mut whole, mut parts) = (Delta::default(), Delta::default());
        whole.add_bays(&intervals, &timeline, Span::EVER, 1);
        parts.add_bays(&intervals, &timeline, Span::of(None, Some(minute(cut))), 1);
        parts.add_bays(&intervals, &timeline, Span::of(Some(minute(cut)), None), 1);
        prop_assert_eq!(whole.0, parts.0);
    }

    #[test]
    fn counts_derived_in_parts_are_the_same(cuts in proptest::collection::vec(count(), 1..30), at in 0..30usize) {
        let mut counts = cuts;
        counts.sort_by_key(|c| c.at);
        let whole = derive_count_intervals(None, &counts, |_| 100);
        let at = at.min(counts.len() - 1);
        let split = counts.partition_point(|c| c.at < counts[at].at);
        let mut parts = derive_count_intervals(None, &counts[..split], |_| 100);
        let rest = derive_count_intervals(parts.last().copied(), &counts[split..], |_| 100);
        if let (Some(last), Some(first)) = (parts.last_mut(), counts.get(split)) {
            last.until = last.until.min(first.at);
        }
        parts.extend(rest);
        prop_assert_eq!(parts, whole);
    }
}

fn of_gate(value: Absolute) -> SourceAbsolute {
    SourceAbsolute { source: "gate".to_owned(), seq: None, value }
}

fn count() -> impl Strategy<Value = CountStatement> {
    (0..200i64, 0..4u8, 0..90i32, 0..4i32, 0..4i32).prop_map(|(at, kind, n, entries, exits)| CountStatement {
        at: minute(at),
        absolute: match kind {
            0 => Some(of_gate(Absolute::Occupied(n))),
            1 => Some(of_gate(Absolute::Vacant(n))),
            _ => None,
        },
        entries: if kind == 2 { entries } else { 0 },
        exits: if kind == 2 { exits } else { 0 },
        status: (kind == 3).then_some(if n % 2 == 0 { SiteStatus::Closed } else { SiteStatus::Open }),
        capacity: None,
        hold_us: 30 * MINUTE,
    })
}

#[test]
fn gates_drift_and_an_absolute_count_sets_them_right() {
    let flow = |at, entries, exits| CountStatement { at: minute(at), entries, exits, ..blank() };
    let absolute =
        |at, n| CountStatement { at: minute(at), absolute: Some(of_gate(Absolute::Occupied(n))), ..blank() };
    let intervals = derive_count_intervals(
        None,
        &[flow(0, 5, 0), absolute(1, 10), flow(2, 2, 0), flow(3, 0, 1), absolute(9, 8)],
        |_| 20,
    );
    let occupied_spans: Vec<_> =
        intervals.iter().filter_map(|r| Some((r.from, r.until, r.occupied?))).collect();
    assert_eq!(
        occupied_spans,
        [
            (minute(1), minute(2), 10),
            (minute(2), minute(3), 12),
            (minute(3), minute(9), 11),
            (minute(9), minute(39), 8)
        ]
    );
}

fn blank() -> CountStatement {
    CountStatement {
        at: minute(0),
        absolute: None,
        entries: 0,
        exits: 0,
        status: None,
        capacity: None,
        hold_us: 30 * MINUTE,
    }
}

#[test]
fn arrivals_need_a_vacant_moment_before() {
    let timeline = Timeline {
        holds: vec![Hold { source: of_feed(1), span: Span::EVER, hold_us: 60 * MINUTE }],
        pieces: vec![Piece { span: Span::EVER, scopes: [ScopeId(1)].into_iter().collect(), is_shown: true }],
        ..Timeline::default()
    };
    let stated = |m, state| BayStatement { at: minute(m), state, hold_us: 60 * MINUTE };
    // Vacant, occupied at 10, vacant at 30; then silence, and occupied out of it at 200.
    let intervals = derive_intervals([
        stated(0, BayState::Vacant),
        stated(10, BayState::Occupied),
        stated(30, BayState::Vacant),
        stated(200, BayState::Occupied),
    ]);
    let mut hours = Delta::default();
    hours.add_bays(&intervals, &timeline, Span::EVER, 1);
    let first = hours.0[&(ScopeId(1), 0)];
    assert_eq!((first.arrivals, first.departures), ([1, 0, 0, 0], [0, 0, 1, 0]));
    assert_eq!(first.occupied_us.iter().sum::<i64>(), 20 * MINUTE);
    assert_eq!(first.observed_us.iter().sum::<i64>(), 60 * MINUTE);
    assert_eq!(hours.0[&(ScopeId(1), 3)].arrivals, [0; 4]);
}

#[test]
fn layouts_are_spliced_and_compared() {
    let scopes = |n: i32| [ScopeId(n)].into_iter().collect::<smallvec::SmallVec<[ScopeId; 6]>>();
    let old = Timeline {
        holds: vec![Hold { source: of_sensor(1), span: Span::EVER, hold_us: 5 }],
        pieces: vec![Piece { span: Span::EVER, scopes: scopes(1), is_shown: true }],
        ..Timeline::default()
    };
    let new = Timeline {
        holds: vec![
            Hold { source: of_sensor(1), span: Span::of(None, Some(minute(10))), hold_us: 5 },
            Hold { source: of_sensor(1), span: Span::of(Some(minute(10)), None), hold_us: 9 },
        ],
        pieces: vec![
            Piece { span: Span::of(None, Some(minute(20))), scopes: scopes(1), is_shown: true },
            Piece { span: Span::of(Some(minute(20)), None), scopes: scopes(2), is_shown: true },
        ],
        ..Timeline::default()
    };
    assert_eq!(old.differs_in_holds(&new), Some(Span::of(Some(minute(10)), None)));
    assert_eq!(old.differs_in_pieces(&new), Some(Span::of(Some(minute(20)), None)));
    assert_eq!(old.spliced(&new, Span::EVER.until), old);
    assert_eq!(old.spliced(&new, minute(5)), new);
    // Half done: new before the 15th minute.
    let half = new.spliced(&old, minute(15));
    assert_eq!(half.differs_in_holds(&new), Some(Span::of(Some(minute(15)), None)));
    assert_eq!(half.differs_in_pieces(&new), Some(Span::of(Some(minute(20)), None)));
    assert_eq!(
        new.spliced(&half, minute(30)).differs_in_pieces(&new),
        Some(Span::of(Some(minute(30)), None))
    );
    assert_eq!(new.differs_in_pieces(&new), None);
}

#[test]
fn capacities_hold_from_an_instant_on_and_differ_where_they_do() {
    let of =
        |capacities: &[(UtcMicros, i32)]| Timeline { capacities: capacities.to_vec(), ..Timeline::default() };
    let ever = Span::EVER.from;
    let old = of(&[(ever, 100), (minute(10), 80)]);
    assert_eq!([0, 9, 10, 99].map(|at| old.capacity_at(minute(at))), [100, 100, 80, 80]);
    let spans: Vec<_> = old.capacity_spans().collect();
    assert_eq!(spans, [(Span::of(None, Some(minute(10))), 100), (Span::of(Some(minute(10)), None), 80)]);
    // The version in force was corrected; so was one before; there is a new one.
    let from = |from| Some(Span::of(from, None));
    assert_eq!(old.differs_in_capacities(&of(&[(ever, 100), (minute(10), 70)])), from(Some(minute(10))));
    assert_eq!(
        old.differs_in_capacities(&of(&[(ever, 90), (minute(10), 80)])),
        Some(Span::of(None, Some(minute(10))))
    );
    let more = of(&[(ever, 100), (minute(10), 80), (minute(30), 60)]);
    assert_eq!(old.differs_in_capacities(&more), from(Some(minute(30))));
    assert_eq!(old.differs_in_capacities(&of(&[(ever, 100), (minute(5), 100), (minute(10), 80)])), None);
}

proptest! {
    /// Bindings of a place do not overlap: here they are cut from one line.
    #[test]
    fn particular_holds_stand_in_the_general_one_and_nothing_overlaps(
        mut cuts in proptest::collection::btree_set(0..50i64, 0..10), first in any::<bool>(), at in -5..60i64,
    ) {
        if first {
            cuts.pop_first();
        }
        let cuts: Vec<i64> = cuts.into_iter().collect();
        let particular: Vec<Hold> = cuts
            .chunks_exact(2)
            .map(|c| Hold { source: of_sensor(7), span: Span::of(Some(minute(c[0])), Some(minute(c[1]))), hold_us: c[0] + 1 })
            .collect();
        let general = Hold { source: of_feed(1), span: Span::EVER, hold_us: 99 };
        let timeline = Timeline { holds: general.except(particular.clone()), ..Timeline::default() };
        let expected = particular.iter().find(|h| h.span.contains(minute(at))).map_or(99, |h| h.hold_us);
        prop_assert_eq!(timeline.hold_us(of_feed(1), minute(at)), Some(expected));
        let at_once = timeline.holds.iter().filter(|h| h.span.contains(minute(at)) && h.source == of_feed(1)).count();
        prop_assert_eq!((at_once, timeline.holds.iter().any(|h| h.source != of_feed(1))), (1, false));
    }
}

#[test]
fn what_a_source_stated_before_it_is_distrusted_holds_until_then() {
    let believed = Hold { source: of_sensor(7), span: Span::EVER, hold_us: 50 * MINUTE };
    let span = Span::of(Some(minute(100)), Some(minute(200)));
    let holds = believed.except([Hold { span, hold_us: Hold::DISTRUSTED, ..believed }]);
    let timeline = Timeline { holds, ..Timeline::default() };
    let stated = |at, state| BayReading {
        feed: FeedId(1),
        sensor: Some(SensorId(7)),
        observed_at: minute(at),
        seq: None,
        state,
    };
    let readings = [
        stated(80, BayState::Occupied),
        stated(120, BayState::Vacant),
        stated(170, BayState::Occupied),
        stated(210, BayState::Vacant),
    ];
    let expected =
        [(minute(80), minute(100), BayState::Occupied), (minute(210), minute(260), BayState::Vacant)];
    assert_eq!(plain(&from_nothing(&readings, &timeline)), expected);
    let (at_once, later) =
        (timeline.hold_us(of_sensor(7), minute(99)), timeline.hold_us(of_sensor(7), minute(100)));
    assert_eq!((at_once, later), (Some(MINUTE), None));
}
