//! `kreisverkehr import`: reads, checks and stores files, all or nothing.

mod admit;
mod corrections;
mod history;
mod make_sites;
mod refused;
mod report;
pub mod served;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use journey::booking::hints;
use journey::prices;
use places::{FileProblems, PlaceFiles};
use store::Pool;
use store::places::{Holds, Import, ImportReport, Missing};

use crate::cli::{ImportArgs, ImportCommand, MissingArg};
use crate::database::{Database, data_dir_path};
use crate::journeys::AREA_FILE;

/// Runs the command: the report goes to standard output, problems to standard error.
///
/// # Errors
/// The database cannot be opened.
pub async fn run(args: ImportArgs) -> Result<ExitCode> {
    if let Some(ImportCommand::History(args)) = args.command {
        return history::run(args).await;
    }
    let files = match places::read(&args.paths) {
        Ok(files) => files,
        Err(problems) => {
            if !args.check {
                refused::note_visiting(&args.database, refused::files(&problems)).await;
            }
            return Ok(refuse(&problems));
        }
    };
    print_notes(&files.notes);
    let towns = refused::towns(&files);
    let database = Database::visit(&args.database).await?;
    let missing = match args.missing {
        MissingArg::Keep => Missing::Keep,
        MissingArg::Close => Missing::Close,
    };
    let holds = if args.correct { Holds::Always } else { Holds::FromNow };
    let mode = Mode { missing, holds, is_check: args.check };
    let outcome = import(&database.pool, files, mode).await;
    let (mut lacking, mut ties) = (Ok(Vec::new()), Vec::new());
    match &outcome {
        Ok(Ok(_)) if !args.check => {
            lacking = served::wait(&database.pool).await;
            ties = ties_to_nothing(&database.pool, &args).await?;
        }
        Ok(Err(problems)) if !args.check => {
            refused::note(&database.pool, refused::files(problems), &towns).await;
        }
        _ => {}
    }
    database.close().await?;
    match outcome? {
        Err(problems) => Ok(refuse(&problems)),
        Ok(Imported { report, other, remarks }) => {
            print_notes(&remarks);
            ties.iter().for_each(|sentence| errln!("note: {sentence}"));
            crate::terminal::out_part(&describe(&report, mode));
            for sentence in lacking? {
                errln!("note: {sentence}");
            }
            for path in other {
                outln!("{}: kept for `kreisverkehr journey build`; import does not read it", path.display());
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Feeds that are tied to a GTFS file which the built streets and timetable do not have, and rules for lines, fares and stops of
/// areas that these do not have, in sentences. Reading these takes a moment: only where there are such feeds, rules, fares or areas,
/// and where they are built already.
async fn ties_to_nothing(pool: &Pool, args: &ImportArgs) -> Result<Vec<String>> {
    let registry = store::places::registry(&mut *pool.acquire().await?).await?;
    let is_empty = registry.on_demand().is_empty()
        && registry.on_demand_areas().is_empty()
        && registry.fares().fares.is_empty();
    if registry.feeds().all(|feed| feed.def.timetable.is_none()) && is_empty {
        return Ok(Vec::new());
    }
    let file = data_dir_path(&args.database.database)?.join(AREA_FILE);
    let read = tokio::task::spawn_blocking(move || journey::area::read(&file)).await?;
    let sentences = |area: journey::area::Area| {
        let ties = api::ties_to_nothing(&registry, &area.timetable);
        let (timetable, areas) = (&area.timetable, registry.on_demand_areas());
        let lines = hints::unmatched(registry.on_demand(), timetable);
        let stops = hints::unserved(areas, timetable);
        [ties, lines, stops, prices::unmatched(registry.fares(), areas, timetable)].concat()
    };
    Ok(read.map_or_else(|_| Vec::new(), sentences))
}

/// Notes beyond these are counted: one wrong number may stand behind thousands.
const MAX_NOTES: usize = 50;

fn print_notes(notes: &FileProblems) {
    for note in notes.iter().take(MAX_NOTES) {
        errln!("note: {note}");
    }
    if let Some(more) = notes.count().checked_sub(MAX_NOTES as u64).filter(|more| *more > 0) {
        errln!("note: and {more} more");
    }
}

fn refuse(problems: &FileProblems) -> ExitCode {
    for problem in problems.iter() {
        errln!("{problem}");
    }
    if problems.unlisted() > 0 {
        errln!("and {} more like these", problems.unlisted());
    }
    errln!(
        "nothing was imported: {} problem{}",
        problems.count(),
        if problems.count() == 1 { "" } else { "s" }
    );
    ExitCode::FAILURE
}

/// The report of an import.
pub struct Imported {
    pub report: ImportReport,
    /// Files that it only recognised.
    pub other: Vec<PathBuf>,
    /// Warnings.
    pub remarks: FileProblems,
}

/// How files are imported.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    pub missing: Missing,
    pub holds: Holds,
    /// Only report what would be done.
    pub is_check: bool,
}

/// Checks `files` against what is stored and imports them. The inner error lists the problems of the files.
///
/// # Errors
/// The database is not available.
pub async fn import(
    pool: &Pool,
    mut files: PlaceFiles,
    mode: Mode,
) -> Result<std::result::Result<Imported, FileProblems>> {
    let mut import = Import::begin(pool).await?;
    let known = import.existing().clone();
    places::settle(&mut files, &known);
    let now = ingest::now_utc();
    let problems = places::validate(&files, &known, now);
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let remarks = places::remarks(&files, &known, now);
    let other = std::mem::take(&mut files.other);
    let report = import.apply(&files.into_catalogue(), mode.missing, mode.holds, now).await?;
    if !mode.is_check && (!report.is_unchanged() || mode.missing == Missing::Close) {
        import.commit(&report, "command line").await?;
    }
    Ok(Ok(Imported { report, other, remarks }))
}

fn describe(report: &ImportReport, Mode { missing, holds, is_check }: Mode) -> String {
    let mut text = String::new();
    for (kind, t) in report.kinds() {
        if t.added + t.changed + t.unchanged + t.removed + t.missing.len() == 0 {
            continue;
        }
        text += &format!("{kind}: {} added, {} changed, {} unchanged", t.added, t.changed, t.unchanged);
        if t.removed > 0 {
            text += &format!(", {} removed", t.removed);
        }
        if !t.missing.is_empty() {
            let done = match missing {
                Missing::Keep => "not in the files, kept",
                Missing::Close => "not in the files, closed",
            };
            const SHOWN: usize = 20;
            let names = t.missing.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = t.missing.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            text += &format!("; {} {done}: {names}{more}", t.missing.len());
        }
        text.push('\n');
    }
    if holds == Holds::Always {
        text += &corrections::describe(&report.corrections, is_check);
    }
    if is_check {
        text += "check only: nothing was imported\n";
    }
    text
}
