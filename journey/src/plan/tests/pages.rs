//! Turning pages: nothing is repeated, nothing is lost.

use proptest::prelude::*;

use super::*;

/// What is on a page of a plan: when each itinerary leaves and arrives, and what it is recognised by.
type Shown = Vec<(i64, i64, u32)>;

struct Pages {
    planner: Planner,
    bookings: Bookings,
    area: Arc<Area>,
}

impl Pages {
    fn new(ordered: &[i32]) -> Self {
        let area = Arc::new(town_with_orders(ordered));
        Pages { planner: Planner::new(area.clone()), bookings: bookings(&area), area }
    }

    fn page(&mut self, when: When, modes: Modes, page: Page<'_>) -> (Shown, Beyond) {
        // All can be booked when it is asked about; later pages do not change that.
        let booked = BookedRides::All;
        let request = Request { bookings: &self.bookings, booked, page, ..ask(&[], when, modes, &certain) };
        let plan = self.planner.plan(&request, None).unwrap();
        let runs = crate::overlay::Runs { timetable: &self.area.timetable, overlay: None };
        let shown = plan.itineraries.iter().map(|one| (one.start, one.end, one.print(runs)));
        (shown.collect(), plan.beyond)
    }
}

fn at_time(when: When, time: i64) -> When {
    match when {
        When::DepartAt(_) => When::DepartAt(time),
        When::ArriveBy(_) => When::ArriveBy(time),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pages_together_hold_what_one_long_page_does(
        ordered in proptest::collection::vec(0i32..20, 0..12), minute in 470i64..700, arrive: bool,
        window_s in 0i32..8_000, limit in 1usize..5,
    ) {
        let mut pages = Pages::new(&ordered);
        let begin = time(minute * 60);
        let when = if arrive { When::ArriveBy(begin + 6 * 3600) } else { When::DepartAt(begin) };
        let hours = 5;
        let long = Page { window_s: hours * 3600, limit: usize::MAX, which: WhichPage::First };
        let end = when.on(i64::from(hours) * 3600).time();
        let is_within = |(start, arrived, _): &(i64, i64, u32)| match when {
            When::DepartAt(_) => *start < end,
            When::ArriveBy(_) => *arrived > end,
        };
        let (mut expected, _) = pages.page(when, Modes::TRANSIT, long);
        expected.retain(is_within);
        expected.sort_unstable();
        let mut all = Shown::new();
        let (mut at, mut ahead, mut is_first) = (when, Vec::new(), true);
        for _ in 0..80 {
            let which = if is_first { WhichPage::First } else { WhichPage::Onward(&ahead) };
            let (shown, beyond) = pages.page(at, Modes::TRANSIT, Page { window_s, limit, which });
            prop_assert!(shown.len() <= limit, "{} of {limit}", shown.len());
            prop_assert!(is_first || !all.iter().any(|one| shown.contains(one)), "a page repeats {shown:?}");
            let next = at_time(when, beyond.until);
            prop_assert!(is_first || beyond.until != at.time() || !shown.is_empty(), "{shown:?} {beyond:?}");
            all.extend(shown);
            (at, ahead, is_first) = (next, beyond.ahead, false);
            if when.time().abs_diff(at.time()) >= end.abs_diff(when.time()) {
                break;
            }
        }
        all.retain(is_within);
        all.sort_unstable();
        prop_assert_eq!(all, expected);
    }

    #[test]
    fn pages_back_hold_what_is_before(minute in 560i64..1000, arrive: bool, window_s in 1i32..8_000, limit in 1usize..4) {
        let mut pages = Pages::new(&[3, 4, 7]);
        let begin = time(minute * 60);
        let when = if arrive { When::ArriveBy(begin) } else { When::DepartAt(begin) };
        let far = when.on(-4 * 3600);
        let long = Page { window_s: 4 * 3600, limit: usize::MAX, which: WhichPage::First };
        let (mut expected, _) = pages.page(far, Modes::TRANSIT, long);
        expected.retain(|(start, arrived, _)| match when {
            When::DepartAt(_) => *start < begin,
            When::ArriveBy(_) => *arrived > begin,
        });
        expected.sort_unstable();
        let mut all = Shown::new();
        let mut at = when;
        while far.time().abs_diff(at.time()) > 0 && far.on(1).time().abs_diff(begin) >= at.time().abs_diff(begin) {
            let (shown, beyond) = pages.page(at, Modes::TRANSIT, Page { window_s, limit, which: WhichPage::Back });
            prop_assert!(shown.len() <= limit);
            prop_assert_eq!(beyond.until, at.time());
            prop_assert!(beyond.from != at.time());
            all.extend(shown);
            at = at_time(when, beyond.from);
        }
        all.retain(|one| expected.contains(one));
        all.sort_unstable();
        prop_assert_eq!(all, expected);
    }
}

#[test]
fn a_window_widens_and_an_empty_one_names_what_comes_next() {
    let mut pages = Pages::new(&[]);
    let page = Page { window_s: 3_600, limit: 5, which: WhichPage::First };
    // The last bus leaves at 17:30, the next one at 8 the next morning.
    let (shown, beyond) = pages.page(When::DepartAt(time(20 * 3600)), Modes::TRANSIT, page);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(beyond.until > time(32 * 3600 - 900) && beyond.next_at.is_none(), "{beyond:?}");
    // The timetable begins on the first of November.
    let october = time(20 * 3600) - 30 * 86_400;
    let (shown, beyond) = pages.page(When::DepartAt(october), Modes::TRANSIT, page);
    assert_eq!(shown, []);
    let first = time(8 * 3600) - 23 * 86_400;
    assert!(beyond.next_at.is_some_and(|at| (first - 900..=first).contains(&at)), "{beyond:?}");
    // Years before it, nothing is near.
    let (shown, beyond) = pages.page(When::DepartAt(october - 400 * 86_400), Modes::TRANSIT, page);
    assert_eq!((shown, beyond.next_at), (Vec::new(), None));
}

#[test]
fn what_needs_no_ride_is_on_the_first_page_only() {
    let mut pages = Pages::new(&[]);
    let modes = Modes::WALK.with(Modes::BIKE).with(Modes::TRANSIT);
    let begin = When::DepartAt(time(9 * 3600));
    let page = |which| Page { window_s: 3_600, limit: 5, which };
    let (first, beyond) = pages.page(begin, modes, page(WhichPage::First));
    let (second, _) = pages.page(at_time(begin, beyond.until), modes, page(WhichPage::Onward(&beyond.ahead)));
    let (before, _) = pages.page(begin, modes, page(WhichPage::Back));
    let direct = |shown: &Shown| shown.iter().filter(|(start, ..)| *start == begin.time()).count();
    assert_eq!((direct(&first), direct(&before)), (2, 0), "{first:?} {before:?}");
    assert!(second.iter().all(|(start, ..)| *start > begin.time() + 1_800), "{second:?}");
}
