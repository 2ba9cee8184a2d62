//! The parts of a report, the same for the terminal and the page: headings and tables of words.

use crate::report::{Field, Report};
use domain::{Lang, Reason};

/// Fields that are shown; JSON has all.
const SHOWN_FIELDS: usize = 60;
const SHOWN_TOPICS: usize = 10;

/// A heading with a table below it; the first row names the columns.
pub struct Section {
    pub heading: &'static str,
    pub rows: Vec<Vec<String>>,
}

/// Everything beside the verdict, the findings and the faults; empty parts are left out.
pub fn sections(report: &Report, lang: Lang) -> Vec<Section> {
    let all = [
        arrived(report, lang),
        clocks(report, lang),
        lorawan(report, lang),
        coverage(report, lang),
        dropped(report, lang),
        fields(report, lang),
        topics(report, lang),
        damaged(report, lang),
    ];
    all.into_iter().filter(|section| section.rows.len() > 1).collect()
}

/// A reason: its code, by which it is looked up; in German with what it is called.
pub fn reason(reason: Reason, lang: Lang) -> String {
    match lang {
        Lang::De => format!("{} ({reason})", reason.words(lang)),
        Lang::En => reason.to_string(),
    }
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn arrived(report: &Report, lang: Lang) -> Section {
    let mut rows = vec![row(&["", ""])];
    let mut line = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    line(
        lang.say("Meldungen", "Messages"),
        format!("{} ({} {})", report.messages, report.bytes, lang.say("Bytes", "bytes")),
    );
    for (format, count) in &report.formats {
        line(lang.say("Format", "Format"), format!("{} ({}): {count}", format.as_str(), format.words(lang)));
    }
    let pace = &report.pace;
    if let (Some(from), Some(until)) = (pace.from, pace.until) {
        line(lang.say("Von, bis", "From, until"), format!("{from}, {until}"));
    }
    if let Some(per_hour) = pace.per_hour {
        line(lang.say("Je Stunde", "Per hour"), format!("{per_hour:.0}"));
    }
    if let (Some(gap_s), Some(from)) = (pace.longest_gap_s, pace.longest_gap_from) {
        let since = lang.say("ab", "from");
        line(
            lang.say("Längste Stille", "Longest silence"),
            format!("{}, {since} {from}", lang.duration(gap_s)),
        );
    }
    if let Some(s) = pace.interval_median_s {
        line(lang.say("Je Gerät alle (Median)", "Each device every (median)"), lang.duration(s));
    }
    line(
        lang.say("Gleich, ungeordnet, QoS 0, aufbewahrt", "Duplicates, out of order, QoS 0, retained"),
        format!("{}, {}, {}, {}", report.duplicates, report.out_of_order, report.qos0, report.retained),
    );
    Section { heading: lang.say("Was ankam", "What arrived"), rows }
}

fn clocks(report: &Report, lang: Lang) -> Section {
    let clocks = &report.clocks;
    let mut rows = vec![row(&["", ""])];
    let shown =
        |s: Option<f64>| s.map_or_else(String::new, |s| format!("{} {}", lang.duration(s), lang.side(s)));
    if clocks.count > 0 {
        for (name, value) in [
            (lang.say("Kleinste", "Least"), clocks.min_s),
            ("5 %", clocks.p05_s),
            (lang.say("Median", "Median"), clocks.median_s),
            ("95 %", clocks.p95_s),
            (lang.say("Größte", "Greatest"), clocks.max_s),
        ] {
            rows.push(vec![name.to_owned(), shown(value)]);
        }
        rows.push(vec![
            lang.say("Davon voraus", "Ahead of us").to_owned(),
            format!("{}/{}", clocks.ahead, clocks.count),
        ]);
    }
    Section { heading: lang.say("Uhren gegen den Empfang", "Clocks against the receipt"), rows }
}

fn lorawan(report: &Report, lang: Lang) -> Section {
    let mut rows =
        vec![row(&["Decoder", lang.say("nimmt an", "accepts"), lang.say("Geräte ganz", "devices wholly")])];
    if let Some(lorawan) = &report.lorawan {
        for d in &lorawan.decoders {
            rows.push(vec![d.decoder.to_owned(), format!("{}/{}", d.accepted, d.of), d.devices.to_string()]);
        }
        if lorawan.unread > 0 {
            let none = lang.say("(keiner)", "(none)").to_owned();
            rows.push(vec![none, format!("{}/{}", lorawan.unread, lorawan.uplinks), String::new()]);
        }
        for unread in &lorawan.unread_examples {
            let bytes = if unread.hex.is_empty() { lang.say("(leer)", "(empty)") } else { &unread.hex };
            rows.push(vec![
                format!("  {}", unread.device),
                format!("{} {}: {bytes}", lang.say("Port", "port"), unread.f_port),
                String::new(),
            ]);
        }
        for (event, count) in &lorawan.events {
            rows.push(vec![
                format!("{} {event}", lang.say("Ereignis", "event")),
                count.to_string(),
                String::new(),
            ]);
        }
        rows.push(vec![
            lang.say("Fehlende Rahmen", "Missing frames").to_owned(),
            lorawan.missing_frames.to_string(),
            String::new(),
        ]);
    }
    Section { heading: "LoRaWAN", rows }
}

fn coverage(report: &Report, lang: Lang) -> Section {
    let coverage = &report.coverage;
    let mut rows = vec![row(&["", ""])];
    if coverage.heard > 0 || coverage.expected.is_some() {
        rows.push(vec![lang.say("Gehört", "Heard").to_owned(), coverage.heard.to_string()]);
    }
    if let Some(expected) = coverage.expected {
        rows.push(vec![lang.say("Erwartet", "Expected").to_owned(), expected.to_string()]);
        let more = if coverage.silent > coverage.silent_ids.len() as u64 { ", ..." } else { "" };
        let silent = format!("{}: {}{more}", coverage.silent, coverage.silent_ids.join(", "));
        rows.push(vec![lang.say("Davon stumm", "Of them silent").to_owned(), silent]);
    }
    Section { heading: lang.say("Geräte und Plätze", "Devices and places"), rows }
}

fn dropped(report: &Report, lang: Lang) -> Section {
    let mut rows =
        vec![row(&[lang.say("Feld", "Field"), lang.say("Grund", "Reason"), lang.say("Anzahl", "Count")])];
    for field in &report.dropped_fields {
        rows.push(vec![field.field.clone(), reason(field.reason, lang), field.count.to_string()]);
    }
    Section { heading: lang.say("Felder, die wegfallen", "Fields that are dropped"), rows }
}

fn fields(report: &Report, lang: Lang) -> Section {
    let mut rows = vec![row(&[
        lang.say("Feld", "Field"),
        lang.say("Typ", "Type"),
        lang.say("Anzahl", "Count"),
        lang.say("Werte", "Values"),
    ])];
    rows.extend(report.fields.iter().take(SHOWN_FIELDS).map(|field| {
        let types: Vec<&str> = field.types.keys().copied().collect();
        vec![field.path.clone(), types.join(", "), field.count.to_string(), values(field, lang)]
    }));
    let more = report.fields.len().saturating_sub(SHOWN_FIELDS);
    if more > 0 {
        rows.push(row(&["...", "", &more.to_string(), lang.say("weitere: --json", "more: --json")]));
    }
    Section { heading: lang.say("Felder", "Fields"), rows }
}

fn values(field: &Field, lang: Lang) -> String {
    if let Some((what, _)) = field.personal.first_key_value() {
        return format!("({})", what.words(lang));
    }
    match (field.min, field.max) {
        (Some(min), Some(max)) if field.types.len() == 1 && min < max => format!("{min} ... {max}"),
        _ => field.examples.join(", "),
    }
}

fn topics(report: &Report, lang: Lang) -> Section {
    let mut rows = vec![row(&["Topic", lang.say("Anzahl", "Count")])];
    rows.extend(report.topics.iter().take(SHOWN_TOPICS).map(|t| vec![t.topic.clone(), t.count.to_string()]));
    if report.topics.len() > SHOWN_TOPICS {
        rows.push(row(&["...", ""]));
    }
    Section { heading: "Topics", rows }
}

fn damaged(report: &Report, lang: Lang) -> Section {
    let mut rows = vec![row(&["Byte", lang.say("Schaden", "Damage")])];
    rows.extend(report.damaged.iter().map(|d| vec![d.offset.to_string(), d.sentence(lang)]));
    Section { heading: lang.say("Schäden der Aufzeichnung", "Damages of the capture"), rows }
}
