//! The OpenAPI document: the annotations of the routes, completed by rules that apply to all of them.
//!
//! Rules: which problems a route may answer with, that parameters are never null, that lists in parameters are
//! separated by commas, that a field is null and never absent, what an answer with an `ETag` understands.

pub mod parameters;
pub mod values;
pub mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use utoipa::PartialSchema;
use utoipa::openapi::OpenApi;

/// The media type of problems (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// Recorded answers of the most used routes.
const EXAMPLES: [(&str, &str); 5] = [
    ("/v1/parking", include_str!("examples/parking.json")),
    ("/v1/sites", include_str!("examples/sites.json")),
    ("/v1/occupancy", include_str!("examples/occupancy.json")),
    ("/v1/sensors", include_str!("examples/sensors.json")),
    ("/v1/rejections", include_str!("examples/rejections.json")),
];

/// Completes the document of all routes.
pub fn complete(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    frame(&mut document);
    let asked = asked_shapes(&document);
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        schemas.values_mut().for_each(settle_choices);
        for (_, schema) in schemas.iter_mut().filter(|(name, _)| !asked.contains(name)) {
            require_nullable(schema);
        }
        refer_to_items(schemas);
    }
    let shapes = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (_, operation) in item.as_object_mut().into_iter().flatten() {
            settle_parameters(operation);
            add_table_formats(operation);
            add_responses(path, operation, &shapes);
            add_example(path, operation);
        }
    }
    document
}

/// Document-wide fields: servers, tags, licence.
fn frame(document: &mut Value) {
    document["info"]["license"] = json!({ "name": "EUPL-1.2", "identifier": "EUPL-1.2" });
    document["info"]["contact"] = json!({ "name": "Kreisverkehr", "url": env!("CARGO_PKG_REPOSITORY") });
    document["servers"] = json!([{ "url": "/", "description": "The instance that serves this document." }]);
    document["tags"] = json!([
        { "name": "drivers", "description": "Where to park, how to get there, and what changes." },
        { "name": "places", "description": "Parking sites and bays with their live state." },
        { "name": "transit", "description": "Stops, departures and vehicles." },
        { "name": "planners", "description":
            "Figures about the past and about the forecast. With a planner's key for its municipalities; public where a \
             municipality says so, and then small groups are withheld." },
        { "name": "installers", "description": "Devices, what they send, and what was not believed of it. With an \
            installer's key." },
        { "name": "suppliers", "description": "What suppliers post to their feeds. With the key of a feed." },
        { "name": "operators", "description": "Feeds, health and figures of the instance itself." },
        { "name": "open data", "description": "The same places in the shapes of ParkAPI: a field that is not known is \
            absent there." },
    ]);
    let key = &mut document["components"]["securitySchemes"]["key"];
    key["bearerFormat"] = json!("kvk_ and 72 hexadecimal digits");
    key["description"] = json!(
        "A key of the instance, sent as `Authorization: Bearer KEY`. The operator makes it by `kreisverkehr key create` \
         with a role (installer, planner, operator, admin) and its municipalities, or for a feed that messages are posted \
         to (feed); admin may do everything."
    );
}

/// Names of schemas of request bodies: what may be null there may be left out as well.
fn asked_shapes(document: &Value) -> Vec<String> {
    let items = document["paths"].as_object().into_iter().flatten().map(|(_, item)| item);
    let operations = items.filter_map(Value::as_object).flat_map(Map::values);
    let mut names = Vec::new();
    for operation in operations {
        references(&operation["requestBody"], &mut |name| names.push(name.to_owned()));
    }
    names
}

/// A list refers to the shape of its items, which its name ends with.
fn refer_to_items(schemas: &mut Map<String, Value>) {
    let names: BTreeSet<String> = schemas.keys().cloned().collect();
    for (name, schema) in schemas {
        if let Some((_, item)) = name.split_once('_').filter(|(_, item)| names.contains(*item))
            && let Some(items) = schema.pointer_mut("/properties/items/items")
        {
            *items = json!({ "$ref": format!("#/components/schemas/{item}") });
        }
    }
}

/// Calls `found` with the name of each schema that is referred to.
fn references(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object.get("$ref").and_then(Value::as_str) {
                found(name.rsplit('/').next().unwrap_or_default());
            }
            object.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Whether a schema admits null.
fn is_nullable(schema: &Value) -> bool {
    let is_null = |part: &Value| part["type"] == "null";
    schema["type"].as_array().is_some_and(|types| types.iter().any(|t| t == "null"))
        || ["oneOf", "anyOf"]
            .iter()
            .any(|list| schema[list].as_array().is_some_and(|l| l.iter().any(is_null)))
}

/// The schemas that a schema is made of.
fn parts(schema: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut found = Vec::new();
    for (key, value) in schema.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => found.extend(properties.values_mut()),
            ("oneOf" | "anyOf" | "allOf", Value::Array(list)) => found.extend(list),
            ("items" | "additionalProperties", value @ Value::Object(_)) => found.push(value),
            _ => {}
        }
    }
    found
}

/// What is not known is null, never absent: a property that may be null is required. But one whose description says when
/// it is absent, as in other projects' formats, is never null.
fn require_nullable(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
        let is_absent =
            |p: &&mut Value| p["description"].as_str().is_some_and(|text| text.contains("absent:"));
        properties.values_mut().filter(is_absent).for_each(forbid_null);
        let nullable = properties.iter().filter(|(_, p)| is_nullable(p)).map(|(name, _)| name.clone());
        let mut required: Vec<String> = nullable.collect();
        let before = object.get("required").and_then(Value::as_array).into_iter().flatten();
        required.extend(before.filter_map(Value::as_str).map(Into::into));
        required.sort_unstable();
        required.dedup();
        if !required.is_empty() {
            object.insert("required".into(), json!(required));
        }
    }
    parts(object).into_iter().for_each(require_nullable);
}

fn forbid_null(schema: &mut Value) {
    if let Some(types) = schema["type"].as_array() {
        schema["type"] = types.iter().find(|t| *t != "null").cloned().unwrap_or_default();
    }
}

/// Moves the description of a nullable object to its field, and turns `oneOf` into `anyOf`: an empty list fits all
/// alternatives.
fn settle_choices(schema: &mut Value) {
    let admits_null = is_nullable(schema);
    let Some(object) = schema.as_object_mut() else { return };
    if admits_null && !object.contains_key("description") {
        let choices = object.get_mut("oneOf").and_then(Value::as_array_mut);
        let of_shape = choices.into_iter().flatten().filter_map(Value::as_object_mut);
        let lifted = of_shape.filter_map(|shape| shape.remove("description")).next();
        object.extend(lifted.map(|text| ("description".to_owned(), text)));
    }
    if !admits_null && let Some(choices) = object.remove("oneOf") {
        object.insert("anyOf".into(), choices);
    }
    parts(object).into_iter().for_each(settle_choices);
}

/// Parameters are never null; lists are separated by commas; an empty value counts as none.
fn settle_parameters(operation: &mut Value) {
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let schema = &mut parameter["schema"];
        let mut parts = schema["oneOf"].as_array().into_iter().flatten();
        if let Some(only) = parts.find(|part| part["type"] != "null").cloned() {
            *schema = only;
        }
        forbid_null(schema);
        let is_list = schema["type"] == "array";
        if parameter["in"] == "query" {
            if is_list {
                parameter["style"] = json!("form");
                parameter["explode"] = json!(false);
            }
            if parameter["required"] != true {
                parameter["allowEmptyValue"] = json!(true);
            }
        }
    }
}

/// Where the caller chooses the locale of a table, it also comes as CSV and Parquet.
fn add_table_formats(operation: &mut Value) {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    if parameters.any(|parameter| parameter["name"] == "locale") {
        let content = &mut operation["responses"]["200"]["content"];
        content["text/csv"] = json!({ "schema": values::Csv::schema() });
        content["application/vnd.apache.parquet"] = json!({ "schema": values::Parquet::schema() });
    }
}

/// A status, what it means, and the headers that come with it.
type Rule = (u16, &'static str, &'static [(&'static str, &'static str)]);

const BAD_REQUEST: Rule = (
    400,
    "A parameter is unknown, missing or wrong: `field` names it, `remedy` says what would be right.",
    &[],
);
const UNAUTHORIZED: Rule = (
    401,
    "A valid key is needed, and none or a wrong one was sent.",
    &[("WWW-Authenticate", "`Bearer`: how to send the key.")],
);
const TOO_MANY_FAILURES: Rule = (
    429,
    "The key is not valid, as many others from the same address were not; a valid one is accepted at any time.",
    &[("Retry-After", "After how many seconds to try again.")],
);
const FORBIDDEN: Rule = (403, "The role or the municipalities of the key do not cover this.", &[]);
const NOT_FOUND: Rule = (404, "There is no such thing, or it is not for the caller.", &[]);
const METHOD_NOT_ALLOWED: Rule =
    (405, "The address does not know the method.", &[("Allow", "The methods that it knows.")]);
const TOO_LARGE: Rule = (413, "The body is larger than 64 KiB.", &[]);
const INTERNAL: Rule = (500, "The server failed; the fault is in its log.", &[]);
const UNAVAILABLE: Rule = (
    503,
    "Not available at the moment: the database does not answer, or too many questions are being answered.",
    &[("Retry-After", "After how many seconds to try again.")],
);

/// The problems that a route may answer with.
fn rules(path: &str, operation: &Value) -> Vec<Rule> {
    let mut rules = vec![METHOD_NOT_ALLOWED, INTERNAL];
    if path.starts_with("/v1/") || path.starts_with("/open/") {
        rules.push(BAD_REQUEST);
    }
    if operation["security"].is_array() {
        rules.extend([UNAUTHORIZED, TOO_MANY_FAILURES, UNAVAILABLE]);
        // Whoever has another key than an operator's sees the feeds as the public does.
        if path != "/v1/feeds" {
            rules.push(FORBIDDEN);
        }
    }
    if path.contains('{') {
        rules.push(NOT_FOUND);
    }
    if operation["requestBody"].is_object() {
        rules.push(TOO_LARGE);
    }
    rules
}

fn add_responses(path: &str, operation: &mut Value, shapes: &Value) {
    let rules = rules(path, operation);
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, description, _) in rules {
        responses.entry(status.to_string()).or_insert_with(|| json!({ "description": description }));
    }
    let has_etag = responses.contains_key("304");
    for (status, response) in responses.iter_mut() {
        for (_, content) in response.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
            settle_choices(&mut content["schema"]);
            require_nullable(&mut content["schema"]);
        }
        if status.starts_with(['4', '5']) && response["content"].is_null() {
            response["content"] =
                json!({ PROBLEM: { "schema": { "$ref": "#/components/schemas/Problem" } } });
            let of_status = [UNAUTHORIZED, TOO_MANY_FAILURES, METHOD_NOT_ALLOWED, UNAVAILABLE];
            let headers = of_status.iter().find(|(s, ..)| s.to_string() == *status).map_or(&[][..], |r| r.2);
            for (name, text) in headers {
                response["headers"][*name] = header(text);
            }
        }
        if has_etag && matches!(status.as_str(), "200" | "304") {
            response["headers"]["ETag"] = header("Name of this answer, for `If-None-Match`.");
        }
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = described(response, shapes);
        }
    }
    if has_etag {
        let mut parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        parameters.push(json!({
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "`ETag` of an answer that the caller has: 304 when it is still the same.",
            "schema": { "type": "string" },
        }));
        operation["parameters"] = parameters.into();
    }
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

/// Description of an answer, by its schema.
fn described(response: &Value, shapes: &Value) -> Value {
    let content = response["content"].as_object().and_then(|content| content.values().next());
    let mut shape = content.map_or(&Value::Null, |content| &content["schema"]);
    if let Some(name) = shape["$ref"].as_str() {
        shape = &shapes[name.rsplit('/').next().unwrap_or_default()];
    }
    shape["description"].as_str().map_or(json!("The answer."), |text| json!(text))
}

fn add_example(path: &str, operation: &mut Value) {
    let Some((_, example)) = EXAMPLES.iter().find(|(of, _)| *of == path) else { return };
    if let Ok(example) = serde_json::from_str::<Value>(example) {
        operation["responses"]["200"]["content"]["application/json"]["example"] = example;
    }
}
