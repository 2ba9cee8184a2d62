//! The bays that are compared with each other.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::health::neighbours::Neighbours;
use crate::ids::{MunicipalityId, SiteId};

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GroupKey {
    /// The bays of a site.
    Site(SiteId),
    /// A town's bays without a site.
    Town(MunicipalityId),
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) key: GroupKey,
    pub(super) neighbours: Neighbours,
    /// Nothing was learned of it yet.
    pub(super) is_new: bool,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    by_key: FxHashMap<GroupKey, usize>,
}

impl Groups {
    pub(super) fn index(&mut self, key: GroupKey) -> usize {
        let Groups { all, by_key } = self;
        *by_key.entry(key).or_insert_with(|| {
            all.push(Group { key, neighbours: Neighbours::default(), is_new: true });
            all.len() - 1
        })
    }

    pub(super) fn put(&mut self, key: GroupKey, neighbours: Neighbours) {
        let index = self.index(key);
        self.all[index] = Group { key, neighbours, is_new: false };
    }
}
