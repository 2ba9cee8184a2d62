//! Cursors of `/v1/journeys`: where another page begins.

use domain::UtcMicros;
use journey::plan::{Beyond, When, WhichPage};
use serde::Serialize;
use utoipa::ToSchema;

use super::ends::at;
use crate::http::params::{Params, cursor_after};
use crate::http::problem::Problem;

/// Years from now that a cursor may lead to: what is beyond is not one of ours.
const MAX_YEARS: i64 = 100;
/// Most itineraries beyond the end of a page that a cursor names.
const MAX_AHEAD: usize = 64;

/// The part of time that an answer is about.
#[derive(Serialize, ToSchema)]
pub struct WindowOut {
    /// First departure (with `arrive`: arrival) of it.
    from: UtcMicros,
    /// Its end, exclusive. No itinerary by transit that is best at a time between them is missing here or on the page before.
    until: UtcMicros,
}

/// Where a page begins, and which way it leads.
#[derive(Debug, Clone, PartialEq)]
pub struct JourneyCursor {
    is_arrival: bool,
    /// Seconds since 1970.
    time: i64,
    /// `None`: back, to what is before; else what was on pages before, though it is ahead of them.
    ahead: Option<Vec<u32>>,
}

impl JourneyCursor {
    /// Reads `cursor`.
    ///
    /// # Errors
    /// 400: it is none of ours, or of a question in the other direction.
    pub fn parse(params: &Params<'_>, when: When, now: UtcMicros) -> Result<Option<JourneyCursor>, Problem> {
        let Some(key) = params.cursor()? else { return Ok(None) };
        let wrong = || Problem::bad_cursor("cursor", params.text("cursor").unwrap_or_default());
        let cursor = Self::from_key(&key).ok_or_else(wrong)?;
        let years = (cursor.time - now.0.div_euclid(1_000_000)) / (366 * 86_400);
        let is_ours = cursor.is_arrival == matches!(when, When::ArriveBy(_)) && years.abs() <= MAX_YEARS;
        if is_ours { Ok(Some(cursor)) } else { Err(wrong()) }
    }

    fn from_key(key: &str) -> Option<JourneyCursor> {
        let mut parts = key.split(' ');
        let (kind, time, ahead) = (parts.next()?, parts.next()?, parts.next());
        let (is_arrival, is_back) = match kind {
            "depart" => (false, false),
            "depart-before" => (false, true),
            "arrive" => (true, false),
            "arrive-after" => (true, true),
            _ => return None,
        };
        let prints = |list: &str| list.split(',').map(|print| u32::from_str_radix(print, 16).ok()).collect();
        let ahead: Vec<u32> = ahead.map_or(Some(Vec::new()), prints)?;
        let is_whole = parts.next().is_none() && ahead.len() <= MAX_AHEAD && (!is_back || ahead.is_empty());
        is_whole.then_some(JourneyCursor {
            is_arrival,
            time: time.parse().ok()?,
            ahead: (!is_back).then_some(ahead),
        })
    }

    fn key(&self) -> String {
        let kind = match (self.is_arrival, self.ahead.is_none()) {
            (false, false) => "depart",
            (false, true) => "depart-before",
            (true, false) => "arrive",
            (true, true) => "arrive-after",
        };
        let prints: Vec<String> = self.ahead.iter().flatten().map(|print| format!("{print:x}")).collect();
        let time = self.time;
        if prints.is_empty() {
            format!("{kind} {time}")
        } else {
            format!("{kind} {time} {}", prints.join(","))
        }
    }

    /// The time of the question on this page.
    pub fn when(&self) -> When {
        if self.is_arrival { When::ArriveBy(self.time) } else { When::DepartAt(self.time) }
    }

    /// Which page it is.
    pub fn which(cursor: Option<&JourneyCursor>) -> WhichPage<'_> {
        match cursor {
            None => WhichPage::First,
            Some(JourneyCursor { ahead: None, .. }) => WhichPage::Back,
            Some(JourneyCursor { ahead: Some(ahead), .. }) => WhichPage::Onward(ahead),
        }
    }
}

/// The window of an answer, and the cursors of the pages with earlier and with later itineraries.
pub fn turned(when: When, beyond: &Beyond) -> (WindowOut, String, String) {
    let is_arrival = matches!(when, When::ArriveBy(_));
    let cursor = |time, ahead| cursor_after(&JourneyCursor { is_arrival, time, ahead }.key());
    let ahead: Vec<u32> = beyond.ahead.iter().rev().take(MAX_AHEAD).copied().collect();
    let (onward, back) = (cursor(beyond.until, Some(ahead)), cursor(beyond.from, None));
    match is_arrival {
        false => (WindowOut { from: at(beyond.from), until: at(beyond.until) }, back, onward),
        // Exclusive is the end in the direction of time.
        true => (WindowOut { from: at(beyond.until + 1), until: at(beyond.from + 1) }, onward, back),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_as_they_were_written() {
        for is_arrival in [false, true] {
            for ahead in [None, Some(vec![]), Some(vec![0, u32::MAX, 17])] {
                let cursor = JourneyCursor { is_arrival, time: -5, ahead };
                assert_eq!(JourneyCursor::from_key(&cursor.key()), Some(cursor));
            }
        }
        for wrong in [
            "",
            "depart",
            "depart x",
            "depart 5 zz",
            "depart 5 1 2",
            "depart-before 5 1",
            "leave 5",
            "depart 5 1,,2",
        ] {
            assert_eq!(JourneyCursor::from_key(wrong), None, "{wrong}");
        }
    }
}
