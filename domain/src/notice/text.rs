//! Sentences about causes, in German and English.

use jiff::tz::TimeZone;

use super::cause::{Cause, SubjectKind};
use super::parts::{Event, NoticeKind, Tally, Text};
use crate::health::Code;
use crate::time::UtcMicros;

/// The months, in the order of the year.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `28.11., 13:05` and `28 Nov, 13:05`.
fn time(at: UtcMicros, tz: &TimeZone) -> Text {
    let here = tz.to_datetime(at.timestamp());
    let (day, month, hour, minute) = (here.day(), here.month(), here.hour(), here.minute());
    let name = MONTHS.get(usize::try_from(month - 1).unwrap_or_default()).copied().unwrap_or_default();
    Text {
        de: format!("{day:02}.{month:02}., {hour:02}:{minute:02}"),
        en: format!("{day} {name}, {hour:02}:{minute:02}"),
    }
}

/// What is wrong, in German and English.
const fn wrong(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Silent => ("stumm", "silent"),
        Code::Stuck => ("meldet keine Änderung mehr", "reports no change any more"),
        Code::Flapping => ("schwankt zwischen frei und belegt", "wavers between vacant and occupied"),
        Code::ContradictsSite => {
            ("widerspricht der Zählung seiner Anlage", "contradicts the count of its site")
        }
        Code::Implausible => ("meldet unmögliche Werte", "reports impossible values"),
        Code::Battery => ("Batterie bald leer", "battery soon empty"),
        Code::Signal => ("Empfang wird schlechter", "reception becomes worse"),
        Code::Restarts => ("startet immer wieder neu", "starts again and again"),
        Code::ClockDrift => ("Uhr geht falsch", "clock is wrong"),
        Code::FrameLoss => ("Meldungen gehen verloren", "messages are lost"),
        Code::Restamped => ("sendet alte Werte mit neuer Zeit", "sends old values with new times"),
        Code::DuplicateIdentity => {
            ("zwei Geräte mit derselben Kennung", "two devices with the same identity")
        }
        Code::Misbound => ("liegt wohl an einem anderen Platz", "seems to lie elsewhere than it is bound to"),
        Code::SchemaDrift => ("Felder kamen hinzu oder fehlen", "fields were added or are missing"),
        Code::Rejected => ("alle Meldungen abgewiesen", "all messages rejected"),
    }
}

const fn named(kind: SubjectKind) -> (&'static str, &'static str) {
    match kind {
        SubjectKind::Sensor => ("Sensor", "Sensor"),
        SubjectKind::Bay => ("Stellplatz", "Bay"),
        SubjectKind::Gateway => ("Gateway", "Gateway"),
        SubjectKind::Feed => ("Quelle", "Feed"),
    }
}

/// What happened to a cause.
pub(super) fn of_cause(event: Event, cause: &Cause, until: Option<UtcMicros>, tz: &TimeZone) -> Text {
    let (since, id) = (time(cause.since, tz), &cause.subject.id);
    if event == Event::Ended {
        let ended = until.map(|until| time(until, tz)).unwrap_or_default();
        let ((kind_de, kind_en), (de, en)) = (named(cause.subject.kind), wrong(cause.code));
        return match cause.subject.kind {
            SubjectKind::Gateway | SubjectKind::Feed if cause.code == Code::Silent => Text {
                de: format!(
                    "Von {kind_de} {id} kommen wieder Meldungen (stumm ab {}, bis {})",
                    since.de, ended.de
                ),
                en: format!(
                    "Messages come from {} {id} again (silent from {} until {})",
                    kind_en.to_lowercase(),
                    since.en,
                    ended.en
                ),
            },
            _ => Text {
                de: format!("{kind_de} {id}: behoben ({de}, ab {}, bis {})", since.de, ended.de),
                en: format!("{kind_en} {id}: recovered ({en}, from {} until {})", since.en, ended.en),
            },
        };
    }
    let sensors = cause.sensors.unwrap_or(0);
    match cause.subject.kind {
        SubjectKind::Gateway => Text {
            de: format!(
                "{sensors} Sensoren hinter Gateway {id} sind stumm: zuerst das Gateway prüfen (seit {})",
                since.de
            ),
            en: format!(
                "{sensors} sensors behind gateway {id} are silent: check it first (since {})",
                since.en
            ),
        },
        SubjectKind::Feed if cause.code == Code::Silent && sensors > 0 => Text {
            de: format!("Von Quelle {id} kommt nichts, {sensors} Sensoren sind stumm (seit {})", since.de),
            en: format!("Nothing comes from feed {id}, {sensors} sensors are silent (since {})", since.en),
        },
        SubjectKind::Feed if cause.code == Code::Silent => Text {
            de: format!("Von Quelle {id} kommt nichts (seit {})", since.de),
            en: format!("Nothing comes from feed {id} (since {})", since.en),
        },
        kind => {
            let ((kind_de, kind_en), (de, en)) = (named(kind), wrong(cause.code));
            Text {
                de: format!("{kind_de} {id}: {de} (seit {})", since.de),
                en: format!("{kind_en} {id}: {en} (since {})", since.en),
            }
        }
    }
}

/// All that a notice says.
pub(super) fn of_notice(kind: NoticeKind, items: &[&Text], tally: Option<Tally>) -> Text {
    let many = items.len();
    match (kind, tally) {
        (NoticeKind::Health, _) => match items {
            [only] => Text::clone(only),
            _ => Text {
                de: format!("{many} Änderungen bei Sensoren und Gateways"),
                en: format!("{many} changes of sensors and gateways"),
            },
        },
        (kind, tally) => {
            let t = tally.unwrap_or_default();
            let (de, en) = match kind {
                NoticeKind::Digest => ("Tagesbericht", "Daily digest"),
                _ => ("Benachrichtigung funktioniert", "Notices work"),
            };
            Text {
                de: format!(
                    "{de}. Sensoren: {} in Ordnung, {} zu beobachten, {} fehlerhaft, {} stumm",
                    t.ok, t.watch, t.faulty, t.silent
                ),
                en: format!(
                    "{en}. Sensors: {} ok, {} to watch, {} faulty, {} silent",
                    t.ok, t.watch, t.faulty, t.silent
                ),
            }
        }
    }
}
