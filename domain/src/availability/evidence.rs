//! What is known of a place.

use super::Spaces;
use crate::forecast::{Reading, sample_of};
use crate::ids::{MunicipalityId, SiteId};
use crate::live::{LiveMap, Offer, PlaceRef, SiteView};
use crate::place::{Site, SiteKind};
use crate::registry::Entry;
use crate::time::UtcMicros;

/// What is known of a place, for [`super::predict`].
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// Single bays are like kerbs.
    pub kind: SiteKind,
    /// The live state of the spaces that the driver may use.
    pub spaces: Spaces,
    /// How fast the place fills, cars a second; negative: it empties.
    pub filling_per_s: f64,
    /// What the site's model needs to know; `None`: it has none.
    pub site: Option<SiteEvidence>,
}

/// The present state of a site, as its model takes it.
#[derive(Debug, Clone, Copy)]
pub struct SiteEvidence {
    /// Which site it is.
    pub id: SiteId,
    /// The town whose model it is part of.
    pub municipality: MunicipalityId,
    /// Vacant spaces now, whoever may use them; `None`: not known.
    pub vacant: Option<u32>,
    /// Vacant spaces reserved for others; they are assumed to stay vacant. Where nothing is known: all
    /// reserved spaces.
    pub reserved: u32,
}

impl Evidence {
    /// What live state knows of the place of an offer. `filling_per_s`: see [`Evidence::filling_per_s`].
    pub fn of(map: &LiveMap, offer: &Offer, filling_per_s: f64, now: UtcMicros) -> Self {
        let spaces = Spaces::of(offer, now);
        let PlaceRef::Site(id) = offer.place else { return Evidence::of_spaces(SiteKind::OnStreet, spaces) };
        match map.registry().site(id).zip(map.site(id, now)) {
            Some((site, view)) => Evidence::of_site(site, &view, offer, filling_per_s, now),
            None => Evidence { filling_per_s, ..Evidence::of_spaces(SiteKind::OnStreet, spaces) },
        }
    }

    /// The same of a site that has been looked up.
    pub fn of_site(
        site: &Entry<SiteId, Site>,
        view: &SiteView,
        offer: &Offer,
        filling_per_s: f64,
        now: UtcMicros,
    ) -> Self {
        let reserved = match view.vacant.zip(offer.vacant) {
            Some((all, offered)) => all - offered,
            None => view.capacity - offer.capacity,
        };
        let vacant = match sample_of(view).reported {
            Some((_, Reading::Vacant(vacant))) => Some(vacant),
            _ => None,
        };
        let reserved = u32::try_from(reserved.max(0)).unwrap_or(u32::MAX);
        let evidence = SiteEvidence { id: site.id, municipality: site.municipality, vacant, reserved };
        Evidence { kind: site.def.kind, spaces: Spaces::of(offer, now), filling_per_s, site: Some(evidence) }
    }

    /// Spaces of which nothing but their live state is known.
    pub fn of_spaces(kind: SiteKind, spaces: Spaces) -> Self {
        Evidence { kind, spaces, filling_per_s: 0.0, site: None }
    }

    pub(super) fn reserved(&self) -> u32 {
        self.site.map_or(0, |site| site.reserved)
    }
}
