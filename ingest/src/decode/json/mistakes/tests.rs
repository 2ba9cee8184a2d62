use domain::Lang;
use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> Fault {
    let error = serde_json::from_str::<serde::de::IgnoredAny>(text).expect_err(text);
    syntax(text, &error)
}

#[test]
fn the_usual_mistakes_are_named_with_their_field() {
    for (text, detail, remedy) in [
        (r#"{"at":1,"t":nan}"#, "t: nan is no JSON value", "null"),
        (r#"{"t":-Infinity}"#, "t: -Infinity is no JSON value", "null"),
        (r#"{"a":{"b":[1,None]}}"#, "a.b[1]: None is no JSON value", "Python"),
        (r#"{"t":True}"#, "t: True", "small letters"),
        (r#"{'at':'x'}"#, "payload: it stands in single", "json.dumps"),
        (r#"{"at":'x'}"#, "at: it stands in single", "json.dumps"),
        (r#"{"t":3,6}"#, "t: a comma stands in the number", "3.6"),
        (r#"{"t":3.6V}"#, "t: 3.6V is no number", "unit"),
        (r#"{"t":05}"#, "t: 05 is no number", "leading zero"),
        (r#"{"t":+5}"#, "t: +5 is no number", "plus"),
        (r#"{"state":occupied}"#, "state: 'occupied' stands there without", "quotation"),
        (r#"{state:"occupied"}"#, "payload: 'state' where a field's name", "double"),
        ("{\"a\":“x”}", "a: typographic", "plain"),
        (r#"{"a":1,}"#, "a: a comma stands before the end", "last comma"),
        (r#"{"a":1 "b":2}"#, "a: '\"b\"' where a comma", "validator"),
        (r#"{"a" 1}"#, "a: '1' where a colon", "value"),
        (r#"{"a":}"#, "a: no value", "null"),
        (r#"{"at":"2026-11-22T12:0"#, "at: the JSON breaks off after 22 bytes", "buffer"),
        (r#"{"at":tru"#, "at: the JSON breaks off", "buffer"),
        (r#"{"a":[1,"#, "a[1]: the JSON breaks off", "buffer"),
        ("{\"a\":1}\n{\"a\":2}", "payload: a second JSON object", "list"),
        (r#"{"a":1}}"#, "payload: '}' follows", "nothing but"),
        ("{\"a\":\"x\ny\"}", "a: a line break", "escape"),
        ("{\"a\":\"x\0y\"}", "a: a NUL byte", "escape"),
        (r#"{"a":"C:\dir"}"#, "a: \\d is no escape", "twice"),
        ("ON", "payload: 'ON' stands there without", "quotation"),
    ] {
        let found = fault(text);
        assert!(found.detail.to_string().starts_with(detail), "{text}: {}", found.detail);
        assert!(found.remedy.unwrap().sentence(Lang::En).contains(remedy), "{text}: {:?}", found.remedy);
    }
}

#[test]
fn shapes_are_named() {
    assert!(no_object("[1]").detail.to_string().contains("where one object"));
    assert!(no_object("\"{}\"").remedy.unwrap().sentence(Lang::En).contains("itself"));
    assert!(no_object("17").detail.to_string().contains("17 where an object"));
    assert!(no_list(r#"{"a":1}"#).remedy.unwrap().sentence(Lang::En).contains("brackets"));
    assert!(no_list("{\"a\":1}\n{\"a\":2}").detail.to_string().contains("second"));
    assert!(no_list("17").detail.to_string().contains("17"));
}

proptest! {
    #[test]
    fn the_scanner_agrees_with_the_parser(text in r#"[\[\]{}:,"'a-c0-3.e \\ntrufals-]{0,24}"#) {
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
        // What the parser takes has no mistake; what it refuses gets some sentence all the same.
        if is_json {
            prop_assert!(super::scanned(&text).is_ok(), "{text}");
        }
        let _ = (no_object(&text), no_list(&text));
    }
}
