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
    /// Those that were stored and are gone, where a file replaces what it does not name.
    pub removed: usize,
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
    /// Rules for lines that run on request.
    pub on_demand: ImportCounts,
    /// Areas in which vehicles come on demand.
    pub on_demand_areas: ImportCounts,
    /// Fares and passes.
    pub fares: ImportCounts,
    /// Taxis.
    pub taxis: ImportCounts,
    /// Versions of places that were rewritten, by kind and id.
    pub corrections: Vec<Correction>,
}

impl ImportReport {
    /// Each kind with its name.
    pub fn kinds(&self) -> [(&'static str, &ImportCounts); 14] {
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
            ("on_demand", &self.on_demand),
            ("on_demand_areas", &self.on_demand_areas),
            ("fares", &self.fares),
            ("taxis", &self.taxis),
        ]
    }

    /// Whether nothing was added, changed or removed.
    pub fn is_unchanged(&self) -> bool {
        self.kinds().iter().all(|(_, t)| t.added + t.changed + t.removed == 0)
    }
}

pub(super) fn import_counts(total: usize, returned: Vec<(bool,)>) -> ImportCounts {
    let added = returned.iter().filter(|(inserted,)| *inserted).count();
    let changed = returned.len() - added;
    ImportCounts { added, changed, unchanged: total - returned.len(), ..ImportCounts::default() }
}
