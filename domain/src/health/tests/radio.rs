//! Of the device itself: clock, battery, reception, frames, values.

use super::*;
use crate::rejection::Reason;

/// A day of a message every hour, each changed by `change` with the number of hours since the start.
fn days(kerb: &mut Kerb, days: i64, mut change: impl FnMut(i64, &mut Message)) {
    for hour in 0..24 * days {
        kerb.wait(HOUR_S);
        let mut message = kerb.uplink(hour % 4 < 2);
        change(hour, &mut message);
        kerb.hear(&message);
    }
}

#[test]
fn a_clock_that_drifts_is_found_and_a_late_message_is_no_drift() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 5, |hour, message| {
        if hour % 5 == 0 {
            message.observed_at = Some(message.received_at.plus_s(-1_800));
        }
    });
    assert_eq!(kerb.codes(), []);
    days(&mut kerb, 2, |hour, message| message.observed_at = Some(message.received_at.plus_s(2 * hour)));
    let finding = kerb.finding(Code::ClockDrift).unwrap();
    assert!(finding.value > 30.0, "{finding:?}");
    days(&mut kerb, 2, |_, _| {});
    assert_eq!(kerb.finding(Code::ClockDrift), None);
}

#[test]
fn a_falling_battery_is_found_before_it_is_empty() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 8, |hour, message| message.battery_v = Some(3.6 + (hour % 3) as f32 / 100.0));
    assert_eq!(kerb.finding(Code::Battery), None);
    days(&mut kerb, 6, |hour, message| message.battery_v = Some(3.6 - hour as f32 / 500.0));
    let finding = kerb.finding(Code::Battery).unwrap();
    assert!((1.0..30.0).contains(&finding.value), "{finding:?}");
    days(&mut kerb, 2, |_, message| message.battery_v = Some(3.65));
    assert_eq!(kerb.finding(Code::Battery), None, "it has a new one");
}

#[test]
fn what_the_device_says_of_its_battery_counts() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 1, |hour, message| message.battery_low = Some(hour == 3));
    assert_eq!(kerb.finding(Code::Battery), None, "once is a cold morning");
    days(&mut kerb, 1, |_, message| message.battery_low = Some(true));
    assert_eq!(kerb.finding(Code::Battery).unwrap().value, 0.0);
}

#[test]
fn a_reception_that_declines_is_found() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 10, |_, _| {});
    assert_eq!(kerb.finding(Code::Signal), None);
    days(&mut kerb, 6, |hour, message| {
        let snr_db = message.snr_db.unwrap() - hour as f32 / 12.0;
        (message.snr_db, message.spreading_factor) = (Some(snr_db), Some(if snr_db > 0.0 { 9 } else { 11 }));
    });
    let finding = kerb.finding(Code::Signal).unwrap();
    assert!(finding.value < finding.limit, "{finding:?}");
    assert_eq!(kerb.device.health(true), Health::Watch);
    days(&mut kerb, 6, |_, _| {});
    assert_eq!(kerb.finding(Code::Signal), None);
}

#[test]
fn many_lost_frames_are_found_and_one_outage_is_not() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 5, |_, _| {});
    kerb.f_cnt += 40;
    days(&mut kerb, 2, |_, _| {});
    assert_eq!(kerb.finding(Code::FrameLoss), None);
    for _ in 0..20 {
        kerb.f_cnt += 1;
        days(&mut kerb, 1, |_, _| {});
        kerb.f_cnt += 1;
    }
    assert_eq!(kerb.finding(Code::FrameLoss), None, "one a day");
    for hour in 0..40 {
        kerb.wait(HOUR_S);
        kerb.f_cnt += u32::from(hour % 2 == 0);
        kerb.say(hour % 4 < 2);
    }
    assert!(kerb.finding(Code::FrameLoss).is_some());
}

#[test]
fn starting_again_and_again_is_found_and_once_a_week_is_not() {
    let mut kerb = Kerb::new();
    let start = |kerb: &mut Kerb| {
        kerb.f_cnt = 0;
        let join = Message { event: Event::Join, f_cnt: None, state: None, ..kerb.uplink(false) };
        kerb.f_cnt = 0;
        kerb.hear(&join);
    };
    for _ in 0..5 {
        start(&mut kerb);
        days(&mut kerb, 7, |_, _| {});
    }
    assert_eq!(kerb.codes(), []);
    for _ in 0..8 {
        start(&mut kerb);
        kerb.wait(HOUR_S);
        kerb.say(true);
    }
    assert!(kerb.finding(Code::Restarts).is_some());
    days(&mut kerb, 10, |_, _| {});
    assert_eq!(kerb.finding(Code::Restarts), None);
}

#[test]
fn counters_of_two_devices_interleave() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 3, |_, _| {});
    let mut twin = 9_000;
    days(&mut kerb, 1, |hour, message| {
        if hour % 2 == 0 {
            twin += 1;
            message.f_cnt = Some(twin);
        }
    });
    assert!(kerb.finding(Code::DuplicateIdentity).is_some(), "{:?}", kerb.codes());
}

#[test]
fn impossible_values_and_rejected_messages_count_and_good_ones_against_them() {
    let mut kerb = Kerb::new();
    days(&mut kerb, 2, |hour, message| {
        message.temperature_c = Some(if hour % 24 == 0 { 140.0 } else { 11.0 })
    });
    assert_eq!(kerb.codes(), [], "once a day is a flipped bit");
    days(&mut kerb, 1, |hour, message| message.temperature_c = Some(if hour < 12 { 140.0 } else { 11.0 }));
    assert!(kerb.finding(Code::Implausible).is_some());
    days(&mut kerb, 5, |_, _| {});
    days(&mut kerb, 1, |_, message| {
        (message.state, message.rejected) = (None, Some(Reason::Malformed));
    });
    assert_eq!(kerb.finding(Code::Rejected).unwrap().value, 3.0);
    days(&mut kerb, 1, |_, _| {});
    assert_eq!(kerb.codes(), []);
}
