//! A report as one page, with nothing to load, to send to the supplier.

use domain::Lang;
use domain::feed_check::Weight;
use maud::{DOCTYPE, Markup, html};
use places::shown;

use super::sections::{Section, reason, sections};
use crate::report::{Group, Report};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1a1a1a;\
background:#fff;color-scheme:light}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;border-bottom:1px solid #ddd;overflow-wrap:anywhere}\
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f4f4f4;padding:.5rem;margin:.25rem 0}\
.verdict{padding:.75rem 1rem;border-left:.5rem solid;font-weight:600}.good{border-color:#1b7f3b}.faults{border-color:#b3261e}\
.not_checked{border-color:#8a6100}.weight{font-weight:600}@page{size:A4;margin:18mm 16mm}\
tr,pre{break-inside:avoid}h2{break-after:avoid}@media print{body{margin:0;max-width:none;padding:0;font-size:10.5pt}}";

/// The page. Everything of others is escaped; scripts and addresses cannot run or load.
pub fn page(report: &Report, lang: Lang) -> String {
    let title = lang.say("Prüfung einer Datenquelle", "Check of a feed");
    html! {
        (DOCTYPE)
        html lang=(lang.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) ": " (shown(&report.source)) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main {
                h1 { (title) }
                p { (shown(&report.source)) }
                p.verdict.(report.verdict.as_str()) { (report.verdict.words(lang)) }
                @if let Some(error) = &report.error { p { (shown(error)) } }
                (findings(report, lang))
                @if !report.faults.is_empty() {
                    h2 { (lang.say("Was falsch ist", "What is wrong")) }
                    @for group in &report.faults { (fault(group, lang)) }
                    @if report.other_faults > 0 {
                        p { (report.other_faults) " " (lang.say("weitere", "more")) }
                    }
                }
                @for section in sections(report, lang) { (table(&section)) }
            } }
        }
    }
    .into_string()
}

fn findings(report: &Report, lang: Lang) -> Markup {
    let of = |weight: Weight| report.findings.iter().filter(move |finding| finding.weight() == weight);
    html! {
        @for weight in [Weight::Fault, Weight::Warning, Weight::Note] {
            @for finding in of(weight) {
                p {
                    span.weight { (weight.words(lang)) ": " }
                    (shown(&finding.sentence(lang)))
                }
            }
        }
    }
}

fn fault(group: &Group, lang: Lang) -> Markup {
    html! {
        p {
            span.weight { (group.count) " × " code { (reason(group.reason, lang)) } ": " }
            (shown(&group.fault.detail.sentence(lang)))
            br;
            (lang.say("Abhilfe", "Remedy")) ": " (shown(&group.fault.advice(lang)))
            @if !group.devices.is_empty() {
                br;
                (lang.say("Geräte", "Devices")) ": " (shown(&group.devices.join(", ")))
            }
        }
        pre { (shown(&group.topic)) "\n" (shown(&group.excerpt)) }
    }
}

fn table(section: &Section) -> Markup {
    let (head, rows) = section.rows.split_first().map_or((&[][..], &[][..]), |(head, rows)| (head, rows));
    html! {
        h2 { (section.heading) }
        table {
            @if head.iter().any(|cell| !cell.is_empty()) {
                tr { @for cell in head { th scope="col" { (cell) } } }
            }
            @for row in rows {
                tr { @for cell in row { td { (shown(cell)) } } }
            }
        }
    }
}
