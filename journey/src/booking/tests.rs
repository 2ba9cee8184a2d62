use std::sync::Arc;

use domain::availability::Availability;
use domain::booking::{DayTime, Notice, OnDemandKind, Opens, RelativeTo};
use domain::geo::LatLon;
use jiff::civil::date;

use super::*;
use crate::area::Area;
use crate::area::tests::town;
use crate::overlay::Runs;
use crate::plan::{Leg, Lost, Modes, Page, PlanResult, Planner, Predictor, Request, When};
use crate::timetable::Access;

/// The rule of a county for lines of this name.
pub(crate) fn rule(route: &str, terms: Terms) -> OnDemandLine {
    OnDemandLine {
        municipality: None,
        route: route.to_owned(),
        kind: OnDemandKind::TaxiBus,
        agency: None,
        direction: None,
        hours: None,
        terms,
        desk: Desk::default(),
        to_door_m: None,
        wheelchair: None,
        wheelchair_notice_min: None,
        bikes: None,
        valid_from: None,
        valid_until: None,
        source: None,
    }
}

/// Before the bus sets out.
fn half_an_hour() -> Terms {
    Terms {
        notice: Notice::Before { at_least_s: 1_800 },
        opens: Opens::Always,
        relative_to: RelativeTo::FirstStop,
    }
}

/// Of Tuesday 2026-11-24, in Berlin, as seconds since 1970.
fn clock(hour: i64, minute: i64, second: i64) -> i64 {
    1_795_474_800 + hour * 3_600 + minute * 60 + second
}

struct NoParking;

impl Predictor for NoParking {
    fn availability(&self, _: usize, _: i64) -> Availability {
        Availability { chance: None, search_s: 0.0 }
    }
}

/// A town with a bus that sets out every half hour from 8:00 on, from one side to the other.
struct Town {
    area: Arc<Area>,
    planner: Planner,
}

impl Town {
    fn new() -> Self {
        let area = Arc::new(town());
        Town { planner: Planner::new(area.clone()), area }
    }

    fn bookings(&self, rules: &[OnDemandLine]) -> Bookings {
        let berlin = |_: Option<&str>| Locality::new("Europe/Berlin", "", []);
        Bookings::new(&self.area.timetable, rules, &berlin, &mut |_, _| ())
    }

    fn plan(&mut self, rules: &[OnDemandLine], when: When, booked: BookedRides) -> PlanResult {
        let at = |column: f64| LatLon { lat: 48.6 + 4.2 * 9e-4, lon: 8.8 + column * 13.6e-4 };
        let bookings = self.bookings(rules);
        let request = Request {
            rentals: None,
            from: at(0.1),
            to: at(8.9),
            from_stop: None,
            to_stop: None,
            when,
            modes: Modes::TRANSIT,
            max_walk_m: 600.0,
            max_direct_walk_m: 5_000.0,
            access: Access::Foot,
            max_transfers: None,
            min_transfer_s: 0,
            lots: &[],
            park_ride: &[],
            predictor: &NoParking,
            is_over: &|| false,
            bookings: &bookings,
            booked,
            page: Page::BEST,
            chosen: None,
            taxis: &[],
            closed: None,
        };
        self.planner.plan(&request, None).unwrap()
    }

    /// Rides from 8:01 on that can be booked then: when they leave, and whether they must be booked.
    fn rides(&mut self, rules: &[OnDemandLine], book_at: i64) -> Vec<(i64, bool)> {
        let now = UtcMicros::from_unix_s(book_at);
        rides(&self.plan(rules, When::DepartAt(clock(8, 1, 0)), BookedRides::OpenAt(now)))
    }
}

fn rides(plan: &PlanResult) -> Vec<(i64, bool)> {
    let rides = plan.itineraries.iter().flat_map(|itinerary| &itinerary.legs);
    let rides = rides.filter_map(|leg| if let Leg::Ride(leg) = leg { Some(leg) } else { None });
    rides.map(|leg| (leg.start, leg.ride.is_booked())).collect()
}

#[test]
fn a_ride_is_offered_until_its_deadline_and_then_rejected() {
    let mut town = Town::new();
    let rules = [rule("1", half_an_hour())];
    assert_eq!(town.rides(&rules, clock(7, 59, 59)), [(clock(8, 30, 0), true)]);
    assert_eq!(town.rides(&rules, clock(8, 0, 0)), [(clock(8, 30, 0), true)]);
    assert_eq!(town.rides(&rules, clock(8, 0, 1)), [(clock(9, 0, 0), true)]);
    for when in [When::DepartAt(clock(8, 1, 0)), When::ArriveBy(clock(8, 40, 0))] {
        let late = BookedRides::OpenAt(UtcMicros::from_unix_s(clock(8, 0, 1)));
        let plan = town.plan(&rules, when, late);
        let [lost] = &plan.lost[..] else { panic!("{:?}", plan.lost) };
        assert_eq!((lost.departure, lost.why), (clock(8, 30, 0), Lost::BookingClosed), "{when:?}");
        let window = lost.ride.booking.unwrap().window.unwrap();
        assert_eq!(window.by, UtcMicros::from_unix_s(clock(8, 0, 0)));
    }
    let none = town.plan(&rules, When::DepartAt(clock(8, 1, 0)), BookedRides::None);
    assert!(none.itineraries.is_empty() && none.lost.is_empty());
}

#[test]
fn where_notice_counts_from_boarding_a_later_stop_may_still_do() {
    let mut town = Town::new();
    let rules = [rule("1", Terms { relative_to: RelativeTo::Boarding, ..half_an_hour() })];
    // The bus of 8:30 comes by the second stop at 8:31.
    let found = town.rides(&rules, clock(8, 0, 30));
    assert_eq!(found, [(clock(8, 31, 0), true), (clock(9, 0, 0), true)]);
    assert_eq!(town.rides(&rules, clock(8, 1, 1))[0], (clock(9, 0, 0), true));
}

#[test]
fn a_ride_that_cannot_be_booked_yet_is_rejected_as_such() {
    let mut town = Town::new();
    let opens = Opens::OnDay(DayTime { days_before: 0, time_s: 8 * 3_600 });
    let rules = [rule("1", Terms { opens, ..half_an_hour() })];
    let now = BookedRides::OpenAt(UtcMicros::from_unix_s(clock(7, 59, 59)));
    let plan = town.plan(&rules, When::DepartAt(clock(8, 1, 0)), now);
    assert_eq!(rides(&plan), []);
    assert_eq!(plan.lost.iter().map(|lost| lost.why).collect::<Vec<_>>(), [Lost::BookingNotOpen]);
}

#[test]
fn a_number_that_nobody_answers_books_nothing_unless_there_is_another_way() {
    let mut town = Town::new();
    let phone_hours = Some("Mo-Su 10:00-18:00".to_owned());
    let by_phone = |url: Option<&str>| OnDemandLine {
        desk: Desk {
            phone: Some("0251 1".to_owned()),
            phone_hours: phone_hours.clone(),
            url: url.map(str::to_owned),
            ..Desk::default()
        },
        ..rule("1", half_an_hour())
    };
    // Who calls at ten reaches the ride at half past ten.
    assert_eq!(town.rides(&[by_phone(None)], clock(7, 0, 0)), [(clock(10, 30, 0), true)]);
    assert_eq!(
        town.rides(&[by_phone(Some("https://example.org"))], clock(7, 0, 0)),
        [(clock(8, 30, 0), true)]
    );
    let at_night = BookedRides::OpenAt(UtcMicros::from_unix_s(clock(7, 0, 0)));
    let plan = town.plan(&[by_phone(None)], When::DepartAt(clock(8, 1, 0)), at_night);
    assert_eq!(
        plan.lost.iter().map(|lost| (lost.departure, lost.why)).collect::<Vec<_>>(),
        [(clock(8, 30, 0), Lost::BookingClosed)]
    );
}

#[test]
fn the_first_rule_that_fits_a_run_holds() {
    let mut town = Town::new();
    let book_at = clock(7, 0, 0);
    let next = [(clock(8, 30, 0), false)];
    let base = || rule("1", half_an_hour());
    for (what, other) in [
        ("another line", rule("T*", half_an_hour())),
        ("another agency", OnDemandLine { agency: Some("RVM".into()), ..base() }),
        ("at other hours", OnDemandLine { hours: Some("09:00-20:00".into()), ..base() }),
        ("not yet", OnDemandLine { valid_from: Some(date(2026, 11, 25)), ..base() }),
        ("no longer", OnDemandLine { valid_until: Some(date(2026, 11, 23)), ..base() }),
    ] {
        assert_eq!(town.rides(&[other], book_at), next, "{what}");
    }
    for (what, one) in [
        ("any line", rule("*", half_an_hour())),
        ("its agency", OnDemandLine { agency: Some("bus".into()), ..base() }),
        ("at these hours", OnDemandLine { hours: Some("08:00-09:00".into()), ..base() }),
        ("from now on", OnDemandLine { valid_from: Some(date(2026, 11, 24)), ..base() }),
        ("a direction that the timetable does not state", OnDemandLine { direction: Some(1), ..base() }),
    ] {
        assert_eq!(town.rides(&[one], book_at)[0], (clock(8, 30, 0), true), "{what}");
    }
    // One hour's notice by the first of the two rules: 8:30 is too early at 7:31.
    let hour = Terms { notice: Notice::Before { at_least_s: 3_600 }, ..half_an_hour() };
    let two = [rule("1", hour), base()];
    assert_eq!(town.rides(&two, clock(7, 31, 0)), [(clock(9, 0, 0), true)]);
}

#[test]
fn with_a_wheelchair_a_ride_may_have_to_be_booked_earlier() {
    let town = Town::new();
    let rules = [OnDemandLine { wheelchair_notice_min: Some(24 * 60), ..rule("1", half_an_hour()) }];
    let bookings = town.bookings(&rules);
    let runs = Runs { timetable: &town.area.timetable, overlay: None };
    let (day, begins_at) = town.area.timetable.day_and_begin(clock(12, 0, 0));
    let trip = town.area.timetable.trips("t1")[0];
    let by = |wheelchair| {
        let booked = Booked { bookings: &bookings, rides: BookedRides::All, carpools: true, wheelchair };
        let run = RunBooking::new(booked, runs, trip, day, begins_at);
        run.ride(run.seated()).unwrap().window.unwrap().by
    };
    assert_eq!(by(false), UtcMicros::from_unix_s(clock(8, 0, 0)));
    assert_eq!(by(true), UtcMicros::from_unix_s(clock(8, 30, 0)).plus_s(-86_400));
}

#[test]
fn what_need_not_be_booked_stays_beside_what_must() {
    let mut town = Town::new();
    let early = OnDemandLine { hours: Some("08:00-08:45".into()), ..rule("1", half_an_hour()) };
    assert_eq!(town.rides(&[early], clock(7, 0, 0)), [(clock(8, 30, 0), true), (clock(9, 0, 0), false)]);
}

#[test]
fn a_rule_whose_hours_cannot_be_read_holds_at_all_times() {
    let town = Town::new();
    let unreadable = OnDemandLine { hours: Some("Mo-Su perhaps".into()), ..rule("1", half_an_hour()) };
    let berlin = |_: Option<&str>| Locality::new("Europe/Berlin", "", []);
    let mut reported = Vec::new();
    let rules = [unreadable, rule("2", half_an_hour())];
    let bookings = Bookings::new(&town.area.timetable, &rules, &berlin, &mut |rule, _| {
        reported.push(rule.route.clone());
    });
    assert_eq!(reported, ["1"]);
    assert!(bookings.lists(town.area.timetable.trips[0].route));
}
