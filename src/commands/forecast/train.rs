//! `kreisverkehr forecast train`: learns from scratch from the whole stored past.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use domain::forecast::{HORIZONS, Health, Quality, Town};
use domain::{MunicipalityId, Registry, UtcMicros};
use evaluate::forecast::minutes;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use store::Pool;

use crate::cli::ForecastTrainArgs;
use crate::database::Database;
use crate::forecast::learn;
use crate::terminal::bar;

/// Runs the command: the models go into the database, their errors to standard output.
///
/// # Errors
/// The database cannot be opened, there is no such town, or nothing was ever observed.
pub async fn run(args: ForecastTrainArgs) -> Result<ExitCode> {
    let database = Database::visit(&args.database).await?;
    let done = train(&database.pool, &args).await;
    database.close().await?;
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn train(pool: &Pool, args: &ForecastTrainArgs) -> Result<()> {
    let registry = Arc::new(store::places::registry(&mut *pool.acquire().await?).await?);
    let mut trained = 0;
    for id in towns(&registry, args.municipality.as_deref())? {
        trained += u32::from(one(pool, &registry, id, args).await?);
    }
    ensure!(
        trained > 0,
        "nothing was ever observed of the sites\n  remedy: let feeds run, or `kreisverkehr import history`"
    );
    outln!("a running product takes the new models over within seconds");
    Ok(())
}

fn towns(registry: &Registry, slug: Option<&str>) -> Result<Vec<MunicipalityId>> {
    let Some(slug) = slug else {
        let mut all: Vec<MunicipalityId> = registry.municipalities().map(|(id, _)| id).collect();
        all.sort_unstable();
        return Ok(all);
    };
    let Some(id) = registry.municipality_id(slug) else {
        bail!("--municipality {slug}: there is no such town; there are {}", registry.slugs());
    };
    Ok(vec![id])
}

/// Trains one town; whether there was anything to learn from.
async fn one(
    pool: &Pool,
    registry: &Arc<Registry>,
    id: MunicipalityId,
    args: &ForecastTrainArgs,
) -> Result<bool> {
    let Some(def) = registry.municipality(id) else { return Ok(false) };
    let Some(first) = store::forecast::first_observed(pool, id).await? else { return Ok(false) };
    let tz = TimeZone::get(&def.tz).unwrap_or(TimeZone::UTC);
    let from = match args.from {
        Some(day) => first.max(tz.to_timestamp(day.to_datetime(Time::midnight()))?.into()),
        None => first,
    };
    let (from, until) = (Town::sample_time(from), Town::sample_time(ingest::now_utc()));
    let days = |at: UtcMicros| (at.seconds_since(from) / 86_400.0).max(0.0) as u64;
    let learning = bar(Some(days(until)), "{spinner} {msg}: day {pos} of {len}, {eta} left");
    learning.set_message(def.slug.clone());
    let learned = learn(pool, registry, id, from..until, |at| learning.set_position(days(at))).await?;
    learning.finish_and_clear();
    let Some((town, _)) = learned else { return Ok(false) };
    outln!("{}: learned from {from} to {until}", def.slug);
    crate::terminal::out_part(&described(&town, registry));
    Ok(true)
}

/// How reliable the sites are, and the errors of their forecasts.
fn described(town: &Town, registry: &Registry) -> String {
    let mut text = String::new();
    let mut all = [Quality::default(); HORIZONS.len()];
    for id in town.forecaster().sites() {
        let sums = town.ledger().of_site(id);
        all.iter_mut().zip(&sums).for_each(|(all, q)| *all += *q);
        let name = registry.site(id).map_or("?", |site| site.def.id.as_str());
        let health = town.forecaster().health(id).map_or("too_little", Health::as_str);
        text += &format!("  {name}: {health}\n");
    }
    for (i, q) in all.iter().enumerate() {
        let Some((forecast, persistence)) = q.mae_pct(&q.forecast).zip(q.mae_pct(&q.persistence)) else {
            continue;
        };
        text += &format!(
            "  {:>5} min ahead: off by {forecast:.2} % of the capacity on average; the count at the time by {persistence:.2} %\n",
            minutes(i)
        );
    }
    text
}
