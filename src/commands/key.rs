//! `kreisverkehr key create|list|revoke`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use domain::UtcMicros;
use places::shown;
use rand::RngCore;
use store::keys;

use crate::cli::{ADMIN, KeyCommand, KeyCreateArgs};
use crate::database::Database;

/// Runs the command.
///
/// # Errors
/// A municipality is not known, or the database cannot be opened.
pub async fn run(command: KeyCommand) -> Result<ExitCode> {
    match command {
        KeyCommand::Create(args) => create(args).await,
        KeyCommand::List(args) => {
            let database = Database::visit(&args).await?;
            let names = municipalities(&database).await?;
            let now = ingest::now_utc();
            outln!("id\trole\tmunicipalities\tname\tcreated\texpires\tlast used\tstate");
            for key in keys::list(&database.pool).await? {
                let towns: Vec<&str> = key
                    .municipalities
                    .iter()
                    .map(|id| names.municipality(*id).map_or("?", |m| m.slug.as_str()))
                    .collect();
                let towns = if key.role == ADMIN { "all".to_owned() } else { towns.join(",") };
                let time = |t: Option<UtcMicros>| t.map_or("-".to_owned(), |t| t.to_string());
                outln!(
                    "{}\t{}\t{towns}\t{}\t{}\t{}\t{}\t{}",
                    key.id,
                    key.role,
                    shown(key.name.as_deref().unwrap_or("-")),
                    key.created_at,
                    time(key.expires_at),
                    time(key.last_used_at),
                    state(&key, now)
                );
            }
            database.close().await?;
            Ok(ExitCode::SUCCESS)
        }
        KeyCommand::Revoke(args) => {
            let database = Database::visit(&args.database).await?;
            let revoked = keys::revoke(&database.pool, args.id).await?;
            database.close().await?;
            if !revoked {
                bail!("key {} does not exist or was revoked before; see: kreisverkehr key list", args.id);
            }
            errln!("key {} is revoked", args.id);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn state(key: &keys::StoredKey, now: UtcMicros) -> &'static str {
    match (key.revoked_at, key.expires_at) {
        (Some(_), _) => "revoked",
        (None, Some(expires)) if expires <= now => "expired",
        (None, _) => "valid",
    }
}

async fn municipalities(database: &Database) -> Result<domain::Registry> {
    Ok(store::places::registry(&mut *database.pool.acquire().await?).await?)
}

/// The instant of `--expires`, which lies ahead of `now`.
fn expiry(text: &str, now: UtcMicros) -> Result<UtcMicros> {
    let expires = UtcMicros::parse(text)
        .with_context(|| format!("--expires '{text}' is not a time such as 2027-12-31T00:00:00Z"))?;
    if expires <= now {
        bail!(
            "--expires '{text}' is past: the key would never be valid\n  remedy: give a time after {now}, or leave \
             --expires out for a key that holds until it is revoked"
        );
    }
    Ok(expires)
}

async fn create(args: KeyCreateArgs) -> Result<ExitCode> {
    match (args.role == ADMIN, args.municipality.is_empty()) {
        (true, false) => bail!("--municipality does not go with --role admin: it holds for the county"),
        (false, true) => bail!("--municipality SLUG is missing: say for which municipality the key holds"),
        _ => {}
    }
    let expires = args.expires.as_deref().map(|text| expiry(text, ingest::now_utc())).transpose()?;
    let database = Database::visit(&args.database).await?;
    let known = municipalities(&database).await?;
    let mut ids = Vec::new();
    for slug in &args.municipality {
        let Some(id) = known.municipality_id(slug) else {
            database.close().await?;
            bail!("--municipality '{slug}' is not known; known are: {}", known.slugs());
        };
        ids.push(id);
    }
    let mut secret = [0u8; 32];
    rand::rng().fill_bytes(&mut secret);
    let (hash, name) = (api::key_hash(&secret), args.name.as_deref());
    keys::create(&database.pool, &hash, &args.role, &ids, name, expires).await?;
    database.close().await?;
    outln!("{}", api::key_text(&secret));
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_expires_in_the_time_to_come() {
        let now = UtcMicros::parse("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(expiry("2026-11-22T12:00:01Z", now).unwrap(), now.plus_s(1));
        for past in ["2026-11-22T12:00:00Z", "2026-11-22T12:59:59+01:00", "1970-01-01T00:00:00Z"] {
            let error = expiry(past, now).unwrap_err().to_string();
            assert!(error.contains(&format!("--expires '{past}'")) && error.contains("remedy: "), "{error}");
        }
        assert!(expiry("soon", now).unwrap_err().to_string().contains("--expires 'soon'"));
    }
}
