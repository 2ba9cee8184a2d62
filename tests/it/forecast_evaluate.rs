//! `forecast evaluate` with the real binary, on generated counts.

use std::fmt::Write;
use std::process::{Command, Output};

use serde_json::Value;

/// Five weeks of quarter-hours of a car park that is full at noon on workdays and of one whose counter
/// stands still.
fn counts() -> String {
    let mut text = "t,Noon,Still\n".to_owned();
    // Monday, 2024-01-08T00:00:00+01:00.
    for i in 0..35 * 96_i64 {
        let at = jiff::Timestamp::from_second(1_704_668_400 + i * 900).unwrap();
        let (hour, is_workday) = ((i % 96) as f64 / 4.0, i / 96 % 7 < 5);
        let taken = 95.0 * (-((hour - 12.0) / 3.5).powi(2)).exp() * if is_workday { 1.0 } else { 0.4 };
        let noise = (i.wrapping_mul(2_654_435_761) >> 7) % 5;
        let _ = writeln!(text, "{at},{},40", 100 - taken as i64 - noise.min(100 - taken as i64));
    }
    text
}

const MAPPING: &str = "time_column = \"t\"\ntime_format = \"%Y-%m-%dT%H:%M:%SZ\"\nland = \"NW\"\nvalue = \"vacant\"\n\
                       [[column]]\nname = \"Noon\"\nsite = \"noon\"\ncapacity = 100\n\
                       [[column]]\nname = \"Still\"\nsite = \"still\"\ncapacity = 100\n";

fn evaluate(more: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let (csv, mapping) = (folder.path().join("counts.csv"), folder.path().join("mapping.toml"));
    std::fs::write(&csv, counts()).unwrap();
    std::fs::write(&mapping, MAPPING).unwrap();
    Command::new(env!("CARGO_BIN_EXE_kreisverkehr"))
        .args(["forecast", "evaluate", "--history"])
        .arg(&csv)
        .arg("--mapping")
        .arg(&mapping)
        .args(["--train-until", "2024-01-29"])
        .args(more)
        .output()
        .unwrap()
}

/// Rounds to two digits: further ones differ between processors.
fn rounded(value: &mut Value) {
    match value {
        Value::Number(n) if n.is_f64() => {
            *value = ((n.as_f64().unwrap_or_default() * 100.0).round() / 100.0).into();
        }
        Value::Array(items) => items.iter_mut().for_each(rounded),
        Value::Object(fields) => fields.values_mut().for_each(rounded),
        _ => {}
    }
}

#[test]
fn the_errors_of_a_known_history_are_these() {
    let done = evaluate(&["--test-until", "2024-02-12", "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let mut report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let hour = &report["sites"][0]["horizons"][2];
    assert!(hour["mae_pct"].as_f64() < hour["persistence"]["mae_pct"].as_f64(), "{hour}");
    rounded(&mut report);
    insta::assert_json_snapshot!(report);
}

#[test]
fn a_test_without_time_is_refused() {
    let done = evaluate(&["--test-until", "2024-01-29"]);
    let report = String::from_utf8_lossy(&done.stderr);
    assert!(!done.status.success() && report.contains("--test-until 2024-01-29"), "{report}");
}
