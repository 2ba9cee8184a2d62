//! `/openapi.json`, and `/docs`: the same as one plain page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use crate::pages::{self, assets};

struct Documents {
    json: String,
    page: String,
}

/// The routes for one document.
pub fn routes(document: &Value) -> Router {
    let documents = Documents { json: document.to_string(), page: page(document).into_string() };
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/docs", get(docs))
        .with_state(Arc::new(documents))
}

async fn openapi(State(documents): State<Arc<Documents>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], documents.json.clone()).into_response()
}

async fn docs(State(documents): State<Arc<Documents>>) -> Response {
    pages::html_response(documents.page.clone())
}

fn page(document: &Value) -> Markup {
    let info = &document["info"];
    let empty = serde_json::Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let schemas = document["components"]["schemas"].as_object().unwrap_or(&empty);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&info["title"])) " API" }
                (assets::style())
            }
            body {
                main {
                    h1 { (text(&info["title"])) " API " (text(&info["version"])) }
                    p { (text(&info["description"])) }
                    p { "The same for programs: " a href="/openapi.json" { "/openapi.json" } }
                    @for (path, item) in paths {
                        @for (method, operation) in item.as_object().unwrap_or(&empty) {
                            (operation_section(path, method, operation))
                        }
                    }
                    h2 { "Shapes" }
                    @for (name, schema) in schemas {
                        h3 id=(name) { code { (name) } }
                        @if let Some(description) = schema["description"].as_str() { p { (description) } }
                        (properties(schema))
                    }
                }
            }
        }
    }
}

fn operation_section(path: &str, method: &str, operation: &Value) -> Markup {
    html! {
        section {
            h2 { code { (method.to_uppercase()) " " (path) } }
            @for part in [&operation["summary"], &operation["description"]] {
                @if let Some(part) = part.as_str() { p { (part) } }
            }
            @if let Some(parameters) = operation["parameters"].as_array() {
                dl {
                    @for parameter in parameters {
                        dt {
                            code { (text(&parameter["name"])) }
                            " (" (text(&parameter["in"]))
                            @if parameter["required"].as_bool() == Some(true) { ", required" }
                            ")"
                        }
                        dd {
                            (text(&parameter["description"])) " "
                            (shape(&parameter["schema"]))
                            @if !parameter["schema"]["default"].is_null() {
                                "; default " code { (parameter["schema"]["default"]) }
                            }
                        }
                    }
                }
            }
            @if let Some(responses) = operation["responses"].as_object() {
                ul {
                    @for (status, response) in responses {
                        li {
                            code { (status) } " " (text(&response["description"]))
                            @for (kind, content) in response["content"].as_object().into_iter().flatten() {
                                " " code { (kind) } " "
                                (shape(&content["schema"]))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn properties(schema: &Value) -> Markup {
    html! {
        @if let Some(properties) = schema["properties"].as_object() {
            dl {
                @for (name, property) in properties {
                    dt { code { (name) } " " (shape(property)) }
                    dd { (text(&property["description"])) }
                }
            }
        } @else {
            p { (shape(schema)) }
        }
    }
}

/// A schema in a few words, with links to named ones.
fn shape(schema: &Value) -> Markup {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return html! { a href={ "#" (name) } { (name) } };
    }
    for list in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[list].as_array() {
            return html! {
                @for (i, part) in parts.iter().enumerate() { @if i > 0 { " or " } (shape(part)) }
            };
        }
    }
    if schema["type"] == "array" {
        return html! { "list of " (shape(&schema["items"])) };
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return html! { code { (words.join(", ")) } };
    }
    match &schema["type"] {
        Value::Array(types) => {
            let types: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
            html! { (types.join(" or ")) }
        }
        other => html! { (text(other)) },
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
