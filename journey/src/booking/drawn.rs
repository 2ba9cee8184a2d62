//! Areas that counties and towns draw, joined to a timetable: in the search they stand beside those of GTFS-Flex.
//!
//! Their trips, lines, services, zones, groups and booking rules have numbers after those of the timetable. They have no line
//! there and no service: opening hours say when they run.

use domain::booking::OnDemandArea;
use domain::locality::Locality;
use domain::opening::{Hours, Opening};
use domain::time::UtcMicros;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Bookings, Rule};
use crate::timetable::areas::{AreaPlace, AreaRow, AreaTrip, Areas, Group, Stretch, Zone};
use crate::timetable::services::{Day, day_of};
use crate::timetable::{Boarding, NONE, Permission, StopIx, Timetable};

/// An opening of so long or longer is cut at midnights, seconds.
const LONG_S: i64 = 24 * 3_600;
/// Most changes of hours that are followed for one question: hours that change each minute for a day.
const MAX_CHANGES: usize = 1_440;

/// The areas of the timetable and those that are drawn.
#[derive(Debug)]
pub(super) struct DrawnAreas {
    all: Areas,
    drawn: Vec<Drawn>,
}

/// An area that is drawn.
#[derive(Debug)]
struct Drawn {
    area: OnDemandArea,
    hours: Hours,
    phone_hours: Option<Hours>,
    tz: TimeZone,
}

/// A time in which riders are picked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PickupSpan {
    /// The service day: on which it begins.
    pub day: Day,
    /// Begin and end, seconds since 1970.
    pub window: [i64; 2],
}

impl Bookings {
    /// The same with areas that counties and towns draw. `locality`: that of a municipality by its slug. `report` gets what of
    /// them cannot be used, in sentences.
    #[must_use]
    pub fn with_areas(
        mut self,
        timetable: &Timetable,
        areas: &[OnDemandArea],
        locality: &dyn Fn(Option<&str>) -> Locality,
        report: &mut dyn FnMut(String),
    ) -> Self {
        let (mut drawn, mut zones, mut groups, mut trips) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let after = |known: usize, more: usize| (known + more) as u32;
        for area in areas {
            let locality = locality(Some(&area.municipality));
            let mut parsed = |text: &str| {
                let hours = Hours::parse(text, &locality);
                hours.map_err(|error| report(format!("area '{}': hours are left out: {error}", area.id))).ok()
            };
            let Some(hours) = parsed(&area.hours) else { continue };
            let phone_hours = area.desk.phone_hours.as_deref().and_then(&mut parsed);
            let place = if area.stops.is_empty() {
                let stops = timetable.stops_within(&area.shape);
                let (id, name, shape) = (area.id.clone(), area.name.clone(), area.shape.clone());
                zones.push(Zone { id, name, shape, stops });
                AreaPlace::Zone(after(timetable.areas.zones.len(), zones.len() - 1))
            } else {
                let mut stops: Vec<StopIx> = area.stops.iter().filter_map(|id| timetable.stop(id)).collect();
                stops.sort_unstable();
                stops.dedup();
                groups.push(Group { id: area.id.clone(), name: area.name.clone(), stops });
                AreaPlace::Group(after(timetable.areas.groups.len(), groups.len() - 1))
            };
            let number = drawn.len();
            let row = |pickup, drop_off, pickup_rule| AreaRow {
                place,
                start_s: 0,
                end_s: 0,
                pickup,
                drop_off,
                pickup_rule,
                drop_off_rule: NONE,
                is_timed: false,
            };
            let rule = after(timetable.booking_rules.len(), number);
            trips.push(AreaTrip {
                id: format!("on_demand_areas:{}", area.id),
                route: after(timetable.routes.len(), number),
                service: after(timetable.services.len(), number),
                mean: Stretch::DRIVE,
                safe: Stretch { factor: area.detour_factor as f32, offset_s: area.offset_s as f32 },
                wheelchair: match area.wheelchair {
                    None => Permission::Unknown,
                    Some(true) => Permission::Possible,
                    Some(false) => Permission::Impossible,
                },
                rows: vec![
                    row(Boarding::Book, Boarding::None, rule),
                    row(Boarding::None, Boarding::Book, NONE),
                ],
            });
            drawn.push(Drawn { area: area.clone(), hours, phone_hours, tz: locality.time_zone().clone() });
        }
        if !drawn.is_empty() {
            self.drawn = Some(DrawnAreas { all: timetable.areas.with(zones, groups, trips), drawn });
        }
        self
    }

    /// What runs on demand: by the timetable, then as it is drawn.
    pub fn areas<'a>(&'a self, timetable: &'a Timetable) -> &'a Areas {
        self.drawn.as_ref().map_or(&timetable.areas, |drawn| &drawn.all)
    }

    /// The drawn area that a line stands for; `None`: it is one of the timetable.
    pub fn drawn(&self, timetable: &Timetable, route: u32) -> Option<&OnDemandArea> {
        Some(&self.numbered(route, timetable.routes.len())?.area)
    }

    /// The zone of the clocks of a drawn area.
    pub fn drawn_zone(&self, timetable: &Timetable, route: u32) -> Option<&TimeZone> {
        Some(&self.numbered(route, timetable.routes.len())?.tz)
    }

    fn numbered(&self, number: u32, known: usize) -> Option<&Drawn> {
        self.drawn.as_ref()?.drawn.get((number as usize).checked_sub(known)?)
    }

    /// When the service of a drawn area picks up between two moments (seconds since 1970), in order; `None`: it is a service of the
    /// timetable.
    pub(crate) fn pickups(
        &self,
        timetable: &Timetable,
        service: u32,
        from: i64,
        until: i64,
    ) -> Option<Vec<PickupSpan>> {
        Some(self.numbered(service, timetable.services.len())?.pickups(from, until))
    }

    /// The rule of a drawn area by its number in the timetable's booking rules.
    pub(super) fn drawn_rule(&self, timetable: &Timetable, number: u32) -> Option<Rule<'_>> {
        let Drawn { area, phone_hours, tz, .. } = self.numbered(number, timetable.booking_rules.len())?;
        Some(Rule {
            terms: area.terms,
            desk: &area.desk,
            phone_hours: phone_hours.as_ref(),
            listed: None,
            drawn: Some(area),
            zone: Some(tz),
            service: NONE,
        })
    }
}

impl Drawn {
    /// What is open for a day and longer is cut at midnights; an opening over one midnight is of the day on which it begins.
    fn pickups(&self, from: i64, until: i64) -> Vec<PickupSpan> {
        let mut pickups = Vec::new();
        // A shorter opening that began before this is over by `from`.
        let begin = self.date(from).and_then(|date| date.checked_sub(2.days()).ok());
        let Some(mut at) = begin.and_then(|date| self.midnight(date)) else { return pickups };
        for _ in 0..MAX_CHANGES {
            if at > until {
                break;
            }
            let Opening { is_open, until: change } = self.hours.at(UtcMicros::from_unix_s(at));
            let change = change.map(seconds);
            if is_open == Some(true) {
                self.add(at, change, until, &mut pickups);
            }
            match change {
                Some(change) if change > at => at = change,
                _ => break,
            }
        }
        pickups.retain(|pickup| pickup.window[1] >= from && pickup.window[0] <= until);
        pickups
    }

    /// Adds an opening, as far as it begins by `until`. `end`: `None`: it never ends.
    fn add(&self, mut begin: i64, end: Option<i64>, until: i64, pickups: &mut Vec<PickupSpan>) {
        let is_short = end.is_some_and(|end| end - begin < LONG_S);
        while begin <= until && end.is_none_or(|end| begin < end) {
            let Some(date) = self.date(begin) else { return };
            let midnight = date.tomorrow().ok().and_then(|date| self.midnight(date));
            let Some(midnight) = midnight.filter(|midnight| *midnight > begin) else { return };
            let ends = if is_short { end } else { end.map(|end| end.min(midnight)) };
            let ends = ends.unwrap_or(midnight);
            if self.area.holds_on(date) {
                pickups.push(PickupSpan { day: day_of(date), window: [begin, ends] });
            }
            begin = ends;
        }
    }

    fn date(&self, at: i64) -> Option<Date> {
        Some(self.tz.to_datetime(jiff::Timestamp::from_second(at).ok()?).date())
    }

    /// When a date begins, seconds since 1970.
    fn midnight(&self, date: Date) -> Option<i64> {
        let midnight = self.tz.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()?;
        Some(midnight.as_second())
    }
}

fn seconds(at: UtcMicros) -> i64 {
    at.0.div_euclid(domain::time::MICROS_PER_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An area of these hours and properties.
    fn drawn(hours: &str, more: serde_json::Value) -> Drawn {
        let mut area = serde_json::json!({
            "id": "a", "municipality": "m", "name": "", "kind": "buergerbus", "hours": hours, "stops": [], "detour_factor": 1.5,
            "offset_s": 600, "terms": {"notice": "RealTime", "opens": "Always", "relative_to": "boarding"}, "desk": {},
            "shape": [],
        });
        for (name, value) in more.as_object().unwrap() {
            area[name] = value.clone();
        }
        let locality = Locality::new("Europe/Berlin", "05558", []);
        let hours = Hours::parse(hours, &locality).unwrap();
        let area = serde_json::from_value(area).unwrap();
        Drawn { area, hours, phone_hours: None, tz: locality.time_zone().clone() }
    }

    fn at(text: &str) -> i64 {
        seconds(UtcMicros::parse(text).unwrap())
    }

    /// Service day, begin and end, by clocks in Berlin.
    fn shown(pickups: &[PickupSpan]) -> Vec<String> {
        let clock = |at: i64, form: &str| {
            let at = jiff::Timestamp::from_second(at).unwrap().in_tz("Europe/Berlin").unwrap();
            at.strftime(form).to_string()
        };
        let one = |PickupSpan { day, window: [from, until] }: &PickupSpan| {
            let date = crate::timetable::services::date_of(*day).unwrap();
            format!("{} {}-{}", date.strftime("%m-%d"), clock(*from, "%dT%H:%M"), clock(*until, "%dT%H:%M"))
        };
        pickups.iter().map(one).collect()
    }

    #[test]
    fn pick_ups_are_in_the_hours_of_each_day() {
        let none = || serde_json::json!({});
        for (hours, more, from, until, expected) in [
            // A Friday.
            (
                "Mo-Fr 08:00-12:00,14:00-18:00",
                none(),
                "2026-11-27T09:00:00+01:00",
                "2026-11-30T09:00:00+01:00",
                &["11-27 27T08:00-27T12:00", "11-27 27T14:00-27T18:00", "11-30 30T08:00-30T12:00"][..],
            ),
            // Over midnight, asked in the evening and in the night.
            (
                "Fr,Sa 20:00-02:00",
                none(),
                "2026-11-27T21:00:00+01:00",
                "2026-11-27T22:00:00+01:00",
                &["11-27 27T20:00-28T02:00"],
            ),
            (
                "Fr,Sa 20:00-02:00",
                none(),
                "2026-11-28T01:00:00+01:00",
                "2026-11-28T21:00:00+01:00",
                &["11-27 27T20:00-28T02:00", "11-28 28T20:00-29T02:00"],
            ),
            // Until the end of a service day, not of a date.
            (
                "Fr,Sa 20:00-02:00",
                serde_json::json!({"valid_from": "2026-11-27", "valid_until": "2026-11-27"}),
                "2026-11-20T00:00:00+01:00",
                "2026-12-10T00:00:00+01:00",
                &["11-27 27T20:00-28T02:00"],
            ),
            (
                "24/7",
                none(),
                "2026-11-27T09:00:00+01:00",
                "2026-11-28T09:00:00+01:00",
                &["11-27 27T00:00-28T00:00", "11-28 28T00:00-29T00:00"],
            ),
            (
                "24/7",
                serde_json::json!({"valid_until": "2026-11-27"}),
                "2026-11-27T09:00:00+01:00",
                "2026-11-28T09:00:00+01:00",
                &["11-27 27T00:00-28T00:00"],
            ),
            (
                "Sa 06:00-24:00; Su 00:00-24:00; Mo 00:00-05:00",
                none(),
                "2026-11-29T03:00:00+01:00",
                "2026-11-30T04:00:00+01:00",
                &["11-29 29T00:00-30T00:00", "11-30 30T00:00-30T05:00"],
            ),
            // Christmas.
            (
                "Mo-Fr 08:00-12:00; PH off",
                none(),
                "2026-12-24T00:00:00+01:00",
                "2026-12-28T20:00:00+01:00",
                &["12-24 24T08:00-24T12:00", "12-28 28T08:00-28T12:00"],
            ),
            // Both changes of clocks.
            (
                "Su 01:00-05:00",
                none(),
                "2026-10-25T00:00:00+02:00",
                "2026-10-25T12:00:00+01:00",
                &["10-25 25T01:00-25T05:00"],
            ),
            (
                "Mo-Su 00:00-24:00",
                none(),
                "2027-03-28T12:00:00+02:00",
                "2027-03-28T13:00:00+02:00",
                &["03-28 28T00:00-29T00:00"],
            ),
            (
                "Mo-Fr 08:00-12:00 unknown",
                none(),
                "2026-11-27T00:00:00+01:00",
                "2026-11-28T00:00:00+01:00",
                &[],
            ),
        ] {
            assert_eq!(shown(&drawn(hours, more).pickups(at(from), at(until))), expected, "{hours} {from}");
        }
        let windows = |hours: &str, from, until| {
            let pickups = drawn(hours, none()).pickups(at(from), at(until));
            pickups.iter().map(|one| one.window[1] - one.window[0]).collect::<Vec<_>>()
        };
        let october = ("2026-10-25T12:00:00+01:00", "2026-10-25T13:00:00+01:00");
        assert_eq!(windows("24/7", october.0, october.1), [25 * 3_600]);
    }

    /// Hours that change each minute are not followed for ever.
    #[test]
    fn hours_of_any_kind_end() {
        let every_minute: Vec<String> = (0..720)
            .map(|n| format!("{:02}:{:02}-{:02}:{:02}", n / 30, n % 30 * 2, n / 30, n % 30 * 2 + 1))
            .collect();
        let drawn = drawn(&every_minute.join(","), serde_json::json!({}));
        let from = at("2026-11-27T00:00:00+01:00");
        assert!(drawn.pickups(from, from + 40 * 86_400).len() <= MAX_CHANGES);
    }
}
