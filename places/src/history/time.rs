//! Instants from local times without a zone.

use domain::UtcMicros;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Reads the times of one file, in its order.
pub(super) struct Clock<'a> {
    format: &'a str,
    tz: &'a TimeZone,
    last: Option<Timestamp>,
}

/// Why a time is invalid.
pub(super) enum NoTime {
    /// Not written in the format.
    Format,
    /// In the skipped hour when clocks go forward.
    Skipped,
}

impl<'a> Clock<'a> {
    pub(super) fn new(format: &'a str, tz: &'a TimeZone) -> Self {
        Clock { format, tz, last: None }
    }

    /// The instant of `text`. In the repeated hour when clocks go back it is the first, unless the row before was
    /// not earlier than that.
    pub(super) fn instant(&mut self, text: &str) -> Result<UtcMicros, NoTime> {
        let parsed = strtime::parse(self.format, text).map_err(|_| NoTime::Format)?;
        let instant = match parsed.offset() {
            Some(_) => parsed.to_timestamp().map_err(|_| NoTime::Format)?,
            None => self.local(parsed.to_datetime().map_err(|_| NoTime::Format)?)?,
        };
        self.last = Some(instant);
        Ok(instant.into())
    }

    fn local(&self, local: DateTime) -> Result<Timestamp, NoTime> {
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(local).map_err(|_| NoTime::Format);
        match self.tz.to_ambiguous_zoned_datetime(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => at(offset),
            AmbiguousOffset::Gap { .. } => Err(NoTime::Skipped),
            AmbiguousOffset::Fold { before, after } => {
                let first = at(before)?;
                if self.last.is_some_and(|last| last >= first) { at(after) } else { Ok(first) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(texts: &[&str]) -> Vec<Option<String>> {
        let tz = TimeZone::get("Europe/Berlin").unwrap();
        let mut clock = Clock::new("%Y-%m-%d %H:%M", &tz);
        texts.iter().map(|t| clock.instant(t).ok().map(|at| at.to_string()[11..16].to_owned())).collect()
    }

    #[test]
    fn the_repeated_hour_is_resolved_by_order() {
        let rows = [
            "2023-10-29 01:45",
            "2023-10-29 02:00",
            "2023-10-29 02:45",
            "2023-10-29 02:00",
            "2023-10-29 02:45",
        ];
        let expected = ["23:45", "00:00", "00:45", "01:00", "01:45"].map(|t| Some(t.to_owned()));
        assert_eq!(utc(&rows), expected);
        assert_eq!(utc(&["2023-10-29 02:30"]), [Some("00:30".to_owned())]);
    }

    #[test]
    fn the_skipped_hour_does_not_exist() {
        assert_eq!(
            utc(&["2024-03-31 01:59", "2024-03-31 02:30", "2024-03-31 03:00"]),
            [Some("00:59".to_owned()), None, Some("01:00".to_owned())]
        );
    }
}
