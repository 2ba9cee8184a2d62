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
    pub added: usize,
    pub changed: usize,
    pub unchanged: usize,
    /// Ids that are stored and not in the file.
    pub missing: Vec<String>,
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    pub municipalities: ImportCounts,
    pub sites: ImportCounts,
    pub bays: ImportCounts,
    pub vehicles: ImportCounts,
    pub brokers: ImportCounts,
    pub feeds: ImportCounts,
    pub sensors: ImportCounts,
    pub closures: ImportCounts,
    pub calendar: ImportCounts,
    /// Versions of places that were rewritten, by kind and id.
    pub corrections: Vec<Correction>,
}

impl Report {
    /// Each kind with its name.
    pub fn kinds(&self) -> [(&'static str, &ImportCounts); 9] {
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
