//! How rides are booked: by the timetable's own rules, and by those that counties and towns list; and the areas that they draw.

mod area;
mod booked;
mod drawn;
pub mod hints;
mod run;
#[cfg(test)]
pub(crate) mod tests;

use domain::booking::{BookingDays, Desk, Notice, OnDemandArea, OnDemandLine, Terms, Window};
use domain::locality::Locality;
use domain::opening::{Hours, HoursError, Opening};
use domain::time::UtcMicros;
use jiff::tz::TimeZone;

use self::drawn::DrawnAreas;
use crate::bits;
use crate::rows::Rows;
use crate::timetable::services::{Day, date_of, day_of};
use crate::timetable::{NONE, Route, Timetable, ZoneIx};

pub use self::area::BookableSpan;
pub use self::booked::{Booked, BookedRides};
pub use self::drawn::PickupSpan;
pub use self::run::{Requirement, RideBooking, RunBooking};

/// A rule by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RuleIx {
    /// One of those that counties and towns list.
    Listed(u32),
    /// One of [`Timetable::booking_rules`], or after them that of an area that counties and towns draw.
    Feed(u32),
}

/// The rules for the lines of one timetable.
#[derive(Debug, Default)]
pub struct Bookings {
    listed: Vec<Listed>,
    /// Those for each of [`Timetable::routes`], in the order in which they count.
    by_route: Rows<u32>,
    /// Patterns of the timetable of which a trip may have to be booked, or is a carpool.
    patterns: Vec<u64>,
    drawn: Option<DrawnAreas>,
}

/// A rule that a county or town lists.
#[derive(Debug)]
struct Listed {
    rule: OnDemandLine,
    hours: Option<Hours>,
    phone_hours: Option<Hours>,
}

/// A rule with what it says, wherever it stands.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// When a ride can be booked.
    pub terms: Terms,
    /// With whom.
    pub desk: &'a Desk,
    /// When the number is answered, in the place's own time.
    pub phone_hours: Option<&'a Hours>,
    /// The listed rule, if it is one.
    pub listed: Option<&'a OnDemandLine>,
    /// The drawn area whose rule it is, if it is one.
    pub drawn: Option<&'a OnDemandArea>,
    /// In which deadlines are; `None`: the line's own.
    zone: Option<&'a TimeZone>,
    service: u32,
}

impl Bookings {
    /// Joins `rules`, in the order in which they count, to the lines of a timetable. `locality`: that of a municipality by its
    /// slug; of `None` that of the county. `report` gets the hours that cannot be read, which an import prevents: their
    /// rule holds at all times, so that nobody waits for a bus that nobody has booked.
    pub fn new(
        timetable: &Timetable,
        rules: &[OnDemandLine],
        locality: &dyn Fn(Option<&str>) -> Locality,
        report: &mut dyn FnMut(&OnDemandLine, HoursError),
    ) -> Self {
        let listed: Vec<Listed> = rules
            .iter()
            .map(|rule| {
                let locality = locality(rule.municipality.as_deref());
                let mut hours = |text: &Option<String>| {
                    let read = Hours::parse(text.as_deref()?, &locality);
                    read.map_err(|error| report(rule, error)).ok()
                };
                Listed {
                    hours: hours(&rule.hours),
                    phone_hours: hours(&rule.desk.phone_hours),
                    rule: rule.clone(),
                }
            })
            .collect();
        let mut by_route = Rows::default();
        for route in &timetable.routes {
            let is_about = |(_, listed): &(u32, &Listed)| is_about(&listed.rule, timetable, route);
            by_route.push((0..).zip(&listed).filter(is_about).map(|(number, _)| number));
        }
        let mut bookings = Bookings { listed, by_route, patterns: Vec::new(), drawn: None };
        bookings.patterns = vec![0; bits::words(timetable.patterns.len())];
        for number in 0..timetable.patterns.len() {
            let pattern = timetable.patterns.pattern(number);
            let trips = pattern.first_trip..pattern.first_trip + pattern.trips;
            let is_listed = |trip: usize| {
                let route = timetable.trips[trip].route;
                bookings.lists(route) || timetable.routes[route as usize].is_carpool()
            };
            if pattern.stops.iter().any(|stop| stop.is_booked()) || trips.into_iter().any(is_listed) {
                bits::set(&mut bookings.patterns, number);
            }
        }
        bookings
    }

    /// Whether no ride has to be booked by the timetable, no rule is listed, and there are no carpools.
    pub fn is_empty(&self) -> bool {
        self.patterns.iter().all(|word| *word == 0) && self.by_route.items().is_empty()
    }

    /// Whether a trip of a pattern of the timetable may have to be booked, or is a carpool.
    #[inline]
    pub(crate) fn may_concern(&self, pattern: usize) -> bool {
        self.patterns.get(pattern / 64).is_some_and(|word| word >> (pattern % 64) & 1 == 1)
    }

    /// Whether a rule is listed for a line.
    pub(crate) fn lists(&self, route: u32) -> bool {
        !self.by_route.get(route as usize).is_empty()
    }

    /// The listed rule for a run of a line: the first that fits.
    fn listed_for(&self, route: u32, direction: Option<u8>, day: Day, sets_out: UtcMicros) -> Option<u32> {
        let date = date_of(day);
        let fits = |number: &&u32| {
            let Listed { rule, hours, .. } = &self.listed[**number as usize];
            let is_that_way = rule.direction.zip(direction).is_none_or(|(wanted, own)| wanted == own);
            is_that_way
                && date.is_some_and(|date| rule.holds_on(date))
                && hours.as_ref().is_none_or(|hours| hours.is_open_at(sets_out) == Some(true))
        };
        self.by_route.get(route as usize).iter().find(fits).copied()
    }

    /// Whether a ride can be booked at `now`, or once the number is answered; `None`: nothing says so.
    pub fn is_open(&self, timetable: &Timetable, ride: &RideBooking, now: UtcMicros) -> Option<bool> {
        let rule = self.rule(timetable, ride.rule?)?;
        let asked = rule.asked(now);
        Some(ride.window.zip(asked).is_some_and(|(window, asked)| window.is_open(now, asked)))
    }

    /// What a rule says.
    pub fn rule<'a>(&'a self, timetable: &'a Timetable, number: RuleIx) -> Option<Rule<'a>> {
        match number {
            RuleIx::Listed(number) => {
                let Listed { rule, phone_hours, .. } = self.listed.get(number as usize)?;
                let phone_hours = phone_hours.as_ref();
                Some(Rule {
                    terms: rule.terms,
                    desk: &rule.desk,
                    phone_hours,
                    listed: Some(rule),
                    drawn: None,
                    zone: None,
                    service: NONE,
                })
            }
            RuleIx::Feed(number) => {
                let Some(rule) = timetable.booking_rules.get(number as usize) else {
                    return self.drawn_rule(timetable, number);
                };
                Some(Rule {
                    terms: rule.terms,
                    desk: &rule.desk,
                    phone_hours: None,
                    listed: None,
                    drawn: None,
                    zone: None,
                    service: rule.service,
                })
            }
        }
    }
}

impl Rule<'_> {
    /// The same for someone in a wheelchair, whose ride may have to be booked earlier.
    fn with_wheelchair(mut self, wheelchair: bool) -> Self {
        let of_line = self.listed.and_then(|rule| rule.wheelchair_notice_min);
        let longer_s =
            of_line.or(self.drawn.and_then(|area| area.wheelchair_notice_min)).filter(|_| wheelchair);
        let Some(longer_s) = longer_s.and_then(|min| i32::try_from(min * 60).ok()) else { return self };
        self.terms.notice = match self.terms.notice {
            Notice::RealTime => Notice::Before { at_least_s: longer_s },
            Notice::Before { at_least_s } => Notice::Before { at_least_s: at_least_s.max(longer_s) },
            // By a day before it is long enough.
            notice @ Notice::OnDay(_) => notice,
        };
        self
    }

    /// When a booking made at `now` is taken: at once, or when the number is answered next, where there is no other way.
    /// `None`: never.
    fn asked(&self, now: UtcMicros) -> Option<UtcMicros> {
        let hours = self.phone_hours.filter(|_| self.desk.url.is_none());
        match hours.map(|hours| hours.at(now)) {
            Some(Opening { is_open: Some(false), until }) => until,
            _ => Some(now),
        }
    }

    /// Calls `with` with the days that deadlines of the rule are counted in, in a zone of the timetable.
    fn with_days<T>(
        &self,
        timetable: &Timetable,
        zone: ZoneIx,
        with: impl FnOnce(&BookingDays<'_>) -> T,
    ) -> T {
        let of_timetable = || {
            let name = timetable.zones.get(usize::from(zone)).map_or("UTC", String::as_str);
            TimeZone::get(name).unwrap_or(TimeZone::UTC)
        };
        let service = timetable.services.get(self.service as usize);
        let counts = service.map(|service| move |date| service.runs_on(day_of(date)));
        let counts = counts.as_ref().map(|counts| counts as &dyn Fn(jiff::civil::Date) -> bool);
        with(&BookingDays { zone: self.zone.cloned().unwrap_or_else(of_timetable), counts })
    }

    /// When a ride at `at` can be booked.
    fn window(&self, timetable: &Timetable, zone: ZoneIx, at: UtcMicros) -> Option<Window> {
        self.with_days(timetable, zone, |days| Window::of(&self.terms, at, days))
    }
}

/// Whether a listed rule is about a line.
fn is_about(rule: &OnDemandLine, timetable: &Timetable, route: &Route) -> bool {
    let name = if route.short_name.is_empty() { &route.long_name } else { &route.short_name };
    let is_of = |wanted: &String| {
        let agency = timetable.agencies.get(route.agency as usize);
        agency
            .is_some_and(|agency| agency.id == *wanted || agency.name.to_lowercase() == wanted.to_lowercase())
    };
    rule.names(name) && rule.agency.as_ref().is_none_or(is_of)
}
