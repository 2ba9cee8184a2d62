//! What was found, against the truth.

use std::collections::BTreeMap;

use domain::UtcMicros;
use domain::health::{Code, Device, Finding, Message, Rest};
use sensor_sim::trial::{NetworkOff, Trial};
use serde::Serialize;

use super::faults::{KNOWN, Known, known};

/// False alarms that are printed one by one.
const EXAMPLES: usize = 50;
/// Without a change for so many hours: the fixed limits that the test of rests is compared with.
const FIXED_H: [i64; 4] = [24, 48, 96, 168];
/// So unlikely a rest is where the time to find it is measured from (see [`Report::stuck_within_twice`]).
const RARE: f64 = 1e-3;

/// One device: what is wrong, and what was found of it.
#[derive(Default)]
struct Judged {
    bay: String,
    /// The fault and since when, with whether both sites of a mixed-up pair are counted.
    truth: Option<(&'static Known, UtcMicros)>,
    is_counted: bool,
    town: usize,
    /// Codes that it has now, a bit each.
    codes: u32,
    /// When its own code was first found after the fault began, and the first that is as right.
    found_at: Option<UtcMicros>,
    /// The rest that is under way, and when it became rare.
    rare: Option<(UtcMicros, UtcMicros)>,
    /// Rest in which stuck was found: its length against that at which it became rare.
    ratio: Option<f64>,
    changed_at: Option<UtcMicros>,
    state: Option<domain::BayState>,
    /// Of each fixed limit: whether it is exceeded now, and since when after the fault began.
    fixed: [(bool, Option<UtcMicros>); FIXED_H.len()],
}

/// The trial so far.
pub(super) struct Score {
    devices: Vec<Judged>,
    false_alarms: BTreeMap<Code, u64>,
    examples: Vec<Example>,
    networks_off: Vec<NetworkOff>,
    fixed_false: [u64; FIXED_H.len()],
}

/// What is printed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seed: u64,
    sensors: usize,
    days: u32,
    sensor_years: f64,
    faults: Vec<Row>,
    /// Findings that nothing injected explains, of any code.
    false_alarms: u64,
    false_alarms_per_sensor_year: f64,
    false_alarms_by_code: BTreeMap<Code, u64>,
    /// The first of them.
    false_alarm_examples: Vec<Example>,
    /// Devices mixed up between sites that are not counted: nobody can find that by counting.
    misbound_elsewhere: Row,
    /// Stuck devices that were found within twice the time after which such a rest is 1 in 1,000 by their own rhythm.
    stuck_within_twice: Within,
    /// Stuck devices by a fixed limit, for comparison.
    fixed_limits: Vec<Fixed>,
}

#[derive(Debug, Serialize)]
struct Row {
    code: Code,
    fault: &'static str,
    injected: usize,
    detected: usize,
    median_delay_s: Option<f64>,
    /// Bays whose device was not found.
    missed: Vec<String>,
}

/// A false alarm.
#[derive(Debug, Clone, Serialize)]
struct Example {
    bay: String,
    at: UtcMicros,
    #[serde(flatten)]
    finding: Finding,
}

#[derive(Debug, Serialize)]
struct Within {
    found: usize,
    of: usize,
    median_ratio: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Fixed {
    hours: i64,
    detected: usize,
    median_delay_s: Option<f64>,
    false_alarms: u64,
}

impl Score {
    pub(super) fn new(trial: &Trial) -> Self {
        let sites = trial.sites();
        let judged = |sensor: sensor_sim::trial::TrialSensor| {
            let fault = trial.faults().iter().find(|fault| fault.bay == sensor.bay);
            Judged {
                truth: fault.and_then(|fault| Some((known(fault.fault)?, fault.since.into()))),
                bay: sensor.bay.clone(),
                is_counted: sites[sensor.site].counted_by.is_some(),
                town: sites[sensor.site].town,
                ..Judged::default()
            }
        };
        Score {
            devices: trial.sensors().into_iter().map(judged).collect(),
            false_alarms: BTreeMap::new(),
            examples: Vec::new(),
            networks_off: trial.networks_off().to_vec(),
            fixed_false: [0; FIXED_H.len()],
        }
    }

    /// A device was judged, after a message or because time passed.
    pub(super) fn judged(
        &mut self,
        index: usize,
        now: UtcMicros,
        device: &Device,
        rest: Rest,
        message: Option<&Message>,
    ) {
        let judged = &mut self.devices[index];
        judged.rare = match judged.rare {
            _ if rest.chance >= RARE => None,
            Some((since, at)) if since == rest.since => Some((since, at)),
            _ => Some((rest.since, now)),
        };
        let before = judged.codes;
        judged.codes = 0;
        for finding in device.findings() {
            let bit = 1 << finding.code as u32;
            judged.codes |= bit;
            if before & bit == 0 {
                if judged.explains(finding.code, now) {
                    judged.raised(finding.code, now);
                    continue;
                }
                // While the network is off all of its devices are silent, and say so rightly.
                let is_off = |off: &NetworkOff| {
                    off.town == judged.town
                        && off.from < now.timestamp()
                        && finding.since.timestamp() < off.until
                };
                if finding.code == Code::Silent && self.networks_off.iter().any(is_off) {
                    continue;
                }
                *self.false_alarms.entry(finding.code).or_default() += 1;
                if self.examples.len() < EXAMPLES {
                    self.examples.push(Example { bay: judged.bay.clone(), at: now, finding });
                }
            }
        }
        judged.fixed(now, message, &mut self.fixed_false);
    }

    pub(super) fn report(&self, seed: u64, days: u32) -> Report {
        let sensors = self.devices.len();
        let sensor_years = sensors as f64 * f64::from(days) / 365.25;
        let false_alarms = self.false_alarms.values().sum();
        let is_other = |judged: &Judged| judged.is_of("misbound") && !judged.is_counted;
        let stuck: Vec<&Judged> = self.devices.iter().filter(|judged| judged.is_of("stuck")).collect();
        let ratios: Vec<f64> = stuck.iter().filter_map(|judged| judged.ratio).collect();
        let fixed = |(n, hours): (usize, i64)| Fixed {
            hours,
            detected: stuck.iter().filter(|judged| judged.fixed[n].1.is_some()).count(),
            median_delay_s: median(
                stuck.iter().filter_map(|judged| judged.delay_s(judged.fixed[n].1)).collect(),
            ),
            false_alarms: self.fixed_false[n],
        };
        Report {
            seed,
            sensors,
            days,
            sensor_years: round(sensor_years),
            faults: KNOWN.iter().filter_map(|known| self.row(known, |judged| !is_other(judged))).collect(),
            false_alarms,
            false_alarms_per_sensor_year: round(false_alarms as f64 / sensor_years),
            false_alarms_by_code: self.false_alarms.clone(),
            false_alarm_examples: self.examples.clone(),
            misbound_elsewhere: self.row(&KNOWN[4], is_other).unwrap_or(Row {
                code: Code::Misbound,
                fault: "misbound",
                injected: 0,
                detected: 0,
                median_delay_s: None,
                missed: Vec::new(),
            }),
            stuck_within_twice: Within {
                found: ratios.iter().filter(|ratio| **ratio <= 2.0).count(),
                of: stuck.len(),
                median_ratio: median(ratios).map(round),
            },
            fixed_limits: FIXED_H.into_iter().enumerate().map(fixed).collect(),
        }
    }

    fn row(&self, known: &Known, belongs: impl Fn(&Judged) -> bool) -> Option<Row> {
        let these: Vec<&Judged> =
            self.devices.iter().filter(|j| j.is_of(known.fault) && belongs(j)).collect();
        let delays: Vec<f64> = these.iter().filter_map(|judged| judged.delay_s(judged.found_at)).collect();
        (!these.is_empty()).then(|| Row {
            code: known.code,
            fault: known.fault,
            injected: these.len(),
            detected: delays.len(),
            median_delay_s: median(delays),
            missed: these
                .iter()
                .filter(|judged| judged.found_at.is_none())
                .map(|judged| judged.bay.clone())
                .collect(),
        })
    }
}

impl Judged {
    fn is_of(&self, fault: &str) -> bool {
        self.truth.is_some_and(|(known, _)| known.fault == fault)
    }

    /// From the beginning of the fault, seconds.
    fn delay_s(&self, found_at: Option<UtcMicros>) -> Option<f64> {
        Some(found_at?.seconds_since(self.truth?.1).round())
    }

    /// Whether its fault explains the code.
    fn explains(&self, code: Code, now: UtcMicros) -> bool {
        self.truth
            .is_some_and(|(known, since)| now >= since && (code == known.code || known.also.contains(&code)))
    }

    /// A code was raised that was not there before, rightly.
    fn raised(&mut self, code: Code, now: UtcMicros) {
        let Some((known, _)) = self.truth else { return };
        if code == known.code || known.as_right.contains(&code) {
            self.found_at.get_or_insert(now);
        }
        if code == Code::Stuck
            && let Some((rest_since, rare_at)) = self.rare
        {
            let to_rare_s = rare_at.seconds_since(rest_since).max(1.0);
            self.ratio.get_or_insert(now.seconds_since(rest_since) / to_rare_s);
        }
    }

    /// The simplest test there is: nothing changed for so many hours.
    fn fixed(&mut self, now: UtcMicros, message: Option<&Message>, false_alarms: &mut [u64; FIXED_H.len()]) {
        if let Some(state) = message.and_then(|message| message.state)
            && self.state.replace(state) != Some(state)
        {
            self.changed_at = Some(now);
        }
        let Some(changed_at) = self.changed_at else { return };
        let rests = self.truth.filter(|(known, since)| {
            now >= *since && [Code::Stuck, Code::Restamped, Code::Silent, Code::Battery].contains(&known.code)
        });
        for (n, hours) in FIXED_H.into_iter().enumerate() {
            let was = std::mem::replace(
                &mut self.fixed[n].0,
                now.seconds_since(changed_at) >= hours as f64 * 3_600.0,
            );
            if was || !self.fixed[n].0 {
                continue;
            }
            match rests {
                Some(_) => _ = self.fixed[n].1.get_or_insert(now),
                None => false_alarms[n] += 1,
            }
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
