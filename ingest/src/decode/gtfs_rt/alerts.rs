//! The alerts of a message. Texts become plain; what cannot be in an alert is dropped, and what makes it say nothing, or something
//! else than was meant, costs the alert.

use std::collections::HashSet;

use domain::Reason;
use domain::UtcMicros;
use domain::alert::{Alert, AlertSet, Cause, Effect, Period, Selector, Severity, Texts, TripSelector};
use domain::mistake::{Mistake, Remedy};

use super::plain::plain;
use super::proto::{self, EntitySelector, FeedEntity, TimeRange, TranslatedString};
use super::trip_update::{day, text};
use crate::decode::json::{Dropped, id};
use crate::decode::{AlertStatement, Fault};

/// Alerts of one message that are read, some ten times those of a large country's feed.
const MAX_ALERTS: usize = 50_000;

/// Bytes of a header that are kept, of a long text, and of an address.
const HEADER_BYTES: usize = 500;
const TEXT_BYTES: usize = 10_000;
const URL_BYTES: usize = 2_000;

/// Begin of the year 2100, seconds since 1970: a period that ends later has no end, one that begins later is a mistake.
const YEAR_2100_S: u64 = 4_102_444_800;

/// Collects the alerts of a message.
#[derive(Default)]
pub(super) struct Alerts {
    read: Vec<Alert>,
    ids: HashSet<String>,
    /// Of a message that states differences alone: ids that are withdrawn.
    withdrawn: Vec<String>,
    dropped: Vec<Dropped>,
    is_differential: bool,
}

impl Alerts {
    /// `is_differential`: what the message leaves out stays as it is.
    pub fn new(is_differential: bool) -> Self {
        Alerts { is_differential, ..Alerts::default() }
    }

    /// A deleted entity, of whatever kind: ids are those of the message.
    pub fn withdraw(&mut self, entity: FeedEntity) {
        let id = entity.id.filter(|entity| id("id", entity).is_ok());
        if self.is_differential && self.withdrawn.len() < MAX_ALERTS {
            self.withdrawn.extend(id);
        }
    }

    /// Reads an alert.
    ///
    /// # Errors
    /// Why it is not taken in.
    pub fn read(&mut self, entity: &str, alert: proto::Alert) -> Result<(), Fault> {
        let id = id("id", entity)?;
        let about = |fault: Fault| fault.about(id.as_str());
        if self.read.len() >= MAX_ALERTS {
            return Err(about(
                Fault::new(Reason::TooLarge, "alert", Mistake::TooManyAlerts(MAX_ALERTS))
                    .remedy(Remedy::SplitFeed),
            ));
        }
        let d = &mut self.dropped;
        let header = texts("header_text", alert.header_text, HEADER_BYTES, d);
        let text = texts("description_text", alert.description_text, TEXT_BYTES, d);
        if header.0.is_empty() && text.0.is_empty() {
            let silent = Fault::malformed("header_text", Mistake::SilentAlert).remedy(Remedy::NameAlert);
            return Err(about(silent));
        }
        let periods = periods(&alert.active_period, d).ok_or_else(|| {
            let none = Fault::new(Reason::Implausible, "active_period", Mistake::NoPeriod);
            about(none.remedy(Remedy::PeriodInSeconds))
        })?;
        let selectors = alert.informed_entity.len();
        let mut selected: Vec<Selector> = Vec::new();
        selected.extend(alert.informed_entity.into_iter().filter_map(|entity| selector(entity, d)));
        if selectors == 0 {
            Dropped::note("informed_entity", Reason::Malformed, d);
        }
        if !self.ids.insert(id.clone()) {
            let second = Fault::malformed("id", Mistake::SecondAlert).remedy(Remedy::OwnId);
            return Err(about(second));
        }
        self.read.push(Alert {
            url: urls(alert.url, d),
            periods,
            about: selected,
            header,
            text,
            cause: number(alert.cause, &CAUSES, Cause::UnknownCause),
            effect: number(alert.effect, &EFFECTS, Effect::UnknownEffect),
            severity: number(alert.severity_level, &SEVERITIES, Severity::UnknownSeverity),
            id,
        });
        Ok(())
    }

    /// What the message states; `None`: nothing, of a message that states differences alone.
    pub fn statement(self, header_s: Option<i64>) -> Option<AlertStatement> {
        let sets: Vec<AlertSet> = if self.is_differential {
            let kept = self.ids;
            let of = |id: String, alerts| AlertSet { topic: format!("#{id}"), share: 0, alerts };
            let gone =
                self.withdrawn.into_iter().filter(|id| !kept.contains(id)).map(|id| of(id, Vec::new()));
            let gone: Vec<AlertSet> = gone.collect();
            self.read.into_iter().map(|alert| of(alert.id.clone(), vec![alert])).chain(gone).collect()
        } else {
            let mut sets: Vec<AlertSet> =
                (0..AlertSet::SHARES).map(|share| AlertSet { share, ..AlertSet::default() }).collect();
            for alert in self.read {
                sets[usize::from(AlertSet::share_of(&alert.id))].alerts.push(alert);
            }
            sets
        };
        let at = header_s.map(UtcMicros::from_unix_s);
        (!sets.is_empty()).then_some(AlertStatement { at, sets, dropped: self.dropped })
    }
}

/// Values by their numbers in the specification, from 1 on.
const CAUSES: [Cause; 12] = [
    Cause::UnknownCause,
    Cause::OtherCause,
    Cause::TechnicalProblem,
    Cause::Strike,
    Cause::Demonstration,
    Cause::Accident,
    Cause::Holiday,
    Cause::Weather,
    Cause::Maintenance,
    Cause::Construction,
    Cause::PoliceActivity,
    Cause::MedicalEmergency,
];

/// As [`CAUSES`].
const EFFECTS: [Effect; 11] = [
    Effect::NoService,
    Effect::ReducedService,
    Effect::SignificantDelays,
    Effect::Detour,
    Effect::AdditionalService,
    Effect::ModifiedService,
    Effect::OtherEffect,
    Effect::UnknownEffect,
    Effect::StopMoved,
    Effect::NoEffect,
    Effect::AccessibilityIssue,
];

/// As [`CAUSES`].
const SEVERITIES: [Severity; 4] =
    [Severity::UnknownSeverity, Severity::Info, Severity::Warning, Severity::Severe];

/// A number that a later version of the specification adds is unknown.
fn number<T: Copy>(given: Option<i32>, values: &[T], unknown: T) -> T {
    let at = given.and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    at.and_then(|at| values.get(at)).copied().unwrap_or(unknown)
}

/// Those that can be, in their order. `None`: there are some, and none of them can be: an alert without periods would
/// hold always.
fn periods(ranges: &[TimeRange], dropped: &mut Vec<Dropped>) -> Option<Vec<Period>> {
    let of = |range: &TimeRange| {
        let start = range.start.filter(|s| *s > 0);
        let end = range.end.filter(|s| *s > 0 && *s < YEAR_2100_S);
        let can_be = start.is_none_or(|s| s < YEAR_2100_S && end.is_none_or(|end| s < end));
        can_be.then_some(Period { from: start.map(|s| s as i64), until: end.map(|s| s as i64) })
    };
    let mut periods: Vec<Period> = ranges.iter().filter_map(of).collect();
    if periods.len() < ranges.len() {
        if periods.is_empty() {
            return None;
        }
        Dropped::note("active_period", Reason::Implausible, dropped);
    }
    periods.sort_unstable_by_key(|period| (period.from, period.until));
    periods.dedup();
    Some(periods)
}

/// `None`: it names nothing, or names it by what is no id.
fn selector(entity: EntitySelector, dropped: &mut Vec<Dropped>) -> Option<Selector> {
    let mut wrong = Vec::new();
    let d = &mut wrong;
    let direction = |id: Option<u32>| id.and_then(|id| u8::try_from(id).ok()).filter(|id| *id <= 1);
    let trip = entity.trip.map(|trip| TripSelector {
        direction: trip.direction(),
        trip_id: text("trip_id", trip.trip_id.as_deref(), d),
        route_id: text("route_id", trip.route_id.as_deref(), d),
        start_date: day(trip.start_date.as_deref(), d),
        start_time: text("start_time", trip.start_time.as_deref(), d),
    });
    let read = Selector {
        agency_id: text("agency_id", entity.agency_id.as_deref(), d),
        route_id: text("route_id", entity.route_id.as_deref(), d),
        route_type: entity.route_type,
        direction: direction(entity.direction_id),
        stop_id: text("stop_id", entity.stop_id.as_deref(), d),
        trip: trip.filter(|trip| *trip != TripSelector::default()).map(Box::new),
    };
    let is_whole = wrong.is_empty() && read != Selector::default();
    if !is_whole {
        // Without one of its fields it would be about more than was meant.
        Dropped::note("informed_entity", Reason::Malformed, dropped);
    }
    is_whole.then_some(read)
}

fn texts(field: &str, given: Option<TranslatedString>, most: usize, dropped: &mut Vec<Dropped>) -> Texts {
    let translations = given.map(|given| given.translation).unwrap_or_default();
    let of = translations.into_iter().filter_map(|translation| {
        let mut text = plain(&translation.text.unwrap_or_default());
        if text.len() > most {
            text.truncate(text.floor_char_boundary(most - '…'.len_utf8()));
            text.push('…');
            Dropped::note(field, Reason::TooLarge, dropped);
        }
        (!text.is_empty()).then(|| (language(translation.language), text))
    });
    Texts(of.collect())
}

/// Addresses of web pages; others, above all `javascript:`, are dropped.
fn urls(given: Option<TranslatedString>, dropped: &mut Vec<Dropped>) -> Texts {
    let translations = given.map(|given| given.translation).unwrap_or_default();
    let of = translations.into_iter().filter_map(|translation| {
        let text = translation.text.unwrap_or_default();
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let is_page = text.len() <= URL_BYTES
            && url::Url::parse(text).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.host_str().is_some()
                    && url.password().is_none()
            });
        if !is_page {
            Dropped::note("url", Reason::Malformed, dropped);
        }
        is_page.then(|| (language(translation.language), text.to_owned()))
    });
    Texts(of.collect())
}

/// A language tag (BCP 47); what is none is not given.
fn language(tag: Option<String>) -> Option<String> {
    let is_tag = |tag: &str| {
        (2..=35).contains(&tag.len())
            && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    tag.filter(|tag| is_tag(tag))
}

#[cfg(test)]
mod tests;
