//! Which rides areas offer: on which days, from when to when, and for how long.
//!
//! The earliest pick-up is the latest of: when one is ready, the begin of the window, and the booking with its notice. One gets on in
//! the window of one row and off in that of a later one. Between the two it takes a drive, stretched by what the trip says:
//! what is expected is kept within windows, and connections are planned with the longest.

#[cfg(test)]
mod tests;

use crate::booking::{BookableSpan, Booked, BookedRides, PickupSpan, RideBooking};
use crate::timetable::areas::{AreaRow, AreaTrip, Areas, RowAt};
use crate::timetable::services::Day;
use crate::timetable::{Access, Timetable, ZoneIx};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Whose areas.
    pub timetable: &'a Timetable,
    /// Which rides can be booked.
    pub booked: Booked<'a>,
    /// Who travels.
    pub access: Access,
    /// The earliest pick-up, seconds since 1970.
    pub from: i64,
    /// The latest.
    pub until: i64,
}

/// Two rows of a trip: where one gets on, and where off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// In the trips of [`Asked::areas`].
    pub trip: u32,
    /// Row where one gets on.
    pub board: u16,
    /// Row where one gets off.
    pub alight: u16,
}

/// A pair of rows on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDay {
    /// Which rows.
    pub pair: Pair,
    /// The service day.
    pub day: Day,
    /// The window for getting on, seconds since 1970.
    pub window: [i64; 2],
    /// The window for getting off.
    off: [i64; 2],
    /// Whether one gets off at a minute: then no longest duration counts.
    is_timed: bool,
    /// Pick-ups that can be booked; `None`: none.
    bookable: Option<BookableSpan>,
}

/// A ride over a known drive on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AreaRide {
    /// Of which rows.
    pub on_day: OnDay,
    /// The first pick-up, seconds since 1970.
    pub first: i64,
    /// The last pick-up.
    pub last: i64,
    /// From getting on to getting off, seconds.
    pub expected_s: i32,
    /// The same at the longest.
    pub longest_s: i32,
}

/// Why a ride cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// It can no longer be booked.
    BookingClosed,
    /// It cannot be booked yet.
    BookingNotOpen,
    /// Nothing runs within the time that is searched.
    NotInService,
    /// One of the ends is in the area, the other is not.
    OutsideArea,
}

/// A ride that cannot be booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The ride as if it could be.
    pub ride: AreaRide,
    /// Why not.
    pub why: WhyNot,
    /// How it is booked.
    pub booking: RideBooking,
}

impl<'a> Asked<'a> {
    /// What runs on demand.
    pub fn areas(&self) -> &'a Areas {
        self.booked.bookings.areas(self.timetable)
    }

    /// A trip.
    pub fn trip(&self, trip: u32) -> &'a AreaTrip {
        &self.areas().trips[trip as usize]
    }

    fn rows(&self, pair: Pair) -> [&'a AreaRow; 2] {
        let rows = &self.trip(pair.trip).rows;
        [&rows[usize::from(pair.board)], &rows[usize::from(pair.alight)]]
    }

    fn zone(&self, pair: Pair) -> ZoneIx {
        self.timetable.routes.get(self.trip(pair.trip).route as usize).map_or(0, |route| route.zone)
    }

    fn rules(&self, pair: Pair) -> [u32; 2] {
        let [on, off] = self.rows(pair);
        [on.pickup_rule, off.drop_off_rule]
    }

    /// Whether one may ride from one row to another.
    pub fn pair(&self, on: RowAt, off: RowAt) -> Option<Pair> {
        let pair = Pair { trip: on.trip, board: on.row, alight: off.row };
        let is_ahead = on.trip == off.trip && on.row < off.row;
        let [from, to] = is_ahead.then(|| self.rows(pair))?;
        let is_ride = from.can_board() && to.can_alight() && !(from.is_timed && to.is_timed);
        (is_ride && self.access.permits(self.trip(on.trip).wheelchair)).then_some(pair)
    }

    /// A pair on each day on which it may be of use, in their order.
    pub fn days(&self, pair: Pair) -> Vec<OnDay> {
        let (zone, [on, off]) = (self.zone(pair), self.rows(pair));
        let service = self.trip(pair.trip).service;
        let bookable = self.booked.span(self.timetable, zone, self.rules(pair));
        if let Some(pickups) = self.booked.bookings.pickups(self.timetable, service, self.from, self.until) {
            // One may be set down at any time after.
            let on_day = |PickupSpan { day, window }: PickupSpan| OnDay {
                pair,
                day,
                window,
                off: [window[0], i64::MAX],
                is_timed: false,
                bookable,
            };
            return pickups.into_iter().map(on_day).collect();
        }
        let Some(service) = self.timetable.services.get(service as usize) else { return Vec::new() };
        let first = self.timetable.day_in(zone, self.from) - on.end_s.div_euclid(86_400) - 1;
        let last = self.timetable.day_in(zone, self.until) + 1;
        let days = (first..=last).filter(|day| service.runs_on(*day)).map(|day| {
            let begin = self.timetable.day_begins_in(zone, day);
            let at = |[from, until]: [i32; 2]| [begin + i64::from(from), begin + i64::from(until)];
            let window = at([if on.is_timed { on.end_s } else { on.start_s }, on.end_s]);
            let off_window = at([off.start_s, if off.is_timed { off.start_s } else { off.end_s }]);
            OnDay { pair, day, window, off: off_window, is_timed: off.is_timed, bookable }
        });
        days.filter(|day| day.window[0] <= self.until && day.window[1] >= self.from).collect()
    }

    /// The ride over a drive of `drive_s` seconds; `None`: it cannot be had.
    pub fn ride(&self, on_day: OnDay, drive_s: f64) -> Option<AreaRide> {
        self.ride_within(on_day, drive_s, on_day.bookable?)
    }

    fn ride_within(&self, on_day: OnDay, drive_s: f64, bookable: BookableSpan) -> Option<AreaRide> {
        let (expected_s, longest_s) = self.trip(on_day.pair.trip).duration_s(drive_s);
        let longest_s = if on_day.is_timed { expected_s } else { longest_s };
        let expected = i64::from(expected_s);
        let OnDay { window, off, .. } = on_day;
        let first = window[0].max(off[0] - expected).max(bookable.from).max(self.from);
        let last = window[1].min(off[1] - expected).min(bookable.until).min(self.until);
        (first <= last).then_some(AreaRide { on_day, first, last, expected_s, longest_s })
    }

    /// The first ride over a drive that is missed because it cannot be booked.
    pub fn missed(&self, days: &[OnDay], drive_s: f64) -> Option<Missed> {
        let BookedRides::OpenAt(now) = self.booked.rides else { return None };
        let mut missed = days.iter().filter(|day| self.ride(**day, drive_s).is_none()).filter_map(|day| {
            let ride = self.ride_within(*day, drive_s, BookableSpan::ALWAYS)?;
            let booking = |at| self.booking(day.pair, at);
            let early = booking(ride.first);
            let is_early = early.window.is_some_and(|window| window.from.is_some_and(|from| now < from));
            Some(match is_early {
                true => Missed { ride, why: WhyNot::BookingNotOpen, booking: early },
                // The deadline of the last ride: from then on there is none.
                false => Missed { ride, why: WhyNot::BookingClosed, booking: booking(ride.last) },
            })
        });
        missed.next()
    }

    /// How a ride at a time is booked.
    pub fn booking(&self, pair: Pair, at: i64) -> RideBooking {
        self.booked.area_ride(self.timetable, self.zone(pair), self.rules(pair), at)
    }
}

impl AreaRide {
    /// When one is picked up who is ready at a time; `None`: no more.
    pub fn pickup_after(&self, ready: i64) -> Option<i64> {
        (ready <= self.last).then(|| ready.max(self.first))
    }

    /// The latest pick-up to be there by a time, at the longest.
    pub fn pickup_before(&self, by: i64) -> Option<i64> {
        let latest = self.last.min(by - i64::from(self.longest_s));
        (latest >= self.first).then_some(latest)
    }
}
