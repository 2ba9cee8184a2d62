//! The document is complete and true: asked of the document itself, and of the routes.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value;

use crate::router::document;
use crate::tests::fixture::{Answer, County, read};
use crate::tests::keys::Instance;

/// Calls `look` with each operation: its path, its method, itself.
fn operations(document: &Value, mut look: impl FnMut(&str, &str, &Value)) {
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            look(path, method, operation);
        }
    }
}

/// Calls `look` with each shape that lies in a schema, and where.
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

/// The same of all shapes of the document: the named ones, and those of answers.
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
        if at.starts_with("ReplayIn") {
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

/// Words that the wire knows as one of a list are lists in the document.
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
    // Words of people, and names that say the same of another thing.
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
            if of_parameters.contains(&name) {
                assert!(is_list(&parameter["schema"]), "{path} {name}");
                let is_array = parameter["schema"]["type"] == "array";
                assert!(!is_array || parameter["explode"] == false, "{path} {name} is separated by commas");
            }
        }
    });
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

/// The parameters that a route's document names in the query.
fn documented(operation: &Value) -> BTreeSet<&str> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.filter(|p| p["in"] == "query").filter_map(|p| p["name"].as_str()).collect()
}

/// A path with `id` for each of its parameters.
fn filled(path: &str, id: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { id } else { part }).collect::<Vec<_>>().join("/")
}

async fn ask(county: &County, method: &str, path: &str, key: Option<&str>) -> Answer {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    read(county.send(request.body(Body::empty()).unwrap()).await).await
}

/// Each route is asked what its document says of it: an unknown parameter is refused with the list of the known ones,
/// an unknown method with those that are known, whoever has no key with 401.
#[tokio::test]
async fn every_route_answers_as_its_document_says() {
    let Some(instance) = Instance::with(crate::tests::fixture::contents()).await else { return };
    let (key, _) = instance.key("admin", &[], 7, None).await;
    let document = document();
    let mut all = Vec::new();
    operations(&document, |path, method, operation| {
        all.push((path.to_owned(), method.to_uppercase(), operation.clone()));
    });
    for (path, method, operation) in &all {
        let declared = |answer: &Answer| {
            let response = &operation["responses"][answer.status.as_str()];
            assert!(response.is_object(), "{method} {path}: {} is not declared", answer.status);
            let kind = answer.header("content-type").split(';').next().unwrap_or_default().to_owned();
            assert!(
                response["content"][kind.as_str()].is_object(),
                "{method} {path}: {} as {kind}",
                answer.status
            );
            for (name, _) in response["headers"].as_object().into_iter().flatten() {
                assert!(!answer.header(name).is_empty(), "{method} {path}: {} without {name}", answer.status);
            }
        };
        let address = filled(path, "nothing");
        if path.starts_with("/v1") || path.starts_with("/open") {
            let answer = ask(&instance.county, method, &format!("{address}?quux=1"), Some(&key)).await;
            assert_eq!(answer.status, 400, "{path}: {}", answer.body);
            declared(&answer);
            let remedy = answer.json()["remedy"].as_str().unwrap_or_default().to_owned();
            let known = remedy.split("Known are: ").nth(1).unwrap_or_default().trim_end_matches('.');
            let known: BTreeSet<&str> = known.split(", ").filter(|name| !name.is_empty()).collect();
            assert_eq!(known, documented(operation), "{path}: its parameters, and those of the document");
        }
        let other = if method == "PATCH" { "PUT" } else { "PATCH" };
        let answer = ask(&instance.county, other, &address, Some(&key)).await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<&str> =
            answer.header("allow").split(',').map(str::trim).filter(|m| *m != "HEAD").collect();
        assert_eq!(allowed, [method.as_str()].into(), "{path}");
        declared(&answer);
        let security = operation["security"].as_array();
        let is_closed = security.is_some_and(|all| !all.iter().any(|one| one == &serde_json::json!({})));
        if security.is_some() {
            let answer = ask(&instance.county, method, &address, Some("nonsense")).await;
            assert_eq!(answer.status, 401, "{path}");
            declared(&answer);
        }
        if is_closed {
            assert_eq!(ask(&instance.county, method, &address, None).await.status, 401, "{path}");
        }
        if path.contains('{') {
            for id in ["nothing", "%FF%FE", "a%00b"] {
                let answer = ask(&instance.county, method, &filled(path, id), Some(&key)).await;
                declared(&answer);
                assert!(
                    !answer.status.is_server_error() || path.starts_with("/v1/stops"),
                    "{path}: {}",
                    answer.body
                );
            }
        }
    }
}

/// Whatever has an `ETag` understands `If-None-Match`, and the document says so.
#[tokio::test]
async fn answers_with_a_name_may_be_unchanged() {
    let county = County::new();
    let document = document();
    for (path, address) in [
        ("/v1/sites", "/v1/sites"),
        ("/v1/sites/{id}", "/v1/sites/t-station"),
        ("/v1/bays", "/v1/bays"),
        ("/v1/bays/{id}", "/v1/bays/w-kerb-6"),
        ("/v1/vehicles", "/v1/vehicles"),
        ("/v1/feeds", "/v1/feeds"),
        ("/v1/parking", "/v1/parking?near=51.953,7.991"),
        ("/open/parkapi/v1", "/open/parkapi/v1"),
        ("/open/parkapi/v1/{municipality}", "/open/parkapi/v1/telgte"),
        ("/open/parkapi/v3/parking-sites", "/open/parkapi/v3/parking-sites"),
        ("/open/parkapi/v3/parking-spots", "/open/parkapi/v3/parking-spots"),
    ] {
        let answer = county.get(address).await;
        assert_eq!(answer.status, 200, "{address}");
        let operation = &document["paths"][path]["get"];
        let has_name = !answer.header("etag").is_empty();
        assert_eq!(operation["responses"]["304"].is_object(), has_name, "{path}");
        let asks =
            operation["parameters"].as_array().into_iter().flatten().any(|p| p["name"] == "If-None-Match");
        assert_eq!(asks, has_name, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_a_problem() {
    let county = County::new();
    let body = Body::from(vec![b' '; crate::body::MAX_BODY_BYTES + 1]);
    let request = Request::post("/v1/rejections/replay").body(body).unwrap();
    let answer = read(county.send(request).await).await;
    assert_eq!(answer.status, 413);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.json()["remedy"].is_string());
}
