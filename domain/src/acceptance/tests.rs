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
        watches_bay: true,
        stale_after_s: 7_920,
        frames,
        neighbours: Some(&[]),
        placement: Placement { from_site_m: Some(0.0), strange_restrictions: None },
    }
}

fn state_of(verdict: &Verdict, name: CheckName) -> CheckState {
    verdict.checks[name as usize].state
}

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
    assert_eq!(names(&verdict, CheckState::Skipped), [CheckName::Restriction]);
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
        assert_eq!(state_of(&verdict, name), CheckState::Skipped, "{name}");
    }
}
