//! Merges new bindings of a sensor with the stored ones: those of a file, under which the past stays as it was,
//! and those that an installer states, which may reach back.

use crate::mistake::Subject;
use crate::sensor::{Decoder, SensorRow};
use crate::time::UtcMicros;

/// Why a device cannot be bound so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingRefusal {
    /// No feed of these municipalities knows or has heard it.
    NotHeard,
    /// Another municipality has a sensor of this id.
    OfAnotherTown,
    /// There is no such place in these municipalities.
    NoSuchPlace,
    /// The feed may not name places of that municipality.
    NotOfFeed {
        /// Id of the feed.
        feed: String,
        /// Slug of the feed's municipality.
        town: String,
    },
    /// It would begin in the future.
    Ahead,
    /// It would begin before the place existed.
    BeforePlace {
        /// When the place began to exist.
        since: UtcMicros,
    },
    /// The place has ended by then.
    AfterPlace {
        /// When it ended.
        until: UtcMicros,
    },
    /// Messages that would have to be decoded again are no longer kept.
    NotKept {
        /// Since when they are.
        since: UtcMicros,
    },
    /// Nothing says how its payload is read.
    NoDecoder,
    /// Devices of this decoder report on something else.
    Misfit(Decoder),
    /// Devices of this decoder report a distance, and nothing says below which one is a car.
    NoThreshold(Decoder),
}

/// What a device was to be bound to, for sentences about it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The kind of place.
    pub kind: Subject,
    /// Id of the place.
    pub id: &'a str,
    /// DevEUI, or the supplier's id.
    pub device: &'a str,
    /// When it was asked for.
    pub now: UtcMicros,
}

/// A binding that holds after an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebound {
    /// The binding.
    pub row: SensorRow,
    /// Which of the file's rows it is; `None`: a stored one that the file does not mention.
    pub of_file: Option<usize>,
}

/// Merges the rows that a file gives for one sensor into the stored ones, in the order of time.
///
/// A row without `bound_from` that names the place of a stored binding is that binding. One that
/// names another place begins now, and what was bound until then ends now. Stored bindings that
/// the file does not mention stay, cut where a new one begins. `commissioned_at`: when an installer
/// stated what the sensor is bound to. A row that begins and ends before, or has no dates, is what the file has stated all
/// along, and changes nothing.
pub fn rebind(
    stored: &[SensorRow],
    rows: &[&SensorRow],
    now: UtcMicros,
    commissioned_at: Option<UtcMicros>,
) -> Vec<Rebound> {
    let mut used = vec![false; stored.len()];
    let mut merged: Vec<Rebound> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let is_older = |at| row.bound_from.max(row.bound_until) <= Some(at);
        if commissioned_at.is_some_and(is_older) && !stored.is_empty() {
            continue;
        }
        let is_meant = |i: &usize| {
            let held = &stored[*i];
            let same_place = held.target() == row.target();
            !used[*i] && same_place && (row.bound_from.is_none() || held.bound_from == row.bound_from)
        };
        // The newest stored binding of this place is the one that is meant.
        let bound_from = match (0..stored.len()).rev().find(is_meant) {
            Some(i) => {
                used[i] = true;
                stored[i].bound_from
            }
            None if row.bound_from.is_none() && !stored.is_empty() => Some(now),
            None => row.bound_from,
        };
        let row = SensorRow { bound_from, ..(*row).clone() };
        merged.push(Rebound { row, of_file: Some(index) });
    }
    let begins: Vec<UtcMicros> = merged.iter().map(|m| begin(&m.row)).collect();
    for (held, _) in stored.iter().zip(used).filter(|(_, used)| !used) {
        // Replaced from its very beginning by the file.
        if begins.contains(&begin(held)) {
            continue;
        }
        let cuts = begins.iter().copied().filter(|from| *from > begin(held));
        let bound_until = cuts.chain(held.bound_until).min();
        merged.push(Rebound { row: SensorRow { bound_until, ..held.clone() }, of_file: None });
    }
    merged.sort_by_key(|m| m.row.bound_from);
    merged
}

/// The bindings of a sensor when `new` holds from its `bound_from` on: what was bound until then ends then, and what
/// would have begun later is replaced.
pub fn bind_from(stored: &[SensorRow], new: &SensorRow) -> Vec<SensorRow> {
    let from = begin(new);
    let held = stored.iter().find(|row| row.bound_from <= new.bound_from && ends(row) > from);
    // What is bound so already goes on.
    let bound_from = match held {
        Some(held) if *new == as_of(new, held) => held.bound_from,
        _ => new.bound_from,
    };
    let new = SensorRow { bound_from, ..new.clone() };
    let mut rows: Vec<SensorRow> = ended(stored, begin(&new));
    // The decoder is the device's.
    rows.iter_mut().for_each(|row| row.decoder = new.decoder);
    rows.push(new);
    rows
}

/// `held`, but for what of `new` is no part of a binding.
fn as_of(new: &SensorRow, held: &SensorRow) -> SensorRow {
    SensorRow { bound_from: new.bound_from, bound_until: None, decoder: new.decoder, ..held.clone() }
}

/// The bindings when none holds from `at` on.
pub fn ended(stored: &[SensorRow], at: UtcMicros) -> Vec<SensorRow> {
    let cut = |row: &SensorRow| SensorRow { bound_until: Some(ends(row).min(at)), ..row.clone() };
    let before = stored.iter().filter(|row| begin(row) < at);
    before.map(|row| if ends(row) > at { cut(row) } else { row.clone() }).collect()
}

/// The first instant from which on messages are read or assigned otherwise than before.
pub fn differs_from(before: &[SensorRow], after: &[SensorRow]) -> Option<UtcMicros> {
    fn read_as(rows: &[SensorRow], at: UtcMicros) -> Option<impl PartialEq> {
        let row = rows.iter().find(|row| begin(row) <= at && at < ends(row))?;
        let target = row.target().map(|(kind, id)| (kind, id.to_owned()));
        Some((target, row.direction, row.threshold_mm, row.decoder))
    }
    let mut cuts: Vec<UtcMicros> =
        before.iter().chain(after).flat_map(|row| [begin(row), ends(row)]).collect();
    cuts.sort_unstable();
    cuts.into_iter().find(|at| read_as(before, *at) != read_as(after, *at))
}

fn ends(row: &SensorRow) -> UtcMicros {
    row.bound_until.unwrap_or(UtcMicros(i64::MAX))
}

fn begin(row: &SensorRow) -> UtcMicros {
    row.bound_from.unwrap_or(UtcMicros(i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bay: Option<&str>, from: Option<i64>, until: Option<i64>) -> SensorRow {
        SensorRow {
            id: "s".into(),
            feed: "f".into(),
            decoder: None,
            bay: bay.map(str::to_owned),
            site: None,
            vehicle: None,
            direction: None,
            bound_from: from.map(UtcMicros),
            bound_until: until.map(UtcMicros),
            heartbeat_s: None,
            stale_after_s: None,
            threshold_mm: None,
        }
    }

    fn after(stored: &[SensorRow], rows: &[SensorRow]) -> Vec<SensorRow> {
        let rows: Vec<&SensorRow> = rows.iter().collect();
        rebind(stored, &rows, UtcMicros(1000), None).into_iter().map(|m| m.row).collect()
    }

    #[test]
    fn the_same_file_again_changes_nothing() {
        let stored = [row(Some("b1"), None, Some(500)), row(Some("b2"), Some(500), None)];
        assert_eq!(after(&stored, &stored), stored);
        let without_dates = [row(Some("b1"), None, None)];
        assert_eq!(after(&without_dates, &without_dates), without_dates);
    }

    #[test]
    fn a_sensor_that_moves_keeps_its_past() {
        let moved = after(&[row(Some("b1"), None, None)], &[row(Some("b2"), None, None)]);
        assert_eq!(moved, [row(Some("b1"), None, Some(1000)), row(Some("b2"), Some(1000), None)]);
        // The file that moved it, once more.
        assert_eq!(after(&moved, &[row(Some("b2"), None, None)]), moved);
    }

    #[test]
    fn a_row_without_a_place_ends_what_was_bound() {
        let freed = after(&[row(Some("b1"), None, None)], &[row(None, None, None)]);
        assert_eq!(freed, [row(Some("b1"), None, Some(1000)), row(None, Some(1000), None)]);
    }

    #[test]
    fn an_end_in_the_file_ends_the_stored_binding() {
        let merged = after(&[row(Some("b1"), Some(100), None)], &[row(Some("b1"), None, Some(900))]);
        assert_eq!(merged, [row(Some("b1"), Some(100), Some(900))]);
    }

    #[test]
    fn rows_of_the_file_are_known_from_stored_ones() {
        let stored = [row(Some("b1"), None, None)];
        let new = row(Some("b2"), Some(700), None);
        let merged = rebind(&stored, &[&new], UtcMicros(1000), None);
        assert_eq!(merged.iter().map(|m| m.of_file).collect::<Vec<_>>(), [None, Some(0)]);
        assert_eq!(merged[0].row.bound_until, Some(UtcMicros(700)));
    }

    #[test]
    fn a_row_of_before_does_not_undo_what_an_installer_bound() {
        let merged = |row: SensorRow| {
            let stored = [row_of("b1", None, Some(500)), row_of("b2", Some(500), None)];
            rebind(&stored, &[&row], UtcMicros(1000), Some(UtcMicros(600)))
                .into_iter()
                .map(|m| m.row)
                .collect::<Vec<_>>()
        };
        let stored = [row_of("b1", None, Some(500)), row_of("b2", Some(500), None)];
        assert_eq!(merged(row_of("b1", None, None)), stored);
        assert_eq!(merged(row_of("b3", None, None)), stored);
        // As it was before it was swapped, or bound elsewhere from its beginning.
        assert_eq!(merged(row_of("b9", Some(500), None)), stored);
        // One with a later date states something new.
        let moved = merged(row_of("b3", Some(800), None));
        assert_eq!(moved[1..], [row_of("b2", Some(500), Some(800)), row_of("b3", Some(800), None)]);
    }

    fn row_of(bay: &str, from: Option<i64>, until: Option<i64>) -> SensorRow {
        row(Some(bay), from, until)
    }

    #[test]
    fn what_an_installer_states_replaces_what_would_have_held_from_then_on() {
        let stored = [row_of("b1", None, Some(500)), row_of("b2", Some(500), None)];
        let bound = |bay, from| bind_from(&stored, &row_of(bay, Some(from), None));
        assert_eq!(
            bound("b3", 700),
            [stored[0].clone(), row_of("b2", Some(500), Some(700)), row_of("b3", Some(700), None)]
        );
        assert_eq!(bound("b3", 500), [stored[0].clone(), row_of("b3", Some(500), None)]);
        assert_eq!(bound("b3", 300), [row_of("b1", None, Some(300)), row_of("b3", Some(300), None)]);
        assert_eq!(bound("b2", 700), stored, "it is bound so already");
        assert_eq!(bound("b2", 300), [row_of("b1", None, Some(300)), row_of("b2", Some(300), None)]);
        assert_eq!(bind_from(&[], &row_of("b", Some(7), None)), [row_of("b", Some(7), None)]);
    }

    #[test]
    fn messages_are_read_again_from_where_they_would_be_read_otherwise() {
        let stored = [row_of("b1", None, Some(500)), row_of("b2", Some(500), None)];
        let since = |rows: &[SensorRow]| differs_from(&stored, rows).map(|at| at.0);
        assert_eq!(since(&stored), None);
        assert_eq!(since(&bind_from(&stored, &row_of("b3", Some(700), None))), Some(700));
        assert_eq!(since(&ended(&stored, UtcMicros(400))), Some(400));
        let longer = |row: &SensorRow| SensorRow { heartbeat_s: Some(5), ..row.clone() };
        assert_eq!(since(&stored.iter().map(longer).collect::<Vec<_>>()), None);
        let decoder = Some(crate::Decoder::Placepod);
        let other = |row: &SensorRow| SensorRow { decoder, ..row.clone() };
        assert_eq!(since(&stored.iter().map(other).collect::<Vec<_>>()), Some(i64::MIN));
    }
}
