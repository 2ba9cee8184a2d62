//! Service alerts, in GTFS-Realtime's terms: what riders ought to know of lines, stops and trips. They inform; no search
//! is changed by one.
//!
//! A message of a feed states all alerts of its topic, so an alert that it leaves out is withdrawn. What it states is kept in
//! [`AlertSet::SHARES`] parts, by the alerts' ids, so that one alert that changes does not write all others again. Of each part
//! the newest statement holds, with the content as tie-breaker: a maximum over a set, so neither the order
//! of arrival nor duplicates matter.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::lang::Lang;
use crate::observation::{Digest, Provenance};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// Why it is so, in GTFS-Realtime's words.
    Cause {
        UnknownCause = "UNKNOWN_CAUSE", OtherCause = "OTHER_CAUSE", TechnicalProblem = "TECHNICAL_PROBLEM", Strike = "STRIKE",
        Demonstration = "DEMONSTRATION", Accident = "ACCIDENT", Holiday = "HOLIDAY", Weather = "WEATHER",
        Maintenance = "MAINTENANCE", Construction = "CONSTRUCTION", PoliceActivity = "POLICE_ACTIVITY",
        MedicalEmergency = "MEDICAL_EMERGENCY",
    }
}

wire_enum! {
    /// What it means for riders, in GTFS-Realtime's words.
    Effect {
        NoService = "NO_SERVICE", ReducedService = "REDUCED_SERVICE", SignificantDelays = "SIGNIFICANT_DELAYS",
        Detour = "DETOUR", AdditionalService = "ADDITIONAL_SERVICE", ModifiedService = "MODIFIED_SERVICE",
        OtherEffect = "OTHER_EFFECT", UnknownEffect = "UNKNOWN_EFFECT", StopMoved = "STOP_MOVED", NoEffect = "NO_EFFECT",
        AccessibilityIssue = "ACCESSIBILITY_ISSUE",
    }
}

wire_enum! {
    /// How grave it is, in GTFS-Realtime's words.
    Severity {
        UnknownSeverity = "UNKNOWN_SEVERITY", Info = "INFO", Warning = "WARNING", Severe = "SEVERE",
    }
}

/// When an alert holds: from the first to before the second, seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Period {
    /// `None`: it held always.
    pub from: Option<i64>,
    /// `None`: it holds for ever.
    pub until: Option<i64>,
}

impl Period {
    /// Whether some moment from `first` to `last` lies in it.
    pub fn touches(&self, first: i64, last: i64) -> bool {
        self.from.is_none_or(|from| from <= last) && self.until.is_none_or(|until| first < until)
    }
}

/// A text in several languages, plain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Texts(pub Vec<(Option<String>, String)>);

impl Texts {
    /// The text in a language, with its language where the feed names one. Without it: one without a language, else the
    /// other of our two, else whichever comes first.
    pub fn in_lang(&self, lang: Lang) -> Option<&str> {
        let speaks = |wanted: Option<Lang>| {
            let is_that = |own: &Option<String>| match (own, wanted) {
                (None, None) => true,
                (Some(own), Some(wanted)) => {
                    let primary = own.split(['-', '_']).next().unwrap_or_default();
                    primary.eq_ignore_ascii_case(wanted.as_str())
                }
                _ => false,
            };
            self.0.iter().find(|(own, _)| is_that(own))
        };
        let found = speaks(Some(lang)).or(speaks(None)).or(speaks(Some(lang.other()))).or(self.0.first());
        found.map(|(_, text)| text.as_str())
    }
}

/// Which trips a selector means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TripSelector {
    /// As in the timetable.
    pub trip_id: Option<String>,
    /// Line, as in the timetable.
    pub route_id: Option<String>,
    /// GTFS's `direction_id`.
    pub direction: Option<u8>,
    /// Service day, `YYYYMMDD`.
    pub start_date: Option<String>,
    /// First departure, `HH:MM:SS`.
    pub start_time: Option<String>,
}

/// What an alert is about: all fields that are given have to apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Selector {
    /// Who runs the line.
    pub agency_id: Option<String>,
    /// Line, as in the timetable.
    pub route_id: Option<String>,
    /// Kind of the line, as in the timetable.
    pub route_type: Option<i32>,
    /// GTFS's `direction_id`.
    pub direction: Option<u8>,
    /// Stop or station, as in the timetable.
    pub stop_id: Option<String>,
    /// Trips.
    pub trip: Option<Box<TripSelector>>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// As its feed names it.
    pub id: String,
    /// In the order of their begin. Empty: always.
    pub periods: Vec<Period>,
    /// One of them has to apply. Empty: it is about nothing that could be named.
    pub about: Vec<Selector>,
    /// Short text.
    pub header: Texts,
    /// Long text.
    pub text: Texts,
    /// Where more is to be read.
    pub url: Texts,
    /// Why.
    pub cause: Cause,
    /// What it means.
    pub effect: Effect,
    /// How grave.
    pub severity: Severity,
}

impl Alert {
    /// The period that holds at `at` (seconds since 1970), else the next one, else the last; `None`: it holds always.
    pub fn period_at(&self, at: i64) -> Option<Period> {
        let next = self.periods.iter().find(|period| period.until.is_none_or(|until| at < until));
        next.or(self.periods.last()).copied()
    }

    /// Whether it holds at some moment from `first` to `last`, seconds since 1970.
    pub fn holds_within(&self, first: i64, last: i64) -> bool {
        self.periods.is_empty() || self.periods.iter().any(|period| period.touches(first, last))
    }

    /// Whether it no longer holds at `now`, seconds since 1970, and never will again.
    pub fn is_over(&self, now: i64) -> bool {
        !self.periods.is_empty() && self.periods.iter().all(|p| p.until.is_some_and(|until| until <= now))
    }
}

/// Part of the alerts of a topic: what one message states of it, whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AlertSet {
    /// Where the message came from: a feed may send trip updates on one topic, alerts on another. Of a feed that sends
    /// differences each alert is a set of its own, `TOPIC#ID`.
    pub topic: String,
    /// Which of the [`AlertSet::SHARES`] parts.
    pub share: u8,
    /// Each id once.
    pub alerts: Vec<Alert>,
}

impl AlertSet {
    /// Parts of a topic's alerts.
    pub const SHARES: u8 = 16;

    /// The part that an alert belongs to.
    pub fn share_of(id: &str) -> u8 {
        (xxh3_64(id.as_bytes()) % u64::from(Self::SHARES)) as u8
    }

    /// Condensed content: decides between statements of one instant.
    pub fn digest_of(&self) -> Digest {
        let mut h = Xxh3::new();
        self.hash(&mut h);
        h.finish() as i64
    }

    /// How much it is: alerts, selectors and some bytes of text.
    pub fn size(&self) -> usize {
        let texts = |texts: &Texts| texts.0.iter().map(|(_, text)| text.len()).sum::<usize>();
        let of = |a: &Alert| {
            (texts(&a.header) + texts(&a.text) + texts(&a.url)) / 64 + a.about.len() + a.periods.len() + 1
        };
        self.alerts.iter().map(of).sum::<usize>() + 1
    }
}

/// What decides between two statements of one part: the larger one holds.
pub type AlertRank = (UtcMicros, Digest);

/// Part of a topic's alerts, and when they were so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertReport {
    /// When the message was made, by the sender's clock.
    pub confirmed_at: UtcMicros,
    /// See [`AlertSet::digest_of`].
    pub digest: Digest,
    /// The alerts.
    pub set: Box<AlertSet>,
}

impl AlertReport {
    /// See [`AlertRank`].
    pub fn rank(&self) -> AlertRank {
        (self.confirmed_at, self.digest)
    }
}

/// A report, and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertObservation {
    /// Where it came from.
    pub provenance: Provenance,
    /// What it says.
    pub report: AlertReport,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_falls_back_to_a_text_without_one_and_then_to_the_other() {
        let texts = |all: &[(Option<&str>, &str)]| {
            Texts(all.iter().map(|(lang, text)| (lang.map(str::to_owned), (*text).to_owned())).collect())
        };
        let both = texts(&[(Some("en"), "e"), (None, "n"), (Some("de-DE"), "d")]);
        assert_eq!([Lang::De, Lang::En].map(|lang| both.in_lang(lang)), [Some("d"), Some("e")]);
        let one = texts(&[(Some("fr"), "f"), (Some("EN"), "e")]);
        assert_eq!(one.in_lang(Lang::De), Some("e"));
        assert_eq!(texts(&[(Some("fr"), "f"), (None, "n")]).in_lang(Lang::De), Some("n"));
        assert_eq!(texts(&[(Some("fr"), "f"), (Some("nl"), "n")]).in_lang(Lang::De), Some("f"));
        assert_eq!(Texts::default().in_lang(Lang::De), None);
    }

    #[test]
    fn a_period_begins_at_its_first_second_and_ends_before_its_last() {
        let period = Period { from: Some(100), until: Some(200) };
        for (first, last, touches) in
            [(0, 99, false), (0, 100, true), (150, 160, true), (199, 300, true), (200, 300, false)]
        {
            assert_eq!(period.touches(first, last), touches, "{first} to {last}");
        }
        assert!(Period { from: None, until: None }.touches(5, 5));
    }
}
