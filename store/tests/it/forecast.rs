//! A model is kept by whoever is farther, and a trained one takes its place.

use crate::support::Database;
use domain::forecast::{Calendar, Reading, SAMPLE_S, SiteSample, Town};
use domain::{SiteId, UtcMicros};
use store::forecast::{Snapshot, load, replace, save};
use testing::World;

/// Monday, 2024-01-08T00:00:00+01:00.
const BEGIN: UtcMicros = UtcMicros(1_704_668_400_000_000);

/// A site that is fuller by the hour, seen for so many days.
fn town(site: SiteId, days: i64) -> Town {
    let mut town = Town::new(Calendar::new("Europe/Berlin", None));
    for i in 0..days * 86_400 / SAMPLE_S {
        let vacant = (i / 12 % 24) as u32 * 3 + (i % 5) as u32;
        let sample = SiteSample::of_cars(site, Some((80, Reading::Vacant(vacant))));
        town.sample([sample], BEGIN.plus_s(i * SAMPLE_S));
    }
    town
}

#[tokio::test]
async fn the_farther_model_is_kept_and_a_trained_one_replaces_it() {
    let database = Database::start().await;
    let (pool, municipality) = (database.pool.clone(), database.municipality);
    let places = testing::world::import(&World::town("n").site("s", 80).contents, &pool).await;
    let site = places.site_by_key("s").unwrap().id;
    let (young, old) = (town(site, 1), town(site, 20));
    let kept = async |generation, town: &Town| {
        let snapshot = Snapshot::of(town, UtcMicros(0)).unwrap().unwrap();
        save(&pool, municipality, generation, &snapshot).await.unwrap()
    };
    assert!(load(&pool, municipality).await.unwrap().is_none());
    let first = kept(None, &young).await.unwrap();
    assert_eq!(kept(None, &old).await, None, "another process was quicker");
    assert_eq!(kept(Some(first), &old).await, Some(first));
    assert_eq!(kept(Some(first), &young).await, None, "another process is farther");

    let again = load(&pool, municipality).await.unwrap().unwrap();
    assert_eq!((again.generation, again.town.at()), (first, old.at()));
    let sums = old.ledger().of_site(site);
    assert!(sums[0].n > 100, "{sums:?}");
    assert_eq!(again.town.ledger().of_site(site), sums);
    let now = old.at().unwrap();
    let times = domain::time::Times { now, arrive: now.plus_s(3_600) };
    let ask = |t: &Town| t.forecast(site, times, None).unwrap().chance(10);
    assert_eq!(ask(&again.town), ask(&old));

    let snapshot = Snapshot::of(&young, UtcMicros(0)).unwrap().unwrap();
    replace(&pool, municipality, 0, &snapshot).await.unwrap();
    let trained = load(&pool, municipality).await.unwrap().unwrap();
    assert!(trained.generation > first);
    assert_eq!(trained.town.ledger().of_site(site)[0].n, 0, "its errors are its own");
    assert_eq!(kept(Some(first), &old).await, None, "what was before it is not written any more");

    sqlx::query("UPDATE forecast_model SET body = '\\xff00'").execute(&pool).await.unwrap();
    let error = load(&pool, municipality).await.unwrap_err().to_string();
    assert!(error.contains("version"), "{error}");
}
