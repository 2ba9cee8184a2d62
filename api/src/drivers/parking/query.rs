//! Parameters of `/v1/parking`, and the search they describe.

use domain::geo::{Bbox, LatLon};
use domain::live::{BaysWanted, Found, Search};
use domain::place::{PlaceKind, Purpose};
use domain::{Audience, UtcMicros};

use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::hub::Live;

/// Default search radius, metres.
const DEFAULT_RADIUS_M: f64 = 800.0;

/// Largest search radius, metres: about an hour's walk.
const MAX_RADIUS_M: f64 = 5_000.0;

const DEFAULT_LIMIT: usize = 20;

const MAX_LIMIT: usize = 100;

/// Candidates per wanted item: the nearest as the crow flies are ranked again by the walk over the streets.
const LOOKED_AT: usize = 2;

/// A parsed request.
pub struct ParkingQuery {
    pub near: LatLon,
    pub radius_m: f64,
    pub limit: usize,
    pub arrive: Option<UtcMicros>,
    pub audiences: Vec<Audience>,
    pub purpose: Purpose,
    pub bays: BaysWanted,
    pub sites: bool,
    pub include: Vec<Include>,
}

impl ParkingQuery {
    /// A request with default parameters.
    pub fn at(near: LatLon) -> Self {
        ParkingQuery {
            near,
            radius_m: DEFAULT_RADIUS_M,
            limit: DEFAULT_LIMIT,
            arrive: None,
            audiences: Vec::new(),
            purpose: Purpose::Car,
            bays: BaysWanted::WithoutSite,
            sites: true,
            include: Vec::new(),
        }
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// 400: one is missing or wrong.
    pub fn parse(params: &Params<'_>) -> Result<Self, Problem> {
        let near = params
            .lat_lon("near")?
            .ok_or_else(|| Problem::missing_parameter("near", "Give near=LAT,LON, e.g. near=51.95,7.17."))?;
        let (bays, sites) = match params.list("kind", "bay, site")? {
            None => (BaysWanted::WithoutSite, true),
            Some(kinds) => {
                let bays = if kinds.contains(&PlaceKind::Bay) { BaysWanted::All } else { BaysWanted::None };
                (bays, kinds.contains(&PlaceKind::Site))
            }
        };
        Ok(ParkingQuery {
            radius_m: params.number("radius_m", DEFAULT_RADIUS_M, 1.0, MAX_RADIUS_M)?,
            limit: params.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
            arrive: params.time("arrive")?,
            audiences: params.list("for", &Audience::choices())?.unwrap_or_default(),
            purpose: params.purpose()?,
            bays,
            sites,
            include: params.list("include", &Include::choices())?.unwrap_or_default(),
            ..ParkingQuery::at(near)
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
            include_full: self.include.contains(&Include::Full),
            include_stale: self.include.contains(&Include::Stale),
            include_without_live_data: self.include.contains(&Include::Static),
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
        Err(Problem::outside_area("near", self.near, "parking", "Data reaches", bounds))
    }
}

domain::wire_enum! {
    /// What is listed beside vacant places.
    Include { Full = "full", Stale = "stale", Static = "static" }
}
