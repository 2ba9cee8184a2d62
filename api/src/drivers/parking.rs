//! `GET /v1/parking`: vacant places near a point.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::geo::{Bbox, LatLon};
use domain::live::{BaysWanted, Found, Offer, PlaceRef, Search};
use domain::place::Purpose;
use domain::{Audience, BayState, Registry, UtcMicros};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{Ctx, Shared};
use crate::contract::{parameters, words};
use crate::drivers::forecast::AskedSite;
use crate::http::answer;
use crate::http::params::{Params, RawQuery};
use crate::http::problem::Problem;
use crate::http::wire::{
    FeeOut, FlagWords, OpeningOut, RestrictionOut, Restrictions, STREETS, Source, Sources, credit,
    max_stay_min, whole,
};
use crate::hub::Live;
use crate::journeys::{ChanceOut, Outlook, Spaces};

/// Default search radius, metres.
pub const DEFAULT_RADIUS_M: f64 = 800.0;

/// Largest search radius, metres: about an hour's walk.
const MAX_RADIUS_M: f64 = 5_000.0;

const DEFAULT_LIMIT: usize = 20;

const MAX_LIMIT: usize = 100;

const PARAMETERS: &[&str] = &["near", "radius_m", "limit", "arrive", "for", "kind", "include", "purpose"];

/// Vacant places near a point, best first.
#[derive(Serialize, ToSchema)]
pub struct Parking<'a> {
    /// Places, the best first: by the walk and the search expected.
    items: Vec<ParkingItem<'a>>,
    /// How many places within the radius are not listed, and why.
    left_out: LeftOut,
    /// Always null: the best are on the first page.
    cursor: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// How many places within the radius are not in `items`, and why.
#[derive(Serialize, ToSchema)]
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
    kind: &'static str,
    /// What is parked there.
    #[schema(value_type = words::Purpose)]
    purpose: &'static str,
    /// What kind of parking it is; null for a bay.
    #[schema(value_type = Option<words::SiteKind>)]
    site_kind: Option<&'static str>,
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
    #[schema(value_type = Option<String>, format = DateTime)]
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

/// A parsed request.
pub struct Question {
    pub near: LatLon,
    pub radius_m: f64,
    pub limit: usize,
    pub arrive: Option<UtcMicros>,
    pub audiences: Vec<Audience>,
    pub purpose: Purpose,
    pub bays: BaysWanted,
    pub sites: bool,
    pub include_full: bool,
    pub include_stale: bool,
    pub include_static: bool,
}

impl Question {
    /// A request with default parameters.
    pub fn at(near: LatLon) -> Self {
        Question {
            near,
            radius_m: DEFAULT_RADIUS_M,
            limit: DEFAULT_LIMIT,
            arrive: None,
            audiences: Vec::new(),
            purpose: Purpose::Car,
            bays: BaysWanted::WithoutSite,
            sites: true,
            include_full: false,
            include_stale: false,
            include_static: false,
        }
    }

    fn parse(params: &Params<'_>) -> Result<Self, Problem> {
        let near = params
            .lat_lon("near")?
            .ok_or_else(|| Problem::missing_parameter("near", "Give near=LAT,LON, e.g. near=51.95,7.17."))?;
        let (bays, sites) = kinds(params)?;
        let include = params.list::<Include>("include", "full, stale, static")?.unwrap_or_default();
        Ok(Question {
            radius_m: params.number("radius_m", DEFAULT_RADIUS_M, 1.0, MAX_RADIUS_M)?,
            limit: params.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
            arrive: params.time("arrive")?,
            audiences: params.list("for", &Audience::choices())?.unwrap_or_default(),
            purpose: params.purpose()?,
            bays,
            sites,
            include_full: include.contains(&Include::Full),
            include_stale: include.contains(&Include::Stale),
            include_static: include.contains(&Include::Static),
            ..Question::at(near)
        })
    }

    /// Searches live state.
    pub fn ask(&self, live: &Live, now: UtcMicros) -> Found {
        let search = Search {
            near: self.near,
            radius_m: self.radius_m,
            driver: live.map.driver(self.audiences.iter().copied(), self.arrive).with(self.purpose),
            bays: self.bays,
            sites: self.sites,
            limit: self.limit * LOOKED_AT,
            include_full: self.include_full,
            include_stale: self.include_stale,
            include_without_live_data: self.include_static,
            include_unusable: false,
        };
        live.map.search(&search, now)
    }

    /// Checks that the point is near any data.
    pub fn check_area(&self, bounds: Option<Bbox>) -> Result<(), Problem> {
        let reach = self.near.around(self.radius_m);
        if bounds.is_some_and(|b| b.touches(reach)) {
            return Ok(());
        }
        Err(Problem::outside_area("near", self.near, ("parking", "Data reaches"), bounds))
    }
}

fn kinds(params: &Params<'_>) -> Result<(BaysWanted, bool), Problem> {
    let Some(kinds) = params.list::<PlaceKind>("kind", "bay, site")? else {
        return Ok((BaysWanted::WithoutSite, true));
    };
    let bays = if kinds.contains(&PlaceKind::Bay) { BaysWanted::All } else { BaysWanted::None };
    Ok((bays, kinds.contains(&PlaceKind::Site)))
}

/// A value of `kind=`.
#[derive(PartialEq, Eq)]
enum PlaceKind {
    Bay,
    Site,
}

impl std::str::FromStr for PlaceKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "bay" => Ok(PlaceKind::Bay),
            "site" => Ok(PlaceKind::Site),
            _ => Err(()),
        }
    }
}

/// A value of `include=`.
#[derive(PartialEq, Eq)]
enum Include {
    Full,
    Stale,
    Static,
}

impl std::str::FromStr for Include {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "full" => Ok(Include::Full),
            "stale" => Ok(Include::Stale),
            "static" => Ok(Include::Static),
            _ => Err(()),
        }
    }
}

/// Vacant bays and sites near a point, best first: vacant ones by the walk, then what `include`
/// asked for.
///
/// Places for cars, unless `purpose=bike` asks for bikes. Without `for` only spaces that are open to everyone are offered; with it those and the named
/// audiences' (`resident` and `assigned_disabled` never). `left_out` says why the answer is
/// shorter than one may expect.
#[utoipa::path(
    get,
    path = "/v1/parking",
    tag = "drivers",
    params(parameters::Parking),
    responses(
        (status = 200, body = Parking),
    ),
)]
pub async fn parking(State(shared): Ctx, query: RawQuery) -> Result<Response, Problem> {
    let question = Question::parse(&query.params(PARAMETERS)?)?;
    let now = shared.now();
    let answered = ask(&shared, &question, now)?;
    let arrive = question.arrive.unwrap_or(now);
    let mut response = answer::json(&written(&answered, (now, arrive)));
    let cache = axum::http::HeaderValue::from_static(answer::LIVE);
    response.headers_mut().insert(axum::http::header::CACHE_CONTROL, cache);
    Ok(response)
}

/// Candidates per wanted item: the nearest as the crow flies are ranked again by the walk over the streets.
const LOOKED_AT: usize = 2;

/// What was found, with a prospect for each offer.
pub struct Answered {
    pub found: Found,
    outlooks: Vec<Outlook>,
    pub registry: Arc<Registry>,
    /// Whether walks are those over the streets.
    over_streets: bool,
}

impl Answered {
    /// Whose data it is.
    pub fn sources(&self) -> Vec<Source<'_>> {
        let mut feeds = Sources::default();
        self.found.offers.iter().for_each(|offer| feeds.note(offer.feed));
        let mut sources = feeds.of(&self.registry);
        sources.extend(self.over_streets.then_some(STREETS));
        sources
    }
}

/// Searches under the lock; ranking and serialization happen outside of it.
pub fn ask(shared: &Shared, question: &Question, now: UtcMicros) -> Result<Answered, Problem> {
    let (mut found, asked, registry) = {
        let live = shared.hub.read();
        question.check_area(live.map.bounds())?;
        let found = question.ask(&live, now);
        let asked: Vec<Option<AskedSite>> =
            found.offers.iter().map(|offer| asked(&live, offer, now)).collect();
        (found, asked, live.map.registry().clone())
    };
    let loaded = shared.journeys.loaded();
    let over_streets = loaded.is_some();
    if let Some(loaded) = loaded {
        loaded.with_walks(question.near, question.radius_m, |seconds| {
            for offer in &mut found.offers {
                offer.walk_s = seconds(&loaded.doors(offer)).unwrap_or(offer.walk_s);
            }
        });
    }
    let arrive = question.arrive.unwrap_or(now);
    let mut ranked: Vec<(Outlook, Offer)> = (found.offers.into_iter())
        .zip(asked)
        .map(|(offer, asked)| (outlook(shared, &offer, asked, &registry, (arrive, now)), offer))
        .collect();
    let seconds = |(outlook, offer): &(Outlook, Offer)| offer.walk_s + outlook.search_s;
    ranked.sort_by(|a, b| a.1.verdict.cmp(&b.1.verdict).then(seconds(a).total_cmp(&seconds(b))));
    ranked.truncate(question.limit);
    let outlooks;
    (outlooks, found.offers) = ranked.into_iter().unzip();
    Ok(Answered { found, outlooks, registry, over_streets })
}

fn asked(live: &Live, offer: &Offer, now: UtcMicros) -> Option<AskedSite> {
    let PlaceRef::Site(id) = offer.place else { return None };
    let municipality = live.map.registry().site(id)?.municipality;
    Some(AskedSite::new(&live.map.site(id, now)?, Some(offer), municipality, now))
}

/// The chance of a space at `arrive`, and the search for it.
fn outlook(
    shared: &Shared,
    offer: &Offer,
    asked: Option<AskedSite>,
    registry: &Registry,
    (arrive, now): (UtcMicros, UtcMicros),
) -> Outlook {
    let (kind, filling_per_s) = match offer.place {
        PlaceRef::Site(id) => {
            (registry.site(id).map(|site| site.def.kind), shared.journeys.filling_per_s(id))
        }
        PlaceRef::Bay(_) => (None, 0.0),
    };
    let forecast = asked.and_then(|asked| Some((asked.odds(&shared.forecasts, now, arrive)?, asked.kept)));
    Outlook::new(kind, Spaces::of(offer, now), filling_per_s, forecast, arrive)
}

fn written(answered: &Answered, times: (UtcMicros, UtcMicros)) -> Parking<'_> {
    let Answered { found, outlooks, registry, .. } = answered;
    let items = found
        .offers
        .iter()
        .zip(outlooks)
        .filter_map(|(offer, outlook)| item(offer, registry, times, *outlook));
    let out = &found.left_out;
    Parking {
        items: items.collect(),
        left_out: LeftOut {
            full: out.full,
            stale: out.stale,
            closed: out.closed,
            restricted: out.restricted,
            no_live_data: out.no_live_data,
        },
        cursor: None,
        attribution: answered.sources(),
    }
}

fn item<'a>(
    offer: &Offer,
    registry: &'a Registry,
    (now, arrive): (UtcMicros, UtcMicros),
    outlook: Outlook,
) -> Option<ParkingItem<'a>> {
    let (attribution, licence) = credit(registry, offer.feed);
    let common = ParkingItem {
        id: "",
        kind: "site",
        purpose: Purpose::Car.as_str(),
        site_kind: None,
        name: None,
        municipality: "",
        site: None,
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
        restrictions: Restrictions(&[]),
        fee: None,
        max_stay_min: None,
        max_height_m: None,
        opening: OpeningOut::new(offer.opening, None),
        chance: ChanceOut::new(&outlook, arrive),
        expected_vacant: outlook.expected.map(|n| (n * 10.0).round() / 10.0),
        search_s: whole(outlook.search_s),
        attribution,
        licence,
    };
    match offer.place {
        PlaceRef::Site(id) => {
            let def = &registry.site(id)?.def;
            Some(ParkingItem {
                id: &def.id,
                purpose: def.purpose.as_str(),
                site_kind: Some(def.kind.as_str()),
                name: Some(&def.name),
                municipality: &def.municipality,
                restrictions: Restrictions(&def.restrictions),
                fee: def.fee.as_ref().map(FeeOut::new),
                max_stay_min: max_stay_min(None, &def.restrictions),
                max_height_m: def.max_height_m,
                opening: OpeningOut::new(offer.opening, def.opening_hours.as_deref()),
                ..common
            })
        }
        PlaceRef::Bay(id) => {
            let def = &registry.bay(id)?.def;
            let site = def.site.as_deref().and_then(|key| registry.site_by_key(key)).map(|s| &s.def);
            Some(ParkingItem {
                id: &def.id,
                kind: "bay",
                purpose: registry.purpose_of(def).as_str(),
                name: site.map(|s| s.name.as_str()),
                municipality: &def.municipality,
                site: site.map(|s| s.id.as_str()),
                restrictions: Restrictions(&def.restrictions),
                fee: site.and_then(|s| s.fee.as_ref()).map(FeeOut::new),
                max_stay_min: max_stay_min(def.max_stay_min, &def.restrictions),
                max_height_m: site.and_then(|s| s.max_height_m),
                opening: OpeningOut::new(offer.opening, site.and_then(|s| s.opening_hours.as_deref())),
                ..common
            })
        }
    }
}
