//! What becomes of a sensor's bindings when a file says something else than before: the past
//! stays as it was.

use domain::UtcMicros;
use domain::sensor::SensorRow;

/// Merges the rows that a file gives for one sensor into the stored ones.
///
/// A row without `bound_from` that names the place of a stored binding is that binding. One that
/// names another place begins now, and what was bound until then ends now. Stored bindings that
/// the file does not mention stay, cut where a new one begins.
pub(super) fn merge(stored: &[SensorRow], rows: &[SensorRow], now: UtcMicros) -> Vec<SensorRow> {
    let place = |r: &SensorRow| (r.bay.clone(), r.site.clone(), r.vehicle.clone());
    let mut used = vec![false; stored.len()];
    let mut merged: Vec<SensorRow> = Vec::new();
    for row in rows {
        let same = |i: &usize| {
            let s = &stored[*i];
            !used[*i]
                && place(s) == place(row)
                && (row.bound_from.is_none() || s.bound_from == row.bound_from)
        };
        // The newest stored binding of this place is the one that is meant.
        let held = (0..stored.len()).rev().find(same);
        let bound_from = match held {
            Some(i) => {
                used[i] = true;
                stored[i].bound_from
            }
            None if row.bound_from.is_none() && !stored.is_empty() => Some(now),
            None => row.bound_from,
        };
        merged.push(SensorRow { bound_from, ..row.clone() });
    }
    for (held, _) in stored.iter().zip(&used).filter(|(_, used)| !**used) {
        let begins = |r: &SensorRow| r.bound_from.unwrap_or(UtcMicros(i64::MIN));
        let until =
            merged.iter().map(begins).filter(|from| *from > begins(held)).chain(held.bound_until).min();
        // Rewritten from its very beginning: the file knows better.
        if !merged.iter().any(|r| begins(r) == begins(held)) {
            merged.push(SensorRow { bound_until: until, ..held.clone() });
        }
    }
    merged.sort_by_key(|r| r.bound_from);
    merged
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

    const NOW: UtcMicros = UtcMicros(1000);

    #[test]
    fn the_same_file_again_changes_nothing() {
        let stored = [row(Some("b1"), None, Some(500)), row(Some("b2"), Some(500), None)];
        assert_eq!(merge(&stored, &stored, NOW), stored);
        let without_dates = [row(Some("b1"), None, None)];
        assert_eq!(merge(&without_dates, &without_dates, NOW), without_dates);
    }

    #[test]
    fn a_sensor_that_moves_keeps_its_past() {
        let merged = merge(&[row(Some("b1"), None, None)], &[row(Some("b2"), None, None)], NOW);
        assert_eq!(merged, [row(Some("b1"), None, Some(1000)), row(Some("b2"), Some(1000), None)]);
    }

    #[test]
    fn an_end_in_the_file_ends_the_stored_binding() {
        let merged = merge(&[row(Some("b1"), Some(100), None)], &[row(Some("b1"), None, Some(900))], NOW);
        assert_eq!(merged, [row(Some("b1"), Some(100), Some(900))]);
    }
}
