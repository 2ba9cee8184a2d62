//! The state of a vehicle as a function of the set of its statements.
//!
//! Suppliers say where a vehicle is, which trip it runs, how late it is and how full it is in one
//! message or in several, so no message may clear what it does not mention. A vehicle's state
//! has four parts, and each part is taken whole from the newest statement that contains it (at one
//! instant the greater digest): four maxima over a set, so any order with any duplicates gives the same.
//! A delay belongs to a trip: one that names another trip than the vehicle runs is not shown.

use std::sync::Arc;

use super::stage::Stage;
use super::view::VehicleView;
use crate::feed::is_ahead;
use crate::ids::{FeedId, VehicleId};
use crate::observation::{Digest, VehicleFix};
use crate::time::UtcMicros;

/// The parts of a vehicle's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VehiclePart {
    /// Position, speed and bearing. Speed and bearing without a position are of no place.
    Position,
    /// Trip, its day, route and stop.
    Trip,
    /// The delay, with its trip.
    Delay,
    /// The share of places that are taken.
    Occupancy,
}

impl VehiclePart {
    /// Every part, in the order of their codes.
    pub const ALL: [VehiclePart; 4] =
        [VehiclePart::Position, VehiclePart::Trip, VehiclePart::Delay, VehiclePart::Occupancy];

    /// Stored, therefore fixed for ever.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Whether `fix` contains it.
    pub fn is_in(self, fix: &VehicleFix) -> bool {
        match self {
            VehiclePart::Position => fix.position.is_some(),
            VehiclePart::Trip => {
                [&fix.trip_id, &fix.start_date, &fix.route_id, &fix.stop_id].iter().any(|id| id.is_some())
            }
            VehiclePart::Delay => fix.delay_s.is_some(),
            VehiclePart::Occupancy => fix.occupancy_pct.is_some(),
        }
    }
}

#[derive(Clone)]
struct VehicleStatement {
    observed_at: UtcMicros,
    digest: Digest,
    feed: FeedId,
    fix: Arc<VehicleFix>,
}

/// See the module's description.
#[derive(Default)]
pub(super) struct VehicleCell {
    parts: [Option<VehicleStatement>; VehiclePart::ALL.len()],
    /// As it was last sent.
    stage: Stage,
    /// When its timer fires, if one is set.
    queued_at: Option<UtcMicros>,
}

impl VehicleCell {
    /// Applies a statement; whether it moved any part. Statements ahead of `now` are ignored.
    pub fn apply(
        &mut self,
        feed: FeedId,
        observed_at: UtcMicros,
        digest: Digest,
        fix: VehicleFix,
        now: UtcMicros,
    ) -> bool {
        if is_ahead(observed_at, now) {
            return false;
        }
        let statement = VehicleStatement { observed_at, digest, feed, fix: Arc::new(fix) };
        let mut moved = false;
        for (held, part) in self.parts.iter_mut().zip(VehiclePart::ALL) {
            let believed = held.as_ref().filter(|h| !is_ahead(h.observed_at, now));
            let rank = believed.map(|h| (h.observed_at, h.digest));
            if part.is_in(&statement.fix) && rank < Some((observed_at, digest)) {
                *held = Some(statement.clone());
                moved = true;
            }
        }
        moved
    }

    /// Forgets a statement; whether any part was of it.
    pub fn withdraw(&mut self, observed_at: UtcMicros, digest: Digest) -> bool {
        let is_it = |held: &mut VehicleStatement| (held.observed_at, held.digest) == (observed_at, digest);
        self.parts.iter_mut().filter_map(|part| part.take_if(is_it)).count() > 0
    }

    /// Forgets what lies ahead of `now`, and its timer.
    pub fn forget_ahead(&mut self, now: UtcMicros) {
        for part in &mut self.parts {
            part.take_if(|statement| is_ahead(statement.observed_at, now));
        }
        self.timer_fired();
    }

    /// The last known position.
    pub fn position(&self) -> Option<crate::LatLon> {
        self.parts[0].as_ref()?.fix.position
    }

    /// When it was last at a known place; of a vehicle that never was, when it was last heard.
    pub fn seen_at(&self) -> Option<UtcMicros> {
        let newest = || self.parts.iter().flatten().map(|statement| statement.observed_at).max();
        self.parts[0].as_ref().map(|position| position.observed_at).or_else(newest)
    }

    /// How it is shown at `now`.
    pub fn stage(&self, now: UtcMicros) -> Stage {
        self.seen_at().map_or(Stage::Gone, |seen_at| Stage::at(seen_at, now))
    }

    /// Notes how it is shown from `now` on. Gives how it was before and how it is, and when to look again, if
    /// no earlier timer is set.
    pub fn renew(&mut self, now: UtcMicros) -> (Stage, Stage, Option<UtcMicros>) {
        let stage = self.stage(now);
        let ends_at = self.seen_at().and_then(|seen_at| stage.ends_at(seen_at));
        let timer = ends_at.filter(|at| self.queued_at.is_none_or(|queued| *at < queued));
        self.queued_at = timer.or(self.queued_at);
        (std::mem::replace(&mut self.stage, stage), stage, timer)
    }

    /// Its timer has fired.
    pub fn timer_fired(&mut self) {
        self.queued_at = None;
    }

    /// What is known of it; `None` when nothing is.
    pub fn view(&self, id: VehicleId) -> Option<VehicleView> {
        let [position, trip, delay, occupancy] = &self.parts;
        let delay = delay.as_ref().filter(|d| trip.as_ref().is_none_or(|t| !is_of_another_trip(d, t)));
        let shown = [position.as_ref(), trip.as_ref(), delay, occupancy.as_ref()];
        let newest = shown.into_iter().flatten().max_by_key(|s| (s.observed_at, s.digest))?;
        let [p, t] = [position, trip].map(|statement| statement.as_ref().map(|s| &*s.fix));
        let fix = VehicleFix {
            position: p.and_then(|p| p.position),
            speed_mps: p.and_then(|p| p.speed_mps),
            bearing_deg: p.and_then(|p| p.bearing_deg),
            trip_id: t.and_then(|t| t.trip_id.clone()),
            start_date: t.and_then(|t| t.start_date.clone()),
            route_id: t.and_then(|t| t.route_id.clone()),
            stop_id: t.and_then(|t| t.stop_id.clone()),
            delay_s: delay.and_then(|d| d.fix.delay_s),
            occupancy_pct: occupancy.as_ref().and_then(|o| o.fix.occupancy_pct),
        };
        Some(VehicleView {
            id,
            fix,
            observed_at: newest.observed_at,
            position_observed_at: position.as_ref().map(|p| p.observed_at),
            trip_observed_at: trip.as_ref().map(|t| t.observed_at),
            delay_observed_at: delay.map(|d| d.observed_at),
            occupancy_observed_at: occupancy.as_ref().map(|o| o.observed_at),
            feed: newest.feed,
            feeds: shown.map(|s| s.map(|s| s.feed)),
        })
    }
}

/// Whether both name a trip, and not the same one.
fn is_of_another_trip(delay: &VehicleStatement, trip: &VehicleStatement) -> bool {
    fn differ(a: &Option<String>, b: &Option<String>) -> bool {
        matches!((a, b), (Some(a), Some(b)) if a != b)
    }
    differ(&delay.fix.trip_id, &trip.fix.trip_id) || differ(&delay.fix.start_date, &trip.fix.start_date)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::geo::LatLon;

    fn at(cell: &mut VehicleCell, s: i64, fix: &VehicleFix) -> bool {
        let at = UtcMicros(s * 1_000_000);
        cell.apply(FeedId(1), at, fix.digest_of(FeedId(1)), fix.clone(), at)
    }

    #[test]
    fn what_lies_ahead_gives_way_and_is_not_taken_in() {
        let fix = trip("t");
        let statement = |cell: &mut VehicleCell, s: i64, now_s: i64| {
            let (at, now) = (UtcMicros(s * 1_000_000), UtcMicros(now_s * 1_000_000));
            cell.apply(FeedId(1), at, fix.digest_of(FeedId(1)), fix.clone(), now)
        };
        let mut cell = VehicleCell::default();
        // By a clock that was ten thousand seconds ahead; then it is right again.
        assert!(statement(&mut cell, 20_000, 20_000));
        assert!(statement(&mut cell, 10_010, 10_010));
        assert!(!statement(&mut cell, 20_000, 10_020), "that again");
        assert!(!statement(&mut cell, 10_005, 10_020), "an older one");
        assert!(statement(&mut cell, 10_320, 10_020), "clocks differ by five minutes");
    }

    fn view(cell: &VehicleCell) -> VehicleView {
        cell.view(VehicleId(1)).unwrap()
    }

    fn trip(id: &str) -> VehicleFix {
        VehicleFix { trip_id: Some(id.into()), ..VehicleFix::default() }
    }

    #[test]
    fn a_message_without_a_position_leaves_the_position() {
        let mut bus = VehicleCell::default();
        let here = VehicleFix {
            position: LatLon::new(51.9, 7.2),
            speed_mps: Some(8.0),
            occupancy_pct: Some(40.0),
            ..trip("t1")
        };
        at(&mut bus, 10, &here);
        at(&mut bus, 20, &VehicleFix { delay_s: Some(60), ..trip("t1") });
        let seen = view(&bus);
        assert_eq!(seen.fix, VehicleFix { delay_s: Some(60), ..here });
        assert_eq!(
            (seen.observed_at.0, seen.position_observed_at),
            (20_000_000, Some(UtcMicros(10_000_000)))
        );
    }

    #[test]
    fn a_delay_of_another_trip_is_not_shown() {
        let mut bus = VehicleCell::default();
        at(&mut bus, 10, &VehicleFix { delay_s: Some(60), ..trip("t1") });
        at(&mut bus, 20, &trip("t2"));
        assert_eq!((view(&bus).fix.delay_s, view(&bus).fix.trip_id.as_deref()), (None, Some("t2")));
    }

    #[test]
    fn nothing_said_is_nothing_known() {
        let mut bus = VehicleCell::default();
        assert!(!at(&mut bus, 10, &VehicleFix { speed_mps: Some(3.0), ..VehicleFix::default() }));
        assert_eq!(bus.view(VehicleId(1)), None);
    }

    fn any_fix() -> impl Strategy<Value = (i64, VehicleFix)> {
        let ids = || proptest::option::of(prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
        let number = || proptest::option::of(0..3i32);
        (0..6i64, number(), number(), number(), number(), ids(), ids(), ids()).prop_map(
            |(s, lat, speed, delay, full, trip_id, route_id, stop_id)| {
                let fix = VehicleFix {
                    position: lat.and_then(|lat| LatLon::new(lat.into(), 7.0)),
                    speed_mps: speed.map(|n| n as f32),
                    delay_s: delay,
                    occupancy_pct: full.map(|n| n as f32),
                    trip_id,
                    route_id,
                    stop_id,
                    ..VehicleFix::default()
                };
                (s, fix)
            },
        )
    }

    proptest! {
        #[test]
        fn parts_are_maxima_over_a_set(
            (statement, shuffled) in proptest::collection::vec(any_fix(), 1..12).prop_flat_map(|v| {
                let twice = [v.clone(), v.clone()].concat();
                (Just(v), Just(twice).prop_shuffle())
            }),
        ) {
            let (mut a, mut b) = (VehicleCell::default(), VehicleCell::default());
            for (s, fix) in &statement {
                at(&mut a, *s, fix);
            }
            for (s, fix) in &shuffled {
                at(&mut b, *s, fix);
            }
            // After a restart there are only the newest statements of each part, in any order.
            let mut c = VehicleCell::default();
            for part in VehiclePart::ALL.into_iter().rev() {
                let with_part = shuffled.iter().filter(|(_, fix)| part.is_in(fix));
                if let Some((s, fix)) = with_part.max_by_key(|(s, fix)| (*s, fix.digest_of(FeedId(1)))) {
                    at(&mut c, *s, fix);
                }
            }
            prop_assert_eq!(a.view(VehicleId(1)), c.view(VehicleId(1)));
            prop_assert_eq!(a.view(VehicleId(1)), b.view(VehicleId(1)));
            let newest = statement.iter().filter(|(_, f)| f.position.is_some()).map(|(s, _)| s * 1_000_000).max();
            let seen = a.view(VehicleId(1)).and_then(|v| v.position_observed_at);
            prop_assert_eq!(seen.map(|t| t.0), newest);
        }
    }
}
