//! Tests as tables and pages to print.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::acceptance::{Check, CheckName, TestState, Unit};
use domain::{Lang, MunicipalityId, Registry, UtcMicros};
use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::out::{AcceptanceOut, CheckOut};
use crate::http::problem::Problem;
use crate::http::table::harmless;
use crate::pages::html_response;

const STYLE: &str = include_str!("print.css");

/// Nothing is loaded and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

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
            "Übersprungen",
            "Einheit",
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
            "skipped",
            "unit",
        ],
    );
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut write = || -> Result<(), csv::Error> {
        writer.write_record(heads)?;
        for item in items {
            // One that was cancelled before anything was judged has a row all the same.
            let rows = item.checks.iter().map(Some).chain(item.checks.is_empty().then_some(None));
            for check in rows {
                let signed = item.sign_off.as_ref();
                let cell = |of: &dyn Fn(&CheckOut) -> Option<String>| check.and_then(of).unwrap_or_default();
                let cells = [
                    item.sensor.clone(),
                    place(item).to_owned(),
                    item.id.to_string(),
                    item.started_at.to_string(),
                    item.state.to_string(),
                    cell(&|c| Some(c.name.to_string())),
                    cell(&|c| Some(c.state.to_string())),
                    cell(&|c| c.value.map(|v| v.to_string())),
                    cell(&|c| c.limit.map(|v| v.to_string())),
                    cell(&|c| c.remedy.map(|r| r.to_string())),
                    signed.map(|s| s.name.clone()).unwrap_or_default(),
                    signed.and_then(|s| s.note.clone()).unwrap_or_default(),
                    cell(&|c| c.skipped.map(|why| why.to_string())),
                    cell(&|c| c.unit.map(|unit| unit.to_string())),
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

/// A page of its own, with nothing to load: it is fetched with a key, kept as a file and printed.
fn page(title: &str, lang: Lang, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    let mut response = html_response(page.into_string());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}

/// Times by the clock of the town whose sensor it is.
struct Clock<'a> {
    registry: &'a Registry,
    lang: Lang,
}

impl Clock<'_> {
    fn time(&self, at: UtcMicros, town: MunicipalityId) -> String {
        let zone = self.registry.municipality(town).and_then(|town| TimeZone::get(&town.tz).ok());
        self.lang.date_and_time(at, &zone.unwrap_or(TimeZone::UTC))
    }
}

/// One test, to be printed and signed.
pub fn protocol(item: &AcceptanceOut, registry: &Registry, now: UtcMicros, lang: Lang) -> Response {
    let title = format!("{} {}", lang.say("Abnahme des Sensors", "Acceptance of sensor"), item.sensor);
    let clock = Clock { registry, lang };
    let town = registry.municipality(item.municipality).map_or("", |town| town.name.as_str());
    let checks: Vec<Check> = item.checks.iter().map(Check::from).collect();
    let content = html! {
        dl {
            dt { (lang.say("Gemeinde", "Municipality")) } dd { (town) }
            dt { (lang.say("Platz", "Place")) } dd { (place(item)) }
            dt { (lang.say("Test", "Test")) } dd { (item.id) }
            dt { (lang.say("Beginn", "Started")) } dd { (clock.time(item.started_at, item.municipality)) }
            @if let Some(ended) = item.ended_at {
                dt { (lang.say("Ende", "Ended")) } dd { (clock.time(ended, item.municipality)) }
            }
        }
        p.verdict.(item.state.as_str()) { (item.state.sentence(&checks, item.timeout_s, lang)) }
        @if item.state == TestState::Running { p { (item.instruction.sentence(&checks, lang)) "." } }
        @if !checks.is_empty() { (table(&checks, lang)) }
        (signature(item, &clock))
        (footer(&clock, item.municipality, now))
    };
    page(&title, lang, &content)
}

/// The list of what was handed over.
pub fn hand_over(items: &[AcceptanceOut], registry: &Registry, now: UtcMicros, lang: Lang) -> Response {
    let Totals { sensors, passed, failed, open, signed } = Totals::of(items);
    let clock = Clock { registry, lang };
    let title = lang.say("Übergabeliste", "Hand-over list");
    let content = html! {
        p {
            (sensors) " " (if sensors == 1 { lang.say("Sensor", "sensor") } else { lang.say("Sensoren", "sensors") }) ": "
            (passed) " " (lang.say("bestanden", "passed")) ", "
            (failed) " " (lang.say("nicht bestanden", "failed")) ", "
            (open) " " (lang.say("offen", "open")) "; "
            (signed) " " (lang.say("abgezeichnet", "signed off")) "."
        }
        @if items.is_empty() {
            p { (lang.say(
                "In dieser Zeit wurde kein Sensor geprüft. Einen Test beginnt POST /v1/sensors/{id}/acceptance.",
                "No sensor was tested in this time. POST /v1/sensors/{id}/acceptance begins a test.",
            )) }
        } @else {
            div.table tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr {
                        th scope="col" { (lang.say("Sensor", "Sensor")) }
                        th scope="col" { (lang.say("Platz", "Place")) }
                        th scope="col" { (lang.say("Beginn", "Started")) }
                        th scope="col" { (lang.say("Ergebnis", "Result")) }
                        th scope="col" { (lang.say("Abgezeichnet", "Signed off")) }
                    } }
                    tbody { @for item in items { (row(item, &clock)) } }
                }
            }
            p.signature {
                span.line {} span.line {} br;
                (lang.say("Datum, Unterschrift", "Date, signature"))
            }
            (footer(&clock, items[0].municipality, now))
        }
    };
    page(title, lang, &content)
}

fn row(item: &AcceptanceOut, clock: &Clock<'_>) -> Markup {
    let lang = clock.lang;
    let checks: Vec<Check> = item.checks.iter().map(Check::from).collect();
    let class = if item.state == TestState::Failed { "fail" } else { item.state.as_str() };
    html! {
        tr {
            th scope="row" { (item.sensor) }
            td { (place(item)) }
            td.number { (clock.time(item.started_at, item.municipality)) }
            td.(class) { (item.state.sentence(&checks, item.timeout_s, lang)) }
            td { @if let Some(signed) = &item.sign_off {
                (signed.name) ", " (clock.time(signed.at, item.municipality))
                @if let Some(note) = &signed.note { ": " (note) }
            } }
        }
    }
}

fn table(checks: &[Check], lang: Lang) -> Markup {
    let number = |check: &Check, value: Option<f64>| {
        let Some(value) = value else { return String::new() };
        // A share is read more easily so.
        let (value, unit) = match check.name {
            CheckName::Frames => (value * 100.0, Some(Unit::Percent)),
            _ => (value, check.unit),
        };
        let shown = lang.number((value * 100.0).round() / 100.0);
        unit.map_or_else(|| shown.clone(), |unit| format!("{shown} {unit}"))
    };
    html! {
        div.table tabindex="0" role="region" aria-label=(lang.say("Prüfungen", "Checks")) {
            table {
                thead { tr {
                    th scope="col" { (lang.say("Prüfung", "Check")) }
                    th scope="col" { (lang.say("Stand", "State")) }
                    th scope="col" { (lang.say("Wert", "Value")) }
                    th scope="col" { (lang.say("Grenze", "Limit")) }
                    th scope="col" { (lang.say("Abhilfe", "Remedy")) }
                } }
                tbody { @for check in checks { tr {
                    th scope="row" { (check.name.words(lang)) }
                    td.(check.state.as_str()) { (check.state.words(lang)) }
                    td.number { (number(check, check.value)) }
                    td.number { (number(check, check.limit)) }
                    td { (check.advice(lang)) }
                } } }
            }
        }
    }
}

fn signature(item: &AcceptanceOut, clock: &Clock<'_>) -> Markup {
    let lang = clock.lang;
    html! {
        div.signature { @match &item.sign_off {
            Some(signed) => {
                p {
                    (lang.say("Abgezeichnet von", "Signed off by")) " " strong { (signed.name) } ", "
                    (clock.time(signed.at, item.municipality))
                }
                @if let Some(note) = &signed.note { p { (lang.say("Bemerkung", "Note")) ": " (note) } }
            }
            None => p { span.line {} span.line {} br; (lang.say("Datum, Unterschrift", "Date, signature")) }
        } }
    }
}

fn footer(clock: &Clock<'_>, town: MunicipalityId, now: UtcMicros) -> Markup {
    html! { footer { "Kreisverkehr, " (clock.lang.say("Stand", "as of")) " " (clock.time(now, town)) } }
}
