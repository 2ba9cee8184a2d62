//! `journey evaluate --gtfs` with the real binary: the answers of an exact search on a real town.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: the reference answers are not at {}", folder.display());
    None
}

fn evaluate(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kreisverkehr"))
        .args(["journey", "evaluate"])
        .args(args)
        .output()
        .expect("the command runs")
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

/// The reference, answer by answer.
fn assert_equals_reference(args: &[&str], reference: &Path) {
    let found = json(&evaluate(args));
    let expected: Value = serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap();
    let (found, expected) = (found["answers"].as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        for key in ["q", "from", "to", "dep", "pareto"] {
            assert_eq!(found[key], expected[key], "{key} of {expected}");
        }
    }
}

#[test]
fn porto_alegre_is_answered_exactly() {
    let Some(data) = data() else { return };
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    let (feed, queries) = (path("gtfs/poa_bench.gtfs.zip"), path("reference/queries_poa_stops.csv"));
    let args = ["--gtfs", &feed, "--date", "2019-05-14", "--queries", &queries, "--json"];
    assert_equals_reference(&args, &data.join("reference/ref_poa_stops.json"));
    let updates = path("reference/rt_poa.pb");
    let live = [&args[..], &["--gtfs-rt", &updates]].concat();
    assert_equals_reference(&live, &data.join("reference/ref_poa_stops_rt.json"));
}

#[test]
fn a_stop_that_is_unknown_costs_no_other_answer() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("agency.txt", "agency_id,agency_timezone\nA,Europe/Berlin\n");
    write("routes.txt", "route_id,route_type\nR,3\n");
    write("stops.txt", "stop_id,stop_lat,stop_lon\na,51,7\nb,51,7.1\n");
    write("calendar_dates.txt", "service_id,date,exception_type\nS,20261124,1\n");
    write("trips.txt", "route_id,service_id,trip_id\nR,S,t\n");
    write("stop_times.txt", "trip_id,stop_id,stop_sequence,arrival_time\nt,a,1,24:10:00\nt,b,2,24:20:00\n");
    write("queries.csv", "from,to,dep\na,x,0\na,b,3600\na,a,5\na,b,0\n");
    let feed = folder.path().to_str().unwrap();
    let queries = folder.path().join("queries.csv");
    let queries = queries.to_str().unwrap();
    let found = json(&evaluate(&["--gtfs", feed, "--date", "2026-11-24", "--queries", queries, "--json"]));
    let answers = found["answers"].as_array().unwrap();
    assert_eq!(answers[0]["error"], "line 2: no feed has a stop 'x'");
    assert_eq!(answers[1]["pareto"], serde_json::json!([[1, 87_600]]));
    assert_eq!(answers[2]["pareto"], serde_json::json!([[0, 5]]));
    // The day after, the same run is one of yesterday's.
    let table = evaluate(&["--gtfs", feed, "--date", "2026-11-25", "--queries", queries]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("1 @ 00:20:00"));
    let refused = evaluate(&["--gtfs", feed, "--queries", queries]);
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("--date"));
}
