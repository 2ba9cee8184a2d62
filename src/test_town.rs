//! A town with one place, for tests that need a database and no import.

use domain::{FeedId, MunicipalityId};
use serde_json::{Value, json};
use sqlx::types::Json;
use store::Pool;

/// What it is made of: numbers in the database.
#[derive(Debug, Clone, Copy)]
pub struct Town {
    pub municipality: MunicipalityId,
    pub feed: FeedId,
    pub place: i32,
}

/// The municipality `n` with the feed `feed` and one place: `kind` 1 is a site, 2 a bay.
pub async fn make(pool: &Pool, feed: Value, kind: i16, place: Value) -> Town {
    let municipality = json!({"slug": "n", "name": "N", "ags": "05558001", "lat": null, "lon": null,
        "tz": "Europe/Berlin", "public_planning": false});
    let id = async |sql: &'static str, def: Value| -> i32 {
        sqlx::query_scalar(sql).bind(Json(def)).fetch_one(pool).await.unwrap()
    };
    let municipality =
        id("INSERT INTO municipality (slug, def) VALUES ('n', $1) RETURNING id", municipality).await;
    let feed = id(
        "INSERT INTO feed (municipality, key, def) SELECT id, 'f', $1 FROM municipality RETURNING id",
        feed,
    )
    .await;
    let place: i32 = sqlx::query_scalar(
        "WITH new AS (INSERT INTO place (municipality, kind, key, def) VALUES ($1, $2, 'p', $3) RETURNING *),
             of AS (INSERT INTO place_version (municipality, place, from_utc, def)
                    SELECT municipality, id, '-infinity', def FROM new)
         SELECT id FROM new",
    )
    .bind(municipality)
    .bind(kind)
    .bind(Json(place))
    .fetch_one(pool)
    .await
    .unwrap();
    Town { municipality: MunicipalityId(municipality), feed: FeedId(feed), place }
}
