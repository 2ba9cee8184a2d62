//! The checks.

use super::history::{Counted, floor_db, median, silence_s};
use super::lane::Lane;
use super::outcome::Outcome;
use super::vehicle::{moved_m, speed_mps};
use super::{
    Check, CheckName, CheckState, Evidence, Fix, Frame, Instruction, Limits, Remedy, Skipped, Subject,
    TestState, Unit, Verdict,
};
use crate::bay_state::BayState;
use crate::time::UtcMicros;

/// What the test has come to at `now`. It ends when no check waits, or after its time: then what still waits has failed.
pub fn judge(evidence: &Evidence<'_>, limits: &Limits, now: UtcMicros) -> Verdict {
    let begins = evidence.frames.partition_point(|frame| frame.received_at < evidence.started_at);
    let (past, test) = evidence.frames.split_at(begins);
    let judge = Judge { evidence, limits, past, test };
    let is_over = now >= evidence.started_at.plus_s(evidence.timeout_s.into());
    let mut checks: Vec<Check> = CheckName::ALL.iter().map(|name| judge.check(*name)).collect();
    if is_over {
        for check in checks.iter_mut().filter(|check| check.state == CheckState::Waiting) {
            check.state = CheckState::Fail;
        }
    }
    let has = |state| checks.iter().any(|check| check.state == state);
    let state = match (has(CheckState::Waiting), has(CheckState::Fail)) {
        (true, _) => TestState::Running,
        (false, true) => TestState::Failed,
        (false, false) => TestState::Passed,
    };
    let instruction = if state == TestState::Running { judge.instruction() } else { Instruction::Done };
    Verdict { state, instruction, checks }
}

struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    limits: &'a Limits,
    past: &'a [Frame],
    test: &'a [Frame],
}

impl Judge<'_> {
    fn check(&self, name: CheckName) -> Check {
        let Outcome { state, value, limit, unit, remedy, skipped, places } = match name {
            CheckName::Heard => self.heard(),
            CheckName::Join => self.join(),
            CheckName::Decoded => self.decoded(),
            CheckName::OccupiedSeen => self.seen(BayState::Occupied),
            CheckName::VacantSeen => self.seen(BayState::Vacant),
            CheckName::EntriesSeen => {
                self.passed(|lane| [lane.counted.entries, lane.drives.entries], Remedy::DriveIn)
            }
            CheckName::ExitsSeen => {
                self.passed(|lane| [lane.counted.exits, lane.drives.exits], Remedy::DriveOut)
            }
            CheckName::LaneDirection => self.lane_direction(),
            CheckName::Totals => self.totals(),
            CheckName::SiteCount => self.site_count(),
            CheckName::PositionSeen => self.position_seen(),
            CheckName::Moved => self.moved(),
            CheckName::Surroundings => self.surroundings(),
            CheckName::Speed => self.speed(),
            CheckName::Delay => self.delay(),
            CheckName::Order => self.order(),
            CheckName::Clock => self.clock(),
            CheckName::Heartbeat => self.heartbeat(),
            CheckName::Signal => self.signal(),
            CheckName::SpreadingFactor => self.spreading_factor(),
            CheckName::Frames => self.frames(),
            CheckName::Gateways => self.gateways(),
            CheckName::Battery => self.battery(),
            CheckName::Neighbours => self.neighbours(),
            CheckName::Position => self.position(),
            CheckName::Restriction => self.restriction(),
        };
        Check { name, state, value, limit, unit: unit.or(name.unit()), remedy, skipped, places }
    }

    fn instruction(&self) -> Instruction {
        if self.test.is_empty() && self.past.is_empty() {
            return Instruction::WaitForMessage;
        }
        match self.evidence.subject {
            Subject::Bay => self.instruction_on_bay(),
            Subject::Lane { .. } => match self.lane() {
                Some(lane) if lane.counted.entries < lane.drives.entries => Instruction::DriveIn,
                Some(lane) if lane.counted.exits < lane.drives.exits => Instruction::DriveOut,
                _ => Instruction::Wait,
            },
            Subject::Vehicle { .. } if !self.has_seen_all() => Instruction::DriveAround,
            Subject::Site | Subject::Vehicle { .. } => Instruction::Wait,
        }
    }

    fn instruction_on_bay(&self) -> Instruction {
        let is_missing = |state| self.first(state).is_none();
        let last = self.evidence.frames.iter().rev().find_map(|frame| frame.state);
        match (is_missing(BayState::Occupied), is_missing(BayState::Vacant), last) {
            // Its bay was occupied before the test began.
            (true, true, Some(BayState::Occupied)) => Instruction::DriveOff,
            (true, ..) => Instruction::DriveOn,
            (false, true, _) => Instruction::DriveOff,
            (false, false, _) => Instruction::Wait,
        }
    }

    /// What its lane counted in the test; `None`: it is in none.
    fn lane(&self) -> Option<Lane> {
        let Subject::Lane { passed, drives } = self.evidence.subject else { return None };
        let begins = passed.partition_point(|passed| passed.received_at < self.evidence.started_at);
        let (past, test) = passed.split_at(begins);
        Some(Lane::of(past, test, drives))
    }

    /// Where its vehicle was in the test; `None`: it is in none.
    fn fixes(&self) -> Option<Vec<Fix>> {
        let Subject::Vehicle { fixes } = self.evidence.subject else { return None };
        Some(fixes.iter().copied().filter(|fix| fix.received_at >= self.evidence.started_at).collect())
    }

    fn is_on_bay(&self) -> bool {
        self.evidence.subject == Subject::Bay
    }

    fn first(&self, state: BayState) -> Option<&Frame> {
        self.test.iter().find(|frame| frame.state == Some(state))
    }

    /// All radio frames of the past and of the test; `None`: it is no radio device, as far as known.
    fn is_radio(&self) -> Option<bool> {
        self.evidence.frames.last().map(|_| self.evidence.frames.iter().any(|frame| frame.gateways.is_some()))
    }

    /// What waits for a first radio frame, and is skipped of other devices.
    fn without_radio(&self, limit: f64) -> Option<Outcome> {
        match self.is_radio() {
            None => Some(Outcome::waiting(Some(limit), Remedy::MakeItSend)),
            Some(false) => Some(Outcome::skipped(Skipped::NoRadio)),
            Some(true) => None,
        }
    }

    fn heard(&self) -> Outcome {
        match self.test.len() {
            0 => Outcome::waiting(Some(1.0), Remedy::CheckPowerAndGateway),
            n => Outcome::at_least(n as f64, 1.0, Remedy::CheckPowerAndGateway),
        }
    }

    fn join(&self) -> Outcome {
        let limit = f64::from(self.limits.restarts);
        if let Some(outcome) = self.without_radio(limit) {
            return outcome;
        }
        // The last frame before the test says from where the counter goes on.
        let before = self.past.iter().rev().find(|frame| frame.f_cnt.is_some());
        let counted = Counted::of(before.into_iter().chain(self.test));
        match self.test.iter().any(|frame| frame.f_cnt.is_some()) {
            true => Outcome::at_most(counted.restarts.into(), limit, Remedy::CheckPowerSupply),
            false => Outcome::waiting(Some(limit), Remedy::MakeItSend),
        }
    }

    fn decoded(&self) -> Outcome {
        let rejected = self.test.iter().filter(|frame| frame.rejected.is_some()).count();
        match self.test.is_empty() {
            true => Outcome::waiting(Some(0.0), Remedy::MakeItSend),
            false => Outcome::at_most(rejected as f64, 0.0, Remedy::CheckDecoder),
        }
    }

    fn seen(&self, state: BayState) -> Outcome {
        if !self.is_on_bay() {
            return Outcome::skipped(Skipped::OtherKind);
        }
        let limit = f64::from(self.evidence.timeout_s);
        let remedy = if state == BayState::Occupied { Remedy::DriveOn } else { Remedy::DriveOff };
        match self.first(state) {
            Some(frame) => Outcome::at_most(self.since_start_s(frame), limit, remedy),
            None => Outcome::waiting(Some(limit), remedy),
        }
    }

    fn since_start_s(&self, frame: &Frame) -> f64 {
        seconds(self.evidence.started_at, frame.received_at)
    }

    /// Whether all that the test waits for was seen.
    fn has_seen_all(&self) -> bool {
        match self.evidence.subject {
            Subject::Bay => {
                [BayState::Occupied, BayState::Vacant].into_iter().all(|state| self.first(state).is_some())
            }
            Subject::Lane { .. } => self.lane().is_some_and(Lane::has_seen_all),
            Subject::Site => !self.test.is_empty(),
            Subject::Vehicle { .. } => {
                self.fixes().is_some_and(|fixes| !fixes.is_empty() && moved_m(&fixes) >= self.limits.moved_m)
            }
        }
    }

    /// As many are to be counted as were driven, those that `of` says.
    fn passed(&self, of: fn(Lane) -> [i32; 2], remedy: Remedy) -> Outcome {
        let Some(lane) = self.lane() else { return Outcome::skipped(Skipped::OtherKind) };
        let [counted, driven] = of(lane).map(f64::from);
        if counted > driven {
            return Outcome::judged(false, counted, driven, Remedy::RepeatAlone);
        }
        let is_done = counted == driven && (driven > 0.0 || self.has_seen_all());
        match is_done {
            true => Outcome::at_least(counted, driven, remedy),
            false => Outcome { value: Some(counted), ..Outcome::waiting(Some(driven), remedy) },
        }
    }

    fn lane_direction(&self) -> Outcome {
        match self.lane() {
            Some(lane) => self.of_test(Some(lane.against.into()), 0.0, Remedy::TurnDirection),
            None => Outcome::skipped(Skipped::OtherKind),
        }
    }

    fn totals(&self) -> Outcome {
        match self.lane() {
            Some(lane) => self.of_test(lane.resets.map(f64::from), 0.0, Remedy::CheckPowerSupply),
            None => Outcome::skipped(Skipped::OtherKind),
        }
    }

    fn site_count(&self) -> Outcome {
        match (self.evidence.subject, self.evidence.placement.count) {
            (Subject::Bay | Subject::Vehicle { .. }, _) => Outcome::skipped(Skipped::OtherKind),
            (_, None) if self.has_seen_all() => Outcome::skipped(Skipped::NothingToCompare),
            (_, Some((occupied, capacity))) if self.has_seen_all() => {
                let is_met = (0..=capacity.unwrap_or(i64::MAX)).contains(&occupied);
                let limit = capacity.map(|capacity| capacity as f64);
                Outcome { limit, ..Outcome::judged(is_met, occupied as f64, 0.0, Remedy::CountByHand) }
            }
            (_, count) => Outcome::waiting(count.and_then(|(_, c)| Some(c? as f64)), Remedy::MakeItSend),
        }
    }

    fn position_seen(&self) -> Outcome {
        let Some(fixes) = self.fixes() else { return Outcome::skipped(Skipped::OtherKind) };
        let limit = f64::from(self.evidence.timeout_s);
        match fixes.iter().map(|fix| fix.received_at).min() {
            Some(at) => Outcome::at_most(seconds(self.evidence.started_at, at), limit, Remedy::CheckReceiver),
            None => Outcome::waiting(Some(limit), Remedy::CheckReceiver),
        }
    }

    fn moved(&self) -> Outcome {
        let Some(fixes) = self.fixes() else { return Outcome::skipped(Skipped::OtherKind) };
        let (moved, limit) = (moved_m(&fixes), self.limits.moved_m);
        match moved >= limit {
            true => Outcome::at_least(moved, limit, Remedy::DriveAround),
            false => Outcome { value: Some(moved), ..Outcome::waiting(Some(limit), Remedy::DriveAround) },
        }
    }

    fn surroundings(&self) -> Outcome {
        let Some(fixes) = self.fixes() else { return Outcome::skipped(Skipped::OtherKind) };
        let limit = self.limits.surroundings_m;
        match self.evidence.placement.from_town_m {
            _ if fixes.is_empty() => Outcome::waiting(Some(limit), Remedy::CheckReceiver),
            Some(distance) => self.of_test(Some(distance), limit, Remedy::CheckReceiver),
            None => Outcome::skipped(Skipped::NothingToCompare),
        }
    }

    fn speed(&self) -> Outcome {
        match self.fixes() {
            Some(fixes) => self.of_test(speed_mps(&fixes), self.limits.speed_mps, Remedy::CheckReceiver),
            None => Outcome::skipped(Skipped::OtherKind),
        }
    }

    /// How long each timed message of the test was under way, seconds; negative: its clock is ahead.
    fn delays_s(&self) -> Vec<f64> {
        let timed = self.test.iter().filter_map(|frame| Some(seconds(frame.observed_at?, frame.received_at)));
        timed.collect()
    }

    /// Judged by the messages of the test, once all was seen: `value` of them is to be at most `limit`.
    fn of_test(&self, value: Option<f64>, limit: f64, remedy: Remedy) -> Outcome {
        match value {
            Some(value) if value > limit || self.has_seen_all() => Outcome::at_most(value, limit, remedy),
            None if self.has_seen_all() && !self.test.is_empty() => Outcome::skipped(Skipped::NotReported),
            _ => Outcome::waiting(Some(limit), Remedy::MakeItSend),
        }
    }

    fn delay(&self) -> Outcome {
        let longest = self.delays_s().into_iter().max_by(f64::total_cmp);
        self.of_test(longest.map(|s| s.max(0.0)), self.limits.delay_s, Remedy::CheckNetwork)
    }

    fn order(&self) -> Outcome {
        let mut newest: Option<UtcMicros> = None;
        let mut overtaken = 0;
        for at in self.test.iter().filter_map(|frame| frame.observed_at) {
            overtaken += u32::from(newest.is_some_and(|newest| at < newest));
            newest = newest.max(Some(at));
        }
        self.of_test(newest.map(|_| overtaken.into()), 0.0, Remedy::CheckNetwork)
    }

    fn clock(&self) -> Outcome {
        // The quickest message was hardly under way: what is left of its delay is its clock.
        let offset = self.delays_s().into_iter().min_by(f64::total_cmp).map(|s| -s);
        let limit = self.limits.clock_s;
        match offset {
            Some(offset) if offset.abs() > limit => Outcome::judged(false, offset, limit, Remedy::SetClock),
            offset => self.of_test(offset, limit, Remedy::SetClock),
        }
    }

    fn heartbeat(&self) -> Outcome {
        let limit = f64::from(self.evidence.stale_after_s);
        match silence_s(self.past) {
            Some((longest, whole)) if whole >= limit || longest > limit => {
                Outcome::at_most(longest, limit, Remedy::CheckHeartbeat)
            }
            _ => Outcome::skipped(Skipped::TooFewMessages),
        }
    }

    fn signal(&self) -> Outcome {
        let limit = self.limits.snr_margin_db;
        if let Some(outcome) = self.without_radio(limit) {
            return outcome;
        }
        let margin = |frame: &Frame| Some(f64::from(frame.snr_db?) - floor_db(frame.spreading_factor?));
        let smallest = self.test.iter().filter_map(margin).min_by(f64::total_cmp);
        let weakest = self.test.iter().filter_map(|frame| frame.rssi_dbm).min_by(f32::total_cmp);
        let is_loud = weakest.is_none_or(|dbm| f64::from(dbm) >= self.limits.rssi_dbm);
        match smallest {
            Some(value) => {
                Outcome::judged(value >= limit && is_loud, value, limit, Remedy::MoveAntennaOrAddGateway)
            }
            None if self.has_seen_all() => Outcome::skipped(Skipped::NotReported),
            None => Outcome::waiting(Some(limit), Remedy::MakeItSend),
        }
    }

    fn spreading_factor(&self) -> Outcome {
        let limit = f64::from(self.limits.spreading_factor);
        if let Some(outcome) = self.without_radio(limit) {
            return outcome;
        }
        let largest = self.test.iter().filter_map(|frame| frame.spreading_factor).max();
        self.of_test(largest.map(f64::from), limit, Remedy::MoveAntennaOrAddGateway)
    }

    fn frames(&self) -> Outcome {
        let limit = self.limits.lost_frames;
        let counted = Counted::of(self.evidence.frames);
        match counted.came >= self.limits.fewest_frames {
            true => Outcome::at_most(counted.lost_share(), limit, Remedy::MoveAntennaOrAddGateway),
            false => Outcome::skipped(Skipped::TooFewMessages),
        }
    }

    fn gateways(&self) -> Outcome {
        let limit = f64::from(self.limits.gateways);
        if let Some(outcome) = self.without_radio(limit) {
            return outcome;
        }
        let heard = self.test.iter().filter_map(|frame| frame.gateways.filter(|n| *n > 0));
        match median(heard.collect()) {
            Some(n) => Outcome::at_least(n as f64, limit, Remedy::MoveAntennaOrAddGateway),
            None if self.has_seen_all() => Outcome::skipped(Skipped::NotReported),
            None => Outcome::waiting(Some(limit), Remedy::MakeItSend),
        }
    }

    fn battery(&self) -> Outcome {
        let newest = |of: fn(&Frame) -> Option<f32>| self.evidence.frames.iter().rev().find_map(of);
        let at_least = |limit, unit| {
            move |value: f32| Outcome::at_least(value.into(), limit, Remedy::ChangeBattery).in_unit(unit)
        };
        let volts = newest(|frame| frame.battery_v).map(at_least(self.limits.battery_v, Unit::Volt));
        let charge = newest(|frame| frame.battery_pct).map(at_least(self.limits.battery_pct, Unit::Percent));
        match volts.or(charge) {
            Some(judged) => judged,
            None if self.has_seen_all() && !self.test.is_empty() => Outcome::skipped(Skipped::NotReported),
            None => Outcome::waiting(Some(self.limits.battery_v), Remedy::MakeItSend).in_unit(Unit::Volt),
        }
    }

    fn neighbours(&self) -> Outcome {
        let Some(changes) = self.evidence.neighbours.filter(|_| self.is_on_bay()) else {
            return self.incomparable();
        };
        let limit = f64::from(self.limits.neighbour_changes);
        let own = [BayState::Occupied, BayState::Vacant].into_iter().filter_map(|state| {
            let frame = self.first(state)?;
            Some((frame.observed_at.unwrap_or(frame.received_at), state))
        });
        let own: Vec<(UtcMicros, BayState)> = own.collect();
        let mut likewise: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
        for (at, state) in own {
            let same = changes
                .iter()
                .filter(|c| c.state == state && seconds(c.at, at).abs() <= self.limits.same_time_s);
            let bays: std::collections::BTreeSet<&str> = same.map(|c| c.bay.as_str()).collect();
            for bay in bays {
                *likewise.entry(bay).or_default() += 1;
            }
        }
        let most = likewise.values().copied().max().unwrap_or(0);
        let outcome = self.of_test(Some(most.into()), limit, Remedy::CheckPosition);
        let places = likewise.into_iter().filter(|(_, n)| f64::from(*n) > limit);
        Outcome { places: places.map(|(bay, _)| bay.to_owned()).collect(), ..outcome }
    }

    /// What compares a bay with its surroundings is skipped.
    fn incomparable(&self) -> Outcome {
        Outcome::skipped(if self.is_on_bay() { Skipped::NothingToCompare } else { Skipped::OtherKind })
    }

    fn position(&self) -> Outcome {
        match self.evidence.placement.from_site_m {
            Some(distance) => Outcome::at_most(distance, self.limits.position_m, Remedy::CheckPosition),
            None => self.incomparable(),
        }
    }

    fn restriction(&self) -> Outcome {
        match self.evidence.placement.strange_restrictions {
            Some(strange) => Outcome::at_most(strange as f64, 0.0, Remedy::CheckRestriction),
            None => self.incomparable(),
        }
    }
}

fn seconds(from: UtcMicros, until: UtcMicros) -> f64 {
    (until.0 - from.0) as f64 / 1e6
}
