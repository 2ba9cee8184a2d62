//! Pages of visible places, in the order of their text ids.

use super::LiveMap;
use super::placement::Listed;
use crate::geo::Bbox;
use crate::ids::{BayId, MunicipalityId, SiteId};

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Within {
    /// Places in this box; `None`: everywhere.
    pub bbox: Option<Bbox>,
    /// Places of this municipality; `None`: of all.
    pub municipality: Option<MunicipalityId>,
}

impl LiveMap {
    /// At most `limit` visible bays after the text id `after`, and whether more follow.
    pub fn bays_page(&self, within: &Within, after: Option<&str>, limit: usize) -> (Vec<BayId>, bool) {
        let in_box = within.bbox.map(|bbox| self.bay_grid.within(bbox).map(|(_, spot)| spot.rank).collect());
        page(&self.bay_keys, in_box, within, after, limit)
    }

    /// At most `limit` visible sites after the text id `after`, and whether more follow.
    pub fn sites_page(&self, within: &Within, after: Option<&str>, limit: usize) -> (Vec<SiteId>, bool) {
        let in_box = within.bbox.map(|bbox| self.site_grid.within(bbox).map(|(_, spot)| spot.rank).collect());
        page(&self.site_keys, in_box, within, after, limit)
    }

    /// How many visible bays there are, in all or in one municipality.
    pub fn bays_count(&self, municipality: Option<MunicipalityId>) -> usize {
        self.bay_keys.iter().filter(|k| municipality.is_none_or(|m| m == k.municipality)).count()
    }

    /// How many visible sites there are, in all or in one municipality.
    pub fn sites_count(&self, municipality: Option<MunicipalityId>) -> usize {
        self.site_keys.iter().filter(|k| municipality.is_none_or(|m| m == k.municipality)).count()
    }
}

fn page<I: Copy>(
    keys: &[Listed<I>],
    in_box: Option<Vec<u32>>,
    within: &Within,
    after: Option<&str>,
    limit: usize,
) -> (Vec<I>, bool) {
    let start = after.map_or(0, |after| keys.partition_point(|k| k.key.as_str() <= after));
    let wanted = |k: &&Listed<I>| within.municipality.is_none_or(|m| m == k.municipality);
    let mut ids: Vec<I> = match in_box {
        None => keys[start..].iter().filter(wanted).take(limit + 1).map(|k| k.id).collect(),
        Some(mut ranks) => {
            ranks.retain(|rank| *rank as usize >= start);
            ranks.sort_unstable();
            let keys = ranks.iter().map(|rank| &keys[*rank as usize]);
            keys.filter(wanted).take(limit + 1).map(|k| k.id).collect()
        }
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    (ids, more)
}
