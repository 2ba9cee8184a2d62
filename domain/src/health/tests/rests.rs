//! Of the bay's state: stuck, flapping, re-stamped, silent, in the wrong place.

use super::*;

/// Ten days of cars, then nothing but heartbeats.
fn stuck() -> Kerb {
    let mut kerb = Kerb::new();
    kerb.live(10, None);
    kerb.wait(60);
    kerb.say(true);
    kerb
}

#[test]
fn a_rest_that_its_own_rhythm_rules_out_is_stuck_since_its_last_change() {
    let mut kerb = stuck();
    let since = at(kerb.now_s);
    let mut rare_after_s = None;
    while kerb.finding(Code::Stuck).is_none() {
        kerb.wait(i64::from(HEARTBEAT_S));
        kerb.say(true);
        let chance = kerb.device.rest(&kerb.neighbours).chance;
        let rest_s = at(kerb.now_s).seconds_since(since);
        if chance < 1e-3 {
            rare_after_s.get_or_insert(rest_s);
        }
        assert!(rest_s < 3.0 * DAY_S as f64, "cars stay for an hour: {chance}");
    }
    let finding = kerb.finding(Code::Stuck).unwrap();
    assert!(
        finding.since.seconds_since(since).abs() < 1.0 && kerb.device.hidden_since() == Some(finding.since)
    );
    assert!(finding.value < finding.limit && kerb.device.health(true) == Health::Faulty);
    assert!(rare_after_s.is_some());
}

#[test]
fn stuck_ends_after_several_changes_not_after_the_first() {
    let mut kerb = stuck();
    for _ in 0..12 {
        kerb.wait(i64::from(HEARTBEAT_S));
        kerb.say(true);
    }
    for (occupied, remains) in [(false, true), (true, true), (false, false)] {
        kerb.wait(3_000);
        kerb.say(occupied);
        assert_eq!(kerb.finding(Code::Stuck).is_some(), remains);
    }
}

#[test]
fn a_lost_frame_may_have_been_two_changes() {
    let mut kerb = stuck();
    for _ in 0..12 {
        kerb.wait(i64::from(HEARTBEAT_S));
        kerb.f_cnt += 2;
        kerb.say(true);
    }
    assert_eq!(kerb.finding(Code::Stuck), None);
}

#[test]
fn when_nobody_moves_a_rest_is_no_fault() {
    // Two sites with the same past; in one the neighbours go on, in the other all are at home.
    let [quiet, busy] = [false, true].map(|others_move| {
        let mut kerb = stuck();
        for hour in 0..30 {
            kerb.wait(HOUR_S);
            let now = at(kerb.now_s);
            kerb.neighbours.expect(now, 8.0);
            for _ in 0..if others_move { 8 } else { 0 } {
                kerb.neighbours.changed(now, hour % 2, None, 0);
            }
        }
        kerb.device.rest(&kerb.neighbours).chance
    });
    assert!(quiet > 100.0 * busy, "{quiet} {busy}");
}

#[test]
fn short_rests_in_a_row_are_flapping_and_ordinary_ones_end_it() {
    let mut kerb = Kerb::new();
    kerb.live(10, None);
    let began_s = kerb.now_s;
    for flip in 0..8 {
        kerb.wait(5);
        kerb.say(flip % 2 == 0);
    }
    let finding = kerb.finding(Code::Flapping).unwrap();
    assert!((finding.since.seconds_since(at(began_s))).abs() < 60.0, "{finding:?}");
    kerb.wait(3_000);
    kerb.say(true);
    assert!(kerb.finding(Code::Flapping).is_some(), "one good rest proves nothing");
    kerb.wait(3_000);
    kerb.say(false);
    kerb.live(2, None);
    assert_eq!(kerb.finding(Code::Flapping), None);
}

#[test]
fn silence_beyond_the_promise_is_silent_until_it_is_heard() {
    let mut kerb = Kerb::new();
    kerb.live(10, None);
    let heard_at = at(kerb.now_s);
    let stale_after_s = i64::from(Promise::of_heartbeat(HEARTBEAT_S).stale_after_s);
    kerb.wait(i64::from(HEARTBEAT_S));
    assert_eq!(kerb.finding(Code::Silent), None);
    kerb.wait(stale_after_s);
    let finding = kerb.finding(Code::Silent).unwrap();
    assert_eq!((finding.since, kerb.device.health(true)), (heard_at, Health::Silent));
    assert_eq!(kerb.device.hidden_since(), None, "its state is stale, not wrong");
    kerb.say(false);
    assert_eq!(kerb.finding(Code::Silent), None);
}

#[test]
fn one_that_was_never_heard_is_silent() {
    let mut kerb = Kerb::new();
    kerb.wait(2 * DAY_S);
    assert_eq!(kerb.device.health(true), Health::Silent);
}

#[test]
fn the_same_value_at_a_machines_pace_is_restamped() {
    let mut kerb = Kerb::new();
    kerb.live(10, None);
    for _ in 0..3 * 24 * 12 {
        kerb.wait(300);
        kerb.say(false);
    }
    let finding = kerb.finding(Code::Restamped).unwrap();
    assert!((finding.value - 300.0).abs() < 1.0, "{finding:?}");
}

#[test]
fn a_heartbeat_that_is_quicker_than_the_files_say_is_none() {
    let mut kerb = Kerb::new();
    for _ in 0..40 {
        for occupied in [true, false] {
            for _ in 0..24 + kerb.roll(12) {
                kerb.wait(300);
                kerb.say(occupied);
            }
        }
    }
    assert_eq!(kerb.finding(Code::Restamped), None);
}

#[test]
fn the_same_counter_with_fresh_times_is_restamped() {
    let mut kerb = Kerb::new();
    kerb.live(3, None);
    let message = kerb.uplink(true);
    kerb.hear(&message);
    for n in 1..=5 {
        let later = at(kerb.now_s + n * 600);
        kerb.hear(&Message { received_at: later, observed_at: Some(later), ..message });
    }
    assert!(kerb.finding(Code::Restamped).is_some());
}

#[test]
fn changes_that_fit_another_sites_gates_are_misbound() {
    let mut kerb = Kerb::new();
    kerb.is_counted = true;
    kerb.live(5, Some(0));
    assert_eq!(kerb.codes(), []);
    let moved_s = kerb.now_s;
    kerb.live(5, Some(1));
    let finding = kerb.finding(Code::Misbound).unwrap();
    assert!(finding.since.seconds_since(at(moved_s)).abs() < DAY_S as f64, "{finding:?}");
    kerb.device.rebind(at(kerb.now_s));
    assert_eq!(kerb.finding(Code::Misbound), None);
}

#[test]
fn changes_that_fit_no_gates_contradict_the_site() {
    let mut kerb = Kerb::new();
    kerb.is_counted = true;
    kerb.live(5, Some(0));
    kerb.live(8, None);
    assert!(kerb.finding(Code::ContradictsSite).is_some(), "{:?}", kerb.codes());
    kerb.live(12, Some(0));
    assert_eq!(kerb.codes(), []);
}
