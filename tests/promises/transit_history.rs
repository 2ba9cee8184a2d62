//! Planners' figures of buses, from messages that come duplicated and in any order: as computed by hand, and the same in
//! all formats.

use std::collections::BTreeMap;

use bytes::Bytes;
use domain::UtcMicros;
use jiff::ToSpan;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use sensor_sim::encode::gtfs_rt::{
    FeedEntity, StopTimeEvent, StopTimeUpdate, TripDescriptor, TripUpdate, full_dataset,
};
use serde_json::{Value, json};

use crate::support::{Instance, eventually, port_of, publish, town};

/// Cells by their column, as text; numbers in one spelling.
type Row = BTreeMap<String, String>;

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => format!("{:.9}", number.as_f64().unwrap()),
        other => other.to_string(),
    }
}

fn rows_of_json(answer: &Value) -> Vec<Row> {
    let row = |item: &Value| {
        let mut row = Row::new();
        for (name, value) in item.as_object().unwrap() {
            match value.as_object() {
                None => drop(row.insert(name.clone(), text(value))),
                Some(group) => {
                    row.extend(group.iter().map(|(inner, value)| (format!("{name}_{inner}"), text(value))));
                }
            }
        }
        row
    };
    answer["items"].as_array().unwrap().iter().map(row).collect()
}

fn rows_of_csv(file: &[u8], delimiter: u8) -> Vec<Row> {
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
    let names = reader.headers().unwrap().clone();
    let cell = |text: &str| {
        let number = if delimiter == b';' { text.replace(',', ".") } else { text.to_owned() };
        number.parse::<f64>().map_or_else(|_| text.to_owned(), |number| format!("{number:.9}"))
    };
    let row = |record: csv::StringRecord| names.iter().map(Into::into).zip(record.iter().map(cell)).collect();
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// CSV for German Excel has the same values as JSON: to four decimals, by the town's clock.
fn assert_german(file: &[u8], json: &[Row]) {
    let file = file.strip_prefix("\u{feff}".as_bytes()).expect("a byte order mark");
    let rows = rows_of_csv(file, b';');
    assert_eq!(rows.len(), json.len());
    let tz = TimeZone::get("Europe/Berlin").unwrap();
    for (german, plain) in rows.iter().zip(json) {
        for (name, value) in plain {
            let cell = &german[name];
            match (cell.parse::<f64>(), value.parse::<f64>()) {
                (Ok(cell), Ok(value)) => assert!((cell - value).abs() <= 0.00005, "{name}: {cell} {value}"),
                _ if name == "bucket" => {
                    let local = tz.to_datetime(value.parse().unwrap());
                    assert_eq!(*cell, local.strftime("%d.%m.%Y %H:%M:%S").to_string());
                    assert!(german["bucket_offset"].starts_with("UTC+0"), "{german:?}");
                }
                _ => assert_eq!(cell, value, "{name}"),
            }
        }
    }
}

fn rows_of_parquet(file: Vec<u8>) -> Vec<Row> {
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let cell = |field: Field| match field {
        Field::Null => String::new(),
        Field::Str(text) => text,
        Field::Long(number) => format!("{:.9}", number as f64),
        Field::Double(number) => format!("{number:.9}"),
        Field::Bool(is) => is.to_string(),
        Field::TimestampMicros(at) => UtcMicros(at).to_string(),
        other => panic!("{other:?}"),
    };
    let row =
        |row: parquet::record::Row| row.into_columns().into_iter().map(|(name, f)| (name, cell(f))).collect();
    reader.get_row_iter(None).unwrap().map(|r| row(r.unwrap())).collect()
}

/// Yesterday in the town, and the instant of `hour:minute` of it.
fn yesterday() -> (Date, impl Fn(i8, i8) -> String) {
    let tz = TimeZone::get("Europe/Berlin").unwrap();
    let day = tz.to_datetime(jiff::Timestamp::now()).date().checked_sub(1.day()).unwrap();
    let at =
        move |hour, minute| tz.to_timestamp(day.to_datetime(time(hour, minute, 0, 0))).unwrap().to_string();
    (day, at)
}

fn messages(at: &impl Fn(i8, i8) -> String) -> (usize, usize, Vec<(String, Vec<u8>)>) {
    let passing = |bus: &str, trip: &str, stop: &str, (hour, minute), delay_s: i32| {
        let body = json!({"at": at(hour, minute), "trip_id": trip, "route_id": "R1", "stop_id": stop,
            "delay_s": delay_s, "lat": 51.91, "lon": 7.21});
        (format!("kv/1/county/vehicle/{bus}"), body.to_string().into_bytes())
    };
    let positions = vec![
        // On the way to A, then at it: the newer one is the passage.
        passing("bus-1", "T1", "A", (12, 0), 0),
        passing("bus-1", "T1", "A", (12, 1), 30),
        passing("bus-1", "T1", "B", (12, 10), 120),
        passing("bus-1", "T1", "C", (12, 20), 400),
        passing("bus-2", "T2", "A", (13, 0), -90),
        passing("bus-2", "T2", "B", (13, 10), 59),
        passing("bus-2", "T2", "C", (13, 20), 359),
        passing("bus-1", "T3", "A", (14, 0), 60),
    ];
    let counted = |bus: &str, trip: &str, stop: &str, (hour, minute), doors: &[(i32, i32)], more: Value| {
        let doors: Vec<Value> = (doors.iter().enumerate())
            .map(|(door, (on, off))| json!({"door": door.to_string(), "in": on, "out": off}))
            .collect();
        let mut body = json!({"at": at(hour, minute), "trip_id": trip, "stop_id": stop, "doors": doors});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        (format!("kv/1/county/passengers/{bus}"), body.to_string().into_bytes())
    };
    let counts = vec![
        // Corrected by a higher seq.
        counted("bus-1", "T1", "A", (12, 1), &[(9, 0)], json!({"seq": 1})),
        counted("bus-1", "T1", "A", (12, 1), &[(6, 0)], json!({"seq": 2})),
        counted("bus-1", "T1", "B", (12, 10), &[(4, 2), (2, 2)], json!({})),
        counted("bus-1", "T1", "C", (12, 20), &[(0, 4)], json!({})),
        counted("bus-2", "T2", "A", (13, 0), &[(3, 0)], json!({})),
        counted("bus-2", "T2", "B", (13, 10), &[(0, 1)], json!({"on_board": 2})),
        counted("bus-2", "T2", "C", (13, 20), &[(0, 2)], json!({})),
    ];
    let (n, m) = (positions.len(), counts.len());
    let once: Vec<_> = positions.into_iter().chain(counts).collect();
    // Twice: the last first, then the rest of a round through all.
    let duplicated =
        once.iter().rev().chain(once.iter().skip(3)).chain(once.iter().take(3)).cloned().collect();
    (n, m, duplicated)
}

/// A trip update of `made_at` (seconds since 1970): one stop lies behind, one is to come.
fn trip_update(made_at: i64) -> (String, Vec<u8>) {
    let trip = TripDescriptor {
        trip_id: Some("T4".into()),
        route_id: Some("R2".into()),
        ..TripDescriptor::default()
    };
    let stop = |id: &str, time: i64, delay_s: i32| StopTimeUpdate {
        stop_id: Some(id.into()),
        departure: Some(StopTimeEvent { delay: Some(delay_s), time: Some(time) }),
        ..StopTimeUpdate::default()
    };
    let stop_time_update = vec![stop("D", made_at - 60, 45), stop("E", made_at + 60, 90)];
    let update = TripUpdate { trip, stop_time_update, ..TripUpdate::default() };
    let entity = FeedEntity { id: "e".into(), trip_update: Some(update), ..FeedEntity::default() };
    ("rt/bus".to_owned(), full_dataset(made_at as u64, vec![entity]).to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_buses_are_those_computed_by_hand_in_every_format() {
    let instance = Instance::serve(&["--timescaledb", "false"]).await;
    let folder = town(instance.dir.path());
    std::fs::write(folder.join("vehicles.csv"), "id,owner\nbus-1,kreis\nbus-2,kreis\n").unwrap();
    let towns = "slug,name,ags,public_planning\nkreis,Kreis,05999,true\naltdorf,Altdorf,05999001,\nneudorf,Neudorf,05999002,\n";
    std::fs::write(folder.join("municipalities.csv"), towns).unwrap();
    let feeds = std::fs::read_to_string(folder.join("feeds.toml")).unwrap();
    let rt = "\n[[feed]]\nid = \"rt\"\nmunicipality = \"kreis\"\nformat = \"gtfs-rt\"\ntopic = \"rt/bus\"\n";
    std::fs::write(folder.join("feeds.toml"), feeds + rt).unwrap();
    instance.import(&folder);
    instance.subscriptions(4).await;
    let (day, at) = yesterday();
    let (positions, counts, mut messages) = messages(&at);
    let made_at: jiff::Timestamp = at(15, 0).parse().unwrap();
    messages.insert(0, trip_update(made_at.as_second()));
    publish(port_of(&instance.text("mqtt")), messages).await;
    let pool = instance.pool().await;
    eventually("all is stored", || async {
        let rows: (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM vehicle_position), (SELECT count(*) FROM passenger_count),
                    (SELECT count(*) FROM trip_state)",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        (rows == (positions as i64, counts as i64, 1)).then_some(())
    })
    .await;
    pool.close().await;

    let key = instance.admin_key();
    let period = format!("municipality=kreis&from={day}&to={}", day.checked_add(1.day()).unwrap());
    let late = instance.get_with(&format!("/v1/punctuality?{period}&route=R1"), &key).await;
    let [line] = late["items"].as_array().unwrap().as_slice() else { panic!("{late}") };
    // -90, 30, 59, 60, 120, 359, 400
    assert_eq!(
        (&line["route_id"], &line["n"], &line["delay_mean_s"]),
        (&json!("R1"), &json!(7), &json!(134.0))
    );
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or(f64::NAN);
    for (name, expected) in [
        ("delay_p50_s", 60.0),
        ("delay_p85_s", 359.0 + 0.1 * 41.0),
        ("delay_p95_s", 359.0 + 0.7 * 41.0),
        ("early_share", 1.0 / 7.0),
        ("on_time_share", 5.0 / 7.0),
        ("late_share", 1.0 / 7.0),
    ] {
        assert!((number(line, name) - expected).abs() < 1e-9, "{name}: {line}");
    }
    let by_hour = instance
        .get_with(&format!("/v1/punctuality?{period}&route=R1&bucket=1h&hours=13:00-15:00"), &key)
        .await;
    let hours: Vec<_> =
        by_hour["items"].as_array().unwrap().iter().map(|r| (&r["bucket"], &r["n"])).collect();
    assert_eq!(hours, [(&json!(at(13, 0)), &json!(3)), (&json!(at(14, 0)), &json!(1))]);

    // Of a trip update what lies behind.
    let shown = instance.get_with(&format!("/v1/punctuality?{period}&route=R2&group_by=stop"), &key).await;
    let [stop] = shown["items"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&stop["stop_id"], &stop["n"], &stop["delay_mean_s"]), (&json!("D"), &json!(1), &json!(45.0)));

    let rode = instance.get_with(&format!("/v1/ridership?{period}&route=R1"), &key).await;
    let [line] = rode["items"].as_array().unwrap().as_slice() else { panic!("{rode}") };
    // T1: 12 on, 8 off, balanced 10: (5, 0), (5, 5), (0, 5). T2 is in balance. T3 counted nobody.
    let expected = json!({"runs": 2, "boardings": 15, "alightings": 11, "boardings_balanced": 13,
        "alightings_balanced": 13, "load_mean": 2.5, "load_max": 5, "on_board_mean": 2.0,
        "drift_share": 4.0 / 26.0, "coverage": 2.0 / 3.0, "withheld": false, "route_id": "R1"});
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(text(&line[name]), text(expected), "{name}: {line}");
    }
    let at_b = instance.get_with(&format!("/v1/ridership?{period}&group_by=stop&stop=B"), &key).await;
    let [b] = at_b["items"].as_array().unwrap().as_slice() else { panic!("{at_b}") };
    assert_eq!((&b["boardings"], &b["alightings"], &b["load_mean"]), (&json!(6), &json!(5), &json!(3.5)));
    // The public sees no figures of two runs.
    let (status, public) = instance.get(&format!("/v1/ridership?{period}&route=R1")).await;
    assert_eq!((status, &public["items"][0]["withheld"]), (200, &json!(true)));
    assert_eq!(
        (&public["items"][0]["boardings"], &public["items"][0]["min_runs"]),
        (&Value::Null, &json!(3))
    );
    assert_eq!(public["items"][0]["reason"], "too_few_runs");
    let month = instance.get_with(&format!("/v1/ridership?{period}&route=R1&bucket=1mo"), &key).await;
    assert_eq!(month["items"][0]["boardings"], line["boardings"], "{month}");

    for question in [
        format!("/v1/punctuality?{period}&bucket=1h&group_by=route,stop"),
        format!("/v1/ridership?{period}&bucket=1h&group_by=route,stop"),
    ] {
        let json = rows_of_json(&instance.get_with(&question, &key).await);
        let file = async |more: &str| instance.bytes_with(&format!("{question}{more}"), &key).await;
        assert_eq!(json.len(), 8, "{question}");
        assert_eq!(rows_of_csv(&file("&format=csv").await, b','), json);
        assert_german(&file("&format=csv&locale=de").await, &json);
        assert_eq!(rows_of_parquet(file("&format=parquet").await), json);
    }
    instance.stop().await;
}
