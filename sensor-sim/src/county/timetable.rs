//! The timetable: trips, their service days and vehicles.
//!
//! It is the one source of what vehicles do ([`crate::world`]) and of the GTFS that is written.
//! A day of service begins in the morning and ends in the small hours of the next one, in times
//! beyond 24:00.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};

use super::Line;
use super::holidays::is_holiday;
use crate::clock::zone;

const HOUR_S: u32 = 3_600;

/// From, until (hours after midnight, the end excluded) and how many times the working day's
/// headway departures are apart.
type Phase = (f64, f64, u32);

const WORKING_DAY: &[Phase] = &[(5.0, 20.0, 1), (20.0, 23.5, 2)];
const SATURDAY: &[Phase] = &[(6.0, 18.0, 2), (18.0, 23.5, 4)];
const SUNDAY: &[Phase] = &[(7.0, 23.5, 4)];
/// Night lines run until the day begins again, so that something runs at any hour.
const NIGHT: &[Phase] = &[(23.5, 29.0, 4)];
/// However rarely a line runs by day, it does once an hour.
const LONGEST_HEADWAY_MIN: u32 = 60;

/// A service of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Service {
    WorkingDay,
    Saturday,
    /// And public holidays.
    Sunday,
    /// Every night, beside the day's.
    Night,
}

impl Service {
    /// The kinds of days, the night last.
    pub(crate) const ALL: [Service; 4] =
        [Service::WorkingDay, Service::Saturday, Service::Sunday, Service::Night];

    /// The day's service that runs on a date.
    pub(crate) fn on(date: Date) -> Service {
        match date.weekday() {
            _ if is_holiday(date) => Service::Sunday,
            Weekday::Sunday => Service::Sunday,
            Weekday::Saturday => Service::Saturday,
            _ => Service::WorkingDay,
        }
    }

    /// Its `service_id`.
    pub(crate) const fn id(self) -> &'static str {
        match self {
            Service::WorkingDay => "mo-fr",
            Service::Saturday => "sa",
            Service::Sunday => "su",
            Service::Night => "night",
        }
    }

    const fn phases(self) -> &'static [Phase] {
        match self {
            Service::WorkingDay => WORKING_DAY,
            Service::Saturday => SATURDAY,
            Service::Sunday => SUNDAY,
            Service::Night => NIGHT,
        }
    }
}

/// One trip of a line, on every day of its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedTrip {
    pub(crate) id: String,
    /// Index into [`super::County::lines`].
    pub(crate) line: usize,
    /// 0 or 1.
    pub(crate) direction: usize,
    pub(crate) service: Service,
    /// Departure from the first stop, seconds after the beginning of the day of service.
    pub(crate) start_s: u32,
    /// Which vehicle of the line makes it (see [`super::Vehicle::block`]).
    pub(crate) block: usize,
}

impl PlannedTrip {
    /// Whether it runs on that day of service.
    pub(crate) fn runs_on(&self, date: Date) -> bool {
        self.service == Service::Night || self.service == Service::on(date)
    }
}

/// All trips, and each vehicle's day.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timetable {
    pub(crate) trips: Vec<PlannedTrip>,
    /// By line, service and block: its trips in order. No vehicle runs by day and by night.
    days: Vec<[Vec<Vec<usize>>; 4]>,
}

impl Timetable {
    /// The timetable of these lines.
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut timetable = Self::default();
        for (number, line) in lines.iter().enumerate() {
            let mut blocks_by_day = 0;
            let days = Service::ALL.map(|service| {
                let first = timetable.trips.len();
                let first_block = if service == Service::Night { blocks_by_day } else { 0 };
                let blocks = line_day(number, line, service, first_block, &mut timetable.trips);
                blocks_by_day = blocks_by_day.max(blocks);
                let mut day = vec![Vec::new(); blocks];
                for (trip, planned) in timetable.trips.iter().enumerate().skip(first) {
                    day[planned.block].push(trip);
                }
                day
            });
            timetable.days.push(days);
        }
        timetable
    }

    /// How many vehicles a line needs.
    pub(crate) fn blocks(&self, line: usize) -> usize {
        self.days.get(line).map_or(0, |days| days.iter().map(Vec::len).max().unwrap_or(0))
    }

    /// The trips of one vehicle on one day of service, in order: indices into [`Timetable::trips`].
    pub(crate) fn day(&self, line: usize, block: usize, date: Date) -> &[usize] {
        let services = [Service::on(date), Service::Night];
        let of = |service: Service| self.days.get(line)?[service as usize].get(block).map(Vec::as_slice);
        services.into_iter().filter_map(of).find(|trips| !trips.is_empty()).unwrap_or_default()
    }
}

/// Adds the trips of one line on one kind of day, with vehicles from `first_block` on; returns the
/// block after the last.
fn line_day(
    number: usize,
    line: &Line,
    service: Service,
    first_block: usize,
    trips: &mut Vec<PlannedTrip>,
) -> usize {
    let half_s = line.half_cycle_s();
    let mut starts: Vec<(u32, usize)> = Vec::new();
    for direction in 0..2 {
        // The return trip begins when a vehicle of the outward trip can make it.
        let phase_s = line.minute * 60 + if direction == 0 { 0 } else { half_s };
        starts.extend(departures(line, service, phase_s).into_iter().map(|start_s| (start_s, direction)));
    }
    starts.sort_unstable();
    // The vehicle that has waited longest at the end of the line goes next; when there is none, one is added.
    let mut blocks: Vec<(u32, usize)> = Vec::new();
    for (start_s, direction) in starts {
        let waiting = (0..blocks.len())
            .filter(|b| blocks[*b].1 == direction && blocks[*b].0 <= start_s)
            .min_by_key(|b| blocks[*b].0);
        let block = waiting.unwrap_or_else(|| {
            blocks.push((0, direction));
            blocks.len() - 1
        });
        blocks[block] = (start_s + half_s, 1 - direction);
        let clock = format!("{:02}{:02}", start_s / HOUR_S, start_s % HOUR_S / 60);
        let id = format!("{}-{direction}-{}-{clock}", line.id, service.id());
        trips.push(PlannedTrip { id, line: number, direction, service, start_s, block: first_block + block });
    }
    first_block + blocks.len()
}

/// Departures in one direction, seconds after the beginning of the day, ascending.
fn departures(line: &Line, service: Service, phase_s: u32) -> Vec<u32> {
    if service == Service::Night && !line.night {
        return Vec::new();
    }
    let mut departures = Vec::new();
    for &(from_h, until_h, times) in service.phases() {
        let headway_s = line.every_min.saturating_mul(times).clamp(1, LONGEST_HEADWAY_MIN) * 60;
        let (from_s, until_s) = ((from_h * 3_600.0) as u32, (until_h * 3_600.0) as u32);
        let first = from_s + (phase_s + headway_s - from_s % headway_s) % headway_s;
        departures.extend((first..until_s).step_by(headway_s as usize));
    }
    departures
}

/// When a day of service begins: noon less twelve hours, which is midnight but for the two days on
/// which the clocks change (as GTFS counts).
pub(crate) fn day_begins(tz: &str, date: Date) -> Timestamp {
    let noon = date.at(12, 0, 0, 0).to_zoned_datetime(zone(tz)).map(|noon| noon.timestamp());
    // Only at the very ends of jiff's calendar is there no such instant.
    noon.unwrap_or(Timestamp::UNIX_EPOCH) - jiff::SignedDuration::from_hours(12)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;
    use crate::county::County;

    #[test]
    fn a_vehicle_makes_one_trip_after_the_other_and_ends_where_the_next_begins() {
        let county = County::sample(1);
        let (timetable, mut made) = (&county.timetable, HashSet::new());
        for (vehicle, day) in county.vehicles.iter().flat_map(|v| (0..14).map(move |day| (v, day))) {
            let day = date(2026, 12, 21).saturating_add(day.days());
            let trips = timetable.day(vehicle.line, vehicle.block, day);
            let run_s = county.lines[vehicle.line].run_s();
            for pair in trips.windows(2).map(|pair| [0, 1].map(|i| &timetable.trips[pair[i]])) {
                assert!(pair[0].start_s + run_s + 360 <= pair[1].start_s, "{pair:?}");
                assert_ne!(pair[0].direction, pair[1].direction);
            }
            made.extend(trips.iter().copied());
        }
        let planned = timetable.trips.iter().filter(|trip| !county.lines[trip.line].on_request);
        assert_eq!(made.len(), planned.count(), "somebody makes every trip");
    }

    #[test]
    fn the_rhythm_is_a_countys() {
        let county = County::sample(1);
        let starts = |line: &str, service: Service| -> Vec<u32> {
            let trips = county.timetable.trips.iter();
            let these = trips.filter(|t| county.lines[t.line].id == line && t.service == service);
            these.filter(|t| t.direction == 0).map(|t| t.start_s / 60).collect()
        };
        let working_day = starts("540", Service::WorkingDay);
        assert_eq!(working_day[..3], [310, 340, 370]);
        assert!(*working_day.last().unwrap() < 23 * 60 + 30);
        assert_eq!(starts("540", Service::Sunday)[..2], [430, 490]);
        assert_eq!(starts("540", Service::Night)[..2], [24 * 60 + 10, 25 * 60 + 10]);
        assert!(starts("C1", Service::Night).is_empty());
        assert_eq!(starts("T1", Service::Night)[..2], [23 * 60 + 40, 24 * 60 + 40]);
    }

    #[test]
    fn a_day_begins_twelve_hours_before_noon() {
        let begins = |y, m, d| day_begins("Europe/Berlin", date(y, m, d)).to_string();
        assert_eq!(begins(2026, 11, 24), "2026-11-23T23:00:00Z");
        // The clocks go back: that day has 25 hours.
        assert_eq!(begins(2026, 10, 25), "2026-10-24T23:00:00Z");
        assert_eq!(Service::on(date(2026, 12, 25)), Service::Sunday);
    }
}
