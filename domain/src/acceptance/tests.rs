//! Tests of sensors by example.

use super::*;

const LIMITS: Limits = Limits {
    timeout_s: 900,
    history_days: 7,
    restarts: 1,
    delay_s: 30.0,
    clock_s: 60.0,
    snr_margin_db: 10.0,
    rssi_dbm: -120.0,
    spreading_factor: 11,
    lost_frames: 0.1,
    fewest_frames: 10,
    gateways: 1,
    battery_v: 3.4,
    battery_pct: 80.0,
    same_time_s: 30.0,
    neighbour_changes: 1,
    neighbour_m: 15.0,
    position_m: 100.0,
    moved_m: 100.0,
    surroundings_m: 50_000.0,
    speed_mps: 70.0,
};

const START: UtcMicros = UtcMicros(1_795_348_800_000_000);

fn at(s: i64) -> UtcMicros {
    START.plus_s(s)
}

fn frame(s: i64, f_cnt: i64, state: Option<BayState>) -> Frame {
    Frame {
        received_at: at(s),
        observed_at: Some(at(s - 1)),
        state,
        f_cnt: Some(f_cnt),
        spreading_factor: Some(9),
        snr_db: Some(2.0),
        rssi_dbm: Some(-100.0),
        gateways: Some(2),
        battery_v: Some(3.6),
        ..Frame::default()
    }
}

fn evidence(frames: &[Frame]) -> Evidence<'_> {
    Evidence {
        started_at: START,
        timeout_s: LIMITS.timeout_s,
        subject: Subject::Bay,
        stale_after_s: 7_920,
        frames,
        neighbours: Some(&[]),
        placement: Placement { from_site_m: Some(0.0), ..Placement::default() },
    }
}

fn state_of(verdict: &Verdict, name: CheckName) -> CheckState {
    verdict.checks[name as usize].state
}

fn why_skipped(verdict: &Verdict, name: CheckName) -> Option<Skipped> {
    verdict.checks[name as usize].skipped
}

const OF_BAYS: [CheckName; 2] = [CheckName::OccupiedSeen, CheckName::VacantSeen];
const OF_LANES: [CheckName; 5] = [
    CheckName::EntriesSeen,
    CheckName::ExitsSeen,
    CheckName::LaneDirection,
    CheckName::Totals,
    CheckName::SiteCount,
];
const OF_VEHICLES: [CheckName; 4] =
    [CheckName::PositionSeen, CheckName::Moved, CheckName::Surroundings, CheckName::Speed];

fn names(verdict: &Verdict, state: CheckState) -> Vec<CheckName> {
    verdict.checks.iter().filter(|check| check.state == state).map(|check| check.name).collect()
}

/// A past of two hours, and a car that drives on and off.
fn good() -> Vec<Frame> {
    let past = (0..12).map(|n| frame(n * 900 - 11_000, n, Some(BayState::Vacant)));
    let test = [frame(30, 12, Some(BayState::Occupied)), frame(90, 13, Some(BayState::Vacant))];
    past.chain(test).collect()
}

#[test]
fn a_sensor_that_sees_a_car_come_and_go_passes() {
    let frames = good();
    let verdict = judge(&evidence(&frames), &LIMITS, at(91));
    assert_eq!(names(&verdict, CheckState::Fail), []);
    assert_eq!(names(&verdict, CheckState::Waiting), []);
    let of_others = [OF_LANES.as_slice(), &OF_VEHICLES].concat();
    assert_eq!(names(&verdict, CheckState::Skipped), [of_others, vec![CheckName::Restriction]].concat());
    assert_eq!(why_skipped(&verdict, CheckName::Moved), Some(Skipped::OtherKind));
    assert_eq!(why_skipped(&verdict, CheckName::Restriction), Some(Skipped::NothingToCompare));
    assert_eq!((verdict.state, verdict.instruction), (TestState::Passed, Instruction::Done));
    let occupied = &verdict.checks[CheckName::OccupiedSeen as usize];
    assert_eq!((occupied.value, occupied.limit), (Some(30.0), Some(900.0)));
}

#[test]
fn instructions_lead_through_the_test() {
    let frames = good();
    let instruction = |n: usize| judge(&evidence(&frames[..n]), &LIMITS, at(80)).instruction;
    assert_eq!(instruction(0), Instruction::WaitForMessage);
    assert_eq!(instruction(12), Instruction::DriveOn);
    assert_eq!(instruction(13), Instruction::DriveOff);
    assert_eq!(instruction(14), Instruction::Done);
    let parked = [frame(-60, 1, Some(BayState::Occupied))];
    assert_eq!(judge(&evidence(&parked), &LIMITS, at(80)).instruction, Instruction::DriveOff);
}

#[test]
fn what_still_waits_at_the_end_has_failed_with_its_remedy() {
    let verdict = judge(&evidence(&[]), &LIMITS, at(899));
    assert_eq!(verdict.state, TestState::Running);
    let verdict = judge(&evidence(&[]), &LIMITS, at(900));
    assert_eq!(verdict.state, TestState::Failed);
    let heard = &verdict.checks[CheckName::Heard as usize];
    assert_eq!((heard.state, heard.remedy), (CheckState::Fail, Some(Remedy::CheckPowerAndGateway)));
}

#[test]
fn each_fault_fails_its_own_check() {
    let base = good();
    let last = base.len() - 1;
    let with = |change: &dyn Fn(&mut Vec<Frame>)| {
        let mut frames = base.clone();
        change(&mut frames);
        names(&judge(&evidence(&frames), &LIMITS, at(900)), CheckState::Fail)
    };
    assert_eq!(with(&|f| f[last].snr_db = Some(-4.0)), [CheckName::Signal]);
    assert_eq!(with(&|f| f[last].rssi_dbm = Some(-125.0)), [CheckName::Signal]);
    assert_eq!(with(&|f| f[last].spreading_factor = Some(12)), [CheckName::SpreadingFactor]);
    assert_eq!(with(&|f| f[last].battery_v = Some(3.1)), [CheckName::Battery]);
    assert_eq!(with(&|f| f[last].observed_at = Some(at(50))), [CheckName::Delay]);
    assert_eq!(with(&|f| f[last].rejected = Some(Reason::Malformed)), [CheckName::Decoded]);
    assert_eq!(with(&|f| f[last].f_cnt = Some(20)), [CheckName::Frames]);
    assert_eq!(with(&|f| f.iter_mut().for_each(|f| f.gateways = Some(0))), []);
    assert_eq!(
        with(&|f| f.retain(|frame| frame.f_cnt != Some(5))),
        [],
        "one lost frame of fourteen, and a gap below the limit"
    );
    assert_eq!(with(&|f| drop(f.drain(1..10))), [CheckName::Heartbeat]);
    let ahead =
        |f: &mut Vec<Frame>| f.iter_mut().for_each(|f| f.observed_at = Some(f.received_at.plus_s(100)));
    assert_eq!(with(&ahead), [CheckName::Clock]);
    let swapped = |f: &mut Vec<Frame>| {
        f[last].observed_at = Some(at(70));
        f.push(Frame { observed_at: Some(at(69)), ..frame(91, 14, None) });
    };
    assert_eq!(with(&swapped), [CheckName::Order]);
    let restarts = |f: &mut Vec<Frame>| {
        f.extend([frame(95, 0, None), frame(96, 1, None), frame(97, 0, None), frame(98, 1, None)]);
    };
    assert_eq!(with(&restarts), [CheckName::Join]);
    let one = |f: &mut Vec<Frame>| {
        f.extend([Frame { is_join: true, ..Frame::default() }; 1].map(|j| Frame {
            received_at: at(95),
            f_cnt: None,
            ..j
        }))
    };
    assert_eq!(with(&one), [], "it was switched on");
}

#[test]
fn a_neighbour_that_changes_with_it_twice_is_named() {
    let frames = good();
    let change = |bay: &str, s, state| NeighbourChange { bay: bay.into(), at: at(s), state };
    let busy = [
        change("markt-3", 35, BayState::Occupied),
        change("markt-3", 80, BayState::Vacant),
        change("markt-4", 20, BayState::Occupied),
        change("markt-4", 95, BayState::Occupied),
    ];
    let verdict = judge(&Evidence { neighbours: Some(&busy), ..evidence(&frames) }, &LIMITS, at(91));
    let check = &verdict.checks[CheckName::Neighbours as usize];
    assert_eq!(
        (check.state, check.value, &check.places[..]),
        (CheckState::Fail, Some(2.0), &["markt-3".to_owned()][..])
    );
    let quiet = judge(&Evidence { neighbours: Some(&busy[2..]), ..evidence(&frames) }, &LIMITS, at(91));
    assert_eq!(state_of(&quiet, CheckName::Neighbours), CheckState::Pass);
    let alone = judge(&Evidence { neighbours: None, ..evidence(&frames) }, &LIMITS, at(91));
    assert_eq!(state_of(&alone, CheckName::Neighbours), CheckState::Skipped);
}

#[test]
fn a_device_without_radio_is_not_judged_by_it() {
    let plain = |s, state| Frame {
        received_at: at(s),
        observed_at: Some(at(s)),
        state: Some(state),
        ..Frame::default()
    };
    let frames = [plain(10, BayState::Occupied), plain(20, BayState::Vacant)];
    let verdict = judge(&evidence(&frames), &LIMITS, at(21));
    assert_eq!(verdict.state, TestState::Passed);
    let radio = [
        CheckName::Join,
        CheckName::Signal,
        CheckName::SpreadingFactor,
        CheckName::Frames,
        CheckName::Gateways,
    ];
    for name in radio {
        assert_eq!(why_skipped(&verdict, name).is_some(), state_of(&verdict, name) == CheckState::Skipped);
        assert!(why_skipped(&verdict, name).is_some(), "{name}");
    }
}

fn both(entries: i32, exits: i32) -> BothWays {
    BothWays { entries, exits }
}

/// A lane's message with what it counted since the last one and in all.
fn passed(s: i64, f_cnt: i64, since_last: BothWays, total: BothWays) -> Passed {
    let counter = Some(Counter { since_last, total });
    Passed { received_at: at(s), since_last: Some(since_last), counter, f_cnt: Some(f_cnt) }
}

fn judged_lane(passed: &[Passed], drives: BothWays, count: Option<(i64, Option<i64>)>, s: i64) -> Verdict {
    let frames: Vec<Frame> = passed
        .iter()
        .map(|p| Frame { received_at: p.received_at, ..frame(0, p.f_cnt.unwrap_or(0), None) })
        .map(|f| Frame { observed_at: Some(f.received_at.plus_s(-1)), ..f })
        .collect();
    let placement = Placement { count, ..Placement::default() };
    let subject = Subject::Lane { passed, drives };
    judge(&Evidence { subject, placement, neighbours: None, ..evidence(&frames) }, &LIMITS, at(s))
}

#[test]
fn a_lane_passes_when_it_counts_as_many_as_were_driven_in_the_right_direction() {
    let past = passed(-600, 7, both(0, 0), both(40, 30));
    let (drive_in, drive_out) =
        (passed(60, 8, both(1, 0), both(41, 30)), passed(120, 9, both(0, 1), both(41, 31)));
    let count = Some((10, Some(50)));
    let instruction = |all: &[Passed]| judged_lane(all, both(1, 1), count, 130).instruction;
    assert_eq!(instruction(&[]), Instruction::WaitForMessage);
    assert_eq!(instruction(&[past]), Instruction::DriveIn);
    assert_eq!(instruction(&[past, drive_in]), Instruction::DriveOut);
    let verdict = judged_lane(&[past, drive_in, drive_out], both(1, 1), count, 130);
    assert_eq!((verdict.state, names(&verdict, CheckState::Fail)), (TestState::Passed, Vec::new()));
    for name in OF_LANES {
        assert_eq!(state_of(&verdict, name), CheckState::Pass, "{name}");
    }
    for name in OF_BAYS.iter().chain(&OF_VEHICLES) {
        assert_eq!(why_skipped(&verdict, *name), Some(Skipped::OtherKind), "{name}");
    }
    let entries = &verdict.checks[CheckName::EntriesSeen as usize];
    assert_eq!((entries.value, entries.limit), (Some(1.0), Some(1.0)));
    // Of an entrance nobody drives out.
    let one_way = judged_lane(&[past, drive_in], both(1, 0), count, 70);
    assert_eq!(one_way.state, TestState::Passed, "{one_way:?}");
    // Until all have driven it goes on, and a site that nobody counts is compared with nothing.
    let twice = judged_lane(&[past, drive_in], both(2, 0), None, 70);
    assert_eq!((twice.state, twice.instruction), (TestState::Running, Instruction::DriveIn));
    let uncounted = judged_lane(&[past, drive_in], both(1, 0), None, 70);
    assert_eq!(why_skipped(&uncounted, CheckName::SiteCount), Some(Skipped::NothingToCompare));
}

#[test]
fn each_fault_of_a_lane_fails_its_own_check() {
    let past = passed(-600, 7, both(0, 0), both(40, 30));
    let fails = |all: &[Passed], drives, count| {
        names(&judged_lane(&[&[past], all].concat(), drives, count, 900), CheckState::Fail)
    };
    let count = Some((10, Some(50)));
    let turned = [passed(60, 8, both(0, 1), both(40, 31)), passed(120, 9, both(1, 0), both(41, 31))];
    assert_eq!(fails(&turned, both(1, 1), count), [CheckName::LaneDirection]);
    let of_entrance = fails(&turned[..1], both(1, 0), count);
    assert!(of_entrance.contains(&CheckName::LaneDirection) && of_entrance.contains(&CheckName::EntriesSeen));
    let (once, again) = (passed(60, 8, both(1, 0), both(41, 30)), passed(70, 9, both(1, 0), both(42, 30)));
    assert_eq!(
        fails(&[once, again], both(1, 0), count),
        [CheckName::EntriesSeen],
        "a trailer is no second car"
    );
    assert_eq!(fails(&[once], both(2, 0), count)[0], CheckName::EntriesSeen, "one was not seen");
    let reset = [once, passed(120, 9, both(0, 1), both(0, 1))];
    assert_eq!(fails(&reset, both(1, 1), count), [CheckName::Totals]);
    for wrong in [(-1, Some(50)), (51, Some(50))] {
        assert_eq!(fails(&[once], both(1, 0), Some(wrong)), [CheckName::SiteCount], "{wrong:?}");
    }
    let verdict = judged_lane(&[past, turned[0]], both(1, 1), count, 70);
    assert_eq!(verdict.checks[CheckName::LaneDirection as usize].remedy, Some(Remedy::TurnDirection));
}

#[test]
fn a_source_that_counts_a_whole_site_is_not_driven_through() {
    let frames = [Frame { received_at: at(10), observed_at: Some(at(9)), ..Frame::default() }];
    let of = |count| {
        let placement = Placement { count, ..Placement::default() };
        let evidence = Evidence { subject: Subject::Site, placement, neighbours: None, ..evidence(&frames) };
        judge(&evidence, &LIMITS, at(11))
    };
    let verdict = of(Some((10, Some(50))));
    assert_eq!(
        (verdict.state, state_of(&verdict, CheckName::SiteCount)),
        (TestState::Passed, CheckState::Pass)
    );
    assert_eq!(why_skipped(&verdict, CheckName::EntriesSeen), Some(Skipped::OtherKind));
    assert_eq!(names(&of(Some((60, Some(50)))), CheckState::Fail), [CheckName::SiteCount]);
}

fn fix(s: i64, north_m: f64, speed_mps: Option<f32>) -> Fix {
    let position = LatLon { lat: 51.9 + north_m / 111_195.0, lon: 7.2 };
    Fix { observed_at: at(s - 1), received_at: at(s), position, speed_mps }
}

fn judged_vehicle(fixes: &[Fix], from_town_m: Option<f64>, s: i64) -> Verdict {
    let frames: Vec<Frame> = fixes
        .iter()
        .map(|f| Frame { received_at: f.received_at, observed_at: Some(f.observed_at), ..Frame::default() })
        .collect();
    let placement = Placement { from_town_m, ..Placement::default() };
    let subject = Subject::Vehicle { fixes };
    judge(&Evidence { subject, placement, neighbours: None, ..evidence(&frames) }, &LIMITS, at(s))
}

#[test]
fn a_vehicle_passes_when_it_is_seen_to_move_where_it_can_be() {
    let past = fix(-60, 0.0, None);
    let fixes = [past, fix(10, 0.0, Some(0.0)), fix(40, 30.0, Some(3.0)), fix(70, 180.0, Some(8.0))];
    let at_km = Some(2_000.0);
    assert_eq!(judged_vehicle(&[], None, 5).instruction, Instruction::WaitForMessage);
    let standing = judged_vehicle(&fixes[..3], at_km, 45);
    assert_eq!((standing.state, standing.instruction), (TestState::Running, Instruction::DriveAround));
    let moved = &standing.checks[CheckName::Moved as usize];
    assert_eq!(
        (moved.state, moved.value.map(f64::round)),
        (CheckState::Waiting, Some(30.0)),
        "that is noise"
    );
    let verdict = judged_vehicle(&fixes, at_km, 75);
    assert_eq!((verdict.state, names(&verdict, CheckState::Fail)), (TestState::Passed, Vec::new()));
    for name in OF_VEHICLES {
        assert_eq!(state_of(&verdict, name), CheckState::Pass, "{name}");
    }
    for name in OF_BAYS.iter().chain(&OF_LANES) {
        assert_eq!(why_skipped(&verdict, *name), Some(Skipped::OtherKind), "{name}");
    }
    // On another continent, at the speed of an aeroplane, and late.
    assert_eq!(names(&judged_vehicle(&fixes, Some(6e6), 75), CheckState::Fail), [CheckName::Surroundings]);
    let jump = [fixes[1], fix(20, 5_000.0, None)];
    assert_eq!(names(&judged_vehicle(&jump, at_km, 75), CheckState::Fail), [CheckName::Speed]);
    let late = [fixes[1], Fix { observed_at: at(20), ..fix(70, 180.0, None) }];
    assert_eq!(names(&judged_vehicle(&late, at_km, 75), CheckState::Fail), [CheckName::Delay]);
    assert_eq!(
        why_skipped(&judged_vehicle(&fixes, None, 75), CheckName::Surroundings),
        Some(Skipped::NothingToCompare)
    );
    let nothing = judged_vehicle(&[past], at_km, 900);
    assert!(names(&nothing, CheckState::Fail).contains(&CheckName::PositionSeen));
}

#[test]
fn a_battery_is_judged_in_the_unit_that_the_device_reports() {
    let battery = |set: &dyn Fn(&mut Frame)| {
        let mut frames = good();
        frames.iter_mut().for_each(set);
        let verdict = judge(&evidence(&frames), &LIMITS, at(91));
        let check = &verdict.checks[CheckName::Battery as usize];
        (check.value.is_some(), check.limit, check.unit)
    };
    assert_eq!(battery(&|_| {}), (true, Some(LIMITS.battery_v), Some(Unit::Volt)));
    let percent = |frame: &mut Frame| (frame.battery_v, frame.battery_pct) = (None, Some(90.0));
    assert_eq!(battery(&percent), (true, Some(LIMITS.battery_pct), Some(Unit::Percent)));
    let verdict = judge(&evidence(&[]), &LIMITS, at(1));
    assert_eq!(verdict.checks[CheckName::Battery as usize].unit, Some(Unit::Volt));
    let mut frames = good();
    frames.iter_mut().for_each(|frame| frame.battery_v = Some(7.2));
    let verdict = judge(&evidence(&frames), &LIMITS, at(91));
    assert_eq!(verdict.checks[CheckName::Battery as usize].value, Some(7.2), "as the device reports it");
}
