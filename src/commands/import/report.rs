//! The report of an import of history.

use std::collections::BTreeMap;
use std::fmt;

use domain::sensor::stale_after_s;
use domain::{Feed, Registry, SiteCount, SiteId, UtcMicros};
use places::history::{Counts, History};
use store::history::Appended;
use store::retention::Retention;

use super::admit::LeftOut;

/// See the module's description.
pub struct Report {
    pub feeds: Vec<(String, u32)>,
    /// By id: counts that can be stored, and those that were not there.
    pub sites: BTreeMap<String, (u64, u64)>,
    pub first: Option<UtcMicros>,
    pub last: Option<UtcMicros>,
    pub left_out: LeftOut,
    /// Sites that were made: id, name, spaces.
    pub made: Vec<(String, String, u32)>,
    /// What somebody should know of them.
    pub notes: Vec<String>,
    unreadable: BTreeMap<String, u64>,
    tables: u64,
    is_check: bool,
}

impl Report {
    /// Of an import of `history` under `feeds`, before anything is stored.
    pub fn new(history: &History<Counts>, feeds: &[Feed], is_check: bool) -> Self {
        Report {
            feeds: feeds.iter().map(|f| (f.id.clone(), stale_after_s(f.heartbeat_s()))).collect(),
            sites: history.series.iter().map(|c| (c.site.clone(), (0, 0))).collect(),
            first: None,
            last: None,
            left_out: LeftOut::new(),
            made: Vec::new(),
            notes: Vec::new(),
            unreadable: history.problem_kinds.clone(),
            tables: history.tables,
            is_check,
        }
    }

    /// These counts can be stored; they come in the order of time.
    pub fn offered(&mut self, counts: &[SiteCount], registry: &Registry) {
        self.first = self.first.or(counts.first().map(|c| c.observed_at));
        self.last = counts.last().map(|c| c.observed_at).or(self.last);
        for count in counts {
            if let Some(site) = self.site(count.site, registry) {
                site.0 += 1;
            }
        }
    }

    /// So many of them were not there before.
    pub fn appended(&mut self, appended: &Appended, registry: &Registry) {
        if let Some(site) = self.site(appended.site, registry) {
            site.1 += appended.new;
        }
    }

    fn site(&mut self, id: SiteId, registry: &Registry) -> Option<&mut (u64, u64)> {
        self.sites.get_mut(&registry.site(id)?.def.id)
    }

    /// Counts that were not there.
    pub fn new_counts(&self) -> u64 {
        self.sites.values().map(|(_, new)| new).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, name, spaces) in &self.made {
            writeln!(f, "new site {id}: {name}, {spaces} spaces")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let width = self.sites.keys().map(String::len).max().unwrap_or_default();
        for (site, (offered, new)) in &self.sites {
            match self.is_check {
                true => writeln!(f, "{site:width$}  {offered:>9} counts")?,
                false => writeln!(f, "{site:width$}  {new:>9} new {:>9} there before", offered - new)?,
            }
        }
        for ((site, reason), (n, first)) in &self.left_out {
            writeln!(f, "left out: {n} of {site}, first at {first}: {reason}")?;
        }
        for (message, n) in &self.unreadable {
            writeln!(f, "not read: {n}: {message}")?;
        }
        for (feed, hold_s) in &self.feeds {
            writeln!(f, "feed {feed}: a count holds for {hold_s} s")?;
        }
        if let Some((first, last)) = self.first.zip(self.last) {
            writeln!(f, "{} tables, from {first} to {last}", self.tables)?;
            let kept = Retention::default().observations;
            let oldest = ingest::now_utc().plus_s(-(kept.as_secs() as i64));
            if first < oldest {
                let days = kept.as_secs() / 86_400;
                writeln!(
                    f,
                    "note: what is older than {days} days is dropped within the hour unless the product runs with a \
                     larger --keep-observations-days"
                )?;
            }
        }
        match self.is_check {
            true => writeln!(f, "check only: nothing was imported"),
            false => writeln!(f, "next: kreisverkehr forecast train"),
        }
    }
}
