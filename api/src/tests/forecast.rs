//! What is expected of places: every rung of the ladder, and who may know how good that was.

use axum::http::StatusCode;
use domain::forecast::{Calendar, Errors, Ledger, Quality, Reading, SAMPLE_S, SiteSample, Town};
use domain::holidays::Land;
use domain::{MunicipalityId, SiteId, UtcMicros};
use serde_json::{Value, json};

use super::fixture::{County, NOW, STALE_AFTER_S, contents};

const GARAGE: SiteId = SiteId(11);
const SILENT: SiteId = SiteId(14);
const ZERO: SiteId = SiteId(16);
const WARENDORF: MunicipalityId = MunicipalityId(1);
/// More than two weeks: a source is judged then.
const DAYS: i64 = 16;

fn calendar() -> Calendar {
    Calendar::new("Europe/Berlin", Some(Land::Nw))
}

/// The garage is full every afternoon from 15:10 to 17:00 UTC; else 70 are vacant, as they are now.
fn garage(at: UtcMicros) -> u32 {
    let minute = at.0.div_euclid(60_000_000).rem_euclid(1_440);
    match minute {
        840..910 => 70 - (minute - 840) as u32,
        910..1_020 => 0,
        1_020..1_090 => (minute - 1_020) as u32,
        _ => 70,
    }
}

/// A county whose forecast has seen the garage's days, the week of a site that is silent now, and one
/// that says nothing but 0.
fn county() -> County {
    let county = County::new();
    let mut town = Town::new(calendar());
    let samples = DAYS * 86_400 / SAMPLE_S;
    for i in 0..=samples {
        let at = NOW.plus_s((i - samples) * SAMPLE_S);
        let reading = |n, capacity| Some((capacity, Reading::Vacant(n)));
        let silent = if i < samples * 3 / 4 { reading(6 + (i / 12 % 2) as u32, 10) } else { None };
        let seen = [(GARAGE, reading(garage(at), 120)), (SILENT, silent), (ZERO, reading(0, 8))];
        town.sample(seen.map(|(site, reported)| SiteSample::of_cars(site, reported)), at);
    }
    county.app.forecasts.put(WARENDORF, town);
    county
}

async fn item(county: &County, query: &str) -> (Value, Value) {
    let answer = county.get(&format!("/v1/forecast?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
    let answer = answer.json();
    (answer["items"][0].clone(), answer)
}

#[tokio::test]
async fn the_ladder_goes_from_history_down_to_unknown() {
    let county = county();
    let soon = NOW.plus_s(1_800);
    let (history, whole) = item(&county, &format!("site=w-garage&at={soon}")).await;
    assert_eq!((&history["basis"], &whole["health"]), (&json!("history"), &json!("ok")));
    assert!(history["p_vacant"].as_f64().unwrap() > 0.9, "{history}");
    let vacant = &history["vacant"];
    assert!(vacant["low"].as_u64() <= vacant["high"].as_u64() && vacant["expected"].is_f64(), "{vacant}");
    assert_eq!(whole["attribution"][0]["attribution"], "Stadt warendorf");

    let (week, whole) = item(&county, &format!("site=w-silent&at={soon}")).await;
    assert_eq!(week["basis"], "weekly_profile", "{whole}");
    assert!((5.5..7.5).contains(&week["vacant"]["expected"].as_f64().unwrap()), "{week}");

    let (zero, whole) = item(&county, &format!("site=w-full&at={soon}")).await;
    let nothing = json!({"expected": null, "low": null, "high": null});
    assert_eq!((&zero["basis"], &zero["reason"]), (&json!("unknown"), &json!("always_zero")));
    assert_eq!(
        (&zero["p_vacant"], &zero["vacant"], &whole["health"]),
        (&json!(null), &nothing, &json!("always_zero"))
    );

    let (live, _) = item(&county, &format!("bay=w-m-1&at={soon}")).await;
    assert_eq!(live["basis"], "live", "a vacant bay of a site that nothing was learned of");
    let later = item(&county, &format!("bay=w-m-1&at={}", NOW.plus_s(4 * 3_600))).await.0;
    assert!(live["p_vacant"].as_f64() > later["p_vacant"].as_f64(), "{live} {later}");

    let (site, _) = item(&county, &format!("site=w-market&at={soon}")).await;
    assert_eq!((&site["basis"], &site["reason"]), (&json!("live"), &json!(null)), "{site}");
    let [low, expected, high] = ["low", "expected", "high"].map(|n| site["vacant"][n].as_f64().unwrap());
    assert!(low <= expected.ceil() && expected.floor() <= high && high <= 4.0, "{site}");
    let (closed, _) = item(&county, &format!("site=w-night&at={soon}")).await;
    assert_eq!(closed["reason"], "closed");
    // Its bays are silent for too long.
    let late = NOW.plus_s(2 * STALE_AFTER_S);
    county.at(late);
    let (unknown, _) = item(&county, &format!("site=w-market&at={}", late.plus_s(600))).await;
    assert_eq!((&unknown["basis"], &unknown["reason"]), (&json!("unknown"), &json!("no_data")));
}

#[tokio::test]
async fn what_may_not_be_shown_does_not_exist() {
    let county = county();
    for place in ["site=w-secret", "site=nowhere", "bay=w-m-3", "bay=w-hidden", "bay=w-s-1", "bay=nowhere"] {
        let answer = county.get(&format!("/v1/forecast?{place}&at={NOW}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{place}: {}", answer.body);
    }
    for (query, field) in [
        (format!("at={NOW}"), "site"),
        (format!("site=w-garage&bay=w-m-1&at={NOW}"), "bay"),
        ("site=w-garage".to_owned(), "at"),
        (format!("site=w-garage&at={}", NOW.plus_s(-3_600)), "at"),
        (format!("site=w-garage&until={}", NOW.plus_s(8 * 86_400)), "until"),
    ] {
        let answer = county.get(&format!("/v1/forecast?{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn drivers_see_what_was_learned() {
    let county = county();
    let full = NOW.plus_s(4 * 3_600); // 16:00
    let garage = async |county: &County, arrive: UtcMicros| {
        let path = format!("/v1/parking?near=51.953,7.991&kind=site&arrive={arrive}");
        let answer = county.get(&path).await.json();
        answer["items"].as_array().unwrap().iter().find(|i| i["id"] == "w-garage").cloned().unwrap()
    };
    let shown = garage(&county, full).await;
    let chance = &shown["chance"];
    let (p, low, high) = (chance["p"].as_f64(), chance["low"].as_f64(), chance["high"].as_f64());
    assert!(p < Some(0.5) && low <= p && p <= high, "{shown}");
    assert_eq!(chance["at"], full.to_string());
    assert!(shown["expected_vacant"].as_f64() < Some(10.0), "{shown}");
    let unlearned = garage(&County::new(), full).await;
    assert!(unlearned["chance"].is_null(), "the live state alone says nothing of it");
    let soon = garage(&County::new(), NOW.plus_s(1_800)).await;
    assert!(soon["chance"]["p"].as_f64() > Some(0.5), "{soon}");
    let (item, _) = item(&county, &format!("site=w-garage&at={full}")).await;
    assert_eq!(item["p_vacant"], chance["p"], "one truth");
}

#[tokio::test]
async fn planners_see_how_good_it_was() {
    let errors = |absolute, squared_chance| Errors { absolute, squared_chance };
    let mut contents = contents();
    contents.municipalities[0].1.public_planning = true;
    let county = County::with(contents);
    let mut town = Town::new(calendar());
    town.sample([SiteSample::of_cars(GARAGE, Some((120, Reading::Vacant(60))))], NOW);
    let quality = Quality {
        n: 200,
        forecast: errors(8.0, 2.0),
        persistence: errors(4.0, 4.0),
        weekly_mean: errors(16.0, 8.0),
    };
    let town = town.with_ledger(Ledger::new([(GARAGE, (2026, 11), 2, quality)]));
    county.app.forecasts.put(WARENDORF, town);
    let shown = county.get("/v1/forecast/quality").await.json();
    let expected = json!({
        "minutes": 60, "n": 200, "mae_pct": 4.0, "brier": 0.01, "served": "live",
        "persistence": {"mae_pct": 2.0, "brier": 0.02}, "weekly_mean": {"mae_pct": 8.0, "brier": 0.04},
    });
    assert_eq!(shown["sites"][0]["horizons"][2], expected);
    assert_eq!(shown["horizons"][2]["mae_pct"], 4.0);
    assert_eq!(
        (&shown["sites"][0]["id"], &shown["horizons"][0]["brier"]),
        (&json!("w-garage"), &json!(null))
    );
    let other = county.get("/v1/forecast/quality?municipality=telgte").await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED, "{}", other.body);
    let none = County::new().get("/v1/forecast/quality?site=w-garage").await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED, "{}", none.body);
}
