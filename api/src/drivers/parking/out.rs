//! The answer of `/v1/parking`.

use domain::availability::Availability;
use domain::live::{Offer, PlaceRef};
use domain::place::{PlaceKind, Purpose, SiteKind};
use domain::time::Times;
use domain::{BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use super::ParkingResult;
use crate::contract::words;
use crate::http::wire::{
    FeeOut, FlagWords, OpeningOut, RestrictionOut, Restrictions, Source, credit, max_stay_min, whole,
};
use crate::journeys::ChanceOut;

/// Vacant places near a point, best first.
#[derive(Serialize, ToSchema)]
pub struct Parking<'a> {
    /// Places, the best first: by the walk and the search expected.
    items: Vec<ParkingItem<'a>>,
    /// How many places within the radius are not listed, and why.
    #[schema(value_type = LeftOut)]
    left_out: domain::live::LeftOut,
    /// Always null: the best are on the first page.
    cursor: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// How many places within the radius are not in `items`, and why.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document only")]
pub struct LeftOut {
    /// Full ones; `include=full` lists them.
    full: u32,
    /// Ones whose state is too old; `include=stale` lists them.
    stale: u32,
    /// Ones that are closed at the arrival.
    closed: u32,
    /// Ones that are kept for others.
    restricted: u32,
    /// Ones without live data; `include=static` lists the sites among them.
    no_live_data: u32,
}

/// A bay or site with what a driver finds there.
#[derive(Serialize, ToSchema)]
pub struct ParkingItem<'a> {
    /// Id of the bay or site.
    id: &'a str,
    /// Whether it is a bay or a site.
    #[schema(value_type = words::PlaceKind)]
    kind: PlaceKind,
    /// What is parked there.
    #[schema(value_type = words::Purpose)]
    purpose: Purpose,
    /// What kind of parking it is; null for a bay.
    #[schema(value_type = Option<words::SiteKind>)]
    site_kind: Option<SiteKind>,
    /// Name of the site, or of the bay's site; null: the bay has no site.
    name: Option<&'a str>,
    /// Slug of the municipality.
    municipality: &'a str,
    /// Of a bay: id of its site; null: none, or it is a site.
    site: Option<&'a str>,
    /// Latitude, decimal degrees (WGS 84).
    lat: f64,
    /// Longitude, decimal degrees (WGS 84).
    lon: f64,
    /// Distance as the crow flies, metres.
    distance_m: i64,
    /// Walk between the place and `near`, seconds; over the streets where they are known.
    walk_s: i64,
    /// Vacant spaces that this driver may use; null: not known.
    vacant: Option<i64>,
    /// What `vacant` rests on.
    #[schema(value_type = words::VacantBasis)]
    vacant_basis: &'static str,
    /// All spaces that this driver may use.
    capacity: i64,
    /// Those of them whose state is not known: neither vacant nor occupied.
    unknown: i64,
    /// `vacant` when there is a vacant space for this driver, `occupied` when there is none.
    #[schema(value_type = words::BayState)]
    state: BayState,
    /// When that was observed; null: never.
    observed_at: Option<UtcMicros>,
    /// Seconds since then; null: never observed.
    age_s: Option<i64>,
    /// Whether it is older than its source promises.
    stale: bool,
    /// What is remarkable about the numbers.
    #[schema(value_type = Vec<words::Flag>)]
    flags: FlagWords,
    /// For whom spaces are kept, when, and for how long one may stay; empty: open to everyone.
    #[schema(value_type = Vec<RestrictionOut>)]
    restrictions: Restrictions<'a>,
    /// What it costs; null: not known.
    fee: Option<FeeOut<'a>>,
    /// How long everyone may stay, minutes; null: no limit.
    max_stay_min: Option<u32>,
    /// Highest vehicle that fits in, metres; null: no limit, or not known.
    max_height_m: Option<f64>,
    /// Whether it is open at the arrival.
    opening: OpeningOut<'a>,
    /// Chance of a vacant space at `arrive`, or now; null: nothing is known.
    chance: Option<ChanceOut>,
    /// Vacant spaces to expect at `arrive`, or now, of those that this driver may use; null: nothing is known.
    expected_vacant: Option<f64>,
    /// Time to expect from the entrance to a vacant space, seconds.
    search_s: i64,
    /// Whom to name; null: nobody asks for it.
    attribution: Option<&'a str>,
    /// Terms of use, by the SPDX identifier where there is one; null: not known.
    licence: Option<&'a str>,
}

/// What is answered.
pub fn written(result: &ParkingResult, times: Times) -> Parking<'_> {
    let ParkingResult { found, availabilities, registry, .. } = result;
    let items = found
        .offers
        .iter()
        .zip(availabilities)
        .filter_map(|(offer, availability)| item(offer, registry, times, *availability));
    Parking { items: items.collect(), left_out: found.left_out, cursor: None, attribution: result.sources() }
}

fn item<'a>(
    offer: &Offer,
    registry: &'a Registry,
    Times { now, arrive }: Times,
    availability: Availability,
) -> Option<ParkingItem<'a>> {
    let (attribution, licence) = credit(registry, offer.feed);
    let (bay, site) = match offer.place {
        PlaceRef::Site(id) => (None, Some(&registry.site(id)?.def)),
        PlaceRef::Bay(id) => {
            let bay = &registry.bay(id)?.def;
            (Some(bay), bay.site.as_deref().and_then(|key| registry.site_by_key(key)).map(|site| &site.def))
        }
    };
    let (id, municipality, restrictions) = match (bay, site) {
        (Some(bay), _) => (&bay.id, &bay.municipality, &bay.restrictions),
        (None, site) => site.map(|site| (&site.id, &site.municipality, &site.restrictions))?,
    };
    Some(ParkingItem {
        id,
        kind: if bay.is_some() { PlaceKind::Bay } else { PlaceKind::Site },
        purpose: site.map_or(Purpose::Car, |site| site.purpose),
        site_kind: site.filter(|_| bay.is_none()).map(|site| site.kind),
        name: site.map(|site| site.name.as_str()),
        municipality,
        site: site.filter(|_| bay.is_some()).map(|site| site.id.as_str()),
        lat: offer.position.lat,
        lon: offer.position.lon,
        distance_m: whole(offer.distance_m),
        walk_s: whole(offer.walk_s),
        vacant: offer.vacant,
        vacant_basis: offer.basis.as_str(),
        capacity: offer.capacity,
        unknown: offer.unknown,
        state: offer.state,
        observed_at: offer.observed_at,
        age_s: offer.observed_at.map(|at| now.age_s(at)),
        stale: offer.stale,
        flags: FlagWords(offer.flags),
        restrictions: Restrictions(restrictions),
        fee: site.and_then(|site| Some(site.fee.as_ref()?.into())),
        max_stay_min: max_stay_min(bay.and_then(|bay| bay.max_stay_min), restrictions),
        max_height_m: site.and_then(|site| site.max_height_m),
        opening: OpeningOut::new(offer.opening, site.and_then(|site| site.opening_hours.as_deref())),
        chance: ChanceOut::new(&availability, arrive),
        expected_vacant: availability.chance.map(|chance| (chance.expected * 10.0).round() / 10.0),
        search_s: whole(availability.search_s),
        attribution,
        licence,
    })
}
