//! Candidates for parking: what the planner and the answer need of a lot.

use domain::availability::{Availability, Evidence};
use domain::fare::Euros;
use domain::live::{Offer, Verdict};
use domain::meter::Meter;
use domain::opening::Opening;
use domain::place::{Restriction, Site};
use domain::time::Times;
use domain::{FeedId, UtcMicros};
use journey::plan::Predictor;
use journey::streets::parking::OsmParking;

use super::lots::Linked;
use super::query::{JourneyQuery, assumed_arrival};
use crate::forecasts::Forecasts;
use crate::http::wire::max_stay_min;

/// A place to park as a candidate of one answer.
pub struct Candidate<'a> {
    pub what: What<'a>,
    pub linked: &'a Linked,
    pub evidence: Evidence,
    pub feed: Option<FeedId>,
    /// What it costs; `None`: no tariff says it.
    pub meter: Option<&'a Meter>,
}

impl Candidate<'_> {
    /// What it costs to leave a car there that comes at a time; `None`: not known.
    pub fn price(&self, arrive: UtcMicros, query: &JourneyQuery) -> Option<Euros> {
        match self.what {
            What::Mapped(parking) => (parking.fee.as_deref() == Some("no")).then_some(Euros::ZERO),
            What::Site(_) | What::Group { .. } => price(self.meter?, arrive, query),
        }
    }
}

/// What a stay of the car costs that comes at a time.
fn price(meter: &Meter, arrive: UtcMicros, query: &JourneyQuery) -> Option<Euros> {
    meter.price(arrive, arrive.plus_s((query.assumed_stay_min() * 60.0).round() as i64))
}

/// The candidates of one answer, by the numbers that the planner knows them by.
pub struct Candidates<'a> {
    pub all: Vec<Candidate<'a>>,
    pub forecasts: &'a Forecasts,
    pub now: UtcMicros,
}

impl Predictor for Candidates<'_> {
    fn availability(&self, lot: usize, arrive_s: i64) -> Availability {
        let times = Times { now: self.now, arrive: UtcMicros::from_unix_s(arrive_s) };
        self.forecasts.predict(&self.all[lot].evidence, times)
    }
}

/// Which place it is.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    Site(&'a Site),
    /// Bays without a site along a street.
    Group {
        bay: &'a str,
    },
    /// A car park that only the map has.
    Mapped(&'a OsmParking),
}

impl<'a> What<'a> {
    /// Its id, in the files or on the map.
    pub fn id(&self) -> &'a str {
        match self {
            What::Site(site) => &site.id,
            What::Group { bay } => bay,
            What::Mapped(parking) => &parking.id,
        }
    }

    /// What people call it.
    pub fn name(&self) -> Option<&'a str> {
        match self {
            What::Site(site) => Some(&site.name),
            What::Group { .. } => None,
            What::Mapped(parking) => parking.name.as_deref(),
        }
    }
}

/// Why a place is left out.
pub struct Unfit {
    /// In the API.
    pub reason: &'static str,
    /// A sentence for drivers.
    pub detail: String,
}

impl Unfit {
    /// With a reason of the API, and a sentence.
    pub fn new(reason: &'static str, detail: impl Into<String>) -> Self {
        Unfit { reason, detail: detail.into() }
    }
}

/// Why this driver cannot park in a site, whatever is vacant.
pub fn unfit(site: &Site, meter: Option<&Meter>, offer: &Offer, query: &JourneyQuery) -> Option<Unfit> {
    match offer.verdict {
        Verdict::Closed => return Some(Unfit::new("closed", "closed when you get there")),
        Verdict::Restricted => {
            let whom: Vec<&str> =
                site.restrictions.iter().filter_map(|r| r.audience.map(|a| a.as_str())).collect();
            let whom = if whom.is_empty() { "others".to_owned() } else { whom.join(", ") };
            return Some(Unfit::new("restricted", format!("its spaces are kept for: {whom}")));
        }
        _ => {}
    }
    let arrival = assumed_arrival(query);
    let open_s = offer.opening.until.map(|until| until.seconds_since(arrival));
    if let Some(stay_min) = query.stay_min
        && let Some(until) =
            offer.opening.until.filter(|_| open_s.is_some_and(|open_s| open_s < stay_min * 60.0))
    {
        let detail = format!("open to you until {until} only, you want to stay {stay_min} min");
        return Some(Unfit::new("max_stay", detail));
    }
    let is_free = || meter.is_some_and(|meter| price(meter, arrival, query) == Some(Euros::ZERO));
    too_high(site.max_height_m, query)
        .or_else(|| too_long(None, &site.restrictions, query))
        .or_else(|| costs(|| site.fee.is_some() && !is_free(), query))
}

/// The same for a car park that only the map has; `opening`: at the arrival, if it has hours.
pub fn unfit_mapped(parking: &OsmParking, opening: Option<Opening>, query: &JourneyQuery) -> Option<Unfit> {
    if parking.access.as_deref() == Some("customers") {
        return Some(Unfit::new("restricted", "its spaces are kept for customers"));
    }
    if opening.is_some_and(|opening| opening.is_open == Some(false)) {
        return Some(Unfit::new("closed", "closed when you get there"));
    }
    let is_paid = parking.fee.as_deref().is_some_and(|fee| fee != "no");
    too_high(parking.max_height_m.map(f64::from), query)
        .or_else(|| longer_than(parking.max_stay_min.map(f64::from), query))
        .or_else(|| costs(|| is_paid, query))
}

/// Whether the car is to stay longer than it may.
pub fn too_long(
    own_limit_min: Option<u32>,
    restrictions: &[Restriction],
    query: &JourneyQuery,
) -> Option<Unfit> {
    longer_than(max_stay_min(own_limit_min, restrictions).map(f64::from), query)
}

fn longer_than(limit_min: Option<f64>, query: &JourneyQuery) -> Option<Unfit> {
    let (limit, stay) = limit_min.zip(query.stay_min).filter(|(limit, stay)| stay > limit)?;
    Some(Unfit::new("max_stay", format!("one may stay {limit} min at most, you want {stay} min")))
}

fn too_high(limit_m: Option<f64>, query: &JourneyQuery) -> Option<Unfit> {
    let (limit, height) = limit_m.zip(query.height_m).filter(|(limit, height)| height > limit)?;
    Some(Unfit::new("height", format!("too low: {limit:.2} m at most, your car is {height} m high")))
}

fn costs(is_paid: impl FnOnce() -> bool, query: &JourneyQuery) -> Option<Unfit> {
    (query.free_only && is_paid()).then(|| Unfit::new("fee", "it costs a fee"))
}

#[cfg(test)]
mod tests {
    use domain::Lang;
    use domain::UtcMicros;
    use domain::geo::LatLon;
    use domain::locality::Locality;
    use domain::opening::Hours;
    use journey::booking::BookedRides;
    use journey::plan::{Modes, When};
    use journey::streets::parking::{Build, Purpose};
    use journey::timetable::Access;

    use super::*;

    fn query() -> JourneyQuery {
        let at = |lat| LatLon { lat, lon: 7.0 };
        JourneyQuery {
            from: at(52.0),
            to: at(52.1),
            when: When::DepartAt(0),
            via: Vec::new(),
            modes: Modes::CAR,
            rental: journey::rental::Forms::ALL,
            max_walk_m: 500.0,
            max_direct_walk_m: 500.0,
            audiences: Vec::new(),
            access: Access::Foot,
            max_transfers: None,
            min_transfer_s: 0,
            window_s: 0,
            limit: 1,
            cursor: None,
            lasting: String::new(),
            height_m: Some(1.9),
            stay_min: Some(60.0),
            is_last_resort: false,
            free_only: true,
            book_at: UtcMicros::EPOCH,
            booked: BookedRides::All,
            passes: Vec::new(),
            is_child: false,
            lang: Lang::En,
            steps: false,
        }
    }

    fn mapped() -> OsmParking {
        OsmParking {
            id: "way/1".into(),
            purpose: Purpose::Car,
            build: Build::Surface,
            park_and_ride: false,
            name: None,
            operator: None,
            capacity: Some(10),
            capacity_disabled: None,
            access: Some("yes".into()),
            fee: Some("no".into()),
            max_height_m: Some(2.0),
            opening_hours: None,
            max_stay_min: Some(60.0),
            outline: Vec::new(),
            entrances: Vec::new(),
        }
    }

    #[test]
    fn a_car_park_of_the_map_is_asked_the_same_as_a_site() {
        let query = query();
        let why = |parking: &OsmParking, opening: Option<Opening>| {
            unfit_mapped(parking, opening, &query).map(|unfit| unfit.reason)
        };
        assert_eq!(why(&mapped(), None), None);
        let customers = OsmParking { access: Some("customers".into()), ..mapped() };
        assert_eq!(why(&customers, None), Some("restricted"));
        assert_eq!(why(&OsmParking { max_height_m: Some(1.8), ..mapped() }, None), Some("height"));
        assert_eq!(why(&OsmParking { max_stay_min: Some(59.0), ..mapped() }, None), Some("max_stay"));
        assert_eq!(why(&OsmParking { fee: Some("Mo-Fr 08:00-18:00".into()), ..mapped() }, None), Some("fee"));
        let unknown = OsmParking { fee: None, max_height_m: None, max_stay_min: None, ..mapped() };
        assert_eq!(why(&unknown, None), None);
        let hours = Hours::parse("Mo-Fr 08:00-18:00", &Locality::new("Europe/Berlin", "05", [])).unwrap();
        let opening = |text| Some(hours.at(UtcMicros::parse(text).unwrap()));
        assert_eq!(why(&mapped(), opening("2026-11-27T21:00:00Z")), Some("closed"));
        assert_eq!(why(&mapped(), opening("2026-11-27T10:00:00Z")), None);
    }

    #[test]
    fn a_bays_own_limit_and_that_of_all_restrictions_hold() {
        let limit = |minutes| Restriction {
            audience: None,
            capacity: None,
            hours: None,
            max_stay_min: Some(minutes),
        };
        assert!(too_long(Some(120), &[limit(30)], &query()).is_some());
        assert!(too_long(Some(30), &[], &query()).is_some());
        assert!(too_long(Some(60), &[limit(90)], &query()).is_none());
    }
}
