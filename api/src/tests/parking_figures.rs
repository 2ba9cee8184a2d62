//! Planners' figures of towns with different clocks and holidays, against a real database.

use axum::http::StatusCode;
use domain::{BayObservation, BayState, UtcMicros};
use serde_json::{Value, json};
use store::derive::Deriver;
use store::writer::Batch;
use testing::observed::{self, dated};

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
        let mut observed_at = at(BEGIN);
        while observed_at < at(NOW) {
            let is_even = observed_at.0 / 3_600_000_000 % 2 == 0;
            let state = if is_even { BayState::Occupied } else { BayState::Vacant };
            bays.push(passage(&instance, key, town, observed_at, state));
            observed_at = observed_at.plus_s(STEP_S);
        }
    }
    instance.county.at(at(NOW));
    instance.write(&Batch { bays: dated(bays), ..Batch::default() }).await;
    Some(instance)
}

fn passage(
    instance: &Instance,
    bay: &str,
    town: &str,
    observed_at: UtcMicros,
    state: BayState,
) -> BayObservation {
    let bay = instance.registry.bay_by_key(bay).expect("a bay").id;
    observed::bay(instance.provenance(town, observed_at), bay, None, state)
}

async fn deriver(instance: &Instance) -> Deriver {
    // One that was there before holds its lock until its connection is gone.
    loop {
        if let Some(deriver) = Deriver::connect(&instance.url, at(NOW)).await.expect("a database") {
            return deriver;
        }
    }
}

async fn derive(instance: &Instance) {
    let mut deriver = deriver(instance).await;
    while !deriver.step(at(NOW)).await.expect("a step").is_idle() {}
}

fn items(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.json()["items"].as_array().unwrap_or_else(|| panic!("{}", answer.body)).clone()
}

fn figure(row: &Value, field: &str) -> f64 {
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
            .map(|row| (row["municipality"].clone(), row["bucket"].clone(), figure(row, "observed_s")))
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
        stays.iter().map(|row| (row["municipality"].clone(), figure(row, "observed_s"))).collect();
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
        assert_eq!(figure(whole, "observed_s"), at(NOW).seconds_since(at(BEGIN)), "{bays}");
        for bucket in ["15m", "1h", "1d", "1w", "1mo", "hour_of_week", "all"] {
            let rows = ask(&format!("occupancy?{bays}&{PERIOD}&bucket={bucket}")).await;
            for field in ["occupied_s", "observed_s", "arrivals", "departures"] {
                let sum: f64 = rows.iter().map(|row| figure(row, field)).sum();
                assert_eq!(sum, figure(whole, field), "{bays} {bucket} {field}");
            }
            for row in &rows {
                assert_eq!(figure(row, "coverage"), 1.0, "{bays} {bucket}: {row}");
            }
        }
    }
    let months = ask(&format!("occupancy?bay=t-1&{PERIOD}&bucket=1mo")).await;
    let begins: Vec<_> = months.iter().map(|row| &row["bucket"]).collect();
    // The Azores had summer time in the beginning of October.
    assert_eq!(begins, ["2026-10-01T00:00:00Z", "2026-11-01T01:00:00Z"]);
    // One stay in two hours, until now.
    let stays = ask("stays?bay=t-1&from=2026-11-02&to=2026-11-03").await;
    assert!((figure(&stays[0], "turnover") - 12.0).abs() < 2.0, "{stays:?}");
    instance.pool.close().await;
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
            assert_eq!((&row["observed_s"], &row["min_bays"]), (&Value::Null, &json!(5)));
        }
    }
    // An answer that is withheld as a whole.
    let whole = instance.county.get(&question).await.json();
    assert_eq!(whole, json!({"withheld": true, "reason": "too_few_bays", "min_bays": 5}));
    let csv = instance.county.get(&format!("{question}&format=csv")).await;
    assert_eq!(csv.header("content-type").split(';').next(), Some("text/csv"));
    let mut lines = ::csv::Reader::from_reader(csv.body.as_bytes());
    let names = lines.headers().expect("names").clone();
    let rows: Vec<_> = lines.into_records().map(|row| row.expect("a row")).collect();
    let cell = |name: &str| &rows[0][names.iter().position(|n| n == name).expect(name)];
    assert_eq!((cell("municipality"), cell("withheld"), cell("reason")), ("telgte", "true", "too_few_bays"));
    assert_eq!((rows.len(), cell("observed_s"), cell("municipality_name")), (1, "", "Telgte"));
    instance.pool.close().await;
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
}

#[tokio::test]
async fn half_derived_figures_say_so() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let question = format!("/v1/occupancy?bay=w-m-1&{PERIOD}&bucket=1d");
    let ask = async || instance.get(&question, &key).await.json();
    let days = |answer: &Value, is_complete: bool| {
        let rows =
            answer["items"].as_array().expect("rows").iter().filter(|row| row["complete"] == is_complete);
        rows.map(|row| row["bucket"].as_str().expect("a bucket").to_owned()).collect::<Vec<_>>()
    };
    // Everything is derived: the day that is running is not over.
    let answer = ask().await;
    assert_eq!(answer["complete_until"], NOW);
    assert_eq!(days(&answer, false), ["2026-11-01T23:00:00Z"]);
    assert_eq!(days(&answer, true).len(), 5);

    // What waits of a hidden bay that does not count changes no figure, and does not show; nor when something of it is derived.
    for late in ["2026-10-29T10:00:01Z", "2026-10-29T11:00:01Z"] {
        let bays = vec![passage(&instance, "w-m-3", "warendorf", at(late), BayState::Vacant)];
        instance.write(&Batch { bays: dated(bays), ..Batch::default() }).await;
        assert_eq!(ask().await, answer);
        derive(&instance).await;
        assert_eq!(ask().await, answer);
    }

    // Something late waits: from its instant on nothing is sure.
    let late = "2026-10-30T10:00:01Z";
    let bays = vec![passage(&instance, "w-m-1", "warendorf", at(late), BayState::Vacant)];
    instance.write(&Batch { bays: dated(bays), ..Batch::default() }).await;
    let answer = ask().await;
    assert_eq!(answer["complete_until"], late);
    assert_eq!(days(&answer, true), ["2026-10-27T23:00:00Z", "2026-10-28T23:00:00Z"]);
    let other = instance.get(&format!("/v1/occupancy?bay=t-1&{PERIOD}"), &key).await.json();
    assert_eq!(other["complete_until"], NOW, "another town's");
    let stays = instance.get(&format!("/v1/stays?bay=w-m-1&{PERIOD}"), &key).await.json();
    assert_eq!((&stays["complete_until"], &stays["items"][0]["complete"]), (&json!(late), &json!(false)));
    let whole = instance.get(&format!("/v1/occupancy?bay=w-m-1&{PERIOD}&bucket=all"), &key).await.json();
    assert_eq!(whole["items"][0]["complete"], false);
    let csv = instance.get(&format!("{question}&format=csv"), &key).await.body;
    let mut lines = ::csv::Reader::from_reader(csv.as_bytes());
    let names = lines.headers().expect("names").clone();
    let place = |name: &str| names.iter().position(|n| n == name).expect(name);
    let rows: Vec<_> = lines.into_records().map(|row| row.expect("a row")).collect();
    let complete: Vec<_> = rows.iter().map(|row| &row[place("complete")]).collect();
    assert_eq!(complete, ["true", "true", "false", "false", "false", "false"]);
    assert!(rows.iter().all(|row| &row[place("complete_until")] == late));

    derive(&instance).await;
    let answer = ask().await;
    assert_eq!((&answer["complete_until"], days(&answer, true).len()), (&json!(NOW), 5));
    instance.pool.close().await;
}

#[tokio::test]
async fn while_everything_is_derived_again_each_figure_is_the_old_or_the_new_one() {
    derive_again(true).await;
}

#[tokio::test]
async fn what_is_derived_again_in_stretches_is_not_called_complete() {
    derive_again(false).await;
}

async fn derive_again(in_one: bool) {
    let Some(instance) = instance().await else { return };
    // Three weeks more, so that it takes several transactions.
    let weeks_ago = |days: i64| at(BEGIN).plus_s(-86_400 * days);
    let bays = (0..20).flat_map(|day| {
        [(0, BayState::Occupied), (1_800, BayState::Vacant)]
            .map(|(s, state)| passage(&instance, "w-m-1", "warendorf", weeks_ago(20 - day).plus_s(s), state))
    });
    instance.write(&Batch { bays: dated(bays), ..Batch::default() }).await;
    derive(&instance).await;
    let (key, _) = instance.key("admin", &[], 1, None).await;
    let period = format!("from={}&to={NOW}", weeks_ago(20));
    let questions = [
        "bay=w-m-1&bucket=1d",
        "bay=t-1&bucket=1d",
        "municipality=warendorf&bucket=1d",
        "site=w-market&bucket=1d",
    ];
    // Rows, each with whether it is complete.
    let figures = async || {
        let mut all = Vec::new();
        for question in questions {
            let rows = items(&instance.get(&format!("/v1/occupancy?{question}&{period}"), &key).await);
            all.extend(rows.into_iter().map(|mut row| {
                let fields = row.as_object_mut().expect("a row");
                let is_complete = fields.remove("complete") == Some(Value::Bool(true));
                fields.remove("complete_until");
                (row, is_complete)
            }));
        }
        all
    };
    let values = |rows: &[(Value, bool)]| rows.iter().map(|(row, _)| row.clone()).collect::<Vec<_>>();
    let new = figures().await;
    // What a fault of the deriver may have left behind.
    sqlx::query("UPDATE bay_interval SET state = 1 - state").execute(&instance.pool).await.expect("changed");
    sqlx::query(
        "UPDATE occupancy_hour SET occupied_us = 0, detail = (SELECT detail FROM occupancy_hour ORDER BY scope, hour LIMIT 1)",
    )
    .execute(&instance.pool)
    .await
    .expect("changed");
    let old = figures().await;
    assert_ne!(values(&old), values(&new));
    store::derive::request_all(&instance.pool).await.expect("wished");
    // In one transaction nobody sees anything between; in several, what lies in both is not called complete.
    let mut following = deriver(&instance).await;
    following.set_bay_days(if in_one { 1_000 } else { 6 });
    let mut between = 0;
    for step in 0.. {
        let is_idle = following.step(at(NOW)).await.expect("a step").is_idle();
        let now = figures().await;
        assert_eq!(now.len(), new.len());
        for (((now, is_complete), (old, _)), (new, _)) in now.iter().zip(&old).zip(&new) {
            let is_either = now == old || now == new;
            assert!(is_either || (!in_one && !is_complete), "{now}\nis neither {old}\nnor {new}");
            assert!(!now["occupancy"].is_null() || old["occupancy"].is_null() || new["occupancy"].is_null());
        }
        between += usize::from(values(&now) != values(&old) && values(&now) != values(&new));
        if is_idle {
            assert_eq!(now, new);
            break;
        }
        if step == 1 {
            // As if it had been killed.
            drop(following);
            following = deriver(&instance).await;
            following.set_bay_days(if in_one { 1_000 } else { 6 });
        }
    }
    assert_eq!(between > 1, !in_one, "{between}");
    drop(following);
    instance.pool.close().await;
}

#[tokio::test]
async fn too_many_rows_for_json_are_a_problem_with_a_remedy() {
    let Some(instance) = instance().await else { return };
    derive(&instance).await;
    let (key, _) = instance.key("planner", &["warendorf"], 1, None).await;
    let decade = "/v1/occupancy?municipality=warendorf&from=2017-01-01&to=2026-12-01&group_by=bay";
    let refused = instance.get(&format!("{decade}&bucket=15m"), &key).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let problem = refused.json();
    assert_eq!((&problem["field"], &problem["value"]), (&json!("bucket"), &json!("15m")));
    assert!(problem["remedy"].as_str().unwrap().contains("format=parquet"), "{problem}");
    for fits in ["&bucket=1w", "&bucket=all", "&bucket=hour_of_week"] {
        let answer = instance.get(&format!("{decade}{fits}"), &key).await;
        assert_eq!(answer.status, StatusCode::OK, "{fits}: {}", answer.body);
    }
}
