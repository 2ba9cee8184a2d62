//! Opening hours in OSM syntax, evaluated in a town's own time.

use chrono::{DateTime, NaiveDateTime};
use jiff::tz::TimeZone;
use opening_hours::localization::Country;
use opening_hours::{Context, OpeningHours};

use crate::closure::{NEVER, Spans};
use crate::time::UtcMicros;

/// Parsed opening hours of a place, with Germany's public holidays.
#[derive(Debug, Clone)]
pub struct Hours {
    parsed: OpeningHours,
    tz: TimeZone,
}

/// Whether a place is open, and until when that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// `None`: the text says neither.
    pub is_open: Option<bool>,
    /// The next change; `None` = never.
    pub until: Option<UtcMicros>,
}

impl Opening {
    /// Open, for ever: what holds for a place without opening hours.
    pub const ALWAYS: Opening = Opening { is_open: Some(true), until: None };

    /// Closed, until something else is known.
    pub const CLOSED: Opening = Opening { is_open: Some(false), until: None };

    /// What opening hours (`None`: open always) and closures say together at `at`: a closure
    /// overrides the hours.
    pub fn of(hours: Option<&Hours>, closed: &Spans, at: UtcMicros) -> Opening {
        let by_hours = |at| hours.map_or(Opening::ALWAYS, |h| h.at(at));
        if closed.is_empty() {
            return by_hours(at);
        }
        let state = |at| if closed.covers(at) { Some(false) } else { by_hours(at).is_open };
        let is_open = state(at);
        let mut at = at;
        // From edge to edge, until something else holds: each step ends a closure or reaches one.
        loop {
            let next = match closed.end_of(at) {
                Some(NEVER) => return Opening { is_open, until: None },
                Some(end) => end,
                None => {
                    let by_hours = by_hours(at).until;
                    match closed.next_start(at) {
                        Some(start) if by_hours.is_none_or(|until| start < until) => start,
                        _ => return Opening { is_open, until: by_hours },
                    }
                }
            };
            if state(next) != is_open {
                return Opening { is_open, until: Some(next) };
            }
            at = next;
        }
    }
}

/// The text is not in OSM's opening-hours syntax.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not OSM opening hours (https://wiki.openstreetmap.org/wiki/Key:opening_hours): {0}")]
pub struct HoursError(String);

impl Hours {
    /// Parses `text`; `tz` is the town's IANA zone (UTC when unknown).
    ///
    /// # Errors
    /// `text` is not in OSM syntax.
    pub fn parse(text: &str, tz: &str) -> Result<Self, HoursError> {
        let parsed = text.parse::<OpeningHours>().map_err(|e| HoursError(e.to_string()))?;
        let parsed = parsed.with_context(Context::default().with_holidays(Country::DE.holidays()));
        Ok(Hours { parsed, tz: TimeZone::get(tz).unwrap_or(TimeZone::UTC) })
    }

    /// The state at `now`.
    pub fn at(&self, now: UtcMicros) -> Opening {
        let Some(local) = self.local(now) else { return Opening { is_open: None, until: None } };
        let is_open = if self.parsed.is_open(local) {
            Some(true)
        } else if self.parsed.is_closed(local) {
            Some(false)
        } else {
            None
        };
        Opening { is_open, until: self.parsed.next_change(local).and_then(|t| self.utc(t)) }
    }

    fn local(&self, at: UtcMicros) -> Option<NaiveDateTime> {
        let timestamp = at.timestamp();
        let offset_s = i64::from(self.tz.to_offset(timestamp).seconds());
        DateTime::from_timestamp(timestamp.as_second() + offset_s, 0).map(|t| t.naive_utc())
    }

    fn utc(&self, local: NaiveDateTime) -> Option<UtcMicros> {
        let text = local.format("%Y-%m-%dT%H:%M:%S").to_string();
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(self.tz.to_ambiguous_timestamp(civil).compatible().ok()?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).unwrap()
    }

    #[test]
    fn hours_are_the_towns_own() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00; PH off", "Europe/Berlin").unwrap();
        let monday_morning = hours.at(at("2026-11-23T06:30:00Z"));
        assert_eq!(monday_morning.is_open, Some(true));
        assert_eq!(monday_morning.until, Some(at("2026-11-23T19:00:00Z")));
        let in_summer = hours.at(at("2026-07-20T05:30:00Z"));
        assert_eq!(in_summer.is_open, Some(true));
        assert_eq!(in_summer.until, Some(at("2026-07-20T18:00:00Z")));
    }

    #[test]
    fn a_closure_overrides_the_hours() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00", "Europe/Berlin").unwrap();
        let closed = Spans::union([
            (at("2026-11-23T09:00:00Z"), at("2026-11-23T11:00:00Z")),
            (at("2026-11-24T05:00:00Z"), at("2026-11-24T07:00:00Z")),
            (at("2026-11-26T00:00:00Z"), NEVER),
        ]);
        for (now, is_open, until) in [
            ("2026-11-23T08:00:00Z", true, Some("2026-11-23T09:00:00Z")),
            ("2026-11-23T09:00:00Z", false, Some("2026-11-23T11:00:00Z")),
            ("2026-11-23T11:00:00Z", true, Some("2026-11-23T19:00:00Z")),
            // In the night, over a closure that reaches into the hours.
            ("2026-11-23T20:00:00Z", false, Some("2026-11-24T07:00:00Z")),
            ("2026-11-24T06:30:00Z", false, Some("2026-11-24T07:00:00Z")),
            // In the last evening there is no opening any more.
            ("2026-11-25T20:00:00Z", false, None),
            ("2027-06-01T10:00:00Z", false, None),
        ] {
            let expected = Opening { is_open: Some(is_open), until: until.map(at) };
            assert_eq!(Opening::of(Some(&hours), &closed, at(now)), expected, "{now}");
        }
        let always = Opening::of(None, &closed, at("2026-11-23T12:00:00Z"));
        assert_eq!(always, Opening { is_open: Some(true), until: Some(at("2026-11-24T05:00:00Z")) });
    }

    #[test]
    fn german_holidays_are_known() {
        let hours = Hours::parse("Mo-Sa 07:00-20:00; PH off", "Europe/Berlin").unwrap();
        assert_eq!(hours.at(at("2026-12-25T10:00:00Z")).is_open, Some(false));
    }

    #[test]
    fn round_the_clock_never_changes() {
        assert_eq!(
            Hours::parse("24/7", "Europe/Berlin").unwrap().at(at("2026-11-23T06:30:00Z")),
            Opening::ALWAYS
        );
    }
}
