//! Tests as tables and pages to print.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::Lang;
use domain::acceptance::{CheckState, TestState};
use maud::{DOCTYPE, Markup, html};

use super::out::{AcceptanceOut, CheckOut};
use crate::http::problem::Problem;
use crate::http::table::harmless;
use crate::pages::html_response;

/// How many tests of a list came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Totals {
    /// Sensors with a test.
    pub sensors: usize,
    /// Tests that were passed.
    pub passed: usize,
    /// Tests that were failed.
    pub failed: usize,
    /// Tests that run, or were ended before.
    pub open: usize,
    /// Tests that are signed.
    pub signed: usize,
}

impl Totals {
    /// Of these tests.
    pub fn of(items: &[AcceptanceOut]) -> Totals {
        let count = |is: &dyn Fn(&AcceptanceOut) -> bool| items.iter().filter(|item| is(item)).count();
        let passed = count(&|item| item.state == TestState::Passed);
        let failed = count(&|item| item.state == TestState::Failed);
        Totals {
            sensors: items.len(),
            passed,
            failed,
            open: items.len() - passed - failed,
            signed: count(&|item| item.sign_off.is_some()),
        }
    }
}

/// A row for each check of each test.
pub fn csv(items: &[AcceptanceOut], lang: Lang) -> Response {
    let heads = lang.say(
        [
            "Sensor",
            "Platz",
            "Test",
            "Beginn",
            "Ergebnis",
            "Prüfung",
            "Stand",
            "Wert",
            "Grenze",
            "Abhilfe",
            "Name",
            "Bemerkung",
        ],
        [
            "sensor",
            "place",
            "test",
            "started_at",
            "result",
            "check",
            "state",
            "value",
            "limit",
            "remedy",
            "name",
            "note",
        ],
    );
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut write = || -> Result<(), csv::Error> {
        writer.write_record(heads)?;
        for item in items {
            for check in &item.checks {
                let signed = item.sign_off.as_ref();
                let cells = [
                    item.sensor.clone(),
                    place(item).to_owned(),
                    item.id.to_string(),
                    item.started_at.to_string(),
                    item.state.to_string(),
                    check.name.to_string(),
                    check.state.to_string(),
                    check.value.map(|v| v.to_string()).unwrap_or_default(),
                    check.limit.map(|v| v.to_string()).unwrap_or_default(),
                    check.remedy.map(|r| r.to_string()).unwrap_or_default(),
                    signed.map(|s| s.name.clone()).unwrap_or_default(),
                    signed.and_then(|s| s.note.clone()).unwrap_or_default(),
                ];
                writer.write_record(cells.iter().map(|cell| harmless(cell)))?;
            }
        }
        Ok(())
    };
    match write().and_then(|()| writer.into_inner().map_err(|e| e.into_error().into())) {
        Ok(body) => {
            let headers = [
                (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"acceptance.csv\""),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, body).into_response()
        }
        Err(error) => {
            tracing::error!("a table cannot be written: {error}");
            Problem::internal().into_response()
        }
    }
}

fn place(item: &AcceptanceOut) -> &str {
    let bound = [&item.bay, &item.site, &item.vehicle];
    bound.into_iter().find_map(|id| id.as_deref()).unwrap_or_default()
}

fn page(title: &str, lang: Lang, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                (crate::pages::assets::style())
            }
            body class="print" { main { h1 { (title) } (content) } }
        }
    };
    let mut response = html_response(page.into_string());
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// One test, to be printed and signed.
pub fn protocol(item: &AcceptanceOut, lang: Lang) -> Response {
    let title = format!("{} {}", lang.say("Abnahme des Sensors", "Acceptance of sensor"), item.sensor);
    page(&title, lang, &html! { (one(item, lang)) (signature(item, lang)) })
}

/// The list of what was handed over.
pub fn hand_over(items: &[AcceptanceOut], lang: Lang) -> Response {
    let totals = Totals::of(items);
    let content = html! {
        p {
            (totals.sensors) " " (lang.say("Sensoren", "sensors")) ": "
            (totals.passed) " " (lang.say("bestanden", "passed")) ", "
            (totals.failed) " " (lang.say("nicht bestanden", "failed")) ", "
            (totals.open) " " (lang.say("offen", "open")) "; "
            (totals.signed) " " (lang.say("abgezeichnet", "signed off")) "."
        }
        table {
            thead {
                tr {
                    th scope="col" { (lang.say("Sensor", "Sensor")) }
                    th scope="col" { (lang.say("Platz", "Place")) }
                    th scope="col" { (lang.say("Ergebnis", "Result")) }
                    th scope="col" { (lang.say("Nicht bestanden", "Failed checks")) }
                    th scope="col" { (lang.say("Abgezeichnet", "Signed off")) }
                }
            }
            tbody {
                @for item in items {
                    tr {
                        th scope="row" { (item.sensor) }
                        td { (place(item)) }
                        td { (item.state.words(lang)) }
                        td {
                            (lang.list(item.checks.iter().filter(|c| c.state == CheckState::Fail).map(|c| c.name.words(lang))))
                        }
                        td { @if let Some(s) = &item.sign_off { (s.name) @if let Some(note) = &s.note { ": " (note) } } }
                    }
                }
            }
        }
    };
    page(lang.say("Übergabeliste", "Hand-over list"), lang, &content)
}

fn one(item: &AcceptanceOut, lang: Lang) -> Markup {
    let number = |check: &CheckOut, value: Option<f64>| {
        let value = value.map(|v| lang.number((v * 100.0).round() / 100.0));
        value.map(|v| format!("{v} {}", check.name.unit()).trim_end().to_owned()).unwrap_or_default()
    };
    html! {
        p { (lang.say("Platz", "Place")) ": " (place(item)) }
        p { (lang.say("Beginn", "Started")) ": " (item.started_at) }
        p { strong { (item.state.words(lang)) } }
        table {
            thead {
                tr {
                    th scope="col" { (lang.say("Prüfung", "Check")) }
                    th scope="col" { (lang.say("Stand", "State")) }
                    th scope="col" { (lang.say("Wert", "Value")) }
                    th scope="col" { (lang.say("Grenze", "Limit")) }
                    th scope="col" { (lang.say("Abhilfe", "Remedy")) }
                }
            }
            tbody {
                @for check in &item.checks {
                    tr {
                        th scope="row" { (check.name.words(lang)) }
                        td { (check.state.words(lang)) }
                        td { (number(check, check.value)) }
                        td { (number(check, check.limit)) }
                        td {
                            @if let Some(remedy) = check.remedy { (remedy.words(lang)) }
                            @if !check.places.is_empty() { " (" (check.places.join(", ")) ")" }
                        }
                    }
                }
            }
        }
    }
}

fn signature(item: &AcceptanceOut, lang: Lang) -> Markup {
    html! {
        @match &item.sign_off {
            Some(signed) => {
                p { (lang.say("Abgezeichnet von", "Signed off by")) " " (signed.name) ", " (signed.at) }
                @if let Some(note) = &signed.note { p { (lang.say("Bemerkung", "Note")) ": " (note) } }
            }
            None => p { (lang.say("Datum, Unterschrift: ____________________", "Date, signature: ____________________")) }
        }
    }
}
