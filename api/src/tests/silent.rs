//! Of spaces that are silent every answer says the same.

use domain::forecast::{Calendar, Reading, SAMPLE_S, SiteSample, Town};
use domain::{BayState, MunicipalityId, SiteId, UtcMicros};
use serde_json::{Value, json};

use super::fixture::{County, NOW, STALE_AFTER_S, observed, world};

/// The county with a lot of ten spaces, of which so many are vacant, occupied and silent.
fn county(vacant: i32, occupied: i32, silent: i32) -> County {
    let ids = 111..111 + vacant + occupied + silent;
    let lot = world().in_town("warendorf").north_m(60.0).place_ids_from(31).site("lot", 10);
    let county = County::with(lot.place_ids_from(ids.start).bays(ids.len()).contents);
    let states = ids.enumerate().map(|(i, id)| match i as i32 {
        i if i < vacant => observed(id, BayState::Vacant, 60),
        i if i < vacant + occupied => observed(id, BayState::Occupied, 60),
        _ => observed(id, BayState::Vacant, STALE_AFTER_S + 60),
    });
    county.hub.apply(states.collect::<Vec<_>>(), NOW);
    county
}

/// What `/v1/parking` and `/v1/forecast` say of the lot.
async fn answers(county: &County, at: UtcMicros) -> (Value, Value) {
    let asked = format!("/v1/parking?near=51.953,7.991&include=full,stale&arrive={at}");
    let parking = county.get(&asked).await.json();
    let items = parking["items"].as_array().unwrap();
    let item = items.iter().find(|item| item["id"] == "lot").unwrap_or_else(|| panic!("{parking}")).clone();
    let forecast = county.get(&format!("/v1/forecast?site=lot&at={at}")).await.json();
    (item, forecast["items"][0].clone())
}

fn near(a: &Value, b: &Value) -> bool {
    (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 0.006
}

#[tokio::test]
async fn silent_spaces_are_neither_vacant_nor_occupied_and_make_no_chance_better() {
    for ahead_s in [0, 900, 3_600, 10_000] {
        let at = NOW.plus_s(ahead_s);
        let (seen, _) = answers(&county(2, 5, 0), at).await;
        let (parking, forecast) = answers(&county(2, 5, 3), at).await;
        let counts = |item: &Value| ["vacant", "unknown", "capacity"].map(|n| item[n].as_i64().unwrap());
        assert_eq!((counts(&parking), counts(&seen)), ([2, 3, 10], [2, 0, 7]));
        assert_eq!(parking["chance"]["p"], seen["chance"]["p"], "{ahead_s}");
        assert_eq!(parking["expected_vacant"], seen["expected_vacant"], "{ahead_s}");
        assert!(near(&parking["chance"]["p"], &forecast["p_vacant"]), "{ahead_s}: {parking} {forecast}");
        assert!(near(&parking["expected_vacant"], &forecast["vacant"]["expected"]), "{parking} {forecast}");
        assert!(parking["search_s"].as_i64() >= seen["search_s"].as_i64(), "one drives past them");
        // As good as full is not what three silent spaces say.
        let (parking, forecast) = answers(&county(0, 7, 3), at).await;
        let (seen, _) = answers(&county(0, 7, 0), at).await;
        assert_eq!(parking["chance"]["p"], seen["chance"]["p"], "{ahead_s}");
        assert!(near(&parking["chance"]["p"], &forecast["p_vacant"]), "{ahead_s}: {parking} {forecast}");
    }
    let (parking, forecast) = answers(&county(0, 0, 10), NOW).await;
    assert_eq!(
        (&parking["vacant"], &parking["unknown"], &parking["chance"]),
        (&json!(null), &json!(10), &json!(null))
    );
    assert_eq!((&forecast["p_vacant"], &forecast["reason"]), (&json!(null), &json!("no_data")));
}

#[tokio::test]
async fn spaces_that_are_seen_hold_before_what_is_usual() {
    // Four of ten are silent: too many to go on from the state. The lot is usually nearly full.
    let county = county(5, 1, 4);
    let mut town = Town::new(Calendar::new("Europe/Berlin", None));
    let samples = 16 * 86_400 / SAMPLE_S;
    for i in 0..=samples {
        let vacant = u32::from(i / 288 % 3 == 0);
        let observed = (i < samples * 3 / 4).then_some((10, Reading::Vacant(vacant)));
        town.sample([SiteSample::of_cars(SiteId(31), observed)], NOW.plus_s((i - samples) * SAMPLE_S));
    }
    county.app.forecasts.put(MunicipalityId(1), town);
    let mut before = 1.0;
    for ahead_s in [0, 3_600, 7_200, 14_400] {
        let (parking, forecast) = answers(&county, NOW.plus_s(ahead_s)).await;
        let p = parking["chance"]["p"].as_f64().unwrap();
        assert!(p <= before, "{ahead_s}: {p} {before}");
        assert!(near(&parking["chance"]["p"], &forecast["p_vacant"]), "{ahead_s}: {parking} {forecast}");
        assert!(near(&parking["expected_vacant"], &forecast["vacant"]["expected"]), "{parking} {forecast}");
        assert_eq!(forecast["basis"], "weekly_profile");
        before = p;
        let expected = parking["expected_vacant"].as_f64().unwrap();
        match ahead_s {
            0 => assert!(p > 0.95 && expected == 5.0, "five are vacant now: {parking}"),
            14_400 => assert!(expected <= 1.0, "at most one usually is: {parking}"),
            _ => {}
        }
    }
}
