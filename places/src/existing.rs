//! What is there already, and what will be there after an import.

use domain::catalogue::Catalogue;

use crate::problem::{Located, Location};
use crate::read::PlaceFiles;
use crate::rows::SensorRow;

/// What the database holds, in the words of the files.
pub type Existing = Catalogue;

/// What will be there once `files` are imported into `known`: definitions replace those of the
/// same id, sensor rows join as [`bindings_after`] says, nothing goes away by being absent.
pub fn after(known: &Existing, files: &PlaceFiles) -> Existing {
    Existing {
        municipalities: replaced(&known.municipalities, &files.municipalities, |m| &m.slug),
        sites: replaced(&known.sites, &files.sites, |s| &s.id),
        bays: replaced(&known.bays, &files.bays, |b| &b.id),
        sensors: bindings_after(&known.sensors, &files.sensors)
            .into_iter()
            .map(|(row, _)| row.clone())
            .collect(),
        vehicles: replaced(&known.vehicles, &files.vehicles, |v| &v.id),
        brokers: replaced(&known.brokers, &files.brokers, |b| &b.id),
        feeds: replaced(&known.feeds, &files.feeds, |f| &f.id),
    }
}

fn replaced<T: Clone>(known: &[T], new: &[Located<T>], id: impl Fn(&T) -> &str) -> Vec<T> {
    let new_ids: std::collections::HashSet<&str> = new.iter().map(|n| id(&n.value)).collect();
    let kept = known.iter().filter(|k| !new_ids.contains(id(k)));
    kept.chain(new.iter().map(|n| &n.value)).cloned().collect()
}

/// The sensor rows that hold after an import, with the place of those that the files bring.
///
/// A binding is known by its sensor and its `bound_from`: a row with both the same replaces it,
/// e.g. to end it. A row without a place only makes its sensor known: it ends no binding, and it
/// is left out where its sensor has one.
pub(crate) fn bindings_after<'a>(
    known: &'a [SensorRow],
    new: &'a [Located<SensorRow>],
) -> Vec<(&'a SensorRow, Option<&'a Location>)> {
    use std::collections::HashSet;
    let key = |row: &'a SensorRow| (row.id.as_str(), row.bound_from);
    let replacing: HashSet<_> =
        new.iter().filter(|n| n.value.target().is_some()).map(|n| key(&n.value)).collect();
    let kept = known.iter().filter(|row| row.target().is_none() || !replacing.contains(&key(row)));
    let all: Vec<_> =
        kept.map(|row| (row, None)).chain(new.iter().map(|n| (&n.value, Some(&n.at)))).collect();
    let bound: HashSet<&str> =
        all.iter().filter(|(row, _)| row.target().is_some()).map(|(row, _)| row.id.as_str()).collect();
    let mut waiting = HashSet::new();
    let mut rows = Vec::with_capacity(all.len());
    // From the newest: of two rows that only make a sensor known, the files' one holds.
    for (row, at) in all.into_iter().rev() {
        let id = row.id.as_str();
        if row.target().is_some() || (!bound.contains(id) && waiting.insert(id)) {
            rows.push((row, at));
        }
    }
    rows.reverse();
    rows
}
