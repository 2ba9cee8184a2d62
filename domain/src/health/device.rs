//! One device: takes its messages, and the time; says what is wrong with it.

use serde::{Deserialize, Serialize};

use super::ageing::{Battery, LEAST_DAYS, Reception};
use super::clock::{Clock, WRONG_S};
use super::code::{Code, Finding, Health};
use super::findings::{Findings, Verdict};
use super::frames::{Frames, INTERLEAVED_LIMIT, LOSS_LIMIT, LOST_ILL, Place, RESTART_LIMIT};
use super::message::{Event, Message};
use super::neighbours::Neighbours;
use super::repeats::Repeats;
use super::rests::{FLAPPING_LIMIT, Rests, Vouched};
use super::surroundings::Surroundings;
use super::whereabouts::{self, Whereabouts};
use crate::bay_state::BayState;
use crate::rejection::Reason;
use crate::time::UtcMicros;

/// Until each day of a week was seen, the rhythm is a guess, and only what is so much less likely is stuck.
const WEEK_S: f64 = 8.0 * 86_400.0;
const FIRST_WEEK: f64 = 1e-3;
/// No network loses less.
const LEAST_LOST: f64 = 0.01;
/// Beyond a heartbeat by this share of it, it is missed.
const LATE: f64 = 0.15;
/// The chance that a heartbeat is lost on the way.
const LOST_HEARTBEAT: f64 = 0.03;
/// So unlikely a silence is one, even before it is stale.
const SILENT_CHANCE: f64 = 1e-7;
/// Of one that is stale, this is enough; one that is stale by half as much again is silent however quiet it may be.
const STALE_CHANCE: f64 = 1e-5;
const SURELY_STALE: f64 = 1.5;
/// A change is compared with gates only if the message came at once and both clocks agree, seconds.
const DATED_S: f64 = 20.0;
/// Times further than this from their receipt are not those of messages.
const BELIEVED_S: f64 = 86_400.0;
/// So many changes of state end a finding that there would be none.
const ENDING_CHANGES: u8 = 3;
/// A value that is sent again at a machine's pace is an old one when so long without a change is as unlikely as this.
const RESTAMPED_CHANCE: f64 = 1e-3;
/// The same frame counter so often with times that differ by more seconds than gateways do.
const FRESH_S: f64 = 30.0;
const SAME_COUNTER: u8 = 5;
/// Impossible values, less a tenth of a good message each, and messages in a row that were rejected.
const IMPLAUSIBLE_LIMIT: f32 = 3.0;
const REJECTED_LIMIT: u8 = 3;
const TEMPERATURE_C: std::ops::RangeInclusive<f32> = -45.0..=85.0;
const BATTERY_V: std::ops::RangeInclusive<f32> = 1.5..=15.0;

/// A time without a change of state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rest {
    /// The last change.
    pub since: UtcMicros,
    /// That none comes for so long: from 1 down.
    pub chance: f64,
}

/// What is known of the health of one device. Every message and every tick takes a constant time.
///
/// As bytes (serde) it is the state of the tests: what is read must have been written with the same [`Device::VERSION`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Since when it is where it is.
    known_since: UtcMicros,
    /// Its last message; before there is one, when it became known.
    heard_at: UtcMicros,
    has_spoken: bool,
    state_at: UtcMicros,
    /// The newest frame's own time, right or wrong.
    said_at: UtcMicros,
    changes_since_found: u8,
    rejected_in_a_row: u8,
    rejected_since: UtcMicros,
    implausible: f32,
    implausible_since: UtcMicros,
    rests: Rests,
    whereabouts: Whereabouts,
    frames: Frames,
    clock: Clock,
    battery: Battery,
    reception: Reception,
    repeats: Repeats,
    findings: Findings,
}

impl Device {
    /// Of the serialized form.
    pub const VERSION: u8 = 1;

    /// One that is known since then and was not heard yet.
    pub fn new(known_since: UtcMicros) -> Self {
        Device { known_since, heard_at: known_since, ..Device::default() }
    }

    /// Takes a message. They may come late and in any order: an older one than the newest says nothing about states.
    pub fn message(&mut self, message: &Message, around: &mut Surroundings<'_>) {
        let at = self.time_of(message);
        let place = self.frames.place(message, at);
        let said_at = message.observed_at.unwrap_or(message.received_at);
        if place == Place::Same {
            // Delivered twice, or an old frame with a fresh time.
            if message.state.is_some() && said_at.seconds_since(self.said_at).abs() > FRESH_S {
                self.repeats.same_counter = self.repeats.same_counter.saturating_add(1);
                self.said_at = said_at;
            }
            return self.judge(message.received_at, around);
        }
        self.follow(message.received_at, around);
        self.heard_at = self.heard_at.max(message.received_at);
        self.has_spoken = true;
        self.said_at = if message.event == Event::Up { said_at } else { self.said_at };
        self.findings.clear(Code::Silent);
        if place == Place::Late {
            // A sign of life; its content is of the past, and may have been received before.
            return self.judge(message.received_at, around);
        }
        self.judge_values(message);
        self.battery.note(message);
        if let Some((margin_db, limit)) = self.reception.note(message, at) {
            let verdict = match margin_db < limit {
                true => Verdict::Raise(self.reception.decline.since()),
                false if self.reception.is_usual() => Verdict::Clear,
                false => Verdict::Keep,
            };
            self.findings.judge(Code::Signal, verdict, margin_db, limit);
        }
        if let Some(offset_s) = message.observed_at.and_then(|at| self.clock.note(message.received_at, at)) {
            let verdict = match offset_s.abs() {
                off if off > WRONG_S => Verdict::Raise(self.clock.since),
                off if off < WRONG_S / 3.0 => Verdict::Clear,
                _ => Verdict::Keep,
            };
            self.findings.judge(Code::ClockDrift, verdict, offset_s, WRONG_S);
        }
        // What waited somewhere for more than a day says what was; when, nobody can tell from a clock that is wrong.
        let is_past =
            message.observed_at.is_some_and(|at| message.received_at.seconds_since(at) > BELIEVED_S);
        if message.rejected.is_none() && !is_past {
            self.state(message, at, place, around);
        }
        self.judge(message.received_at, around);
    }

    /// Time has passed: at least every hour, so that silence is noticed.
    pub fn tick(&mut self, now: UtcMicros, around: &mut Surroundings<'_>) {
        self.follow(now, around);
        self.judge(now, around);
    }

    /// It is bound to another place from now on: what was learned of the old one says nothing any more.
    pub fn rebind(&mut self, now: UtcMicros) {
        self.known_since = now;
        self.rests = Rests::default();
        self.whereabouts = Whereabouts::default();
        for code in Code::ALL.iter().filter(|code| code.hides_state()) {
            self.findings.clear(*code);
        }
    }

    /// That it lies elsewhere was found before, and the evidence for it was lost: it holds until as many changes were compared as
    /// it takes to find it. Other findings follow from messages alone.
    pub(crate) fn believe_place(&mut self, finding: Finding) {
        let Finding { code, since, value, limit } = finding;
        if matches!(code, Code::Misbound | Code::ContradictsSite) {
            self.whereabouts.lose_evidence();
            self.findings.judge(code, Verdict::Raise(since), value.into(), limit.into());
        }
    }

    /// For so many seconds it had no place: they are no silence of its own.
    pub(crate) fn pause(&mut self, idle_s: i64) {
        self.heard_at = self.heard_at.plus_s(idle_s);
    }

    /// How it is; `is_known`: it is in the files.
    pub fn health(&self, is_known: bool) -> Health {
        if !is_known {
            return Health::New;
        }
        Health::of(self.findings.iter().map(|finding| finding.code))
    }

    /// What is wrong with it.
    pub fn findings(&self) -> impl Iterator<Item = Finding> + '_ {
        self.findings.iter()
    }

    /// Since when its states are not to be believed; `None`: they are.
    pub fn hidden_since(&self) -> Option<UtcMicros> {
        self.findings.iter().filter(|finding| finding.code.hides_state()).map(|finding| finding.since).min()
    }

    /// How unlikely it is that a device which is well rests for as long as this one does now, and since when it does.
    pub fn rest(&self, neighbours: &Neighbours) -> Rest {
        Rest { since: self.rests.since, chance: self.rests.ln_chance(neighbours, self.lost()).exp() }
    }

    /// Share of its frames that are lost.
    fn lost(&self) -> f64 {
        f64::from(self.frames.lost_share).max(LEAST_LOST)
    }

    /// When it was so: as the message says, unless its clock is wrong.
    fn time_of(&self, message: &Message) -> UtcMicros {
        let is_believed = |at: &UtcMicros| {
            let ahead_s = at.seconds_since(message.received_at);
            (-BELIEVED_S..60.0).contains(&ahead_s) && !self.findings.has(Code::ClockDrift)
        };
        message.observed_at.filter(is_believed).unwrap_or(message.received_at)
    }

    fn follow(&mut self, now: UtcMicros, around: &mut Surroundings<'_>) {
        // Of a silent device nobody knows whether it would have changed.
        let unheard_s = around.unheard.covered_s(self.heard_at, now) as i64;
        let known_until = self.heard_at.plus_s(i64::from(around.promise.stale_after_s) + unheard_s);
        self.rests.follow(now.min(known_until), around.at, around.neighbours, around.unheard);
        self.whereabouts.settle(now, &around.counted);
    }

    fn state(&mut self, message: &Message, at: UtcMicros, place: Place, around: &mut Surroundings<'_>) {
        let occupied = match message.state {
            Some(BayState::Occupied) => true,
            Some(BayState::Vacant) => false,
            _ => return,
        };
        if at < self.state_at {
            return;
        }
        self.state_at = at;
        let vouched = match place {
            Place::Next { lost: 0 } => Vouched::All,
            Place::Next { .. } => Vouched::Lost,
            _ if message.f_cnt.is_none() && !self.rests.is_dark() => Vouched::All,
            _ if message.f_cnt.is_none() => Vouched::Lost,
            _ => Vouched::Nothing,
        };
        let is_believed = !self.is_hidden_but_for_stuck();
        let Some(change) = self.rests.state(at, occupied, vouched, around, is_believed) else {
            return self.repeats.repeat(at);
        };
        self.repeats.change(at);
        self.changes_since_found = self.changes_since_found.saturating_add(1);
        // Wavering is no arrival and fits no gate; of a change whose own message was lost nobody knows when it was.
        let is_dated = vouched == Vouched::All && message.received_at.seconds_since(at).abs() < DATED_S;
        if is_dated && self.rests.flapping.sum() < FLAPPING_LIMIT && change.rest_s > 60.0 {
            self.whereabouts.changed(at, change.occupied);
        }
    }

    fn is_hidden_but_for_stuck(&self) -> bool {
        self.findings.iter().any(|f| f.code.hides_state() && !matches!(f.code, Code::Stuck | Code::Flapping))
    }

    fn judge_values(&mut self, message: &Message) {
        let at = message.received_at;
        let is_impossible = message.rejected == Some(Reason::Implausible)
            || message.temperature_c.is_some_and(|c| !TEMPERATURE_C.contains(&c))
            || message.battery_v.is_some_and(|v| !BATTERY_V.contains(&v));
        if is_impossible && self.implausible <= 0.0 {
            self.implausible_since = at;
        }
        let step = if is_impossible { 1.0 } else { -0.1 };
        self.implausible = (self.implausible + step).clamp(0.0, 2.0 * IMPLAUSIBLE_LIMIT);
        let verdict = match self.implausible {
            n if n >= IMPLAUSIBLE_LIMIT => Verdict::Raise(self.implausible_since),
            n if n <= 0.0 => Verdict::Clear,
            _ => Verdict::Keep,
        };
        self.findings.judge(Code::Implausible, verdict, self.implausible.into(), IMPLAUSIBLE_LIMIT.into());
        // Up with each, down with each: it ends when as many were accepted.
        if message.rejected.is_some_and(Reason::is_own_fault) {
            if self.rejected_in_a_row == 0 {
                self.rejected_since = at;
            }
            self.rejected_in_a_row = (self.rejected_in_a_row + 1).min(REJECTED_LIMIT);
        } else {
            self.rejected_in_a_row = self.rejected_in_a_row.saturating_sub(1);
        }
        let verdict = match self.rejected_in_a_row {
            REJECTED_LIMIT => Verdict::Raise(self.rejected_since),
            0 => Verdict::Clear,
            _ => Verdict::Keep,
        };
        self.findings.judge(Code::Rejected, verdict, self.rejected_in_a_row.into(), REJECTED_LIMIT.into());
    }

    /// What follows from all that is known by now.
    fn judge(&mut self, now: UtcMicros, around: &Surroundings<'_>) {
        self.judge_silence(now, around);
        self.judge_rests(now, around);
        self.judge_frames(now);
        self.judge_place(around.counted.own.is_some());
        let days = self.battery.days_left();
        let verdict = match days {
            Some(days) if days <= LEAST_DAYS => Verdict::Raise(now),
            Some(days) if days < 2.0 * LEAST_DAYS => Verdict::Keep,
            _ => Verdict::Clear,
        };
        self.findings.judge(Code::Battery, verdict, days.unwrap_or(f64::INFINITY), LEAST_DAYS);
    }

    fn judge_silence(&mut self, now: UtcMicros, around: &Surroundings<'_>) {
        let promise = around.promise;
        let unheard_s = around.unheard.covered_s(self.heard_at, now);
        let quiet_s = now.seconds_since(self.heard_at) - unheard_s;
        let heartbeat_s = f64::from(promise.heartbeat_s.max(1));
        let missed = (quiet_s / heartbeat_s - LATE).floor().max(0.0);
        let chance = missed * LOST_HEARTBEAT.ln() + self.rests.ln_unheard(around.neighbours, self.lost());
        let stale = quiet_s / f64::from(promise.stale_after_s.max(1));
        let is_unlikely = |limit: f64| self.has_spoken && missed >= 1.0 && chance < limit.ln();
        if stale >= SURELY_STALE || (stale >= 1.0 && is_unlikely(STALE_CHANCE)) || is_unlikely(SILENT_CHANCE)
        {
            self.findings.judge(
                Code::Silent,
                Verdict::Raise(self.heard_at),
                quiet_s,
                promise.stale_after_s.into(),
            );
            // No heartbeat came after the last change: it is silent, not stuck.
            if self.state_at <= self.rests.since {
                self.findings.clear(Code::Stuck);
            }
        } else if unheard_s > 0.0 && stale < 1.0 {
            // It was found before it was known that nobody could hear it.
            self.findings.clear(Code::Silent);
        }
    }

    fn judge_rests(&mut self, now: UtcMicros, around: &Surroundings<'_>) {
        let is_first_week = now.seconds_since(self.known_since) < WEEK_S;
        let stuck_chance =
            self.rests.stuck_chance(around.neighbours) * if is_first_week { FIRST_WEEK } else { 1.0 };
        let ln_chance = self.rests.ln_chance(around.neighbours, self.lost());
        let has_changed = self.changes_since_found >= ENDING_CHANGES;
        let is_found = |findings: &Findings, code| findings.has(code);
        let since = self.rests.since;
        let is_machine =
            self.repeats.is_machine(around.promise.heartbeat_s) && ln_chance < RESTAMPED_CHANCE.ln();
        let tests = [
            (Code::Stuck, ln_chance < stuck_chance.ln(), ln_chance.exp(), stuck_chance),
            (
                Code::Restamped,
                is_machine || self.repeats.same_counter >= SAME_COUNTER,
                self.repeats.period_s.into(),
                f64::from(around.promise.heartbeat_s) / 3.0,
            ),
        ];
        for (code, is_so, value, limit) in tests {
            if is_so && !is_found(&self.findings, code) {
                self.changes_since_found = 0;
            }
            let verdict = match is_so {
                // A silent one may have changed; in another place another rhythm holds.
                true if code == Code::Stuck && self.is_elsewhere_or_silent() => Verdict::Keep,
                true => Verdict::Raise(since),
                false if has_changed => Verdict::Clear,
                false => Verdict::Keep,
            };
            self.findings.judge(code, verdict, value, limit);
        }
        let flapping = &self.rests.flapping;
        let verdict = by_sum(flapping, FLAPPING_LIMIT);
        self.findings.judge(Code::Flapping, verdict, flapping.sum(), FLAPPING_LIMIT);
    }

    fn is_elsewhere_or_silent(&self) -> bool {
        [Code::Silent, Code::Misbound, Code::ContradictsSite].into_iter().any(|code| self.findings.has(code))
    }

    fn judge_frames(&mut self, now: UtcMicros) {
        let frames = &self.frames;
        let loss = by_sum(&frames.loss, LOSS_LIMIT);
        self.findings.judge(Code::FrameLoss, loss, frames.lost_share.into(), LOST_ILL);
        let restarted = frames.restarted(now);
        let verdict = match restarted {
            sum if sum >= RESTART_LIMIT => Verdict::Raise(frames.restarts.since()),
            sum if sum <= 0.0 => Verdict::Clear,
            _ => Verdict::Keep,
        };
        self.findings.judge(Code::Restarts, verdict, restarted, RESTART_LIMIT);
        let verdict = match frames.interleaved {
            n if n >= INTERLEAVED_LIMIT => Verdict::Raise(now),
            n if n <= 0.0 => Verdict::Clear,
            _ => Verdict::Keep,
        };
        self.findings.judge(
            Code::DuplicateIdentity,
            verdict,
            frames.interleaved.into(),
            INTERLEAVED_LIMIT.into(),
        );
    }

    fn judge_place(&mut self, is_counted: bool) {
        let limit = whereabouts::LIMIT;
        let best = *self.whereabouts.best().1;
        let nowhere = *self.whereabouts.nowhere();
        // Another site must explain the changes better than no site at all does.
        let is_elsewhere = !is_counted || best.sum() >= nowhere.sum() + 3.0 || best.sum() >= 2.0 * limit;
        let misbound = match by_sum(&best, limit) {
            Verdict::Raise(_) if !is_elsewhere => Verdict::Keep,
            verdict => verdict,
        };
        self.judge_where(Code::Misbound, misbound, best.sum());
        let contradicts = match by_sum(&nowhere, limit) {
            Verdict::Raise(_) if self.findings.has(Code::Misbound) => Verdict::Clear,
            verdict => verdict,
        };
        self.judge_where(Code::ContradictsSite, contradicts, nowhere.sum());
    }

    fn judge_where(&mut self, code: Code, verdict: Verdict, sum: f64) {
        if !self.whereabouts.lacks_evidence() || matches!(verdict, Verdict::Raise(_)) {
            self.findings.judge(code, verdict, sum, whereabouts::LIMIT);
        }
    }
}

/// Raised above the limit, ended where the sum is back at nearly nothing.
fn by_sum(sum: &super::chance::Cusum, limit: f64) -> Verdict {
    match sum.sum() {
        n if n >= limit => Verdict::Raise(sum.since()),
        n if n <= 0.1 * limit => Verdict::Clear,
        _ => Verdict::Keep,
    }
}
