//! Planners' figures of towns with different clocks and holidays, against a real database.

use axum::http::StatusCode;
use domain::observation::Heard;
use domain::{BayObservation, BayState, UtcMicros};
use serde_json::{Value, json};
use store::derive::Deriver;
use store::writer::{Batch, Gated};

use super::fixture::{Answer, contents};
use super::keys::Instance;

/// All Saints' Day (not in Lower Saxony) is a Sunday, Reformation Day (only there) the day before.
const BEGIN: &str = "2026-10-28T00:00:00Z";
/// In the middle of an hour, a day, a week and a month.
const NOW: &str = "2026-11-02T10:20:00Z";
/// Everything that is stored.
const PERIOD: &str = "from=2026-10-28T00:00:00Z&to=2026-12-01T00:00:00Z";

const STEP_S: i64 = 1_000;

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).expect("an instant")
}

/// Westphalian Warendorf by the clock of Berlin with two bays that talk, Telgte by the clock of the Azores and with the
/// holidays of Lower Saxony with one. Each is occupied in every other hour. Telgte's figures are for everybody.
async fn instance() -> Option<Instance> {
    let mut contents = contents();
    let telgte = &mut contents.municipalities[1].1;
    (telgte.tz, telgte.ags) = ("Atlantic/Azores".into(), "03459001".into());
    telgte.public_planning = true;
    contents.sites[1].def.name = "1-2".into();
    let instance = Instance::with(contents).await?;
    let mut bays = Vec::new();
    for (key, town) in [("w-m-1", "warendorf"), ("w-m-2", "warendorf"), ("t-1", "telgte")] {
        let bay = instance.registry.bay_by_key(key).expect("a bay").id;
        let feed = instance.registry.feeds().find(|f| f.def.id == format!("feed-{town}")).expect("a feed").id;
        let mut observed_at = at(BEGIN);
        while observed_at < at(NOW) {
            let heard = Heard {
                municipality: instance.town(town),
                feed,
                sensor: None,
                received_at: observed_at,
                clock_corrected: false,
            };
            let state =
                if observed_at.0 / 3_600_000_000 % 2 == 0 { BayState::Occupied } else { BayState::Vacant };
            let observation = BayObservation {
                heard,
                bay,
                observed_at,
                digest: BayObservation::digest_of(-feed.0, None, state),
                state,
                seq: None,
                battery_v: None,
                rssi_dbm: None,
                temperature_c: None,
            };
            bays.push(Gated { observation, claim: None });
            observed_at = observed_at.plus_s(STEP_S);
        }
    }
    instance.county.at(at(NOW));
    instance.write(&Batch { bays, ..Batch::default() }).await;
    Some(instance)
}

async fn derive(instance: &Instance) {
    let mut deriver =
        Deriver::connect(&instance.server.url(), at(NOW)).await.expect("a database").expect("the lock");
    while !deriver.step(at(NOW)).await.expect("a step").is_idle() {}
}

fn items(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["items"].as_array().unwrap_or_else(|| panic!("{}", answer.body)).clone()
}

fn told(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap_or_else(|| panic!("{field}: {row}"))
}

#[tokio::test]
async fn each_town_goes_by_its_own_clock_and_calendar() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let ask = async |question: &str| items(&instance.get(&format!("/v1/{question}"), &key).await);

    // A plain date is each town's midnight.
    let all =
        ["group_by=municipality", "bbox=7.0,51.0,9.0,53.0", "bbox=7.0,51.0,9.0,53.0&group_by=municipality"];
    for places in all {
        let rows = ask(&format!("occupancy?{places}&from=2026-10-30&to=2026-10-31")).await;
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row["observed_s"] != 0.0)
            .map(|row| (row["municipality"].clone(), row["bucket"].clone(), told(row, "observed_s")))
            .collect();
        let row = |town: &str, bucket: &str, s: f64| (json!(town), json!(bucket), s);
        assert_eq!(
            rows,
            [
                row("telgte", "2026-10-30T01:00:00Z", 86_400.0),
                row("warendorf", "2026-10-29T23:00:00Z", 2.0 * 86_400.0)
            ],
            "{places}"
        );
    }
    let stays = ask("stays?group_by=municipality&from=2026-10-30&to=2026-10-31").await;
    let observed: Vec<_> =
        stays.iter().map(|row| (row["municipality"].clone(), told(row, "observed_s"))).collect();
    assert!(observed.contains(&(json!("telgte"), 86_400.0)), "{observed:?}");

    // Holidays are those of the town's Land.
    let holidays = ask("occupancy?group_by=municipality&from=2026-10-28&to=2026-11-03&days=holiday").await;
    let mut days: Vec<_> = holidays.iter().filter(|row| row["observed_s"] != 0.0).collect();
    days.sort_by_key(|row| row["municipality"].to_string());
    let days: Vec<_> = days.iter().map(|row| (&row["municipality"], &row["bucket"])).collect();
    assert_eq!(
        days,
        [
            (&json!("telgte"), &json!("2026-10-31T01:00:00Z")),
            (&json!("warendorf"), &json!("2026-10-31T23:00:00Z"))
        ]
    );
    instance.pool.close().await;
    instance.server.stop().await.unwrap();
}

#[tokio::test]
async fn buckets_add_up_and_what_is_not_over_was_not_possible() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let ask = async |question: &str| items(&instance.get(&format!("/v1/{question}"), &key).await);
    for bays in ["bay=t-1", "bay=w-m-1", "municipality=telgte"] {
        let whole = ask(&format!("occupancy?{bays}&{PERIOD}&bucket=all")).await;
        let [whole] = &whole[..] else { panic!("{whole:?}") };
        assert_eq!((&whole["bucket"], &whole["weekday"]), (&Value::Null, &Value::Null));
        assert_eq!(told(whole, "observed_s"), at(NOW).seconds_since(at(BEGIN)), "{bays}");
        for bucket in ["15m", "1h", "1d", "1w", "1mo", "hour_of_week", "all"] {
            let rows = ask(&format!("occupancy?{bays}&{PERIOD}&bucket={bucket}")).await;
            for field in ["occupied_s", "observed_s", "arrivals", "departures"] {
                let sum: f64 = rows.iter().map(|row| told(row, field)).sum();
                assert_eq!(sum, told(whole, field), "{bays} {bucket} {field}");
            }
            for row in &rows {
                assert_eq!(told(row, "coverage"), 1.0, "{bays} {bucket}: {row}");
            }
        }
    }
    let months = ask(&format!("occupancy?bay=t-1&{PERIOD}&bucket=1mo")).await;
    let begins: Vec<_> = months.iter().map(|row| &row["bucket"]).collect();
    // The Azores had summer time in the beginning of October.
    assert_eq!(begins, ["2026-10-01T00:00:00Z", "2026-11-01T01:00:00Z"]);
    // One stay in two hours, until now.
    let stays = ask("stays?bay=t-1&from=2026-11-02&to=2026-11-03").await;
    assert!((told(&stays[0], "turnover") - 12.0).abs() < 2.0, "{stays:?}");
    instance.pool.close().await;
    instance.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_withheld_group_is_a_row_in_every_format() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let question = format!("/v1/occupancy?municipality=telgte&{PERIOD}&bucket=all");
    for what in ["occupancy", "stays"] {
        let rows = items(
            &instance.county.get(&format!("/v1/{what}?municipality=telgte&{PERIOD}&group_by=bay")).await,
        );
        assert!(!rows.is_empty());
        for row in &rows {
            let ids = (&row["bay"], &row["municipality"], &row["withheld"], &row["reason"]);
            assert_eq!(ids, (&json!("t-1"), &json!("telgte"), &json!(true), &json!("too_few_bays")));
            assert_eq!((&row["observed_s"], &row["min_bays"]), (&Value::Null, &json!(3)));
        }
    }
    // An answer that is withheld as a whole.
    let whole = instance.county.get(&question).await.json();
    assert_eq!(whole, json!({"withheld": true, "reason": "too_few_bays", "min_bays": 3}));
    let csv = instance.county.get(&format!("{question}&format=csv")).await;
    assert_eq!(csv.header("content-type").split(';').next(), Some("text/csv"));
    let mut lines = ::csv::Reader::from_reader(csv.body.as_bytes());
    let names = lines.headers().expect("names").clone();
    let rows: Vec<_> = lines.into_records().map(|row| row.expect("a row")).collect();
    let cell = |name: &str| &rows[0][names.iter().position(|n| n == name).expect(name)];
    assert_eq!((cell("municipality"), cell("withheld"), cell("reason")), ("telgte", "true", "too_few_bays"));
    assert_eq!((rows.len(), cell("observed_s"), cell("municipality_name")), (1, "", "Telgte"));
    instance.pool.close().await;
    instance.server.stop().await.unwrap();
}

#[tokio::test]
async fn german_csv_names_what_the_ids_are_of() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let question =
        "/v1/occupancy?site=w-market&group_by=bay&from=2026-10-30&to=2026-10-31&format=csv&locale=de";
    let answer = instance.get(question, &key).await;
    let text = answer.body.strip_prefix('\u{feff}').expect("a byte order mark");
    let mut lines = ::csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    let names: Vec<String> = lines.headers().expect("names").iter().map(str::to_owned).collect();
    assert!(names.join(";").contains("site;site_name;bay;bay_site;"), "{names:?}");
    let row = lines.into_records().next().expect("a row").expect("a row");
    let cell = |name: &str| &row[names.iter().position(|n| n == name).expect(name)];
    assert_eq!((cell("bucket"), cell("bucket_weekday")), ("30.10.2026 00:00:00", "Fr"));
    assert_eq!((cell("bay"), cell("bay_site"), cell("site_name")), ("w-m-1", "w-market", "'1-2"));
    assert_eq!(cell("coverage"), "1");
    instance.pool.close().await;
    instance.server.stop().await.unwrap();
}
