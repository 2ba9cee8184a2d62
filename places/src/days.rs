//! Rows of `closures.csv` and `calendar.csv`.

use domain::place::PlaceKind;
use domain::{CalendarDay, Closure, UtcMicros};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cell::{self, Cell, Parsed};
use crate::record::Record;

/// A closure as it is written; [`crate::settle`] fills what depends on other files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosureRow {
    /// Id of a site or bay.
    pub place: String,
    pub kind: Option<PlaceKind>,
    pub from: Moment,
    pub until: Option<Moment>,
    pub reason: Option<String>,
}

/// An instant, or the midnight at which a day begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    At(UtcMicros),
    Midnight(Date),
}

impl Moment {
    /// The instant, a midnight being that of `tz`.
    pub(crate) fn settled(self, tz: &TimeZone) -> Moment {
        match self {
            Moment::At(_) => self,
            Moment::Midnight(date) => tz
                .to_ambiguous_timestamp(date.at(0, 0, 0, 0))
                .compatible()
                .map_or(self, |midnight| Moment::At(midnight.into())),
        }
    }

    /// `None`: not settled.
    pub(crate) fn instant(self) -> Option<UtcMicros> {
        match self {
            Moment::At(at) => Some(at),
            Moment::Midnight(_) => None,
        }
    }
}

impl ClosureRow {
    /// The definition, when everything is settled.
    pub(crate) fn closure(self) -> Option<Closure> {
        let until = match self.until {
            Some(until) => Some(until.instant()?),
            None => None,
        };
        let (kind, from) = (self.kind?, self.from.instant()?);
        Some(Closure { kind, place: self.place, from, until, reason: self.reason })
    }
}

pub(crate) fn closure(mut r: Record) -> Option<ClosureRow> {
    let place = r.required("place", cell::id);
    let kind = r.optional("kind", cell::choice);
    let from = r.required("from", moment);
    let until = r.optional("until", moment);
    let reason = r.optional("reason", cell::text);
    Some(ClosureRow { place: place?, kind, from: from?, until, reason })
}

pub(crate) fn calendar_day(mut r: Record) -> Option<CalendarDay> {
    let municipality = r.required("municipality", cell::slug);
    let date = r.required("date", cell::date);
    let kind = r.required("kind", cell::choice);
    let name = r.required("name", cell::text);
    let until = r.optional("until", cell::date);
    let date = date?;
    Some(CalendarDay {
        municipality: municipality?,
        date,
        until: until.unwrap_or(date),
        kind: kind?,
        name: name?,
    })
}

fn moment(cell: Cell) -> Parsed<Moment> {
    cell::date(cell).map(Moment::Midnight).or_else(|_| cell::instant(cell).map(Moment::At))
}
