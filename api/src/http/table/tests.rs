//! Each format read back, by other code than wrote it.

use std::sync::LazyLock;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use axum::body::to_bytes;
use axum::http::HeaderMap;
use futures_util::stream;
use proptest::prelude::*;
use serde_json::json;

use super::format::Locale;
use super::*;
use crate::http::params::RawQuery;
use crate::http::permits::Permits;

/// The schema of `D` has these columns and no others.
pub fn documented<D: utoipa::PartialSchema, R>(columns: &[Column<R>]) {
    let schema = serde_json::to_value(D::schema()).expect("JSON");
    let mut shown: Vec<String> = schema["properties"].as_object().expect("fields").keys().cloned().collect();
    let first = |column: &Column<R>| column.name.split('.').next().unwrap_or_default().to_owned();
    let mut written: Vec<String> = columns.iter().map(first).collect();
    written.dedup();
    written.sort_unstable();
    shown.sort_unstable();
    assert_eq!(shown, written);
}

/// `rows` as they stand in JSON.
pub fn shown<R: Send + Sync + 'static>(columns: Vec<Column<R>>, rows: &[R]) -> Vec<Value> {
    let (mut out, mut encoder) = (Vec::new(), Box::new(super::json::Json::new(columns)));
    encoder.rows(rows, &mut out).expect("rows");
    encoder.finish(Map::new(), &mut out).expect("an end");
    let mut answer: Value = serde_json::from_slice(&out).expect("JSON");
    serde_json::from_value(answer["items"].take()).expect("a list")
}

#[derive(Debug, Clone, Default)]
struct Row {
    name: Option<String>,
    count: Option<i64>,
    share: Option<f64>,
    is_open: Option<bool>,
    at: Option<UtcMicros>,
    early: Option<i64>,
    late: Option<i64>,
    full_name: Option<String>,
}

fn columns() -> Vec<Column<Row>> {
    vec![
        Column::text("name", |r| r.name.as_deref()),
        Column::integer("count", |r| r.count),
        Column::float("share", |r| r.share),
        Column::boolean("is_open", |r| r.is_open),
        Column::time("at", |r| r.at),
        Column::integer("histogram.early", |r| r.early),
        Column::integer("histogram.late", |r| r.late),
        Column::beside("name", Column::text("full_name", |r| r.full_name.as_deref())),
    ]
}

const NOON: UtcMicros = UtcMicros(1_795_435_200_000_000);

fn full() -> Row {
    Row {
        name: Some("Parkplatz \"Süd\"; am Markt, links\nvorne".into()),
        count: Some(-5),
        share: Some(0.25),
        is_open: Some(true),
        at: Some(NOON),
        early: Some(1),
        late: Some(2),
        full_name: Some("P Süd".into()),
    }
}

fn table() -> Table<Row> {
    let extra = || json!({"attribution": [{"feed": "f"}]}).as_object().cloned().unwrap_or_default();
    static BERLIN: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get("Europe/Berlin").expect("a zone"));
    Table {
        columns: columns(),
        file_stem: "year of/Süd".into(),
        extra: Box::new(extra),
        cache: "no-store",
        zone: |_| &BERLIN,
    }
}

fn shape(format: TableFormat) -> Shape {
    Shape { format, locale: Locale::Plain }
}

async fn answer(shape: Shape, rows: Vec<Result<Row, Problem>>) -> Result<Response, Problem> {
    table().answer(Permits::of_tables().take(None).await?, Fits::any(shape), stream::iter(rows)).await
}

async fn bytes(shape: Shape, rows: Vec<Row>) -> Vec<u8> {
    let response = answer(shape, rows.into_iter().map(Ok).collect()).await.expect("an answer");
    to_bytes(response.into_body(), usize::MAX).await.expect("a whole body").to_vec()
}

async fn text(shape: Shape, rows: Vec<Row>) -> String {
    String::from_utf8(bytes(shape, rows).await).expect("utf-8")
}

/// Rows of a Parquet file as pairs of name and value.
fn parquet_rows(file: Vec<u8>) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(Bytes::from(file)).expect("a Parquet file");
    let rows = reader.get_row_iter(None).expect("rows");
    let fields = |row: ::parquet::record::Row| row.into_columns();
    rows.map(|row| fields(row.expect("a row"))).collect()
}

#[tokio::test]
async fn json_has_every_field_and_groups_those_of_one_name() {
    let body = text(shape(TableFormat::Json), vec![full(), Row::default()]).await;
    let read: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(
        read,
        json!({
            "items": [
                {"name": full().name, "count": -5, "share": 0.25, "is_open": true, "at": "2026-11-23T12:00:00Z",
                 "histogram": {"early": 1, "late": 2}, "full_name": "P Süd"},
                {"name": null, "count": null, "share": null, "is_open": null, "at": null,
                 "histogram": {"early": null, "late": null}, "full_name": null},
            ],
            "attribution": [{"feed": "f"}],
        })
    );
}

#[tokio::test]
async fn csv_quotes_and_leaves_empty_what_is_not_known() {
    let body = text(shape(TableFormat::Csv), vec![full(), Row::default()]).await;
    assert_eq!(
        body,
        "name,count,share,is_open,at,histogram_early,histogram_late,full_name\r\n\
         \"Parkplatz \"\"Süd\"\"; am Markt, links\nvorne\",-5,0.25,true,2026-11-23T12:00:00Z,1,2,P Süd\r\n\
         ,,,,,,,\r\n"
    );
}

#[tokio::test]
async fn german_csv_is_as_excel_reads_it() {
    let german = Shape { format: TableFormat::Csv, locale: Locale::German };
    let row = Row { name: Some("1-2".into()), share: Some(2.0 / 3.0), ..full() };
    let body = text(german, vec![row, Row::default()]).await;
    assert_eq!(
        body,
        "\u{feff}name;full_name;count;share;is_open;at;at_weekday;at_offset;histogram_early;histogram_late\r\n\
         '1-2;P Süd;-5;0,6667;true;23.11.2026 13:00:00;Mo;UTC+01:00;1;2\r\n\
         ;;;;;;;;;\r\n"
    );
    assert!(text(german, vec![]).await.starts_with('\u{feff}'), "no rows are a table too");
}

#[tokio::test]
async fn text_is_never_a_formula() {
    for (given, written) in [
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("-cmd", "'-cmd"),
        ("+49 2581", "'+49 2581"),
        ("-12.5", "-12.5"),
        ("a=b", "a=b"),
    ] {
        let row = Row { name: Some(given.into()), ..Row::default() };
        let body = text(shape(TableFormat::Csv), vec![row]).await;
        assert_eq!(body.lines().nth(1).and_then(|l| l.split(',').next()), Some(written));
    }
}

#[tokio::test]
async fn parquet_keeps_types_nulls_and_what_stands_beside_the_rows() {
    let file = bytes(shape(TableFormat::Parquet), vec![full(), Row::default()]).await;
    let reader = SerializedFileReader::new(Bytes::from(file.clone())).expect("a Parquet file");
    let kept = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
    assert!(
        kept.iter().any(|kv| kv.key == "attribution" && kv.value.as_deref() == Some(r#"[{"feed":"f"}]"#))
    );
    let rows = parquet_rows(file);
    let values = |row: usize| rows[row].iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    assert_eq!(
        values(0),
        [
            Field::Str(full().name.unwrap()),
            Field::Long(-5),
            Field::Double(0.25),
            Field::Bool(true),
            Field::TimestampMicros(NOON.0),
            Field::Long(1),
            Field::Long(2),
            Field::Str("P Süd".into()),
        ]
    );
    assert_eq!(values(1), vec![Field::Null; 8]);
    assert_eq!(rows[0][5].0, "histogram_early");
}

#[tokio::test]
async fn no_rows_are_a_whole_answer_too() {
    let body = text(shape(TableFormat::Json), vec![]).await;
    assert_eq!(body, r#"{"items":[],"attribution":[{"feed":"f"}]}"#);
    assert_eq!(text(shape(TableFormat::Csv), vec![]).await.lines().count(), 1);
    assert!(parquet_rows(bytes(shape(TableFormat::Parquet), vec![]).await).is_empty());
}

#[tokio::test]
async fn many_rows_come_in_many_pieces_and_none_is_lost() {
    let rows = 2 * GROUP_ROWS + 7;
    let many = || (0..rows as i64).map(|n| Row { count: Some(n), ..Row::default() }).collect::<Vec<_>>();
    let file = bytes(shape(TableFormat::Parquet), many()).await;
    let reader = SerializedFileReader::new(Bytes::from(file.clone())).expect("a Parquet file");
    assert_eq!(reader.num_row_groups(), 3);
    let read = parquet_rows(file);
    assert!(read.iter().enumerate().all(|(n, row)| row[1].1 == Field::Long(n as i64)));
    assert_eq!(read.len(), rows);
    let body: Value = serde_json::from_str(&text(shape(TableFormat::Json), many()).await).expect("JSON");
    assert_eq!(body["items"].as_array().map(Vec::len), Some(rows));
    assert_eq!(text(shape(TableFormat::Csv), many()).await.lines().count(), rows + 1);
}

#[tokio::test]
async fn what_fails_first_is_a_problem_and_later_the_body_is_cut() {
    let broken = || Err(Problem::unavailable("gone"));
    let error = answer(shape(TableFormat::Json), vec![Ok(full()), broken()]).await.expect_err("a problem");
    assert_eq!(error.into_response().status(), 503);
    for format in [TableFormat::Json, TableFormat::Csv, TableFormat::Parquet] {
        let mut rows: Vec<_> = std::iter::repeat_with(|| Ok(full())).take(GROUP_ROWS).collect();
        rows.push(broken());
        let response = answer(shape(format), rows).await.expect("an answer");
        to_bytes(response.into_body(), usize::MAX).await.expect_err("a cut body");
    }
}

/// Readers that have taken nothing hold every permit.
async fn sleepers(permits: &Permits) -> Vec<Response> {
    let mut sleepers = Vec::new();
    for _ in 0..store::pool::STREAMS_AT_ONCE {
        let permit = permits.take(None).await.expect("a permit");
        let endless = stream::repeat_with(|| Ok(full()));
        sleepers.push(
            table().answer(permit, Fits::any(shape(TableFormat::Csv)), endless).await.expect("an answer"),
        );
    }
    sleepers
}

#[tokio::test(start_paused = true)]
async fn a_sleeping_reader_gives_its_turn_to_who_waits() {
    let permits = Permits::of_tables();
    let sleepers = sleepers(&permits).await;
    let began = tokio::time::Instant::now();
    let permit = permits.take(None).await.expect("a permit");
    assert!(began.elapsed() <= STALLED_AWAITED, "{:?}", began.elapsed());
    let next = table().answer(permit, Fits::any(shape(TableFormat::Csv)), stream::empty()).await;
    assert_eq!(next.expect("an answer").status(), 200);
    for sleeper in sleepers {
        to_bytes(sleeper.into_body(), usize::MAX).await.expect_err("a cut body");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_for_whose_turn_nobody_waits_may_rest_for_longer() {
    let permits = Permits::of_tables();
    let mut bodies: Vec<_> =
        sleepers(&permits).await.into_iter().map(|sleeper| sleeper.into_body().into_data_stream()).collect();
    for _ in 0..4 {
        tokio::time::sleep(STALLED - STALLED_AWAITED).await;
        for body in &mut bodies {
            let piece = body.next().await.expect("it goes on").expect("a piece");
            assert!(piece.len() <= PIECE);
        }
    }
}

#[tokio::test]
async fn files_have_a_name_and_are_not_kept() {
    let response = answer(shape(TableFormat::Parquet), vec![]).await.expect("an answer");
    let header = |name| response.headers()[name].to_str().unwrap_or_default();
    assert_eq!(header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(header("content-disposition"), "attachment; filename=\"year-of-S-d.parquet\"");
    assert_eq!(header("cache-control"), "no-store");
    let plain = answer(shape(TableFormat::Json), vec![]).await.expect("an answer");
    assert!(!plain.headers().contains_key("content-disposition"));
}

#[test]
fn the_address_says_the_format_before_the_header_does() {
    let asked = |query: &str, accept: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        let query = RawQuery::new(query);
        let params = query.params(&[&["format", "locale"]]).expect("parameters");
        Shape::of(&params, &headers)
    };
    let format = |query, accept| asked(query, accept).expect("a shape").format;
    assert_eq!(format("", "*/*"), TableFormat::Json);
    assert_eq!(format("", "text/html, Text/CSV;q=0.9"), TableFormat::Csv);
    assert_eq!(format("", "application/vnd.apache.parquet"), TableFormat::Parquet);
    assert_eq!(format("format=json", "text/csv"), TableFormat::Json);
    assert_eq!(asked("locale=de", "text/csv").expect("a shape").locale, Locale::German);
    for (query, choices) in [("format=xlsx", "json, csv, parquet"), ("locale=fr", "en (comma")] {
        let problem = asked(query, "").expect_err("a problem");
        assert!(serde_json::to_string(&problem).expect("JSON").contains(choices));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the rows hold, all three formats say the same.
    #[test]
    fn three_formats_say_the_same(rows in prop::collection::vec(
        (prop::option::of("[ -~äß€\n]{1,12}"), any::<Option<i64>>(), prop::option::of(-1e9..1e9f64)), 0..20))
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let rows: Vec<Row> = rows
            .into_iter()
            .map(|(name, count, share)| Row { name, count, share, ..Row::default() })
            .collect();
        let (json, csv, file) = runtime.block_on(async {
            (
                text(shape(TableFormat::Json), rows.clone()).await,
                text(shape(TableFormat::Csv), rows.clone()).await,
                bytes(shape(TableFormat::Parquet), rows.clone()).await,
            )
        });
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let lines: Vec<_> = ::csv::Reader::from_reader(csv.as_bytes()).into_records().collect();
        let parquet = parquet_rows(file);
        prop_assert_eq!(lines.len(), rows.len());
        for (n, row) in rows.iter().enumerate() {
            let item = &json["items"][n];
            prop_assert_eq!(&item["name"], &json!(row.name));
            prop_assert_eq!(&item["count"], &json!(row.count));
            prop_assert_eq!(item["share"].as_f64(), row.share);
            let line = lines[n].as_ref().expect("a line");
            let name = row.name.clone().unwrap_or_default();
            let quoted = format!("'{name}");
            prop_assert!(line[0] == name || line[0] == quoted);
            prop_assert_eq!(line[1].parse().ok(), row.count);
            prop_assert_eq!(line[2].parse().ok(), row.share);
            let known = |value: &Field| *value != Field::Null;
            prop_assert_eq!(known(&parquet[n][0].1).then(|| parquet[n][0].1.clone()), row.name.clone().map(Field::Str));
            prop_assert_eq!(known(&parquet[n][1].1).then(|| parquet[n][1].1.clone()), row.count.map(Field::Long));
            prop_assert_eq!(known(&parquet[n][2].1).then(|| parquet[n][2].1.clone()), row.share.map(Field::Double));
        }
    }
}
