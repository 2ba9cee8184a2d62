//! Feeds that do not come through.

use super::*;

fn outage(feed: i32, from_s: i64, until_s: Option<i64>, is_connected: bool) -> Outage {
    Outage { feed: FeedId(feed), from: at(from_s), until: until_s.map(at), is_connected }
}

/// All four sensors of feed 1 and a bay of feed 2 are heard once an hour until then.
fn all_speak(watch: &mut Watch, until_h: i64) {
    for hour in 1..=until_h {
        run(watch, at(hour * HOUR_S));
        (1..=BAYS).for_each(|n| watch.hear(&uplink(n, hour * HOUR_S, hour as u32, false)));
        watch.hear(&native(3, hour * HOUR_S, false));
    }
}

/// The sources that are silent, each since when, in hours.
fn silent(watch: &mut Watch, s: i64) -> Vec<(i32, i64)> {
    let reasons = watch.reasons(at(s)).into_iter().filter(|r| r.code == "silent" && r.until.is_none());
    reasons.map(|r| (r.source.0, r.since.age_s(at(0)) / HOUR_S)).collect()
}

#[test]
fn devices_are_not_silent_while_their_feed_is_and_only_then() {
    for is_connected in [false, true] {
        let mut watch = watch(town(Some));
        all_speak(&mut watch, 10);
        // Of feed 1 nothing comes for a week; the other one goes on.
        watch.outages(vec![outage(1, 10 * HOUR_S, None, is_connected)]);
        let mut hour = 10;
        while hour < 7 * 24 {
            hour += 1;
            run(&mut watch, at(hour * HOUR_S));
            watch.hear(&native(3, hour * HOUR_S, hour % 5 == 0));
        }
        run(&mut watch, at(hour * HOUR_S));
        assert_eq!(silent(&mut watch, hour * HOUR_S), [], "{is_connected}");
        // It is back, and three of its sensors are.
        let end = hour * HOUR_S;
        watch.outages(vec![outage(1, 10 * HOUR_S, Some(end), is_connected)]);
        for more in 1..30 {
            run(&mut watch, at(end + more * HOUR_S));
            (1..BAYS).for_each(|n| watch.hear(&uplink(n, end + more * HOUR_S, (10 + more) as u32, false)));
            watch.hear(&native(3, end + more * HOUR_S, more % 5 == 0));
        }
        run(&mut watch, at(end + 30 * HOUR_S));
        assert_eq!(silent(&mut watch, end + 30 * HOUR_S), [(BAYS, 10)], "{is_connected}");
    }
}

#[test]
fn silence_that_was_found_before_that_of_the_feed_ends_with_it_and_a_restart_changes_nothing() {
    let registry = town(Some);
    let mut watch = watch(registry.clone());
    all_speak(&mut watch, 10);
    run(&mut watch, at(31 * HOUR_S));
    assert_eq!(silent(&mut watch, 31 * HOUR_S).len(), BAYS as usize + 1);
    let mut parts = BTreeMap::new();
    let mut again = stored(&mut parts, &mut watch, &registry);
    let outages = vec![outage(1, 10 * HOUR_S, None, true)];
    for watch in [&mut watch, &mut again] {
        watch.outages(outages.clone());
        run(watch, at(50 * HOUR_S));
    }
    assert!(state(&mut watch) == state(&mut again));
    let ended: Vec<i32> =
        (watch.reasons(at(50 * HOUR_S)).iter()).filter(|r| r.until.is_some()).map(|r| r.source.0).collect();
    assert_eq!(ended, [1, 2, 3, 4]);
}

#[test]
fn who_was_silent_before_its_feed_stays_so_and_of_a_single_device_the_silence_is_its_own() {
    let mut watch = watch(town(Some));
    all_speak(&mut watch, 10);
    run(&mut watch, at(20 * HOUR_S));
    (1..BAYS).for_each(|n| watch.hear(&uplink(n, 20 * HOUR_S, 20, false)));
    run(&mut watch, at(32 * HOUR_S));
    // The fourth one, and the only bay of feed 2.
    assert_eq!(silent(&mut watch, 32 * HOUR_S), [(-2, 10), (BAYS, 10)]);
    let quiet = outage(1, 31 * HOUR_S, None, true);
    watch.outages(vec![quiet, outage(2, 10 * HOUR_S, None, true)]);
    run(&mut watch, at(90 * HOUR_S));
    let is_as_before = |r: &Reason| r.until.is_none() && [-2, BAYS].contains(&r.source.0);
    assert!(watch.reasons(at(90 * HOUR_S)).iter().all(is_as_before));
    // Without a connection nobody knows.
    watch.outages(vec![quiet, outage(2, 10 * HOUR_S, None, false)]);
    let reasons = watch.reasons(at(90 * HOUR_S));
    let ended: Vec<i32> = reasons.iter().filter(|r| r.until.is_some()).map(|r| r.source.0).collect();
    assert_eq!(ended, [-2]);
}

#[test]
fn a_feed_that_is_away_makes_nobody_stuck() {
    let mut watch = watch(town(Some));
    // A busy month: a change every half hour.
    for n in 1..=2 * 24 * 30 {
        run(&mut watch, at(n * 1_800));
        for sensor in 1..=BAYS {
            watch.hear(&uplink(sensor, n * 1_800 + i64::from(sensor), n as u32, n % 2 == 0));
        }
    }
    let last = 30 * DAY_S;
    assert_eq!(codes(&mut watch, last), []);
    watch.outages(vec![outage(1, last + 60, None, false)]);
    run(&mut watch, at(last + 3 * DAY_S));
    assert_eq!(codes(&mut watch, last + 3 * DAY_S), []);
}
