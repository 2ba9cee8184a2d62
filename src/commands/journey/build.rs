//! `journey build`: streets and timetable in the one file that the search loads.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use domain::Registry;
use domain::place::Purpose;
use journey::area::{self, Area, Notes, Step};
use journey::booking::hints;
use journey::prices;
use journey::streets::Mode;
use journey::streets::parking::link_osm;
use journey::timetable::Credit;
use journey::timetable::services::date_of;

use crate::cli::{BuildArgs, VisitArgs};
use crate::database::{Database, data_dir_path};
use crate::journey_sources::{Build, Kind, Served, Update, Updated, now_s};
use crate::journeys::{AREA_FILE, describe};

/// Problems of one kind that are listed; the rest is counted.
const MAX_LISTED: usize = 50;

/// Exit code when the result cannot serve.
const CANNOT_SERVE: u8 = 3;

/// Builds, writes and reports the findings.
///
/// # Errors
/// A file cannot be read, or the result cannot be written.
pub async fn run(mut args: BuildArgs) -> Result<ExitCode> {
    let out = match &args.out {
        Some(out) => out.clone(),
        None => data_dir_path(&args.database.database)?.join(AREA_FILE),
    };
    let updated = match &args.sources {
        Some(sources) => Some(updated(sources.clone(), out.clone(), &args).await?),
        None => None,
    };
    let failures = updated.as_ref().map_or(0, |updated| updated.failures);
    let is_updated = updated.is_some();
    let from = updated.and_then(|updated| updated.build);
    if is_updated && from.is_none() {
        outln!("{}: there is nothing to build", out.display());
    } else {
        from.iter().for_each(|from| take_over(&mut args, from));
        let before = from.as_ref().and_then(Build::served_before);
        let registry = if args.no_places { None } else { Some(imported(&args.database).await?) };
        let is_forced = args.force;
        let work = move || build(&args, registry.as_ref(), &out, before);
        let (code, served) = tokio::task::spawn_blocking(work).await??;
        let is_written = code == ExitCode::SUCCESS || is_forced;
        if let Some(from) = from.filter(|_| is_written) {
            from.has_succeeded(served, now_s())?;
        }
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn updated(sources: PathBuf, out: PathBuf, args: &BuildArgs) -> Result<Updated> {
    let update = Update { sources, out, only_due: args.due, accepts_smaller: args.accept_smaller };
    tokio::task::spawn_blocking(move || update.run(now_s)).await?
}

/// As if the files had been given on the command line.
fn take_over(args: &mut BuildArgs, from: &Build) {
    for (source, file) in &from.sources {
        let files = match source.kind {
            Kind::Extract => &mut args.osm,
            Kind::Timetable => &mut args.gtfs,
        };
        files.push(file.clone());
        for (texts, text) in
            [(&mut args.gtfs_licence, &source.licence), (&mut args.gtfs_attribution, &source.attribution)]
        {
            texts.extend(text.as_ref().map(|text| format!("{}={text}", source.name)));
        }
    }
}

async fn imported(args: &VisitArgs) -> Result<Registry> {
    let database = Database::visit(args)
        .await
        .context("the imported places cannot be read (--no-places goes without)")?;
    let registry = store::places::registry(&mut *database.pool.acquire().await?).await;
    database.close().await?;
    Ok(registry?)
}

/// `before` is what the file that is replaced serves, where that is known.
fn build(
    args: &BuildArgs,
    registry: Option<&Registry>,
    out: &Path,
    before: Option<Served>,
) -> Result<(ExitCode, Served)> {
    let began = Instant::now();
    let (mut area, notes) = Area::build(&args.osm, &args.gtfs, &mut |step| errln!("  {}", words(&step)))?;
    name_sources(&mut area, args)?;
    report(&area, &notes);
    if let Some(registry) = registry {
        warn_of_unlinked_places(&area, registry);
        for sentence in api::ties_to_nothing(registry, &area.timetable) {
            errln!("warning: {sentence}");
        }
    }
    look_at_on_demand(&area, registry);
    let mut faults = if args.gtfs.is_empty() { Vec::new() } else { faults(&area, &notes) };
    let served = served(&area);
    faults.extend(before.and_then(|before| served.lost(&before)).filter(|_| !args.accept_smaller));
    if !faults.is_empty() && !args.force {
        outln!("warning: {}; {} is not written (--force writes it)", faults.join("; "), out.display());
        return Ok((ExitCode::from(CANNOT_SERVE), served));
    }
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    // It replaces the one from before only once it has been read again.
    let next = out.with_extension("new");
    let bytes = area::write(&area, &next)?;
    let described = describe(&area);
    drop(area);
    area::read(&next)?;
    std::fs::rename(&next, out).with_context(|| format!("{} cannot be replaced", out.display()))?;
    outln!(
        "{}: {described}; {:.1} MB in {:.1} s. A running `serve` or `api` takes it in within a second.",
        out.display(),
        bytes as f64 / 1e6,
        began.elapsed().as_secs_f64()
    );
    if faults.is_empty() {
        return Ok((ExitCode::SUCCESS, served));
    }
    outln!("warning: {}", faults.join("; "));
    Ok((ExitCode::from(CANNOT_SERVE), served))
}

fn served(area: &Area) -> Served {
    let timetable = &area.timetable;
    let stops = area.stops.of(Mode::Foot).iter().flatten().count();
    let trips = timetable.trips.len() + timetable.areas.trips.len();
    Served { stops: stops as u64, trips: trips as u64 }
}

/// Why the timetable of an area cannot serve anybody.
fn faults(area: &Area, notes: &Notes) -> Vec<String> {
    let timetable = &area.timetable;
    let mut faults = Vec::new();
    let today = timetable.day_at(jiff::Timestamp::now().as_second());
    match timetable.span() {
        None => faults.push("no trip of the timetable ever runs".to_owned()),
        Some((_, last)) if last < today => {
            let last = date_of(last).map_or_else(String::new, |date| date.to_string());
            faults.push(format!("the timetable has expired: its last day is {last}"));
        }
        Some(_) => {}
    }
    let served = (0..timetable.stop_count() as u32).filter(|stop| timetable.passing(*stop).next().is_some());
    let unlinked = notes.stops_without_street.len();
    if unlinked > 0 && unlinked == served.count() {
        faults.push("no stop has a street: are streets and timetable of one place?".to_owned());
    }
    faults
}

/// Adds licences and attribution from the command line.
fn name_sources(area: &mut Area, args: &BuildArgs) -> Result<()> {
    let credits = &mut Arc::get_mut(&mut area.timetable).context("the timetable is in use")?.credits;
    type Field = fn(&mut Credit) -> &mut Option<String>;
    let fields: [(&str, &[String], Field); 2] = [
        ("--gtfs-licence", &args.gtfs_licence, |credit| &mut credit.licence),
        ("--gtfs-attribution", &args.gtfs_attribution, |credit| &mut credit.attribution),
    ];
    for (flag, values, field) in fields {
        for value in values {
            let (name, text) = value
                .split_once('=')
                .with_context(|| format!("{flag} '{value}': write NAME=TEXT, e.g. bus=CC-BY-4.0"))?;
            let known: Vec<String> = credits.iter().map(|credit| credit.feed.clone()).collect();
            let credit = credits.iter_mut().find(|credit| credit.feed == name);
            let credit = credit.with_context(|| {
                format!("{flag} '{value}': there is no feed '{name}'; there are: {}", known.join(", "))
            })?;
            *field(credit) = Some(text.to_owned());
        }
    }
    for credit in credits.iter().filter(|credit| credit.licence.is_none()) {
        let how = match &args.sources {
            Some(file) => format!("licence in {}", file.display()),
            None => format!("--gtfs-licence {}=LICENCE", credit.feed),
        };
        errln!("note: the licence of '{}' is not known; say it with {how}", credit.feed);
    }
    Ok(())
}

fn words(step: &Step) -> String {
    match step {
        Step::ReadingStreets => "reading streets".into(),
        Step::LinkingStreets => "joining streets".into(),
        Step::ReadingTimetable { feed, file } => format!("reading {feed}: {file}"),
        Step::IndexingNames => "indexing names".into(),
        Step::LinkingStops => "linking stops to streets".into(),
        Step::WalkingBetweenStops { done, of } => format!("footpaths between stops: {done} of {of}"),
    }
}

fn report(area: &Area, notes: &Notes) {
    list("streets", notes.streets.iter().cloned(), 0);
    list("timetable", notes.timetable.listed().iter().map(ToString::to_string), notes.timetable.more());
    let stops = notes.stops_without_street.iter().map(|stop| {
        let stops = &area.timetable.stops;
        format!(
            "stop {} ({}): no street for pedestrians near it",
            stops.ids.get(*stop),
            stops.names.get(*stop)
        )
    });
    list("stops far from any street", stops, 0);
    let parking = &area.network.streets().parking;
    let unlinked = parking.iter().filter_map(|parking| {
        let reason = link_osm(&area.network, parking).err()?.reason;
        Some(format!("{} ({}): {reason}", parking.id, parking.name.as_deref().unwrap_or("no name")))
    });
    list("parking of the map that is not offered", unlinked, 0);
}

fn warn_of_unlinked_places(area: &Area, registry: &Registry) {
    let unlinked = api::unlinked_sites(area, registry);
    let sites = registry.sites().filter(|site| site.def.purpose == Purpose::Car).count();
    errln!("{} of {sites} imported car parks are linked to the streets", sites - unlinked.len());
    list(
        "sites that no street leads to",
        unlinked.iter().map(|(id, reason)| format!("site {id}: {reason}")),
        0,
    );
}

/// Rules that are about no line, and lines that may need one. Without imported places there are no rules.
fn look_at_on_demand(area: &Area, registry: Option<&Registry>) {
    let rules = registry.map_or(&[][..], |registry| registry.on_demand());
    for sentence in hints::unmatched(rules, &area.timetable) {
        errln!("warning: {sentence}");
    }
    let of_registry = |known: &Registry| {
        let stops = hints::unserved(known.on_demand_areas(), &area.timetable);
        [stops, prices::unmatched(known.fares(), known.on_demand_areas(), &area.timetable)].concat()
    };
    for sentence in registry.map_or_else(Vec::new, of_registry) {
        errln!("warning: {sentence}");
    }
    let what = match registry {
        Some(_) => "lines that may run on request",
        None => "lines that may run on request (--no-places: nothing is known of on_demand.csv)",
    };
    list(what, hints::without_rule(rules, &area.timetable).into_iter(), 0);
}

fn list(what: &str, problems: impl Iterator<Item = String>, more: u64) {
    let problems: Vec<String> = problems.collect();
    let count = problems.len() as u64 + more;
    if count == 0 {
        return;
    }
    errln!("{count} notes: {what}");
    for problem in problems.iter().take(MAX_LISTED) {
        errln!("  {problem}");
    }
    if count > MAX_LISTED as u64 {
        errln!("  and {} more", count - MAX_LISTED as u64);
    }
}
