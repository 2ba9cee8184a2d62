//! Rides as the fares need them, and fares that no ride could have.

use domain::LatLon;
use domain::booking::OnDemandArea;
use domain::fare::{Euros, FareList};
use fares::Ride;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::booking::{Bookings, RideBooking};
use crate::overlay::Runs;
use crate::plan::{AreaLeg, End, Leg, RideLeg};
use crate::timetable::services::day_of;
use crate::timetable::{NO_FEED, NONE, Route, Timetable};

/// What prices are computed from, ride by ride. `surcharge`: what is due because a ride must be ordered.
pub fn rides<'a>(
    runs: Runs<'a>,
    bookings: &'a Bookings,
    legs: &[Leg],
    surcharge: impl Fn(&RideBooking) -> Option<Euros>,
) -> Vec<Ride<'a>> {
    let of = |leg: &Leg| match leg {
        Leg::Street(_) => None,
        Leg::Ride(leg) => Some(timed(runs, leg, leg.ride.booking.as_ref().and_then(&surcharge))),
        Leg::Area(leg) => Some(on_demand(runs.timetable, bookings, leg, surcharge(&leg.booking))),
    };
    legs.iter().filter_map(of).collect()
}

fn timed<'a>(runs: Runs<'a>, leg: &RideLeg, surcharge: Option<Euros>) -> Ride<'a> {
    let (timetable, ride) = (runs.timetable, &leg.ride);
    let stops = ride.calls.iter().map(|call| call.scheduled_stop);
    let stops: Vec<u32> = if ride.calls.is_empty() { vec![ride.from, ride.to] } else { stops.collect() };
    let ends = [stops[0], stops[stops.len() - 1]].map(|stop| timetable.stops.point(stop));
    let times = [leg.scheduled_start, leg.scheduled_end];
    let one = of_route(timetable, runs.route_number(ride.trip), ends, times);
    Ride { stops, stay_seated: ride.stay_seated, surcharge, ..one }
}

/// A ride on demand, of which no stops are known but those at which it begins and ends.
fn on_demand<'a>(
    timetable: &'a Timetable,
    bookings: &'a Bookings,
    leg: &AreaLeg,
    surcharge: Option<Euros>,
) -> Ride<'a> {
    let trips = &bookings.areas(timetable).trips;
    let route = trips.get(leg.pair.trip as usize).map_or(NONE, |trip| trip.route);
    let ends = leg.points.first().zip(leg.points.last());
    let ends = ends.map_or([LatLon { lat: 0.0, lon: 0.0 }; 2], |(from, to)| [*from, *to]);
    let stop = |end: End| if let End::Stop(stop) = end { Some(stop) } else { None };
    // With one of both, a fare between stops would be that of no distance.
    let stops = stop(leg.from).zip(stop(leg.to)).map_or_else(Vec::new, |(from, to)| vec![from, to]);
    let ride = Ride { stops, surcharge, ..of_route(timetable, route, ends, [leg.start, leg.end]) };
    let drawn = bookings.drawn(timetable, route).zip(bookings.drawn_zone(timetable, route));
    let Some((area, zone)) = drawn else { return ride };
    // It is in no timetable: lists of fares name it as riders do.
    let [start_local, end_local] = [leg.start, leg.end].map(|at| clock(zone, at));
    let agency_name = area.agency.as_deref().unwrap_or_default();
    Ride { line: &area.name, agency_name, start_local, end_local, ..ride }
}

fn of_route<'a>(
    timetable: &'a Timetable,
    number: u32,
    [from, to]: [LatLon; 2],
    [start, end]: [i64; 2],
) -> Ride<'a> {
    let route = timetable.routes.get(number as usize);
    let agency = route.map_or(NONE, |route| route.agency);
    let known = timetable.agencies.get(agency as usize);
    let zone = route.map_or(0, |route| route.zone);
    Ride {
        feed: route.map_or(NO_FEED, |route| route.feed),
        agency: known.map(|_| agency),
        agency_id: known.map_or("", |agency| &agency.id),
        agency_name: known.map_or("", |agency| &agency.name),
        route: number,
        line: route.map_or("", name),
        route_type: route.map_or(u16::MAX, |route| route.kind),
        is_private: route.is_some_and(Route::is_carpool),
        stops: Vec::new(),
        from,
        to,
        start,
        end,
        start_local: local(timetable, zone, start),
        end_local: local(timetable, zone, end),
        stay_seated: false,
        surcharge: None,
    }
}

/// A moment by the clock of a zone.
fn local(timetable: &Timetable, zone: u16, seconds: i64) -> DateTime {
    let zone = timetable.zones.get(usize::from(zone)).map_or("UTC", String::as_str);
    TimeZone::get(zone).map_or(DateTime::ZERO, |zone| clock(&zone, seconds))
}

fn clock(zone: &TimeZone, seconds: i64) -> DateTime {
    jiff::Timestamp::from_second(seconds).map_or(DateTime::ZERO, |at| zone.to_datetime(at))
}

/// What riders call a line.
fn name(route: &Route) -> &str {
    if route.short_name.is_empty() { &route.long_name } else { &route.short_name }
}

/// Whether a service runs on a date.
pub fn runs_on(timetable: &Timetable, service: u32, day: Date) -> bool {
    timetable.services.get(service as usize).is_some_and(|service| service.runs_on(day_of(day)))
}

/// Of listed fares that are about no line of the timetable and no drawn area, in sentences.
pub fn unmatched(list: &FareList, areas: &[OnDemandArea], timetable: &Timetable) -> Vec<String> {
    if timetable.routes.is_empty() {
        return Vec::new();
    }
    let lost = list.fares.iter().filter(|fare| {
        !timetable.routes.iter().any(|route| {
            let agency = timetable.agencies.get(route.agency as usize);
            let (id, agency) = agency.map_or(("", ""), |agency| (&agency.id, &agency.name));
            fare.is_about(id, agency, name(route))
        }) && !areas
            .iter()
            .any(|area| fare.is_about("", area.agency.as_deref().unwrap_or_default(), &area.name))
    });
    lost.map(|fare| {
        let patterns = |what: &str, patterns: &[String]| {
            (!patterns.is_empty()).then(|| format!("{what} {}", patterns.join(", ")))
        };
        let both = [patterns("agencies", &fare.agencies), patterns("routes", &fare.routes)];
        let both = both.into_iter().flatten().collect::<Vec<_>>().join("; ");
        format!("fares.toml: fare '{}' ({both}) matches no line of the timetable", fare.id)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use domain::fare::{Fare, FareKind};
    use jiff::civil::date;

    use super::*;
    use crate::timetable::Options;
    use crate::timetable::read::tests::read_texts;

    #[test]
    fn fares_without_a_line_are_named() {
        let text = |text: &str| text.to_owned();
        let files = vec![
            ("agency.txt", text("agency_id,agency_name,agency_timezone\nA,RVM,Europe/Berlin\n")),
            (
                "routes.txt",
                text("route_id,route_short_name,route_long_name,route_type\nR,58,,3\nQ,,Ring,3\n"),
            ),
            ("stops.txt", text("stop_id,stop_lat,stop_lon\na,51,7\nb,51,7.01\n")),
            ("calendar_dates.txt", text("service_id,date,exception_type\nS,20261124,1\n")),
            ("trips.txt", text("route_id,service_id,trip_id\nR,S,t\n")),
            (
                "stop_times.txt",
                text("trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,07:00:00\nt,b,2,07:05:00\n"),
            ),
        ];
        let (timetable, _) = read_texts(vec![("net", files)], Options::default());
        let fare = |id: &str, agencies: &[&str], routes: &[&str]| Fare {
            id: id.into(),
            name: None,
            kind: FareKind::Flat,
            valid_from: date(2026, 1, 1),
            valid_until: None,
            source: "sample".into(),
            agencies: agencies.iter().map(|a| (*a).to_owned()).collect(),
            routes: routes.iter().map(|r| (*r).to_owned()).collect(),
            base_eur: Some(Euros::cents(100)),
            per_started_km_eur: None,
            cap_24h_eur: None,
            child_factor: None,
        };
        let fares = vec![
            fare("all", &[], &[]),
            fare("id", &["a"], &["5*"]),
            fare("name", &["r*"], &["ring"]),
            fare("lost", &["DB*"], &["RB1", "RB2"]),
        ];
        let list = FareList { fares, passes: Vec::new() };
        assert_eq!(
            unmatched(&list, &[], &timetable),
            ["fares.toml: fare 'lost' (agencies DB*; routes RB1, RB2) matches no line of the timetable"]
        );
        assert_eq!(unmatched(&list, &[], &Timetable::empty()), Vec::<String>::new());
        assert!(runs_on(&timetable, 0, date(2026, 11, 24)) && !runs_on(&timetable, 0, date(2026, 11, 25)));
        assert_eq!(local(&timetable, 0, 1_796_122_800), date(2026, 12, 1).at(12, 0, 0, 0));
    }
}
