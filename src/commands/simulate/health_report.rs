//! `kreisverkehr simulate --health-report`: devices that fail in virtual time, and how well the product finds out.
//!
//! The simulator's encoders make the messages, the product's decoders read them, and `domain::health` judges: no broker, no
//! database, no waiting.

mod faults;
mod score;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use indicatif::ProgressBar;
use sensor_sim::Faults;
use sensor_sim::trial::Trial;

use crate::cli::SimulateArgs;
use score::{Report, Score};
use watch::Watch;

/// Runs the trial and prints what was found.
///
/// # Errors
/// A fault is not known, or its share makes no sense.
pub(super) fn run(args: &SimulateArgs) -> Result<ExitCode> {
    let hours = Some(u64::from(args.days) * 24);
    let bar = crate::terminal::bar(hours, "{elapsed_precise} [{wide_bar}] {pos} of {len} hours, {eta} left");
    let injected = faults::parse(args.injected.as_deref())?;
    let report = report(args.seed, args.sensors, args.days, &injected, &bar)?;
    bar.finish_and_clear();
    outln!("{}", serde_json::to_string_pretty(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// What is found in a trial.
fn report(seed: u64, sensors: u32, days: u32, injected: &Faults, bar: &ProgressBar) -> Result<Report> {
    let trial = Trial::new(seed, sensors, days, injected)?;
    let mut score = Score::new(&trial);
    let mut watch = Watch::new(&trial);
    for arrival in trial {
        watch.until(arrival.received_at, &mut score, bar);
        watch.take(&arrival, &mut score);
    }
    watch.end(&mut score, bar);
    Ok(score.report(seed, days))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(days: u32, injected: &str) -> serde_json::Value {
        let injected = faults::parse(Some(injected)).unwrap();
        let report = report(11, 90, days, &injected, &ProgressBar::hidden()).unwrap();
        serde_json::to_value(report).unwrap()
    }

    /// Limits are far below what docs/HEALTH.md shows: few devices, few days.
    #[test]
    fn failing_devices_of_a_small_county_are_found() {
        let all = tried(
            14,
            "stuck=0.1,flapping=0.1,silent=0.1,restamped=0.1,clock_drift=0.1,battery=0.1,frame_loss=0.1",
        );
        let rows = all["faults"].as_array().unwrap();
        let sum = |field: &str| rows.iter().map(|row| row[field].as_u64().unwrap()).sum::<u64>();
        assert!(sum("injected") >= 40, "{all:#}");
        assert!(sum("detected") * 10 >= sum("injected") * 9, "{all:#}");
        assert!(
            rows.len() >= 7 && rows.iter().all(|row| row["median_delay_s"].as_f64() > Some(0.0)),
            "{all:#}"
        );
        for code in ["stuck", "flapping", "silent", "restamped", "clock_drift", "battery", "frame_loss"] {
            assert!(rows.iter().any(|row| row["code"] == code), "{code}");
        }
    }

    #[test]
    fn where_nothing_fails_nothing_is_found_and_a_seed_gives_the_same_report() {
        let [one, again] = [(), ()].map(|()| tried(10, "none"));
        assert_eq!(one, again);
        assert_eq!((one["seed"].as_u64(), one["sensors"].as_u64()), (Some(11), Some(90)));
        assert_eq!(one["faults"].as_array().unwrap().len(), 0);
        assert!(one["false_alarms"].as_u64() <= Some(1), "{one:#}");
    }
}
