//! What whoever lists lines on request should look at: rules without lines, and lines without rules.

use std::collections::BTreeSet;

use domain::booking::{OnDemandArea, OnDemandLine};

use super::is_about;
use crate::timetable::{Boarding, NONE, Route, Timetable, TripIx};

/// Extended route types of buses on demand and of shared taxis.
const ON_REQUEST: [u16; 2] = [715, 717];

/// Of rules that are about no line of the timetable, in sentences.
pub fn unmatched(rules: &[OnDemandLine], timetable: &Timetable) -> Vec<String> {
    if timetable.routes.is_empty() {
        return Vec::new();
    }
    let is_lost =
        |rule: &&OnDemandLine| !timetable.routes.iter().any(|route| is_about(rule, timetable, route));
    let sentence = |rule: &OnDemandLine| {
        let more = [("municipality", &rule.municipality), ("agency", &rule.agency)];
        let more = more.into_iter().filter_map(|(what, value)| Some(format!("{what} '{}'", value.as_ref()?)));
        let more = more.collect::<Vec<_>>().join(", ");
        let more = if more.is_empty() { more } else { format!(" ({more})") };
        format!("on_demand.csv: route '{}'{more} matches no line of the timetable", rule.route)
    };
    rules.iter().filter(is_lost).map(sentence).collect()
}

/// Of drawn areas whose stops no vehicle of the timetable serves, in sentences: no street is known of those.
pub fn unserved(areas: &[OnDemandArea], timetable: &Timetable) -> Vec<String> {
    let of_area = |area: &OnDemandArea| {
        let (id, count) = (area.id.clone(), area.stops.len());
        let unserved = area.stops.iter().filter_map(|stop| match timetable.stop(stop) {
            None => Some((stop, "is not in the timetable")),
            Some(number) if !timetable.is_used(number) => {
                Some((stop, "is served by no trip of the timetable"))
            }
            Some(_) => None,
        });
        let unserved: Vec<_> = unserved.collect();
        let end = if unserved.len() == count { "; nothing is left of the area" } else { "" };
        let sentence = |(stop, why)| {
            format!("on_demand_areas.geojson: area '{id}': stop '{stop}' {why}: it is left out{end}")
        };
        unserved.into_iter().map(sentence).collect::<Vec<_>>()
    };
    areas.iter().flat_map(of_area).collect()
}

/// Of lines that look as if they ran on request, though neither the timetable nor one of `rules` says how to book them, in
/// sentences.
pub fn without_rule(rules: &[OnDemandLine], timetable: &Timetable) -> Vec<String> {
    let lines = timetable.routes.iter().zip(marks(timetable));
    let found = lines.filter(|(route, marks)| {
        let looks_so = ON_REQUEST.contains(&route.kind) || is_named_so(route);
        marks.runs
            && (marks.is_unexplained || looks_so && !marks.is_explained)
            && !rules.iter().any(|rule| is_about(rule, timetable, route))
    });
    let sentences: BTreeSet<String> = found
        .map(|(route, _)| {
            let name = [&route.short_name, &route.long_name].into_iter().find(|name| !name.is_empty());
            let agency = timetable.agencies.get(route.agency as usize).filter(|agency| !agency.name.is_empty());
            let agency = agency.map_or(String::new(), |agency| format!(" ({})", agency.name));
            format!(
                "Line {}{agency} looks as if it ran on request, and no rule says how to book it: list it in on_demand.csv",
                name.unwrap_or(&route.id)
            )
        })
        .collect();
    sentences.into_iter().collect()
}

/// What the trips of a line say of booking.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    runs: bool,
    /// Some stop must be booked, by a rule of the timetable.
    is_explained: bool,
    /// Some stop must be booked, and the timetable does not say how.
    is_unexplained: bool,
}

/// Of each line.
fn marks(timetable: &Timetable) -> Vec<Marks> {
    let mut marks = vec![Marks::default(); timetable.routes.len()];
    for number in 0..timetable.patterns.len() {
        let pattern = timetable.patterns.pattern(number);
        let booked = || pattern.stops.iter().enumerate().filter(|(_, stop)| stop.is_booked());
        for trip in pattern.first_trip..pattern.first_trip + pattern.trips {
            let Some(marks) = marks.get_mut(timetable.trips[trip].route as usize) else { continue };
            marks.runs = true;
            for (position, stop) in booked() {
                let by = timetable.stop_booking(trip as TripIx, position);
                let ends = [(stop.pickup(), by.pickup), (stop.drop_off(), by.drop_off)];
                let is_open = |(boarding, rule): (Boarding, u32)| boarding == Boarding::Book && rule == NONE;
                let is_unexplained = ends.into_iter().any(is_open);
                marks.is_unexplained |= is_unexplained;
                marks.is_explained |= !is_unexplained;
            }
        }
    }
    marks
}

/// `T58`; AST, Anruf, Ruf, Taxi at the beginning of a word.
fn is_named_so(route: &Route) -> bool {
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let number = route.short_name.trim().strip_prefix('T').map(str::trim_start);
    let is_word = |word: &str| {
        // Capitals alone: there are streets named after an Astrid.
        let is_ast = word.strip_prefix("AST").is_some_and(is_number);
        let word = word.to_lowercase();
        is_ast || ["anruf", "ruf", "taxi"].into_iter().any(|begin| word.starts_with(begin))
    };
    let names = [&route.short_name, &route.long_name];
    number.is_some_and(|number| !number.is_empty() && is_number(number))
        || names.into_iter().flat_map(|name| name.split(|c: char| !c.is_alphanumeric())).any(is_word)
}

#[cfg(test)]
mod tests {
    use domain::booking::{Notice, Opens, RelativeTo, Terms};

    use super::super::tests::rule;
    use super::*;
    use crate::timetable::Options;
    use crate::timetable::read::tests::read_texts;

    /// A line with one trip, whose first stop is got on at by this type and booking rule; without a trip it does not run.
    type Line<'a> = (&'a str, &'a str, u16, Option<(&'a str, &'a str)>);

    fn timetable(lines: &[Line<'_>]) -> Timetable {
        let mut routes = "route_id,agency_id,route_short_name,route_long_name,route_type\n".to_owned();
        let mut trips = "route_id,service_id,trip_id\n".to_owned();
        let mut times =
            "trip_id,stop_id,stop_sequence,arrival_time,departure_time,pickup_type,pickup_booking_rule_id\n"
                .to_owned();
        for (number, (short, long, kind, trip)) in lines.iter().enumerate() {
            routes += &format!("R{number},A,{short},{long},{kind}\n");
            if let Some((pickup, by)) = trip {
                trips += &format!("R{number},S,t{number}\n");
                times += &format!(
                    "t{number},a,1,07:00:00,07:00:00,{pickup},{by}\nt{number},b,2,07:05:00,07:05:00,,\n"
                );
            }
        }
        let files = vec![
            ("agency.txt", "agency_id,agency_name,agency_timezone\nA,RVM,Europe/Berlin\n".to_owned()),
            ("routes.txt", routes),
            ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\na,,51,7\nb,,51,7.01\n".to_owned()),
            ("calendar_dates.txt", "service_id,date,exception_type\nS,20261124,1\n".to_owned()),
            (
                "booking_rules.txt",
                "booking_rule_id,booking_type,prior_notice_duration_min\nhour,1,60\n".to_owned(),
            ),
            ("trips.txt", trips),
            ("stop_times.txt", times),
        ];
        read_texts(vec![("net", files)], Options::default()).0
    }

    fn listed(route: &str) -> OnDemandLine {
        rule(
            route,
            Terms { notice: Notice::RealTime, opens: Opens::Always, relative_to: RelativeTo::Boarding },
        )
    }

    #[test]
    fn lines_that_look_on_request_and_have_no_rule_are_named() {
        const RUNS: Option<(&str, &str)> = Some(("", ""));
        let all = [
            ("T58", "", 3, RUNS),
            ("T 85", "", 3, RUNS),
            ("", "AST Bielefeld", 3, RUNS),
            ("AST7", "", 3, RUNS),
            ("N1", "Anruf-Sammel-Taxi", 3, RUNS),
            ("Rufbus 4", "", 3, RUNS),
            ("715", "", 715, RUNS),
            ("717", "", 717, RUNS),
            ("2", "", 3, Some(("2", ""))),
            // By the timetable's own rule, by none, and that never runs.
            ("T1", "", 3, Some(("2", "hour"))),
            ("Tor", "Astrid-Lindgren-Straße", 3, RUNS),
            ("58", "Berufskolleg", 3, RUNS),
            ("T", "", 3, RUNS),
            ("T2", "", 3, None),
        ];
        let timetable = timetable(&all);
        let named = |rules: &[OnDemandLine]| -> Vec<String> {
            let sentences = without_rule(rules, &timetable).into_iter();
            let end = " (RVM) looks as if it ran on request, and no rule says how to book it: list it in on_demand.csv";
            sentences
                .map(|s| s.strip_prefix("Line ").unwrap().strip_suffix(end).unwrap().to_owned())
                .collect()
        };
        let expected = ["2", "715", "717", "AST Bielefeld", "AST7", "N1", "Rufbus 4", "T 85", "T58"];
        assert_eq!(named(&[]), expected);
        assert_eq!(named(&[listed("T*"), listed("7*"), listed("ast*"), listed("n1")]), ["2", "Rufbus 4"]);
    }

    #[test]
    fn rules_without_a_line_are_named() {
        let timetable = timetable(&[("T58", "", 3, None)]);
        let of_town =
            OnDemandLine { municipality: Some("senden".into()), agency: Some("DB".into()), ..listed("T*") };
        assert_eq!(
            unmatched(&[listed("t58"), listed("T9*"), of_town], &timetable),
            [
                "on_demand.csv: route 'T9*' matches no line of the timetable",
                "on_demand.csv: route 'T*' (municipality 'senden', agency 'DB') matches no line of the timetable",
            ]
        );
        assert_eq!(unmatched(&[listed("T9*")], &Timetable::empty()), Vec::<String>::new());
    }
}
