//! How one run of a trip is booked, at each of its stops.

use domain::booking::{Bookable, Notice, RelativeTo, Window};
use domain::time::UtcMicros;

use super::{Booked, Rule, RuleIx};
use crate::overlay::{OwnKind, OwnRun, Runs};
use crate::timetable::booking::StopBooking;
use crate::timetable::patterns::{PatternStop, PatternTrip, StopTime};
use crate::timetable::services::Day;
use crate::timetable::{Boarding, NONE, TripIx, ZoneIx};

/// A run of a trip, and the listed rule that holds for it.
#[derive(Clone, Copy)]
pub struct RunBooking<'a> {
    booked: Booked<'a>,
    runs: Runs<'a>,
    trip: TripIx,
    zone: ZoneIx,
    /// Begin of its service day, seconds since 1970.
    begins_at: i64,
    times: Times<'a>,
    listed: Option<u32>,
}

/// Times of a run as planned.
#[derive(Clone, Copy)]
enum Times<'a> {
    Timetable(PatternTrip<'a>),
    Own(&'a [StopTime]),
}

/// That getting on or off must be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirement {
    /// By which rule; `None`: nothing says how.
    pub rule: Option<RuleIx>,
    /// The time of the ride that the rule's notice counts from, by the timetable.
    pub at: UtcMicros,
}

/// How a ride is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RideBooking {
    /// By which rule; `None`: nothing says how.
    pub rule: Option<RuleIx>,
    /// When it can be booked; `None`: not known, or never.
    pub window: Option<Window>,
    /// Shortest time between booking and ride, seconds; `None`: the rule has none.
    pub notice_s: Option<i32>,
}

impl<'a> RunBooking<'a> {
    /// Of a run of `trip` on a service day, which begins at `begins_at` (seconds since 1970).
    pub fn new(booked: Booked<'a>, runs: Runs<'a>, trip: TripIx, day: Day, begins_at: i64) -> Self {
        let (zone, like, times) = match runs.own(trip) {
            Some(own) => (own.zone, own.of, Times::Own(&own.planned)),
            None => (
                runs.timetable.zone_of(trip),
                Some(trip),
                Times::Timetable(runs.timetable.patterns.trip(trip)),
            ),
        };
        let route = runs.route_number(trip);
        let mut run = RunBooking { booked, runs, trip, zone, begins_at, times, listed: None };
        if booked.bookings.lists(route) {
            let direction = like.and_then(|trip| runs.timetable.trips.get(trip as usize)?.direction);
            run.listed = booked.bookings.listed_for(route, direction, day, run.departure(0));
        }
        run
    }

    /// The zone of its times.
    pub(crate) fn zone(&self) -> ZoneIx {
        self.zone
    }

    /// The rides that can be booked at `now` by a rule.
    pub(crate) fn bookable(&self, rule: RuleIx, now: UtcMicros) -> Option<Bookable> {
        let rule = self.rule(rule)?;
        let asked = rule.asked(now)?;
        rule.with_days(self.runs.timetable, self.zone, |days| Bookable::at(&rule.terms, now, asked, days))
    }

    /// Whether riders who stay seated when the vehicle becomes this run must have booked it.
    pub fn seated(&self) -> Option<Requirement> {
        self.listed.map(|number| self.listed_at(number, 0))
    }

    /// What getting on at `stop`, the one at `position`, requires.
    pub fn pickup(&self, stop: PatternStop, position: usize) -> Option<Requirement> {
        match self.listed {
            Some(number) => Some(self.listed_at(number, position)),
            None if stop.pickup() == Boarding::Book => {
                Some(self.by_feed(self.at_stop(position).pickup, self.departure(position)))
            }
            None => None,
        }
    }

    /// What getting off at `stop`, the one at `position`, requires. A listed rule is about the whole ride.
    pub fn drop_off(&self, stop: PatternStop, position: usize) -> Option<Requirement> {
        let is_booked = self.listed.is_none() && stop.drop_off() == Boarding::Book;
        is_booked.then(|| {
            let arrival = self.planned(position).arrival;
            self.by_feed(self.at_stop(position).drop_off, self.at(arrival))
        })
    }

    /// How a ride with these requirements is booked; `None`: it need not be.
    pub fn ride(&self, required: impl IntoIterator<Item = Requirement>) -> Option<RideBooking> {
        let each = required.into_iter().map(|Requirement { rule: number, at }| {
            let rule = number.and_then(|number| self.rule(number));
            let window = rule.and_then(|rule| rule.window(self.runs.timetable, self.zone, at));
            let notice_s = rule.and_then(|rule| match rule.terms.notice {
                Notice::Before { at_least_s } => Some(at_least_s),
                Notice::RealTime => Some(0),
                Notice::OnDay(_) => None,
            });
            RideBooking { rule: number, window, notice_s }
        });
        each.reduce(both)
    }

    fn rule(&self, number: RuleIx) -> Option<Rule<'a>> {
        self.booked
            .bookings
            .rule(self.runs.timetable, number)
            .map(|rule| rule.with_wheelchair(self.booked.wheelchair))
    }

    fn listed_at(&self, number: u32, position: usize) -> Requirement {
        let rule = &self.booked.bookings.listed[number as usize].rule;
        let counted_from = match rule.terms.relative_to {
            RelativeTo::Boarding => position,
            RelativeTo::FirstStop => 0,
        };
        Requirement { rule: Some(RuleIx::Listed(number)), at: self.departure(counted_from) }
    }

    fn by_feed(&self, number: u32, at: UtcMicros) -> Requirement {
        Requirement { rule: (number != NONE).then_some(RuleIx::Feed(number)), at }
    }

    /// The rules of the timetable at a position. Of a run that real time replaces nobody knows which of its stops they are at.
    fn at_stop(&self, position: usize) -> StopBooking {
        let timetable = self.runs.timetable;
        match self.runs.own(self.trip) {
            Some(OwnRun { kind: OwnKind::Duplicated, of: Some(trip), .. }) => {
                timetable.stop_booking(*trip, position)
            }
            Some(_) => StopBooking::NONE,
            None => timetable.stop_booking(self.trip, position),
        }
    }

    fn planned(&self, position: usize) -> StopTime {
        match self.times {
            Times::Timetable(trip) => trip.time(position),
            Times::Own(times) => times[position],
        }
    }

    fn departure(&self, position: usize) -> UtcMicros {
        self.at(self.planned(position).departure)
    }

    fn at(&self, time_s: i32) -> UtcMicros {
        UtcMicros::from_unix_s(self.begins_at + i64::from(time_s))
    }
}

/// What holds where getting on and getting off must each be booked: both must be possible.
pub(super) fn both(a: RideBooking, b: RideBooking) -> RideBooking {
    let window = a.window.zip(b.window).map(|(a, b)| Window { from: a.from.max(b.from), by: a.by.min(b.by) });
    // Of one without a rule nothing is known; the other's then is.
    let window = match (a.rule, b.rule) {
        (None, _) => b.window,
        (_, None) => a.window,
        _ => window,
    };
    RideBooking { rule: a.rule.or(b.rule), window, notice_s: a.notice_s.max(b.notice_s) }
}
