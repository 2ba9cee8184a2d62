//! `kreisverkehr import history`: counts of past years, for sites that exist or are made.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::{Result, bail, ensure};
use domain::catalogue::Catalogue;
use domain::sensor::stale_after_s;
use domain::{Feed, FeedFormat, FeedId, MunicipalityId, Registry, SiteCount, UtcMicros};
use places::history::{self, Counts, History, Mapping};
use serde_json::json;
use store::history::{CHUNK_ROWS, HistoryWriter};
use store::places::{Holds, Import, Missing};

use super::admit::{Admission, Target};
use super::make_sites::{self, Made};
use super::refused;
use super::report::Report;
use crate::cli::ImportHistoryArgs;
use crate::database::Database;
use crate::history_files::{mapping, print_problems};
use crate::terminal::bar;

/// A heartbeat's share of the time for which a count holds: see [`stale_after_s`].
const HOLDS_HEARTBEATS: f64 = 2.2;

/// Runs the command: the report goes to standard output, progress and problems to standard error.
///
/// # Errors
/// The mapping cannot be read, nothing can be read by it, it names sites that do not exist, or the
/// database cannot be opened.
pub async fn run(args: ImportHistoryArgs) -> Result<ExitCode> {
    let (mapping, history) = match read(&args) {
        Ok(read) => read,
        Err(refusal) => {
            if !args.check {
                refused::note_visiting(&args.database, refused::history(args.files.len())).await;
            }
            return Err(refusal);
        }
    };
    let database = Database::visit(&args.database).await?;
    let done = import(&database, &args, &mapping, &history).await;
    if let Err(error) = &done
        && !args.check
        && !error.is::<store::StoreError>()
    {
        let towns = args.municipality.iter().cloned().collect();
        refused::note(&database.pool, refused::history(args.files.len()), &towns).await;
    }
    database.close().await?;
    crate::terminal::out_part(&done?.to_string());
    Ok(ExitCode::SUCCESS)
}

/// The mapping, and what can be read by it.
fn read(args: &ImportHistoryArgs) -> Result<(Mapping, History<Counts>)> {
    let mapping = mapping(&args.mapping)?;
    let reading = bar(None, "{spinner} reading {msg}");
    let mut history = history::read_counts(&args.files, &mapping, |done| {
        reading.set_message(format!("{} tables, {} counts", done.tables, done.counts));
    });
    reading.finish_and_clear();
    print_problems(&history);
    for counts in history.series.iter().filter(|c| c.rows.is_empty()) {
        errln!("note: no count of {} ('{}')", counts.site, counts.name);
    }
    history.series.retain(|c| !c.rows.is_empty());
    let tables = history.tables;
    ensure!(
        !history.series.is_empty(),
        "no count could be read from {tables} table(s); see the problems above"
    );
    Ok((mapping, history))
}

async fn import(
    database: &Database,
    args: &ImportHistoryArgs,
    mapping: &Mapping,
    history: &History<Counts>,
) -> Result<Report> {
    let mut import = Import::begin(&database.pool).await?;
    let mut known = import.existing().clone();
    let now = ingest::now_utc();
    let Made { places, notes } = match args.make_sites {
        true => make_sites::make(&known, &history.series, args, mapping, now)?,
        false => Made::default(),
    };
    known.municipalities.extend(places.municipalities.iter().cloned());
    known.sites.extend(places.sites.iter().cloned());
    check_sites(&known, &history.series, args)?;
    let feeds = feeds(&known, &history.series, args, mapping)?;
    let catalogue = Catalogue { feeds: feeds.clone(), ..places };
    let done = import.apply(&catalogue, Missing::Keep, Holds::FromNow, now).await?;
    let registry = import.registry().await?;
    if args.check || done.is_unchanged() {
        drop(import);
    } else {
        import.commit(&done, "command line").await?;
    }
    let mut admission = Admission::new(mapping, now);
    let targets = targets(&registry, &feeds, &history.series);
    let mut report = Report::new(history, &feeds, args.check);
    let made = catalogue.sites.into_iter();
    (report.made, report.notes) = (made.map(|site| (site.id, site.name, site.capacity)).collect(), notes);
    let order = in_order_of_time(&history.series);
    let storing = bar(Some(order.len() as u64), "{spinner} storing {human_pos} of {human_len}, {eta} left");
    let mut writer = match args.check {
        true => None,
        false => Some(HistoryWriter::connect(&store::pool::options(&database.url)?).await?),
    };
    for chunk in order.chunks(CHUNK_ROWS) {
        let admit = |(_, series, row): &(UtcMicros, u32, u32)| {
            let target = &targets[*series as usize];
            admission.count(target, &history.series[*series as usize].rows[*row as usize])
        };
        let counts: Vec<SiteCount> = chunk.iter().filter_map(admit).collect();
        report.offered(&counts, &registry);
        if let Some(writer) = &mut writer {
            for appended in writer.write(&counts, &registry, now).await? {
                report.appended(&appended, &registry);
            }
        }
        storing.inc(chunk.len() as u64);
    }
    storing.finish_and_clear();
    report.left_out = admission.into_left_out();
    if let Some(writer) = writer {
        let towns: BTreeSet<_> = targets.iter().map(|target| target.site.municipality).collect();
        writer.finish("command line", towns.into_iter().collect(), report.detail()).await?;
    }
    Ok(report)
}

/// All sites exist, and belong to the town that is named.
fn check_sites(known: &Catalogue, series: &[Counts], args: &ImportHistoryArgs) -> Result<()> {
    let owner = |id: &str| known.sites.iter().find(|s| s.id == id).map(|s| s.municipality.as_str());
    let unknown: Vec<&str> =
        series.iter().map(|c| c.site.as_str()).filter(|id| owner(id).is_none()).collect();
    if !unknown.is_empty() {
        bail!(
            "{}: there is no such site: {}\n  remedy: --make-sites makes them of what the mapping and the counts say; or add \
             them to sites.geojson and import that, or correct `site` in the mapping; leave a column out of the mapping to \
             leave its counts out",
            args.mapping.display(),
            unknown.join(", ")
        );
    }
    let Some(town) = args.municipality.as_deref() else { return Ok(()) };
    let others: Vec<&str> =
        series.iter().map(|c| c.site.as_str()).filter(|id| owner(id) != Some(town)).collect();
    if !others.is_empty() {
        bail!(
            "--municipality {town}: these sites are not {town}'s: {}\n  remedy: leave --municipality out, or \
             correct `site` in {}",
            others.join(", "),
            args.mapping.display()
        );
    }
    Ok(())
}

/// One feed for each town whose sites are named: it says for how long the counts hold, and whose they
/// are.
fn feeds(
    known: &Catalogue,
    series: &[Counts],
    args: &ImportHistoryArgs,
    mapping: &Mapping,
) -> Result<Vec<Feed>> {
    let named = |slug: &str| known.sites.iter().any(|s| s.municipality == slug && names(series, &s.id));
    let towns: Vec<&str> =
        known.municipalities.iter().map(|m| m.slug.as_str()).filter(|slug| named(slug)).collect();
    ensure!(
        args.feed.is_none() || towns.len() == 1,
        "--feed: the mapping's sites belong to {} towns ({}), each of which has a feed of its own\n  remedy: \
         leave --feed out",
        towns.len(),
        towns.join(", ")
    );
    let heartbeat_s = ((f64::from(mapping.hold_s) / HOLDS_HEARTBEATS).round() as u32).max(1);
    towns
        .into_iter()
        .map(|town| {
            let id = args.feed.clone().unwrap_or_else(|| format!("history-{town}"));
            let Some(held) = known.feeds.iter().find(|feed| feed.id == id) else {
                return Ok(new_feed(id, town, heartbeat_s, mapping));
            };
            ensure!(
                held.format == FeedFormat::History && held.municipality == town,
                "feed '{id}' is there already and is no feed of {town}'s history\n  remedy: name another one with \
                 --feed"
            );
            ensure!(
                held.heartbeat_s() == heartbeat_s,
                "hold_s = {}: counts of feed '{id}' hold for {} s, as when it was first imported\n  \
                 remedy: name another feed with --feed, or change its heartbeat_s to {heartbeat_s} in feeds.toml \
                 and import that",
                mapping.hold_s,
                stale_after_s(held.heartbeat_s())
            );
            Ok(held.clone())
        })
        .collect()
}

fn names(series: &[Counts], site: &str) -> bool {
    series.iter().any(|counts| counts.site == site)
}

fn new_feed(id: String, town: &str, heartbeat_s: u32, mapping: &Mapping) -> Feed {
    Feed {
        id,
        municipality: town.to_owned(),
        format: FeedFormat::History,
        topic: String::new(),
        broker: None,
        qos: 1,
        clock: None,
        on_bad_clock: None,
        max_age_s: None,
        max_message_bytes: None,
        max_messages_per_s: None,
        max_bytes_per_s: None,
        max_rejections_per_h: None,
        heartbeat_s: Some(heartbeat_s),
        use_server_decoder: false,
        area: None,
        licence: mapping.licence.clone(),
        attribution: mapping.attribution.clone(),
        contact: None,
        url: None,
        every_s: None,
        credentials: domain::feed::WebCredentials::default(),
        rental: domain::feed::RentalSettings::default(),
        allow_private: false,
        push: false,
        storage_url: None,
        storage_token_file: None,
        timetable: None,
    }
}

/// Where each series goes.
fn targets<'a>(registry: &'a Registry, feeds: &[Feed], series: &[Counts]) -> Vec<Target<'a>> {
    let ids: BTreeMap<MunicipalityId, FeedId> = registry
        .feeds()
        .filter(|f| feeds.iter().any(|feed| feed.id == f.def.id))
        .map(|f| (f.municipality, f.id))
        .collect();
    let target = |counts: &Counts| {
        let site = registry.site_by_key(&counts.site)?;
        Some(Target { site, feed: ids.get(&site.municipality).copied().unwrap_or(FeedId(0)) })
    };
    series.iter().filter_map(target).collect()
}

/// Instant, number of the series, number of the row in it.
fn in_order_of_time(series: &[Counts]) -> Vec<(UtcMicros, u32, u32)> {
    let mut order: Vec<(UtcMicros, u32, u32)> = (0..)
        .zip(series)
        .flat_map(|(i, counts)| (0..).zip(&counts.rows).map(move |(row, r)| (r.at, i, row)))
        .collect();
    order.sort_unstable();
    order
}

impl Report {
    /// For the audit.
    fn detail(&self) -> serde_json::Value {
        let feeds: Vec<&str> = self.feeds.iter().map(|(id, _)| id.as_str()).collect();
        json!({"feeds": feeds, "sites": self.sites.len(), "new": self.new_counts(), "from": self.first, "until": self.last})
    }
}
