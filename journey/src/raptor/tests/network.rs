//! Small random networks, as GTFS text.

use domain::booking::{DayTime, Notice, Opens, RelativeTo, Terms};
use domain::locality::Locality;
use domain::trip_update::{
    PlannedStop, StopEvent, StopRelationship, StopUpdate, TripProperties, TripRelationship, TripUpdate,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::booking::Bookings;
use crate::booking::tests::rule;
use crate::timetable::read::tests::read_texts;
use crate::timetable::{Options, Timetable};

/// 2026-11-24.
pub const DAY: i32 = 20_781;
const DATES: [&str; 3] = ["20261123", "20261124", "20261125"];

#[derive(Debug, Clone)]
pub struct Network {
    pub stops: usize,
    /// GTFS's `wheelchair_boarding`.
    pub stop_wheelchair: Vec<u8>,
    pub trips: Vec<Trip>,
    /// (from, to, type, seconds)
    pub transfers: Vec<(usize, usize, u8, i32)>,
    pub rules: Vec<Rule>,
    /// Trips that go on as others.
    pub stays: Vec<(usize, usize)>,
    /// Runs of today that the timetable does not have.
    pub added: Vec<Trip>,
    /// Copies of trips today: trip, seconds later.
    pub copies: Vec<(usize, i32)>,
    /// Whether each line's agency has a zone of its own.
    pub is_zoned: bool,
    /// Which of [`LISTED`] is a rule for the line R2.
    pub listed: Option<usize>,
}

/// The zones of lines, and how far ahead of UTC their clocks are, seconds.
const ZONES: [(&str, i32); 3] = [("UTC", 0), ("Europe/Berlin", 3_600), ("America/New_York", -18_000)];

const HOUR_S: i32 = 3_600;

/// Rows of `booking_rules.txt`, and what they mean.
pub const NOTICES: [(&str, Option<Terms>); 6] = [
    ("", None),
    ("1,60,,,,,", Some(before(HOUR_S, Opens::Always))),
    ("1,30,600,,,,", Some(before(HOUR_S / 2, Opens::Before { at_most_s: 10 * HOUR_S }))),
    ("2,,,1,17:00:00,,", Some(on_day(1, 17, Opens::Always))),
    (
        "2,,,0,10:00:00,1,08:00:00",
        Some(on_day(0, 10, Opens::OnDay(DayTime { days_before: 1, time_s: 8 * HOUR_S }))),
    ),
    (
        "0,,,,,,",
        Some(Terms { notice: Notice::RealTime, opens: Opens::Always, relative_to: RelativeTo::Boarding }),
    ),
];

/// Rules that a county lists.
pub const LISTED: [Terms; 3] = [
    before(HOUR_S, Opens::Always),
    Terms { relative_to: RelativeTo::FirstStop, ..before(HOUR_S, Opens::Always) },
    on_day(1, 17, Opens::Always),
];

const fn before(at_least_s: i32, opens: Opens) -> Terms {
    Terms { notice: Notice::Before { at_least_s }, opens, relative_to: RelativeTo::Boarding }
}

const fn on_day(days_before: u16, hour: i32, opens: Opens) -> Terms {
    let notice = Notice::OnDay(DayTime { days_before, time_s: hour * HOUR_S });
    Terms { notice, opens, relative_to: RelativeTo::Boarding }
}

/// A row of `transfers.txt` for single lines or trips.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub from: usize,
    pub to: usize,
    pub kind: u8,
    pub s: i32,
    pub who_from: Who,
    pub who_to: Who,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Who {
    All,
    Route(usize),
    Trip(usize),
}

impl Rule {
    pub fn seconds(&self) -> Option<i32> {
        match self.kind {
            1 => Some(0),
            3 => None,
            _ => Some(self.s),
        }
    }

    /// GTFS's order: both trips, a trip and a line, a trip, both lines, a line.
    pub fn rank(&self) -> u8 {
        use Who::{All, Route, Trip};
        match (self.who_from, self.who_to) {
            (Trip(_), Trip(_)) => 5,
            (Trip(_), Route(_)) | (Route(_), Trip(_)) => 4,
            (Trip(_), All) | (All, Trip(_)) => 3,
            (Route(_), Route(_)) => 2,
            (Route(_), All) | (All, Route(_)) => 1,
            (All, All) => 0,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Trip {
    pub stops: Vec<Hop>,
    pub start: i32,
    /// Bit by day: yesterday, today, tomorrow.
    pub days: u8,
    pub wheelchair: u8,
    pub change: Change,
    pub route: usize,
    /// Which of [`NOTICES`] holds where it must be booked; 0: nothing says how.
    pub notice: usize,
}

/// What real time says of today's run.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    None,
    Cancelled,
    /// From this position on, seconds; and a position that is skipped.
    Late(usize, i32, Option<usize>),
    /// The stops and the start of what runs instead.
    Replaced(Vec<Hop>, i32),
}

/// Stop, seconds from the last departure, seconds of standing, GTFS's `pickup_type` and `drop_off_type`.
pub type Hop = (usize, i32, i32, u8, u8);

/// Lines run often on the same stops, so that patterns have several trips and some overtake.
pub fn network() -> impl Strategy<Value = Network> {
    let by = || prop_oneof![12 => Just(0u8), 2 => Just(1), 4 => Just(2), 1 => Just(3)];
    let hop = (0usize..6, 0i32..4, 0i32..2, by(), by());
    let hop = hop.prop_map(|(stop, ride, stand, b, a)| (stop, ride * 300, stand * 120, b, a));
    let other_course = (vec(hop.clone(), 2..5), 0i32..110);
    let change = prop_oneof![
        3 => Just(Change::None),
        1 => Just(Change::Cancelled),
        1 => other_course.clone().prop_map(|(hops, start)| Change::Replaced(hops, start * 900)),
        2 => (0usize..4, 0i32..40, prop::option::of(0usize..4)).prop_map(|(at, late, skip)| Change::Late(at, late * 150, skip)),
    ];
    let run = (0i32..110, 0u8..8, 0u8..3, change, 0i32..3, 0..NOTICES.len());
    let extra = (vec((0usize..3, other_course), 0..3), vec((0usize..15, -20i32..40), 0..3), any::<bool>());
    let line = (vec(hop, 2..5), vec(run, 1..4));
    let transfer = (0usize..6, 0usize..6, 0u8..4, 0i32..8);
    let who =
        || prop_oneof![Just(Who::All), (0usize..3).prop_map(Who::Route), (0usize..15).prop_map(Who::Trip)];
    let rule = (0usize..6, 0usize..6, 0u8..4, 0i32..20, who(), who());
    let stay = (0usize..15, 0usize..15, 0i32..5);
    let special = (vec(rule, 0..5), vec(stay, 0..4), prop::option::of(0..LISTED.len()));
    (2usize..=6, vec(0u8..3, 6), vec(line, 1..6), vec(transfer, 0..8), special, extra).prop_map(
        |(stops, wheelchair, lines, transfers, (rules, stays, listed), (added, copies, is_zoned))| {
            let trips = lines.into_iter().enumerate().flat_map(|(route, (hops, runs))| {
                runs.into_iter().map(move |(start, days, wheelchair, change, slow, notice)| {
                    let slower = |(stop, ride, stand, b, a)| (stop % stops, ride + slow * 60, stand, b, a);
                    let change = match change {
                        Change::Replaced(hops, start) => Change::Replaced(within(&hops, stops), start),
                        other => other,
                    };
                    let stops = hops.iter().copied().map(slower).collect();
                    Trip { stops, start: start * 900, days, wheelchair, change, route: route % 3, notice }
                })
            });
            let pairs =
                transfers.into_iter().map(|(from, to, kind, s)| (from % stops, to % stops, kind, s * 60));
            let mut transfers: Vec<_> = pairs.collect();
            transfers.sort_unstable();
            transfers.dedup_by_key(|t| (t.0, t.1));
            let mut trips: Vec<Trip> = trips.collect();
            let stays: Vec<_> =
                stays.iter().map(|s| (s.0 % trips.len(), s.1 % trips.len(), s.2 * 60)).collect();
            for (from, to, gap) in stays.iter().filter(|stay| stay.0 != stay.1) {
                let before = trips[*from].clone();
                trips[*to].follow(&before, *gap);
            }
            let follows = |stay: &(usize, usize, i32)| {
                let (from, to) = (&trips[stay.0], &trips[stay.1]);
                let wait = to.scheduled()[0].1 - from.scheduled()[from.stops.len() - 1].0;
                stay.0 != stay.1 && (0..=7_200).contains(&wait) && from.days & to.days != 0
            };
            let stays = stays.iter().filter(|stay| follows(stay)).map(|stay| (stay.0, stay.1)).collect();
            let who = |who| if let Who::Trip(trip) = who { Who::Trip(trip % trips.len()) } else { who };
            let rules = rules.into_iter().map(|(from, to, kind, s, a, b)| Rule {
                from: from % stops,
                to: to % stops,
                kind,
                s: s * 60,
                who_from: who(a),
                who_to: who(b),
            });
            let rules = rules.filter(|rule| rule.rank() > 0).collect();
            let extra = |(route, (hops, start)): (usize, (Vec<Hop>, i32))| Trip {
                stops: within(&hops, stops),
                start: start * 900,
                days: 2,
                wheelchair: 0,
                change: Change::None,
                route,
                notice: 0,
            };
            let added = added.into_iter().map(extra).collect();
            let copies = copies.into_iter().map(|(trip, later)| (trip % trips.len(), later * 900));
            let copies = copies.filter(|(trip, later)| trips[*trip].scheduled()[0].1 + later >= 0).collect();
            Network {
                stops,
                stop_wheelchair: wheelchair,
                trips,
                transfers,
                rules,
                stays,
                added,
                copies,
                is_zoned,
                listed,
            }
        },
    )
}

fn within(hops: &[Hop], stops: usize) -> Vec<Hop> {
    hops.iter().map(|(stop, ride, stand, b, a)| (stop % stops, *ride, *stand, *b, *a)).collect()
}

/// What a feed says of a run that stops here.
fn own_stops(hops: &[Hop], start: i32) -> Vec<StopUpdate> {
    let at = |seconds: i32| StopEvent::At(i64::from(DAY) * 86_400 + i64::from(seconds));
    let stop = |((stop, _, _, b, a), (arrives, departs)): (&Hop, (i32, i32))| {
        let planned = PlannedStop { pickup: Some(*b), drop_off: Some(*a), ..PlannedStop::default() };
        StopUpdate {
            stop_id: Some(format!("s{stop}")),
            arrival: Some(at(arrives)),
            departure: Some(at(departs)),
            planned: Some(Box::new(planned)),
            ..StopUpdate::default()
        }
    };
    hops.iter().zip(times(hops, start)).map(stop).collect()
}

/// (arrival, departure) at each stop.
pub fn times(hops: &[Hop], start: i32) -> Vec<(i32, i32)> {
    let mut now = start;
    let pass = |(_, ride, stand, _, _): &Hop| {
        let arrives = now + ride;
        now = arrives + stand;
        (arrives, now)
    };
    hops.iter().map(pass).collect()
}

impl Network {
    /// `lines` lines between two stops.
    pub fn line(lines: usize) -> Self {
        let trip = |line: usize| Trip {
            // Of its own pattern each: only the second stops there differ in what they allow.
            stops: (0..2 + line).map(|s| (usize::from(s > 0), 60, 0, 0, 0)).collect(),
            start: 3_600,
            days: 2,
            wheelchair: 0,
            change: Change::None,
            route: 0,
            notice: 0,
        };
        let trips = (0..lines).map(trip).collect();
        let (rules, stays) = (Vec::new(), Vec::new());
        let (transfers, added, copies) = (Vec::new(), Vec::new(), Vec::new());
        Network {
            stops: 2,
            stop_wheelchair: vec![0; 2],
            trips,
            transfers,
            rules,
            stays,
            added,
            copies,
            is_zoned: false,
            listed: None,
        }
    }

    /// How far ahead of UTC a line's clock is, seconds.
    pub fn ahead_s(&self, route: usize) -> i32 {
        if self.is_zoned { ZONES[route].1 } else { 0 }
    }

    pub fn timetable(&self) -> Timetable {
        let mut stops = "stop_id,stop_lat,stop_lon,wheelchair_boarding\n".to_owned();
        for stop in 0..self.stops {
            stops += &format!("s{stop},51,7,{}\n", self.stop_wheelchair[stop]);
        }
        let mut calendar = "service_id,date,exception_type\n".to_owned();
        let mut trips = "route_id,service_id,trip_id,wheelchair_accessible,bikes_allowed\n".to_owned();
        let mut times =
            "trip_id,stop_id,stop_sequence,arrival_time,departure_time,pickup_type,drop_off_type,\
             pickup_booking_rule_id,drop_off_booking_rule_id\n"
                .to_owned();
        for (number, trip) in self.trips.iter().enumerate() {
            for (bit, date) in DATES.iter().enumerate() {
                let runs = if trip.days >> bit & 1 == 1 { 1 } else { 2 };
                calendar += &format!("v{number},{date},{runs}\n");
            }
            trips += &format!("R{},v{number},t{number},{},{}\n", trip.route, trip.wheelchair, trip.bikes());
            let scheduled = trip.scheduled();
            for (at, (stop, _, _, b, a)) in trip.stops.iter().enumerate() {
                let (arrives, departs) = (clock(scheduled[at].0), clock(scheduled[at].1));
                let rule = |by: u8| {
                    if by == 2 && trip.notice > 0 { format!("N{}", trip.notice) } else { String::new() }
                };
                let rules = [rule(*b), rule(*a)].join(",");
                times += &format!("t{number},s{stop},{at},{arrives},{departs},{b},{a},{rules}\n");
            }
        }
        let mut transfers =
            "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_route_id,to_route_id,\
                             from_trip_id,to_trip_id\n"
                .to_owned();
        for (from, to, kind, seconds) in &self.transfers {
            transfers += &format!("s{from},s{to},{kind},{seconds}\n");
        }
        for Rule { from, to, kind, s, who_from, who_to } in &self.rules {
            let route = |who| if let Who::Route(route) = who { format!("R{route}") } else { String::new() };
            let trip = |who| if let Who::Trip(trip) = who { format!("t{trip}") } else { String::new() };
            let (routes, trips) =
                ([who_from, who_to].map(|w| route(*w)), [who_from, who_to].map(|w| trip(*w)));
            transfers += &format!("s{from},s{to},{kind},{s},{},{}\n", routes.join(","), trips.join(","));
        }
        for (from, to) in &self.stays {
            transfers += &format!(",,4,,,,t{from},t{to}\n");
        }
        let notices =
            NOTICES.iter().enumerate().skip(1).map(|(number, (row, _))| format!("N{number},{row}\n"));
        let notices = format!(
            "booking_rule_id,booking_type,prior_notice_duration_min,prior_notice_duration_max,prior_notice_last_day,\
             prior_notice_last_time,prior_notice_start_day,prior_notice_start_time\n{}",
            notices.collect::<String>()
        );
        let agencies = (0..3).map(|route| format!("A{route},{}\n", self.zone(route))).collect::<String>();
        let agencies = format!("agency_id,agency_timezone\n{agencies}");
        let files = vec![
            ("agency.txt", agencies),
            (
                "routes.txt",
                "route_id,agency_id,route_type,route_short_name\nR0,A0,3,R0\nR1,A1,1551,R1\nR2,A2,3,R2\n"
                    .to_owned(),
            ),
            ("stops.txt", stops),
            ("calendar_dates.txt", calendar),
            ("trips.txt", trips),
            ("stop_times.txt", times),
            ("transfers.txt", transfers),
            ("booking_rules.txt", notices),
        ];
        let (timetable, problems) = read_texts(vec![("net", files)], Options::default());
        assert_eq!(problems.count(), 0, "{:?}", problems.listed());
        timetable
    }

    /// The rules of the timetable and the county.
    pub fn bookings(&self, timetable: &Timetable) -> Bookings {
        let rule = self.listed.map(|number| rule("R2", LISTED[number]));
        Bookings::new(timetable, rule.as_slice(), &|_| Locality::default(), &mut |_, _| ())
    }

    /// The zone of a line.
    pub fn zone(&self, route: usize) -> &'static str {
        ZONES[if self.is_zoned { route } else { 0 }].0
    }

    pub fn updates(&self) -> Vec<TripUpdate> {
        let update = |(number, trip): (usize, &Trip)| {
            let mut update = TripUpdate {
                trip_id: format!("t{number}"),
                start_date: Some(DATES[1].to_owned()),
                ..TripUpdate::default()
            };
            match trip.change {
                Change::None => return None,
                Change::Cancelled => update.relationship = TripRelationship::Cancelled,
                Change::Replaced(ref hops, start) => {
                    update.relationship = TripRelationship::Replaced;
                    update.stops = own_stops(hops, start);
                }
                Change::Late(from, seconds, skipped) => {
                    let late = StopUpdate {
                        stop_sequence: Some(from as u32),
                        arrival: Some(StopEvent::Delay(seconds)),
                        ..StopUpdate::default()
                    };
                    let skip = skipped.map(|at| StopUpdate {
                        stop_sequence: Some(at as u32),
                        relationship: StopRelationship::Skipped,
                        ..StopUpdate::default()
                    });
                    update.stops.push(late);
                    // A stop is listed once: one that is skipped has no delay of its own.
                    update.stops.retain(|_| skipped != Some(from));
                    update.stops.extend(skip);
                    update.stops.sort_by_key(|s| s.stop_sequence);
                }
            }
            Some(update)
        };
        let added = |(number, trip): (usize, &Trip)| TripUpdate {
            trip_id: format!("x{number}"),
            start_date: Some(DATES[1].to_owned()),
            route_id: Some(format!("R{}", trip.route)),
            relationship: TripRelationship::Added,
            stops: own_stops(&trip.stops, trip.start),
            ..TripUpdate::default()
        };
        let copy = |(number, (trip, later)): (usize, &(usize, i32))| TripUpdate {
            trip_id: format!("t{trip}"),
            relationship: TripRelationship::Duplicated,
            properties: Some(Box::new(TripProperties {
                trip_id: Some(format!("c{number}")),
                start_date: Some(DATES[1].to_owned()),
                start_time: Some(clock(self.trips[*trip].scheduled()[0].1 + later)),
                headsign: None,
            })),
            ..TripUpdate::default()
        };
        let changed = self.trips.iter().enumerate().filter_map(update);
        let added = self.added.iter().enumerate().map(added);
        changed.chain(added).chain(self.copies.iter().enumerate().map(copy)).collect()
    }
}

impl Trip {
    /// GTFS's `bikes_allowed`: another value than that of wheelchairs.
    pub fn bikes(&self) -> u8 {
        (self.wheelchair + 1) % 3
    }

    /// Lets it begin `gap` seconds after `other` has ended, on its days too.
    fn follow(&mut self, other: &Trip, gap: i32) {
        let (begins, ends) = (self.scheduled()[0].1, other.scheduled()[other.stops.len() - 1].0);
        self.start = (self.start + ends + gap - begins).max(0);
        self.days |= other.days;
    }

    pub fn scheduled(&self) -> Vec<(i32, i32)> {
        times(&self.stops, self.start)
    }
}

fn clock(s: i32) -> String {
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
