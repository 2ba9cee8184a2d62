//! `kreisverkehr prune`.

use std::process::ExitCode;

use anyhow::Result;
use store::audit::{Actor, AuditEvent};
use store::retention::{self, Due, Trust};

use crate::cli::PruneArgs;
use crate::database::Database;

/// Enforces retention now, or reports what would be dropped. Progress goes to standard error.
///
/// # Errors
/// The database cannot be opened.
pub async fn run(args: PruneArgs) -> Result<ExitCode> {
    let database = Database::visit(&args.database).await?;
    let keep = args.retention.retention();
    let due = if args.dry_run {
        retention::due(&database.pool, &keep).await?
    } else {
        let dropped = retention::enforce(&database.pool, &keep, Trust::Given, |gone| {
            errln!("dropped {}: {} rows", gone.what, gone.rows)
        })
        .await?;
        let deed = AuditEvent {
            action: "prune",
            after: Some(serde_json::to_value(&dropped)?),
            ..AuditEvent::default()
        };
        store::audit::note(&database.pool, &Actor::local("command line"), deed).await?;
        dropped
    };
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&due)?);
    } else {
        crate::terminal::out_part(&table(&due, args.dry_run));
    }
    database.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn table(due: &[Due], is_dry_run: bool) -> String {
    let what = if is_dry_run { "would go" } else { "went" };
    let mut text = format!("{:<18} {:<34} {:>12} {:>10}  before\n", "class", what, "rows", "MB");
    for d in due {
        let about = if d.bytes.is_some() { "~" } else { "" };
        let rows = format!("{about}{}", d.rows);
        let size = d.bytes.map_or_else(String::new, |bytes| format!("{:.1}", bytes as f64 / 1e6));
        let before = d.before.timestamp().strftime("%Y-%m-%d %H:%M UTC");
        text += &format!("{:<18} {:<34} {rows:>12} {size:>10}  {before}\n", d.class.as_str(), d.what);
    }
    if due.is_empty() {
        text += "nothing\n";
    }
    text
}
