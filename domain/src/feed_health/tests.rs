//! Feeds over days of virtual time.

use serde_json::json;

use super::topics::tests::feed;
use super::*;
use crate::feed::FeedFormat;

/// A Monday, 0:00 UTC.
const MONDAY: UtcMicros = UtcMicros(1_790_553_600_000_000);

/// A feed that is looked at each half minute; `speaks` says of each look how many messages came.
struct World {
    health: FeedHealth,
    feed: Feed,
    now: UtcMicros,
}

impl World {
    fn new() -> Self {
        let mut feed = feed(FeedFormat::Native);
        feed.heartbeat_s = None;
        World { health: FeedHealth::new(None, None, None, MONDAY), feed, now: MONDAY }
    }

    fn run(&mut self, hours: f64, speaks: impl Fn(WeekHour, i64) -> u32) -> Vec<(FeedState, UtcMicros)> {
        let (mut found, until) = (Vec::new(), self.now.plus_s((hours * 3_600.0) as i64));
        while self.now < until {
            self.now = self.now.plus_s(30);
            for _ in 0..speaks(week_hour(self.now, &TimeZone::UTC), self.now.age_s(MONDAY) / 30) {
                self.health.message(Some("kv/1/f/bay"), self.now);
            }
            let evidence = Evidence { connected_since: Some(MONDAY), messages_1h: 1, ..Evidence::default() };
            let changed = self.health.tick(&self.feed, evidence, &TimeZone::UTC, self.now);
            found.extend(changed.map(|period| (period.state, self.now)));
        }
        found
    }

    fn restart(&mut self) {
        let period = self.health.standing.period();
        self.health = FeedHealth::new(self.health.stored().ok(), None, Some(period), self.now);
    }
}

fn by_day(at: WeekHour, _: i64) -> u32 {
    u32::from((6..22).contains(&at.hour)) * 2
}

#[test]
fn silence_by_day_is_found_in_minutes_and_nights_and_holidays_are_none() {
    let mut world = World::new();
    let mut found = world.run(7.0 * 24.0, by_day);
    found.retain(|(state, _)| *state != FeedState::Ok);
    assert_eq!(found, [], "a week with its nights");
    assert_eq!(world.health.report(&TimeZone::UTC, world.now).usual_1h, Some(0.0));
    world.restart();
    // A holiday: one message of sixteen.
    let holiday = |at: WeekHour, look: i64| u32::from((6..22).contains(&at.hour) && look % 8 == 0);
    assert_eq!(world.run(24.0, holiday).iter().filter(|f| f.0 == FeedState::Silent).count(), 0);
    assert_eq!(world.run(24.0 + 9.0, by_day).iter().filter(|f| f.0 == FeedState::Silent).count(), 0);
    let report = world.health.report(&TimeZone::UTC, world.now);
    assert_eq!(report.usual_1h, Some(240.0));
    let last = world.health.learned.last_message_at.unwrap();
    let found = world.run(3.0, |_, _| 0);
    let [(FeedState::Silent, at)] = &found[..] else { panic!("{found:?}") };
    assert!((300..1_800).contains(&at.age_s(last)), "after {} s", at.age_s(last));
    assert_eq!(world.health.report(&TimeZone::UTC, world.now).period.since, last);
    // Weeks later it is still silent: an outage is not usual.
    world.run(21.0 * 24.0, |_, _| 0);
    world.restart();
    world.run(1.0, |_, _| 0);
    let report = world.health.report(&TimeZone::UTC, world.now);
    assert_eq!(report.period.state, FeedState::Silent);
    assert_eq!(report.usual_1h, Some(240.0));
    assert_eq!(world.run(0.1, by_day)[0].0, FeedState::Ok);
}

#[test]
fn a_process_that_was_suspended_or_a_clock_that_jumps_makes_no_silence() {
    let mut world = World::new();
    world.run(3.0 * 24.0 + 10.0, by_day);
    let usual = world.health.learned.usual.clone();
    for jump_s in [5 * 3_600, -3 * 86_400, 365 * 86_400, -365 * 86_400] {
        world.now = world.now.plus_s(jump_s);
        let found = world.run(0.01, |_, _| 0);
        assert_eq!(found, [], "{jump_s} s");
    }
    assert_eq!(world.health.learned.usual, usual, "nothing is learned of hours that were not watched");
}

#[test]
fn what_another_version_stored_is_learned_again() {
    for stored in [json!(null), json!({ "usual": 3 }), json!({ "usual": { "counts": [1, 2] } })] {
        let health = FeedHealth::new(Some(stored), None, None, MONDAY);
        assert_eq!(health.learned, Learned::default());
    }
    let mut short = serde_json::to_value(Learned::default()).unwrap();
    short["usual"]["counts"] = json!([1, 2]);
    assert_eq!(FeedHealth::new(Some(short), None, None, MONDAY).learned, Learned::default());
}

#[test]
fn samples_are_few_and_not_in_step_with_the_publisher() {
    let mut health = FeedHealth::new(None, None, None, MONDAY);
    // Ten devices in turn, one message a second.
    let mut taken = [0; 10];
    for n in 0..36_000_i64 {
        if health.wants_sample(MONDAY.plus_s(n)) {
            taken[(n % 10) as usize] += 1;
        }
    }
    let all: i32 = taken.iter().sum();
    assert!((2_400..7_200).contains(&all), "{all}");
    assert!(taken.iter().all(|n| *n > all / 30), "{taken:?}");
    // After a clock that was ahead it goes on.
    assert!(health.wants_sample(MONDAY.plus_s(365 * 86_400)));
    assert!(health.wants_sample(MONDAY));
}

#[test]
fn polls_and_heartbeats_are_promises() {
    let mut polled = feed(FeedFormat::GtfsRt);
    (polled.url, polled.every_s) = (Some("https://h.example".into()), Some(30));
    assert_eq!(promise_s(&polled, true), Some(120));
    let mut own = feed(FeedFormat::Native);
    assert_eq!(promise_s(&own, true), None);
    assert_eq!(promise_s(&own, false), Some(190_080));
    own.heartbeat_s = Some(600);
    assert_eq!(promise_s(&own, true), Some(1_320));
}
