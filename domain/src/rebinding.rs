//! Merges imported bindings of a sensor with the stored ones: the past
//! stays as it was.

use crate::sensor::SensorRow;
use crate::time::UtcMicros;

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
/// the file does not mention stay, cut where a new one begins.
pub fn rebind(stored: &[SensorRow], rows: &[&SensorRow], now: UtcMicros) -> Vec<Rebound> {
    let mut used = vec![false; stored.len()];
    let mut merged: Vec<Rebound> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
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
        rebind(stored, &rows, UtcMicros(1000)).into_iter().map(|m| m.row).collect()
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
        let merged = rebind(&stored, &[&new], UtcMicros(1000));
        assert_eq!(merged.iter().map(|m| m.of_file).collect::<Vec<_>>(), [None, Some(0)]);
        assert_eq!(merged[0].row.bound_until, Some(UtcMicros(700)));
    }
}
