//! The simulator's truth against the product's figures of the past.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Instance, eventually, port_of, publish, town};

const BAYS: usize = 60;
const FROM: &str = "2026-03-27T00:00:00Z";
/// The night in which the clocks go forward lies within.
const UNTIL: &str = "2026-03-31T00:00:00Z";

/// Changes of each bay: when, and whether it was occupied from then on.
type Truth = BTreeMap<String, Vec<(f64, bool)>>;

fn s(text: &str) -> f64 {
    let at: Timestamp = text.parse().unwrap();
    at.as_microsecond() as f64 / 1e6
}

fn truth(file: &Path) -> Truth {
    let mut bays = Truth::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["what"] == "change" && line["kind"] == "bay" {
            let (id, at) = (line["id"].as_str().unwrap(), s(line["at"].as_str().unwrap()));
            bays.entry(id.to_owned()).or_default().push((at, line["state"] == "occupied"));
        }
    }
    bays
}

/// Occupied seconds in `[from, until)`.
fn occupied_s(changes: &[(f64, bool)], from: f64, until: f64) -> f64 {
    let ends = changes.iter().skip(1).map(|c| c.0).chain([s(UNTIL)]);
    changes
        .iter()
        .zip(ends)
        .filter(|((_, occupied), _)| *occupied)
        .map(|((at, _), end)| (end.min(until) - at.max(from)).max(0.0))
        .sum()
}

struct Past {
    instance: Instance,
    truth: Truth,
    key: String,
}

impl Past {
    /// Simulates the past with these faults.
    async fn send(faults: &[&str]) -> Past {
        let instance = Instance::serve(&[]).await;
        let places = instance.dir.path().join("past");
        let (places_text, bays) = (places.to_string_lossy().into_owned(), BAYS.to_string());
        let common = ["simulate", "--history", "4d", "--until", UNTIL, "--bays", &bays];
        let run = |extra: &[&str]| {
            let done = std::process::Command::new(crate::support::BIN)
                .args(common)
                .args(extra)
                .env("KV_LOG", "warn")
                .output()
                .unwrap();
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        run(&["--write-places", &places_text]);
        instance.import(&places);
        instance.subscriptions(1).await;
        let file = instance.dir.path().join("truth.jsonl");
        let (mqtt, http) = (instance.text("mqtt"), instance.text("http"));
        let to = ["--mqtt-url", &mqtt, "--watch", &http, "--truth", &file.to_string_lossy()];
        run(&[&to[..], faults].concat());
        let truth = truth(&file);
        assert_eq!(truth.len(), BAYS);
        let pool = instance.pool().await;
        eventually("all is derived", || async {
            let derived: Option<i64> = sqlx::query_scalar("SELECT sum(seq)::bigint FROM derive_position")
                .fetch_one(&pool)
                .await
                .unwrap();
            (derived.unwrap_or(0) > 0 && store::derive::backlog(&pool).await.unwrap() == 0).then_some(())
        })
        .await;
        pool.close().await;
        let key = instance.admin_key();
        Past { instance, truth, key }
    }

    async fn ask(&self, question: &str) -> Vec<Value> {
        let answer = self.instance.get_with(question, &self.key).await;
        answer["items"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
    }

    async fn hours_of_bays(&self) -> Vec<Value> {
        let question =
            format!("/v1/occupancy?municipality=historytown&group_by=bay&bucket=1h&from={FROM}&to={UNTIL}");
        self.ask(&question).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_late_duplicated_or_out_of_order_is_right_to_the_second() {
    let past = Past::send(&["--double", "0.3", "--reorder", "0.3", "--delay-s", "80000"]).await;
    let rows = past.hours_of_bays().await;
    assert_eq!(rows.len(), BAYS * 96);
    let (mut total, mut arrivals) = (0.0, 0);
    for row in &rows {
        let changes = &past.truth[row["bay"].as_str().unwrap()];
        let from = s(row["bucket"].as_str().unwrap());
        let item = row["occupied_s"].as_f64().unwrap();
        assert!((item - occupied_s(changes, from, from + 3_600.0)).abs() < 1.0, "{row}");
        assert_eq!((&row["coverage"], &row["observed_s"]), (&json!(1.0), &json!(3_600.0)), "{row}");
        total += item;
        arrivals += row["arrivals"].as_i64().unwrap();
    }
    let truly = |changes: &Vec<(f64, bool)>| changes.iter().skip(1).filter(|c| c.1).count();
    assert_eq!(arrivals as usize, past.truth.values().map(truly).sum::<usize>());

    // The same in days of the town: the one on which the clocks go forward has 23 hours.
    let days =
        past.ask("/v1/occupancy?municipality=historytown&bucket=1d&from=2026-03-28&to=2026-03-31").await;
    let observed: Vec<f64> =
        days.iter().map(|d| d["observed_s"].as_f64().unwrap() / 3_600.0 / BAYS as f64).collect();
    assert_eq!(observed[..2], [24.0, 23.0]);
    let week = past
        .ask(&format!("/v1/occupancy?municipality=historytown&bucket=hour_of_week&from={FROM}&to={UNTIL}"))
        .await;
    let of_week: f64 = week.iter().map(|h| h["occupied_s"].as_f64().unwrap()).sum();
    assert!((of_week - total).abs() < 1.0, "{of_week} {total}");
    // By sites, zones and restrictions it adds up to the same.
    for by in ["site", "zone", "restriction"] {
        let rows = past
            .ask(&format!(
                "/v1/occupancy?municipality=historytown&group_by={by}&bucket=1w&from={FROM}&to={UNTIL}"
            ))
            .await;
        let sum: f64 = rows.iter().map(|r| r["occupied_s"].as_f64().unwrap()).sum();
        assert!((sum - total).abs() < 1.0, "{by}: {sum} {total}");
    }
    stays_are_true(&past).await;
    formats_are_the_same(&past).await;
    past.instance.stop().await;
}

async fn stays_are_true(past: &Past) {
    let rows = past
        .ask(&format!("/v1/stays?municipality=historytown&group_by=bay&min_stay_s=0&from={FROM}&to={UNTIL}"))
        .await;
    assert_eq!(rows.len(), BAYS);
    for row in &rows {
        let changes = &past.truth[row["bay"].as_str().unwrap()];
        // From an arrival to the departure after it; the first state is no arrival.
        let mut durations: Vec<f64> = changes
            .windows(2)
            .enumerate()
            .filter(|(i, w)| w[0].1 && (*i > 0))
            .map(|(_, w)| w[1].0 - w[0].0)
            .collect();
        durations.sort_by(f64::total_cmp);
        assert_eq!(row["count"].as_u64().unwrap() as usize, durations.len(), "{row}");
        if let Some(median) = durations.get((durations.len().max(1) - 1) / 2) {
            assert!((row["median_s"].as_f64().unwrap() - median).abs() < 1.0, "{row} {median}");
        }
        let open = usize::from(changes[0].1) + usize::from(changes.last().unwrap().1 && changes.len() > 1);
        assert_eq!(row["censored"].as_u64().unwrap() as usize, open, "{row}");
    }
}

async fn formats_are_the_same(past: &Past) {
    let question = format!("/v1/occupancy?municipality=historytown&bucket=1d&from={FROM}&to={UNTIL}");
    let rows = past.ask(&question).await;
    let url = format!("{}{question}&format=csv&locale=de", past.instance.text("http"));
    let key = format!("Bearer {}", past.key);
    let csv = tokio::task::spawn_blocking(move || {
        ureq::get(&url).header("authorization", key).call().unwrap().body_mut().read_to_string().unwrap()
    })
    .await
    .unwrap();
    let csv = csv.strip_prefix('\u{feff}').expect("a byte order mark");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), rows.len() + 1, "{csv}");
    assert!(lines[0].starts_with("bucket;bucket_weekday;bucket_offset;"), "{}", lines[0]);
    assert!(lines[1].starts_with("27.03.2026 00:00:00;Fr;UTC+01:00;"), "{}", lines[1]);
    let column = lines[0].split(';').position(|name| name == "occupancy").unwrap();
    for (line, row) in lines[1..].iter().zip(&rows) {
        let written: f64 = line.split(';').nth(column).unwrap().replace(',', ".").parse().unwrap();
        assert!((written - row["occupancy"].as_f64().unwrap()).abs() <= 0.00005, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_show_in_coverage_and_bound_the_error() {
    let past = Past::send(&["--loss", "0.4", "--reorder", "0.2"]).await;
    let mut observed = 0.0;
    for row in past.hours_of_bays().await {
        let changes = &past.truth[row["bay"].as_str().unwrap()];
        let from = s(row["bucket"].as_str().unwrap());
        let (item, seen) = (row["occupied_s"].as_f64().unwrap(), row["observed_s"].as_f64().unwrap());
        assert!((row["coverage"].as_f64().unwrap() - seen / 3_600.0).abs() < 1e-9);
        assert!(item <= seen && seen <= 3_600.0);
        let truly = occupied_s(changes, from, from + 3_600.0);
        // A change whose message was lost is seen at the next message, which here is never more than the
        // heartbeats that one may miss away.
        assert!(truly - item <= 3_600.0 && item - truly <= 3_600.0);
        observed += seen;
    }
    let coverage = observed / (BAYS as f64 * 96.0 * 3_600.0);
    assert!((0.5..1.0).contains(&coverage), "{coverage}");
    past.instance.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_figures_learns_nothing() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let file = folder.join("municipalities.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("lat,lon\n", "lat,lon,public_planning\n")
        .replace("51.9,7.2\n", "51.9,7.2,false\n")
        .replace("51.90,7.20\n", "51.90,7.20,true\n")
        .replace("51.95,7.30\n", "51.95,7.30,false\n");
    std::fs::write(&file, text).unwrap();
    // Two bays more: of fewer than five nothing is published.
    let file = folder.join("bays.geojson");
    let mut bays: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let features = bays["features"].as_array_mut().unwrap();
    for id in ["a4", "a5"] {
        let mut bay = features[0].clone();
        bay["properties"]["id"] = json!(id);
        features.push(bay);
    }
    std::fs::write(&file, bays.to_string()).unwrap();
    instance.import(&folder);
    instance.subscribed().await;
    let at = |m: i64| crate::support::at(m * 60);
    let observation = |bay: &str, m: i64, state: &str| {
        (format!("kv/1/alt/bay/{bay}"), format!(r#"{{"at":"{}","state":"{state}"}}"#, at(m)).into_bytes())
    };
    let messages = ["a1", "a2", "a3", "a4", "a5", "a-home"]
        .iter()
        .flat_map(|bay| [observation(bay, -200, "vacant"), observation(bay, -100, "occupied")]);
    publish(port_of(&instance.text("mqtt")), messages.collect()).await;
    let pool = instance.pool().await;
    eventually("all is derived", || async {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM bay_interval").fetch_one(&pool).await.unwrap();
        (n == 12).then_some(())
    })
    .await;
    pool.close().await;
    let of = |what: &str| format!("/v1/occupancy?{what}&bucket=1w&from={}&to={}", at(-300), at(0));
    let (status, _) = instance.get(&of("municipality=neudorf")).await;
    assert_eq!(status, 401);
    // Five bays of a town that shows its figures; a single one says too much.
    let (_, site) = instance.get(&of("site=markt")).await;
    let (observed, coverage) = (&site["items"][0]["observed_s"], &site["items"][0]["coverage"]);
    let observed = observed.as_f64().unwrap();
    assert!(
        observed > 5.0 * 190.0 * 60.0 && observed < 5.0 * 210.0 * 60.0 && coverage.as_f64().unwrap() < 0.7,
        "{site}"
    );
    let (_, bay) = instance.get(&of("bay=a1")).await;
    assert_eq!(bay, json!({"withheld": true, "reason": "too_few_bays", "min_bays": 5}));
    let (_, by) = instance.get(&of("site=markt&group_by=restriction")).await;
    let groups: Vec<(&Value, &Value, bool)> = by["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (&r["restriction"], &r["withheld"], r["occupancy"].is_null()))
        .collect();
    assert_eq!(groups, [(&json!("none"), &json!(false), false)], "the resident's bay counts nowhere");
    // A resident's bay answers like one that does not exist.
    let (status, hidden) = instance.get(&of("bay=a-home")).await;
    let (_, absent) = instance.get(&of("bay=a-nowhere")).await;
    assert_eq!(status, 400);
    assert_eq!(
        hidden["detail"].as_str().unwrap().replace("a-home", "a-nowhere"),
        absent["detail"].as_str().unwrap()
    );
    let key = instance.admin_key();
    // For a planner too.
    let planner = instance.get_with(&of("bay=a-home"), &key).await;
    assert_eq!(planner["detail"], hidden["detail"]);
    let single = instance.get_with(&of("bay=a1"), &key).await;
    assert!(single["items"][0]["occupancy"].as_f64().is_some(), "{single}");
    instance.stop().await;
}

/// An uplink of a Bosch sensor that was received at `at`: port 1 has its state, 1 = occupied.
fn bosch(device: &str, f_cnt: u32, at: Timestamp, occupied: bool) -> (String, Vec<u8>) {
    let (topic, _) = crate::support::chirpstack(device, f_cnt, 1, "");
    let data = if occupied { "AQ==" } else { "AA==" };
    let body = json!({
        "deduplicationId": format!("00000000-0000-0000-{}-{f_cnt:012}", &device[12..]), "time": at.to_string(),
        "deviceInfo": {"devEui": device}, "fCnt": f_cnt, "fPort": 1, "data": data,
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -90, "snr": 7.5, "nsTime": at.to_string()}],
    });
    (topic, body.to_string().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bay_keeps_its_history_when_its_device_is_swapped() {
    let instance = Instance::serve(&[]).await;
    let folder = town(instance.dir.path());
    let now = Timestamp::now();
    let minute = |m: i64| {
        Timestamp::from_second(now.as_second().div_euclid(60) * 60).unwrap()
            + jiff::SignedDuration::from_mins(m)
    };
    let swap = minute(-60);
    let (old, new) = ("70b3d57ed0000001", "70b3d57ed0000009");
    std::fs::write(
        folder.join("sensors.csv"),
        format!(
            "id,feed,decoder,bay,bound_from,bound_until,heartbeat_s\n{old},lora,bosch-tps110,n1,,{swap},3600\n\
             {new},lora,bosch-tps110,n1,{swap},,3600\n"
        ),
    )
    .unwrap();
    instance.import(&folder);
    instance.subscribed().await;
    // Occupied from -180 to -150 and from -90 to -30; the second ends with the new device, whose first statement is a repetition.
    let mut messages = vec![
        bosch(old, 1, minute(-200), false),
        bosch(old, 2, minute(-180), true),
        bosch(old, 3, minute(-150), false),
        bosch(old, 4, minute(-90), true),
        bosch(new, 1, minute(-50), true),
        bosch(new, 2, minute(-30), false),
        // The old one lies in a drawer and goes on sending.
        bosch(old, 5, minute(-40), false),
    ];
    messages.extend(messages.clone());
    messages.reverse();
    messages.swap(2, 9);
    publish(port_of(&instance.text("mqtt")), messages).await;
    let pool = instance.pool().await;
    eventually("all is derived", || async {
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM bay_interval").fetch_one(&pool).await.unwrap();
        (n == 5 && store::derive::backlog(&pool).await.unwrap() == 0).then_some(())
    })
    .await;
    let key = instance.admin_key();
    let ask = format!("bay=n1&from={}&to={}", minute(-200), minute(-20));
    let item = instance.get_with(&format!("/v1/occupancy?{ask}&bucket=1w"), &key).await;
    let sum = |field: &str| -> f64 {
        item["items"].as_array().unwrap().iter().map(|row| row[field].as_f64().unwrap()).sum()
    };
    assert_eq!([sum("occupied_s"), sum("observed_s")], [90.0 * 60.0, 180.0 * 60.0], "{item}");
    assert_eq!([sum("arrivals"), sum("departures")], [2.0, 2.0]);
    let stays = instance.get_with(&format!("/v1/stays?{ask}"), &key).await;
    let stays = &stays["items"][0];
    assert_eq!((&stays["count"], &stays["censored"]), (&json!(2), &json!(0)), "{stays}");
    assert_eq!((&stays["median_s"], &stays["p95_s"]), (&json!(1_800.0), &json!(3_600.0)));
    pool.close().await;
    instance.stop().await;
}
