//! Time zones: each agency has its own, in which the times of its trips are.
//!
//! A trip's day begins by its agency's clock. Zones whose clocks agree on all days of the timetable are one
//! (Berlin and Amsterdam, say): a search costs more for each that is left.

use super::services::{Day, Service, date_of, day_of, span_of};
use super::{Timetable, TripIx};

/// Number of a zone; the first is that of the timetable as a whole.
pub type ZoneIx = u16;

/// Begin of a service day, seconds since 1970: noon minus 12 h, as GTFS counts. It is not midnight on the two
/// days of the year when clocks change.
fn begins_at(zone: &str, day: Day) -> i64 {
    let utc = i64::from(day) * 86_400;
    let noon = date_of(day).map(|date| date.at(12, 0, 0, 0));
    let noon = noon.and_then(|noon| noon.in_tz(zone).ok());
    noon.map_or(utc, |noon| noon.timestamp().as_second() - 43_200)
}

/// Most days over which zones are compared.
const MAX_DAYS: Day = 3_660;

/// Of `zones` those that differ on some day of `services`, and for each of `zones` the one that stands for it.
pub(super) fn distinct(zones: Vec<String>, services: &[Service]) -> (Vec<String>, Vec<ZoneIx>) {
    let (first, last) = span_of(services).unwrap_or((0, 0));
    let last = last.min(first.saturating_add(MAX_DAYS));
    let mut distinct: Vec<String> = Vec::new();
    let mut number = Vec::new();
    for zone in zones {
        let is_like =
            |other: &String| (first..=last).all(|day| begins_at(&zone, day) == begins_at(other, day));
        let at = distinct.iter().position(is_like).unwrap_or_else(|| {
            distinct.push(zone);
            distinct.len() - 1
        });
        number.push(at as ZoneIx);
    }
    if distinct.is_empty() {
        distinct.push("UTC".to_owned());
    }
    (distinct, number)
}

impl Timetable {
    /// The zone that a trip's times are in.
    pub fn zone_of(&self, trip: TripIx) -> ZoneIx {
        self.route(trip).map_or(0, |route| route.zone)
    }

    /// Begin of a service day in the timetable's first zone, seconds since 1970.
    pub fn day_begins_at(&self, day: Day) -> i64 {
        self.day_begins_in(0, day)
    }

    /// The service day of a moment (seconds since 1970) in the timetable's first zone, and when it begins.
    pub(crate) fn day_and_begin(&self, time: i64) -> (Day, i64) {
        let day = self.day_at(time);
        (day, self.day_begins_at(day))
    }

    /// Begin of a service day in a zone, seconds since 1970.
    pub fn day_begins_in(&self, zone: ZoneIx, day: Day) -> i64 {
        self.zones.get(usize::from(zone)).map_or(i64::from(day) * 86_400, |zone| begins_at(zone, day))
    }

    /// The service day of a moment (seconds since 1970) in the timetable's first zone.
    pub fn day_at(&self, time: i64) -> Day {
        self.day_in(0, time)
    }

    /// The service day of a moment (seconds since 1970) in a zone.
    pub fn day_in(&self, zone: ZoneIx, time: i64) -> Day {
        let timestamp = jiff::Timestamp::from_second(time).ok();
        let zoned = self.zones.get(usize::from(zone)).and_then(|zone| timestamp?.in_tz(zone).ok());
        zoned.map_or((time / 86_400) as Day, |zoned| day_of(zoned.date()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timetable::services::parse_day;

    #[test]
    fn zones_are_distinguished_by_their_clocks() {
        let day = |text| parse_day(text).unwrap();
        let apart = |zones: &[&str], from, until| {
            let services = [Service::weekly(127, day(from), day(until))];
            distinct(zones.iter().map(|zone| (*zone).to_owned()).collect(), &services)
        };
        let all = ["Europe/Berlin", "Europe/Amsterdam", "Europe/London", "Africa/Lagos"];
        // Lagos is like Berlin in winter, and not in summer.
        let (zones, number) = apart(&all, "20261101", "20261231");
        assert_eq!((zones.len(), number), (2, vec![0, 0, 1, 0]));
        let (zones, number) = apart(&all, "20260601", "20261231");
        assert_eq!((zones, number), (vec![all[0].into(), all[2].into(), all[3].into()], vec![0, 0, 1, 2]));
        assert_eq!(distinct(Vec::new(), &[]).0, ["UTC"]);
    }
}
