//! `kreisverkehr forecast evaluate`: forecasts past years and reports the errors; `train` in its own file.

pub mod train;

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use domain::UtcMicros;
use evaluate::forecast::{Pairs, replay};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use places::history::{self, History, Mapping};

use crate::cli::ForecastEvaluateArgs;
use crate::history_files::{mapping, print_problems};
use crate::terminal::bar;

/// Runs the command: the report goes to standard output, progress and problems to standard error.
///
/// # Errors
/// The mapping cannot be read, nothing can be read by it, or the dates or sites make no sense.
pub fn evaluate(args: &ForecastEvaluateArgs) -> Result<ExitCode> {
    ensure!(
        args.train_until < args.test_until,
        "--test-until {} is not after --train-until {}: nothing is left to test",
        args.test_until,
        args.train_until
    );
    let mapping = mapping(&args.mapping)?;
    check_sites(&args.sites, &mapping)?;
    let tz = TimeZone::get(&mapping.tz)?;
    let (test_from, test_until) = (midnight(args.train_until, &tz)?, midnight(args.test_until, &tz)?);
    let history = load(args, &mapping, test_from)?;
    let bar = bar(None, "{spinner} forecasting {msg}");
    let mut pairs = args.pairs.as_deref().map(Pairs::create).transpose()?;
    let result = replay(
        &history,
        &mapping,
        test_from..test_until,
        &args.sites,
        |site, at, scored| pairs.iter_mut().for_each(|pairs| pairs.write(site, at, scored)),
        |day| bar.set_message(day.to_string().chars().take(10).collect::<String>()),
    );
    bar.finish_and_clear();
    pairs.map(Pairs::finish).transpose()?;
    if let Some(path) = &args.plot {
        std::fs::write(path, result.reliability())
            .with_context(|| format!("--plot {} cannot be written", path.display()))?;
    }
    if args.json {
        outln!("{}", serde_json::to_string(&result.json())?);
    } else {
        crate::terminal::out_part(&result.to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn check_sites(sites: &[String], mapping: &Mapping) -> Result<()> {
    for site in sites {
        if !mapping.columns.iter().any(|c| c.site == *site || c.is_named(site)) {
            let known: Vec<&str> = mapping.columns.iter().map(|c| c.site.as_str()).collect();
            bail!("--sites {site}: the mapping has no such site; it has {}", known.join(", "));
        }
    }
    Ok(())
}

fn midnight(day: Date, tz: &TimeZone) -> Result<UtcMicros> {
    let begin = tz.to_timestamp(day.to_datetime(Time::midnight()));
    Ok(begin.with_context(|| format!("{day} is out of range"))?.into())
}

fn load(args: &ForecastEvaluateArgs, mapping: &Mapping, test_from: UtcMicros) -> Result<History> {
    let bar = bar(None, "{spinner} reading {msg}");
    let history = history::read(&args.history, mapping, test_from, |done| {
        bar.set_message(format!("{} tables, {} counts", done.tables, done.counts));
    });
    bar.finish_and_clear();
    print_problems(&history);
    for series in history.series.iter().filter(|s| s.readings.is_empty()) {
        errln!("note: no count of {} ('{}')", series.site, series.name);
    }
    ensure!(
        history.series.iter().any(|s| !s.readings.is_empty()),
        "no count could be read from {} table(s); see the problems above",
        history.tables
    );
    Ok(history)
}
