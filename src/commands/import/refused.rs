//! Refused imports, for the audit: the kinds of problems, never their contents.

use std::collections::BTreeSet;

use anyhow::Result;
use places::{FileProblems, PlaceFiles};
use serde_json::json;
use store::Pool;
use store::audit::{self, Actor, AuditEvent, AuditOutcome};

use crate::cli::VisitArgs;
use crate::database::Database;

/// Places of problems that the audit lists; of all it knows the number.
const SHOWN: usize = 20;

/// An import of files with these problems. Which files and lines, not what they hold: a line may hold a secret.
pub fn files(problems: &FileProblems) -> AuditEvent {
    let place = |problem: &places::FileProblem| {
        let name = problem.file.file_name().unwrap_or_default().to_string_lossy();
        problem.line.map_or(name.to_string(), |line| format!("{name}:{line}"))
    };
    let places: Vec<String> = problems.iter().take(SHOWN).map(place).collect();
    deed("import", json!({"problems": problems.count(), "at": places}))
}

/// An import of counts that was refused.
pub fn history(files: usize) -> AuditEvent {
    deed("import history", json!({ "files": files }))
}

fn deed(action: &'static str, after: serde_json::Value) -> AuditEvent {
    AuditEvent { action, after: Some(after), outcome: AuditOutcome::Refused, ..AuditEvent::default() }
}

/// The municipalities that the files are about.
pub fn towns(files: &PlaceFiles) -> BTreeSet<String> {
    let municipalities = files.municipalities.iter().map(|m| &m.value.slug);
    let owners = municipalities
        .chain(files.sites.iter().map(|s| &s.value.municipality))
        .chain(files.bays.iter().map(|b| &b.value.municipality))
        .chain(files.vehicles.iter().map(|v| &v.value.owner))
        .chain(files.feeds.iter().map(|f| &f.value.municipality));
    owners.cloned().collect()
}

/// Audits a refusal, for the operators of those of `towns` that exist. A failure is printed, and the command goes on.
pub async fn note(pool: &Pool, deed: AuditEvent, towns: &BTreeSet<String>) {
    if let Err(error) = try_note(pool, deed, towns).await {
        say(&error);
    }
}

async fn try_note(pool: &Pool, deed: AuditEvent, towns: &BTreeSet<String>) -> Result<()> {
    let registry = store::places::registry(&mut *pool.acquire().await?).await?;
    let municipalities = towns.iter().filter_map(|slug| registry.municipality_id(slug)).collect();
    let deed = AuditEvent { municipalities, ..deed };
    Ok(audit::note(pool, &Actor::local("command line"), deed).await?)
}

/// The same where no database is open yet. None is made for it.
pub async fn note_visiting(args: &VisitArgs, deed: AuditEvent) {
    let args = VisitArgs { create: false, ..args.clone() };
    let noted = async {
        let database = Database::visit(&args).await?;
        note(&database.pool, deed, &BTreeSet::new()).await;
        database.close().await
    };
    if let Err(error) = noted.await {
        say(&error);
    }
}

fn say(error: &anyhow::Error) {
    errln!("note: the refusal is not in the audit: {error:#}");
}
