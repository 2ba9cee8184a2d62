//! Whoever says whether a place is open says the same: on a holiday of the Land, on one that only the town has, in the
//! school's holidays and on an ordinary day.

use domain::calendar::{CalendarDay, MarkedKind};
use domain::opening::Hours;
use domain::{Audience, Restriction, UtcMicros};
use serde_json::json;

use super::fixture::{County, NOW, counted, kept_for, observed, world};

/// On weekdays from 8 to 18, in school holidays until noon, on holidays not at all.
const HOURS: &str = "Mo-Fr 08:00-18:00; SH 08:00-12:00; PH off";

/// 13:00 in the town; whether the place is open then.
const DAYS: [(&str, bool); 5] = [
    ("2026-11-23T12:00:00Z", true),
    // Only the town's own.
    ("2026-11-24T12:00:00Z", false),
    ("2026-11-25T12:00:00Z", true),
    // School holidays.
    ("2026-11-26T12:00:00Z", false),
    ("2026-11-27T12:00:00Z", true),
];
/// All Saints' Day is a holiday in North Rhine-Westphalia, and not in all of Germany; this one is no Sunday.
const OF_LAND: &str = "2027-11-01T12:00:00Z";

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

fn county() -> County {
    let day = |date: &str, kind| CalendarDay {
        municipality: "warendorf".into(),
        date: date.parse().unwrap(),
        until: date.parse().unwrap(),
        kind,
        name: "own".into(),
    };
    let mut world = world()
        .in_town("warendorf")
        .place_ids_from(31)
        .north_m(60.0)
        .site("lot", 10)
        .with_site(|lot| lot.opening_hours = Some(HOURS.into()))
        .place_ids_from(131)
        .north_m(61.0)
        .bay("kept")
        // The same hours as those of a limit, and as those in which a bay is kept for others.
        .with_bay(|bay| {
            bay.restrictions = vec![Restriction { hours: Some(HOURS.into()), ..kept_for(Audience::Taxi) }];
        });
    world.contents.calendar = vec![
        day("2026-11-24", MarkedKind::Holiday),
        day("2026-11-26", MarkedKind::SchoolHoliday),
        day("2026-11-25", MarkedKind::Market),
    ];
    let county = County::with(world.contents);
    county.hub.apply(vec![counted(31, 2, 30), observed(131, domain::BayState::Vacant, 30)], NOW);
    county
}

#[tokio::test]
async fn every_answer_knows_the_same_days() {
    let county = county();
    let registry = county.hub.read().map.registry().clone();
    let town = registry.site_by_key("lot").unwrap().municipality;
    // What overstays within hours are measured by.
    let of_limits = Hours::parse(HOURS, registry.locality(town)).unwrap();
    for (text, is_open) in DAYS.into_iter().chain([(OF_LAND, false)]) {
        assert_eq!(of_limits.at(at(text)).is_open, Some(is_open), "limits, {text}");
        // For an arrival, seen from days before.
        county.at(NOW);
        let asked = format!("/v1/parking?near=51.953,7.991&kind=site,bay&arrive={text}");
        let parking = county.get(&asked).await.json();
        let listed = |id: &str| parking["items"].as_array().unwrap().iter().any(|item| item["id"] == id);
        assert_eq!(listed("lot"), is_open, "parking, {text}: {parking}");
        assert_eq!(listed("kept"), !is_open, "kept for taxis, {text}: {parking}");
        if at(text) <= NOW.plus_s(7 * 86_400) {
            let forecast = county.get(&format!("/v1/forecast?site=lot&at={text}")).await.json();
            let is_closed = forecast["items"][0]["reason"] == "closed";
            assert_eq!(is_closed, !is_open, "forecast, {text}: {forecast}");
        }
        // At the moment itself: lists, pages and the open data.
        county.at(at(text));
        let lot = county.get("/v1/sites/lot").await.json();
        let word = if is_open { "open" } else { "closed" };
        assert_eq!(lot["opening"]["state"], json!(word), "sites, {text}: {lot}");
        let sign = county.get("/sign/warendorf?lang=en").await.body;
        let row = sign.split("<li>").find(|row| row.starts_with("<span>Site lot"));
        let row = row.unwrap_or_else(|| panic!("{sign}"));
        assert_eq!(row.to_lowercase().contains("closed"), !is_open, "sign, {text}: {row}");
    }
}
