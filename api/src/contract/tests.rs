//! The document is complete and true: asked of the document itself, and in `routes` of the routes.

mod routes;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::router::document;

/// Calls `look` with each operation: its path, its method, itself.
fn operations(document: &Value, mut look: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            look(path, method, operation);
        }
    }
}

/// Calls `look` with each schema nested in a schema, and its path.
fn shapes<'v>(schema: &'v Value, at: &str, look: &mut dyn FnMut(&str, &'v Value)) {
    look(at, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        shapes(property, &format!("{at}.{name}"), look);
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        schema[list].as_array().into_iter().flatten().for_each(|part| shapes(part, at, look));
    }
    for inner in [&schema["items"], &schema["additionalProperties"]] {
        if inner.is_object() {
            shapes(inner, at, look);
        }
    }
}

/// The same for all schemas of the document, named ones and those of answers.
fn all_shapes<'v>(document: &'v Value, look: &mut dyn FnMut(&str, &'v Value)) {
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        shapes(schema, name, look);
    }
    for (path, item) in document["paths"].as_object().expect("paths") {
        for operation in item.as_object().expect("operations").values() {
            for (status, response) in operation["responses"].as_object().expect("responses") {
                for content in response["content"].as_object().into_iter().flat_map(|c| c.values()) {
                    shapes(&content["schema"], &format!("{path} {status}"), look);
                }
            }
        }
    }
}

fn is_sentence(text: &Value) -> bool {
    text.as_str().is_some_and(|text| text.len() > 8 && text.ends_with('.') && text.contains(' '))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Names that stand for more than one shape.
fn clashes(shapes: Vec<(String, RefOr<Schema>)>) -> BTreeSet<String> {
    let mut first: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    let mut clashes = BTreeSet::new();
    for (name, shape) in shapes {
        if first.entry(name.clone()).or_insert_with(|| shape.clone()) != &shape {
            clashes.insert(name);
        }
    }
    clashes
}

#[test]
fn no_two_shapes_have_one_name() {
    let clashes = clashes(crate::router::shapes());
    assert!(
        clashes.is_empty(),
        "the document keeps one shape of each name; rename types, or give them #[schema(as = ...)]: {clashes:?}"
    );
}

#[test]
fn two_shapes_of_one_name_are_found_and_the_same_one_twice_is_none() {
    mod one {
        #[derive(utoipa::ToSchema)]
        #[expect(dead_code, reason = "its shape is what counts")]
        pub struct EndOut {
            a: i32,
        }
    }
    mod other {
        #[derive(utoipa::ToSchema)]
        #[expect(dead_code, reason = "its shape is what counts")]
        pub struct EndOut {
            b: i32,
        }
    }
    let named = |shape| ("EndOut".to_owned(), shape);
    let (a, b) = (named(one::EndOut::schema()), named(other::EndOut::schema()));
    assert!(clashes(vec![a.clone(), a.clone()]).is_empty());
    assert_eq!(clashes(vec![a, b]), BTreeSet::from(["EndOut".to_owned()]));
}

#[test]
fn every_field_and_every_parameter_has_a_sentence() {
    let document = document();
    let mut without = Vec::new();
    all_shapes(&document, &mut |at, schema| {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            if !is_sentence(&property["description"]) {
                without.push(format!("{at}.{name}: {}", property["description"]));
            }
        }
    });
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if !is_sentence(&schema["description"]) {
            without.push(format!("{name}: {}", schema["description"]));
        }
    }
    operations(&document, |path, method, operation| {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if !is_sentence(&parameter["description"]) {
                without.push(format!("{method} {path} {}: {}", parameter["name"], parameter["description"]));
            }
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            if !is_sentence(&response["description"]) {
                without.push(format!("{method} {path} {status}: {}", response["description"]));
            }
        }
        assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
    });
    assert!(without.is_empty(), "{} without a sentence:\n{}", without.len(), without.join("\n"));
}

#[test]
fn what_is_not_known_is_null_and_never_absent() {
    let document = document();
    all_shapes(&document, &mut |at, schema| {
        // What callers send may leave out what they have nothing to say about.
        if at.split('.').next().is_some_and(|name| name.ends_with("In")) {
            return;
        }
        let required = names(&schema["required"]);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let may_be_null = property.to_string().contains(r#""null""#) && property["type"] != "array";
            assert!(!may_be_null || required.contains(&name.as_str()), "{at}.{name} may be null and absent");
        }
    });
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut used = BTreeSet::new();
    all_shapes(&document, &mut |_, schema| {
        used.extend(schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/")));
    });
    operations(&document, |_, _, operation| {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert!(body.is_null() || body.to_string().contains("#/components/schemas/"));
    });
    let defined: BTreeSet<&str> =
        document["components"]["schemas"].as_object().expect("schemas").keys().map(String::as_str).collect();
    assert_eq!(used.difference(&defined).collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// Enumerations on the wire are enumerations in the document.
#[test]
fn closed_lists_are_enums() {
    let document = document();
    let lists = [
        "state",
        "last_state",
        "kind",
        "site_kind",
        "health",
        "basis",
        "vacant_basis",
        "reason",
        "mode",
        "outcome",
        "purpose",
        "decoder",
        "direction",
        "served",
        "flags",
        "lot_type",
        "realtime_status",
        "last_outcome",
    ];
    // Free text, and fields of the same name that mean something else.
    let free = [
        "MessageOut.decoder",
        "RidershipRow.reason",
        "Check.reason",
        "BayChange.kind",
        "SiteChange.kind",
        "VehicleChange.kind",
    ];
    let shapes = &document["components"]["schemas"];
    let is_list = |schema: &Value| {
        let text = schema.to_string();
        text.contains(r#""enum""#)
            || text.split("#/components/schemas/").skip(1).any(|rest| {
                let name = rest.split('"').next().unwrap_or_default();
                shapes[name]["enum"].is_array() || shapes[name]["properties"].is_object()
            })
    };
    for (shape, schema) in shapes.as_object().expect("schemas") {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let is_free = free.contains(&format!("{shape}.{name}").as_str());
            assert!(
                is_free || !lists.contains(&name.as_str()) || is_list(property),
                "{shape}.{name}: {property}"
            );
        }
    }
    let of_parameters = [
        "kind", "for", "include", "modes", "health", "reason", "format", "locale", "bucket", "group_by",
        "days",
    ];
    operations(&document, |path, _, operation| {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            // A number of days back, not kinds of days.
            if of_parameters.contains(&name) && path != "/v1/feeds/{id}/history" {
                assert!(is_list(&parameter["schema"]), "{path} {name}");
                let is_array = parameter["schema"]["type"] == "array";
                assert!(!is_array || parameter["explode"] == false, "{path} {name} is separated by commas");
            }
        }
    });
}

/// The reasons why a forecast has no value are those of the domain.
#[test]
fn every_fault_of_a_source_is_a_reason_of_the_forecast() {
    let document = document();
    let words = |name: &str| {
        let list = &document["components"]["schemas"][name]["enum"];
        names(list).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let reasons = words("ForecastGap");
    for health in words("SourceHealth").iter().filter(|health| *health != "ok") {
        assert!(reasons.contains(health), "{health} is none of {reasons:?}");
    }
}

#[test]
fn every_route_declares_the_problems_that_it_may_answer_with() {
    let document = document();
    operations(&document, |path, method, operation| {
        let mut expected = vec!["405", "500"];
        if path.starts_with("/v1") || path.starts_with("/open") {
            expected.push("400");
        }
        if path.contains('{') {
            expected.push("404");
        }
        if operation["security"].is_array() {
            expected.extend(["401", "503"]);
        }
        if names(&operation["tags"]).contains(&"installers")
            || names(&operation["tags"]).contains(&"planners")
        {
            expected.push("403");
        }
        if operation["requestBody"].is_object() {
            expected.push("413");
        }
        for status in expected {
            let content = &operation["responses"][status]["content"];
            let shape = &content["application/problem+json"]["schema"]["$ref"];
            assert_eq!(shape, "#/components/schemas/Problem", "{method} {path} {status}");
        }
    });
    operations(&document, |path, method, operation| {
        for (name, part) in operation.as_object().expect("an operation") {
            assert!(!part.is_null(), "{method} {path}: {name} is null");
        }
        for (status, response) in operation["responses"].as_object().expect("responses") {
            for (name, part) in response.as_object().expect("a response") {
                assert!(!part.is_null(), "{method} {path} {status}: {name} is null");
            }
        }
    });
    assert_eq!(document["openapi"], "3.1.0");
    for part in [&document["servers"][0]["url"], &document["info"]["license"]["identifier"]] {
        assert!(part.is_string());
    }
    let described: BTreeSet<&str> =
        document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    operations(&document, |path, _, operation| {
        assert!(names(&operation["tags"]).iter().all(|tag| described.contains(tag)), "{path}");
    });
}

/// An example has the fields of the shape that it is an example of: those that are required, and no others.
fn fits(example: &Value, schema: &Value, shapes: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return fits(example, &shapes[name.rsplit('/').next().unwrap_or_default()], shapes, at);
    }
    let choices = ["oneOf", "anyOf"].iter().find_map(|list| schema[list].as_array());
    if let Some(choices) = choices {
        let not_null = choices.iter().find(|choice| choice["type"] != "null");
        return if example.is_null() {
            assert!(choices.len() > 1)
        } else {
            fits(example, not_null.unwrap(), shapes, at)
        };
    }
    match example {
        Value::Array(items) => items.iter().for_each(|item| fits(item, &schema["items"], shapes, at)),
        Value::Object(fields) => {
            let given: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
            assert_eq!(given, names(&schema["required"]).into_iter().collect(), "{at}");
            for (name, value) in fields {
                fits(value, &schema["properties"][name], shapes, &format!("{at}.{name}"));
            }
        }
        Value::String(text) => {
            let words = names(&schema["enum"]);
            assert!(words.is_empty() || words.contains(&text.as_str()), "{at}: {text}");
        }
        _ => {}
    }
}

#[test]
fn examples_have_the_shape_that_they_are_examples_of() {
    let document = document();
    for (path, _) in super::EXAMPLES {
        let content = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"];
        assert!(content["example"].is_object(), "{path}");
        fits(&content["example"], &content["schema"], &document["components"]["schemas"], path);
    }
}
