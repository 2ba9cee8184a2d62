//! Rows of figures about parking: of which group they are, whether they are withheld, how complete they are.

use std::sync::Arc;

use domain::UtcMicros;
use domain::occupancy::BucketKey;
use jiff::tz::TimeZone;

use super::groups::{Group, MIN_BAYS};
use super::{TOO_FEW, is_withheld};
use crate::http::table::Column;

/// Figures of one group.
pub struct Row<F> {
    /// What it is for.
    pub key: BucketKey,
    pub groups: Arc<Vec<Group>>,
    /// Which of them it is about.
    pub index: usize,
    pub figures: F,
    /// Whether all that is stored of its time is derived and that time is over.
    pub complete: bool,
    pub complete_until: UtcMicros,
}

impl<F> Row<F> {
    fn group(&self) -> &Group {
        &self.groups[self.index]
    }

    /// The town's clock.
    pub fn zone(&self) -> &TimeZone {
        &self.group().zone
    }

    fn is_withheld(&self) -> bool {
        is_withheld(self.group())
    }

    /// The figures, unless they are withheld.
    pub fn published(&self) -> Option<&F> {
        (!self.is_withheld()).then_some(&self.figures)
    }
}

/// All columns: those that come `first`, whose `figures` they are, the figures, and what is to be known of them.
pub fn columns<F>(
    first: impl IntoIterator<Item = Column<Row<F>>>,
    figures: impl IntoIterator<Item = Column<Row<F>>>,
) -> Vec<Column<Row<F>>> {
    let groups = [
        Column::text("municipality", |r: &Row<F>| Some(&r.group().labels.municipality)),
        Column::text("zone", |r| r.group().labels.zone.as_deref()),
        Column::text("site", |r| r.group().labels.site.as_deref()),
        Column::text("bay", |r| r.group().labels.bay.as_deref()),
        Column::text("restriction", |r| r.group().labels.restriction.as_deref()),
    ];
    let town_name = Column::text("municipality_name", |r: &Row<F>| Some(&r.group().labels.municipality_name));
    let last = [
        Column::boolean("withheld", |r: &Row<F>| Some(r.is_withheld())),
        Column::text("reason", |r| r.is_withheld().then_some(TOO_FEW)),
        Column::integer("min_bays", |r| r.is_withheld().then_some(MIN_BAYS)),
        Column::beside("municipality", town_name),
        Column::beside("site", Column::text("site_name", |r| r.group().labels.site_name.as_deref())),
        Column::beside("bay", Column::text("bay_site", |r| r.group().labels.bay_site.as_deref())),
        Column::boolean("complete", |r| Some(r.complete)),
        Column::time("complete_until", |r| Some(r.complete_until)),
    ];
    first.into_iter().chain(groups).chain(figures).chain(last).collect()
}
