//! `kreisverkehr key create|list|revoke`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use domain::registry::Entry;
use domain::{Feed, FeedId, Registry, UtcMicros};
use places::shown;
use rand::RngCore;
use store::keys::{self, NewKey};

use crate::cli::{ADMIN, FEED, KeyCommand, KeyCreateArgs};
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
            outln!("id\trole\tmunicipalities\tfeed\tname\tcreated\texpires\tlast used\tstate");
            for key in keys::list(&database.pool).await? {
                let towns: Vec<&str> = key
                    .municipalities
                    .iter()
                    .map(|id| names.municipality(*id).map_or("?", |m| m.slug.as_str()))
                    .collect();
                let towns = if key.role == ADMIN { "all".to_owned() } else { towns.join(",") };
                let feed = key.feed.map_or("-", |id| names.feed(id).map_or("?", |f| f.def.id.as_str()));
                let time = |t: Option<UtcMicros>| t.map_or("-".to_owned(), |t| t.to_string());
                outln!(
                    "{}\t{}\t{towns}\t{feed}\t{}\t{}\t{}\t{}\t{}",
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

async fn municipalities(database: &Database) -> Result<Registry> {
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
    let is_of_towns = args.role != ADMIN && args.role != FEED;
    match (is_of_towns, args.municipality.is_empty()) {
        (false, false) if args.role == ADMIN => {
            bail!("--municipality does not go with --role admin: it holds for the county")
        }
        (false, false) => bail!("--municipality does not go with --role feed: it holds for the feed alone"),
        (true, true) => bail!("--municipality SLUG is missing: say for which municipality the key holds"),
        _ => {}
    }
    match (args.role == FEED, &args.feed) {
        (true, None) => bail!("--feed ID is missing: say to which feed the key may post"),
        (false, Some(_)) => bail!("--feed goes with --role feed alone"),
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
    let feed = match &args.feed {
        None => None,
        Some(id) => match feed_of(&known, id) {
            Ok(feed) => {
                ids.push(feed.municipality);
                Some(feed.id)
            }
            Err(wrong) => {
                database.close().await?;
                return Err(wrong);
            }
        },
    };
    let mut secret = [0u8; 32];
    rand::rng().fill_bytes(&mut secret);
    let (hash, name) = (api::key_hash(&secret), args.name.as_deref());
    let new = NewKey { role: &args.role, municipalities: &ids, feed, name, expires_at: expires };
    keys::create(&database.pool, &hash, &new).await?;
    database.close().await?;
    outln!("{}", api::key_text(&secret));
    Ok(ExitCode::SUCCESS)
}

/// The feed `id`, if messages are posted to it.
fn feed_of<'r>(known: &'r Registry, id: &str) -> Result<&'r Entry<FeedId, Feed>> {
    let Some(feed) = known.feeds().find(|f| f.def.id == id) else {
        let mut pushed: Vec<&str> = known.feeds().filter(|f| f.def.push).map(|f| f.def.id.as_str()).collect();
        pushed.sort_unstable();
        let pushed = if pushed.is_empty() { "none".to_owned() } else { pushed.join(", ") };
        bail!("--feed '{id}' is not known; feeds with push = true: {pushed}");
    };
    if !feed.def.push {
        bail!(
            "--feed '{id}': its messages do not come over HTTP\n  remedy: set push = true instead of its topic in \
             feeds.toml, and import it"
        );
    }
    Ok(feed)
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
