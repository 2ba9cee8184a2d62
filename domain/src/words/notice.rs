//! Causes and notices.

use jiff::tz::TimeZone;

use crate::feed_health::FeedState;
use crate::health::{Code, Health};
use crate::lang::Lang;
use crate::notice::cause::{Cause, SubjectKind};
use crate::notice::parts::{Event, NoticeKind, Tally, Text};
use crate::time::UtcMicros;

/// Fields that a sentence names.
const MOST_FIELDS: usize = 5;

impl SubjectKind {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            SubjectKind::Sensor => "Sensor",
            SubjectKind::Bay => lang.say("Stellplatz", "Bay"),
            SubjectKind::Gateway => "Gateway",
            SubjectKind::Feed => lang.say("Quelle", "Feed"),
            SubjectKind::Topic => "Topic",
        }
    }
}

impl Text {
    /// The same in both languages.
    pub(crate) fn new(sentence: impl Fn(Lang) -> String) -> Self {
        Text { de: sentence(Lang::De), en: sentence(Lang::En) }
    }
}

impl Cause {
    /// What happened to it; `until`: when it ended.
    pub(crate) fn sentence(&self, event: Event, until: Option<UtcMicros>, tz: &TimeZone) -> Text {
        Text::new(|lang| {
            let since = lang.day_and_time(self.since, tz);
            match until.filter(|_| event == Event::Ended) {
                Some(until) => self.ended(&since, &lang.day_and_time(until, tz), lang),
                None => self.holds(&since, lang),
            }
        })
    }

    fn ended(&self, since: &str, until: &str, lang: Lang) -> String {
        let (kind, id, wrong) = (self.subject.kind.words(lang), &self.subject.id, self.wrong(lang));
        let is_source =
            matches!(self.subject.kind, SubjectKind::Gateway | SubjectKind::Feed | SubjectKind::Topic);
        match (lang, is_source && self.code == Code::Silent) {
            (Lang::De, true) => {
                format!("Von {kind} {id} kommen wieder Meldungen (stumm ab {since}, bis {until})")
            }
            (Lang::En, true) => format!(
                "Messages come from {} {id} again (silent from {since} until {until})",
                kind.to_lowercase()
            ),
            (Lang::De, false) => format!("{kind} {id}: behoben ({wrong}, ab {since}, bis {until})"),
            (Lang::En, false) => format!("{kind} {id}: recovered ({wrong}, from {since} until {until})"),
        }
    }

    /// Of feeds a part suffices.
    const fn wrong(&self, lang: Lang) -> &'static str {
        match (self.subject.kind, self.code) {
            (SubjectKind::Feed, Code::Rejected) => FeedState::Rejecting.words(lang),
            _ => self.code.words(lang),
        }
    }

    /// The fields that changed, the first of many.
    fn changed(&self, lang: Lang) -> String {
        let named = self.fields.iter().take(MOST_FIELDS);
        let mut named: Vec<String> =
            named.map(|field| format!("{} {}", field.path, field.change.words(lang))).collect();
        match self.fields.len().saturating_sub(MOST_FIELDS) {
            0 => {}
            n => named.push(format!("{n} {}", lang.say("weitere Felder", "further fields"))),
        }
        format!("{}: {}", self.wrong(lang), named.join(", "))
    }

    fn holds(&self, since: &str, lang: Lang) -> String {
        let (kind, id) = (self.subject.kind, &self.subject.id);
        let sensors = self.sensors.unwrap_or(0);
        let is_silent_feed = kind == SubjectKind::Feed && self.code == Code::Silent;
        match lang {
            Lang::De if kind == SubjectKind::Gateway => format!(
                "{sensors} Sensoren hinter Gateway {id} sind stumm: zuerst das Gateway prüfen (seit {since})"
            ),
            Lang::En if kind == SubjectKind::Gateway => {
                format!("{sensors} sensors behind gateway {id} are silent: check it first (since {since})")
            }
            Lang::De if is_silent_feed && sensors > 0 => {
                format!("Von Quelle {id} kommt nichts, {sensors} Sensoren sind stumm (seit {since})")
            }
            Lang::En if is_silent_feed && sensors > 0 => {
                format!("Nothing comes from feed {id}, {sensors} sensors are silent (since {since})")
            }
            Lang::De if kind == SubjectKind::Topic => {
                format!("Von Topic {id} kommt nichts, von anderen der Quelle schon (seit {since})")
            }
            Lang::En if kind == SubjectKind::Topic => {
                format!("Nothing comes from topic {id}, while others of its feed speak (since {since})")
            }
            Lang::De if !self.fields.is_empty() => {
                format!("{} {id}: {} (seit {since})", kind.words(lang), self.changed(lang))
            }
            Lang::En if !self.fields.is_empty() => {
                format!("{} {id}: {} (since {since})", kind.words(lang), self.changed(lang))
            }
            Lang::De if is_silent_feed => format!("Von Quelle {id} kommt nichts (seit {since})"),
            Lang::En if is_silent_feed => format!("Nothing comes from feed {id} (since {since})"),
            _ => {
                let since_word = lang.say("seit", "since");
                format!("{} {id}: {} ({since_word} {since})", kind.words(lang), self.wrong(lang))
            }
        }
    }
}

impl NoticeKind {
    /// All that a notice of this kind says, of what its items say.
    pub(crate) fn sentence(self, items: &[&Text], tally: Option<Tally>) -> Text {
        Text::new(|lang| {
            let head = match (self, items) {
                (NoticeKind::Health, [only]) => return only.of(lang).to_owned(),
                (NoticeKind::Health, many) => {
                    let changes =
                        lang.say("Änderungen bei Sensoren und Gateways", "changes of sensors and gateways");
                    return format!("{} {changes}", many.len());
                }
                (NoticeKind::Digest, _) => lang.say("Tagesbericht", "Daily digest"),
                (NoticeKind::Heartbeat, _) => lang.say("Benachrichtigung funktioniert", "Notices work"),
            };
            let Tally { ok, watch, faulty, silent } = tally.unwrap_or_default();
            let counted = [
                (ok, Health::Ok),
                (watch, Health::Watch),
                (faulty, Health::Faulty),
                (silent, Health::Silent),
            ];
            let counted = counted.map(|(n, health)| format!("{n} {}", health.words(lang)));
            format!("{head}. {}: {}", lang.say("Sensoren", "Sensors"), counted.join(", "))
        })
    }
}
