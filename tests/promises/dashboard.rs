//! Grafana's dashboards rest on the documented views.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sqlx::AssertSqlSafe;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn dashboards() -> Vec<(PathBuf, Value)> {
    let folder = repository().join("deploy/grafana/dashboards");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.clone(), serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())).collect()
}

/// Every SQL of a dashboard: of panels, annotations, variables.
fn queries(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for key in ["rawSql", "query"] {
                into.extend(fields.get(key).and_then(Value::as_str).map(str::to_owned));
            }
            fields.values().for_each(|value| queries(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| queries(value, into)),
        _ => {}
    }
}

/// The SQL that Grafana's PostgreSQL source makes of it
/// (https://grafana.com/docs/grafana/latest/datasources/postgres/#macros).
fn expanded(sql: &str) -> String {
    let (from, to) = ("'2026-11-01T00:00:00Z'", "'2026-11-26T00:00:00Z'");
    let mut sql = sql.replace("$__timeFrom()", from).replace("$__timeTo()", to);
    while let Some(at) = sql.find("$__") {
        let open = at + sql[at..].find('(').unwrap();
        let close = open + sql[open..].find(')').unwrap();
        let arguments: Vec<&str> = sql[open + 1..close].split(',').map(str::trim).collect();
        let made = match (&sql[at + 3..open], &arguments[..]) {
            ("timeFilter", [column]) => format!("{column} BETWEEN {from} AND {to}"),
            ("timeGroupAlias", [column, "'1h'"]) => {
                format!("floor(extract(epoch from {column})/3600)*3600 AS \"time\"")
            }
            (name, arguments) => panic!("the test does not know $__{name}({arguments:?})"),
        };
        sql.replace_range(at..=close, &made);
    }
    for (variable, value) in [("${municipality:sqlstring}", "'n'"), ("${site:sqlstring}", "'p1','p2'")] {
        sql = sql.replace(variable, value);
    }
    assert!(!sql.contains('$'), "a variable that the test does not know: {sql}");
    sql
}

async fn migrated() -> store::Pool {
    store::connect(&testing::database::create(false).await.unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_of_the_dashboards_runs_as_the_reading_role() {
    let pool = migrated().await;
    let mut conn = pool.acquire().await.unwrap();
    sqlx::query("SET ROLE kv_read").execute(&mut *conn).await.unwrap();
    let refused = sqlx::query("SELECT * FROM place").execute(&mut *conn).await.unwrap_err();
    assert!(refused.to_string().contains("permission denied"), "{refused}");
    let mut tried = 0;
    for (path, dashboard) in dashboards() {
        let mut all = Vec::new();
        queries(&dashboard, &mut all);
        for sql in all {
            let sql = expanded(&sql);
            for statement in [format!("EXPLAIN {sql}"), sql.clone()] {
                let done = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *conn).await;
                done.unwrap_or_else(|e| panic!("{}: {e}\n{sql}", path.display()));
            }
            tried += 1;
        }
    }
    assert!(tried >= 15, "{tried}");
    drop(conn);
    pool.close().await;
}

#[test]
fn dashboards_name_the_provisioned_source() {
    let source = repository().join("deploy/grafana/provisioning/datasources/kreisverkehr.yaml");
    let source = std::fs::read_to_string(source).unwrap();
    for (path, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            let uid = panel["datasource"]["uid"].as_str().unwrap();
            assert!(source.contains(&format!("uid: {uid}\n")), "{}: {panel}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_view_and_column_is_documented() {
    let pool = migrated().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name ~ '^v_'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    pool.close().await;
    let mut there: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (view, column) in columns {
        there.entry(view).or_default().insert(column);
    }

    let text = std::fs::read_to_string(repository().join("docs/SQL.md")).unwrap();
    let mut documented: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in text.split("\n### `").skip(1) {
        let (view, rest) = section.split_once('`').unwrap();
        let rows =
            rest.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
        let names = rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
        documented.insert(view.to_owned(), names.map(str::to_owned).collect());
    }
    assert_eq!(there, documented);
}
