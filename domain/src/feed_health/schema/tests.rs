//! Suppliers who change their messages, and those who do not.

use serde_json::json;

use super::*;

const T0: UtcMicros = UtcMicros(1_790_000_000_000_000);

/// A schema that saw so many samples, one in ten minutes; each is made from its number.
fn seen(samples: std::ops::Range<i64>, schema: &mut Schema, message: impl Fn(i64) -> Value) -> UtcMicros {
    for n in samples.clone() {
        schema.sample("up", &message(n), T0.plus_s(600 * n));
    }
    T0.plus_s(600 * samples.end)
}

fn changes(schema: &Schema, at: UtcMicros) -> Vec<(String, FieldChange)> {
    schema.drift(at).into_iter().map(|drift| (drift.path, drift.change)).collect()
}

#[test]
fn a_field_that_a_firmware_drops_went_and_comes_back() {
    let mut schema = Schema::default();
    // Three of four devices report their battery.
    let before = |n: i64| {
        if n % 4 == 0 {
            json!({ "object": { "car": true } })
        } else {
            json!({ "object": { "car": true, "battery": 3.6 } })
        }
    };
    let now = seen(0..600, &mut schema, before);
    assert_eq!(changes(&schema, now), []);
    let last = T0.plus_s(600 * 599);
    let now = seen(600..610, &mut schema, |_| json!({ "object": { "car": true, "battery": null } }));
    assert_eq!(changes(&schema, now), [], "ten without it are a coincidence");
    let now = seen(610..640, &mut schema, |_| json!({ "object": { "car": true } }));
    let drift = schema.drift(now);
    let [went] = &drift[..] else { panic!("{drift:?}") };
    assert_eq!(
        (went.path.as_str(), went.change, went.since),
        ("up: object.battery", FieldChange::Went, last)
    );
    assert!((went.share - 0.75).abs() < 0.01 && went.types == "number");
    let now = seen(640..641, &mut schema, |_| json!({ "object": { "car": true, "battery": 3.6 } }));
    assert_eq!(changes(&schema, now), []);
}

#[test]
fn a_field_that_is_new_came_and_is_news_for_a_week() {
    let mut schema = Schema::default();
    seen(0..600, &mut schema, |_| json!({ "a": 1 }));
    let now = seen(600..630, &mut schema, |n| {
        if n % 2 == 0 { json!({ "a": 1, "b": { "c": 2 } }) } else { json!({ "a": 1 }) }
    });
    assert_eq!(changes(&schema, now), [], "fifteen samples are few");
    let now = seen(630..660, &mut schema, |n| {
        if n % 2 == 0 { json!({ "a": 1, "b": { "c": 2 } }) } else { json!({ "a": 1 }) }
    });
    assert_eq!(
        changes(&schema, now),
        [("up: b".to_owned(), FieldChange::Came)],
        "once, not for each field in it"
    );
    assert_eq!(changes(&schema, now.plus_s(8 * 86_400)), []);
}

#[test]
fn a_field_whose_type_changes_is_one_change() {
    let mut schema = Schema::default();
    seen(0..600, &mut schema, |_| json!({ "a": { "battery_v": 3.6 } }));
    let now = seen(600..640, &mut schema, |_| json!({ "a": { "battery_v": "3.6" } }));
    let drift = schema.drift(now);
    let [changed] = &drift[..] else { panic!("{drift:?}") };
    assert_eq!((changed.path.as_str(), changed.change), ("up: a.battery_v", FieldChange::Type));
    assert_eq!((changed.types.as_str(), changed.since), ("number, string", T0.plus_s(600 * 600)));
}

#[test]
fn rare_fields_and_those_with_a_rhythm_are_no_drift() {
    let mut schema = Schema::default();
    // One in fifty; and by night only: 72 samples of 144.
    let message = |n: i64| {
        let mut message = json!({ "a": 1 });
        if n % 50 == 0 {
            message["rare"] = json!("x");
        }
        if n % 144 < 72 {
            message["closed"] = json!(true);
        }
        message
    };
    for day in 0..30 {
        for hour in 0..24 {
            let n = day * 144 + hour * 6;
            let now = seen(n..n + 6, &mut schema, message);
            assert_eq!(changes(&schema, now), [], "day {day} {hour}:00");
        }
    }
}

#[test]
fn what_others_make_up_takes_no_more_than_its_bounds() {
    let mut schema = Schema::default();
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!({ "deep": deep });
    }
    for n in 0..5_000_i64 {
        let names: String = (0..4).map(|at| char::from(b'a' + (n >> (4 * at) & 15) as u8)).collect();
        let many: serde_json::Map<String, Value> =
            (0..40).map(|k| (format!("{names}{}", k % 10), json!(n))).collect();
        schema.sample(&format!("kind{}", n % 100), &Value::Object(many), T0.plus_s(n));
        schema.sample("up", &deep, T0.plus_s(n));
    }
    assert_eq!(schema.0.len(), MAX_KINDS);
    assert!(schema.0.values().all(|kind| kind.fields.len() <= MAX_PATHS));
    let stored = serde_json::to_string(&schema).unwrap();
    assert!(stored.len() < 1_000_000, "{} bytes", stored.len());
}

#[test]
fn names_that_look_like_data_are_not_kept() {
    let of = paths(&json!({
        "70b3d57ed0051a2b": { "state": "vacant" },
        "Max Mustermann": 1,
        "2026-11-22": 1,
        "battery_v": 1,
        "rxInfo": [{ "nsTime": "x" }, { "nsTime": null, "snr": 3 }],
    }));
    assert_eq!(
        of,
        [
            "* number",
            "* object",
            "*.state string",
            "battery_v number",
            "rxInfo list",
            "rxInfo[] object",
            "rxInfo[].nsTime string",
            "rxInfo[].snr number",
        ]
    );
}

#[test]
fn a_clock_that_was_ahead_leaves_nothing() {
    let mut schema = Schema::default();
    let now = seen(0..600, &mut schema, |_| json!({ "a": 1 }));
    schema.sample("up", &json!({ "ahead": 1 }), now.plus_s(365 * 86_400));
    schema.forget(now);
    assert!(!schema.0["up"].fields.contains_key("ahead number"));
    assert_eq!(schema.clone().checked(), schema);
}
