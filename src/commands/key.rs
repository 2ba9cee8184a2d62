//! `kreisverkehr key create|list|revoke`.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use domain::UtcMicros;
use rand::RngCore;
use store::keys;

use crate::cli::{KeyArgs, KeyCommand, KeyCreateArgs, RoleArg};
use crate::database::Database;

/// Runs the command.
///
/// # Errors
/// A municipality is not known, or the database cannot be opened.
pub async fn run(args: KeyArgs) -> Result<ExitCode> {
    match args.command {
        KeyCommand::Create(args) => create(args).await,
        KeyCommand::List(args) => {
            let database = Database::visit(&args).await?;
            let names = municipalities(&database).await?;
            println!("id\trole\tmunicipalities\tname\tcreated\texpires\tlast used\tstate");
            for key in keys::list(&database.pool).await? {
                let towns: Vec<&str> = key
                    .municipalities
                    .iter()
                    .map(|id| names.municipality(*id).map_or("?", |m| m.slug.as_str()))
                    .collect();
                let towns = if key.role == "admin" { "all".to_owned() } else { towns.join(",") };
                let time = |t: Option<UtcMicros>| t.map_or("-".to_owned(), |t| t.to_string());
                println!(
                    "{}\t{}\t{towns}\t{}\t{}\t{}\t{}\t{}",
                    key.id,
                    key.role,
                    key.name.as_deref().unwrap_or("-"),
                    key.created_at,
                    time(key.expires_at),
                    time(key.last_used_at),
                    if key.revoked_at.is_some() { "revoked" } else { "valid" }
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
            eprintln!("key {} is revoked", args.id);
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn municipalities(database: &Database) -> Result<domain::Registry> {
    Ok(store::places::registry(&mut *database.pool.acquire().await?).await?)
}

async fn create(args: KeyCreateArgs) -> Result<ExitCode> {
    match (args.role, args.municipality.is_empty()) {
        (RoleArg::Admin, false) => {
            bail!("--municipality does not go with --role admin: it holds for the county")
        }
        (RoleArg::Admin, true) | (_, false) => {}
        (_, true) => bail!("--municipality SLUG is missing: say for which municipality the key holds"),
    }
    let expires = args
        .expires
        .as_deref()
        .map(|t| {
            UtcMicros::parse(t)
                .with_context(|| format!("--expires '{t}' is not a time such as 2027-12-31T00:00:00Z"))
        })
        .transpose()?;
    let database = Database::visit(&args.database).await?;
    let known = municipalities(&database).await?;
    let mut ids = Vec::new();
    for slug in &args.municipality {
        let Some(id) = known.municipality_id(slug) else {
            let mut slugs: Vec<&str> = known.municipalities().map(|(_, m)| m.slug.as_str()).collect();
            slugs.sort_unstable();
            database.close().await?;
            bail!("--municipality '{slug}' is not known; known are: {}", slugs.join(", "));
        };
        ids.push(id);
    }
    let mut secret = [0u8; 32];
    rand::rng().fill_bytes(&mut secret);
    let role = args.role.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default();
    let hash = *blake3::hash(&secret).as_bytes();
    keys::create(&database.pool, &hash, &role, &ids, args.name.as_deref(), expires).await?;
    database.close().await?;
    println!("{}", api::key_text(&secret));
    Ok(ExitCode::SUCCESS)
}
