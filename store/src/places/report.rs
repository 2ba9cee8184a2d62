//! What an import is to do, and what it did.

use super::versions::Correction;

/// What to do with places of the same municipality (sensors of the same feed) that a file no
/// longer mentions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// They stay, and the report lists them.
    Keep,
    /// They end now; their past stays.
    Close,
}

/// The result of an import for one kind of thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// New ones.
    pub added: usize,
    /// Those whose definition differs from the stored one.
    pub changed: usize,
    /// Those that are stored as they are in the file.
    pub unchanged: usize,
    /// Ids that are stored and not in the file.
    pub missing: Vec<String>,
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Municipalities.
    pub municipalities: ImportCounts,
    /// Sites.
    pub sites: ImportCounts,
    /// Bays.
    pub bays: ImportCounts,
    /// Vehicles.
    pub vehicles: ImportCounts,
    /// Brokers.
    pub brokers: ImportCounts,
    /// Feeds.
    pub feeds: ImportCounts,
    /// Sensors, with their bindings.
    pub sensors: ImportCounts,
    /// Closures.
    pub closures: ImportCounts,
    /// Entries of calendars.
    pub calendar: ImportCounts,
    /// Rules of notices.
    pub notices: ImportCounts,
    /// Versions of places that were rewritten, by kind and id.
    pub corrections: Vec<Correction>,
}

impl ImportReport {
    /// Each kind with its name.
    pub fn kinds(&self) -> [(&'static str, &ImportCounts); 10] {
        [
            ("municipalities", &self.municipalities),
            ("sites", &self.sites),
            ("bays", &self.bays),
            ("vehicles", &self.vehicles),
            ("brokers", &self.brokers),
            ("feeds", &self.feeds),
            ("sensors", &self.sensors),
            ("closures", &self.closures),
            ("calendar", &self.calendar),
            ("notices", &self.notices),
        ]
    }

    /// Whether nothing was added or changed.
    pub fn is_unchanged(&self) -> bool {
        self.kinds().iter().all(|(_, t)| t.added == 0 && t.changed == 0)
    }
}

pub(super) fn import_counts(total: usize, returned: Vec<(bool,)>) -> ImportCounts {
    let added = returned.iter().filter(|(inserted,)| *inserted).count();
    let changed = returned.len() - added;
    ImportCounts { added, changed, unchanged: total - returned.len(), missing: Vec::new() }
}
