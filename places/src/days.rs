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
    /// Which of the two; `None`: the row does not say.
    pub kind: Option<PlaceKind>,
    /// The first moment.
    pub from: Moment,
    /// The first moment at which it is open again; `None`: until further notice.
    pub until: Option<Moment>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// An instant, or the midnight at which a day begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// An instant.
    At(UtcMicros),
    /// The beginning of a day, wherever the place is.
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
        let until = self.until.map_or(Some(None), |until| until.instant().map(Some))?;
        let (kind, from) = (self.kind?, self.from.instant()?);
        Some(Closure { kind, place: self.place, from, until, reason: self.reason })
    }
}

pub(crate) fn closure(mut r: Record) -> Option<ClosureRow> {
    let place = r.required("place", cell::id);
    let kind = r.optional("kind", cell::choice);
    let from = r.required("from", moment);
    Some(ClosureRow {
        kind,
        until: r.optional("until", moment),
        reason: r.optional("reason", cell::text),
        place: place?,
        from: from?,
    })
}

pub(crate) fn calendar_day(mut r: Record) -> Option<CalendarDay> {
    let municipality = r.required("municipality", cell::slug);
    let date = r.required("date", cell::date);
    let kind = r.required("kind", cell::choice);
    let name = r.required("name", cell::text);
    let until = r.optional("until", cell::date);
    Some(CalendarDay {
        until: until.or(date)?,
        municipality: municipality?,
        date: date?,
        kind: kind?,
        name: name?,
    })
}

fn moment(cell: Cell) -> Parsed<Moment> {
    cell::date(cell).map(Moment::Midnight).or_else(|_| cell::instant(cell).map(Moment::At))
}
