//! Parameters of `/v1/journeys`.

use domain::fare::FareList;
use domain::geo::{Bbox, LatLon};
use domain::rental::FormFactor;
use domain::{Audience, Lang, UtcMicros};
use journey::area::Area;
use journey::booking::BookedRides;
use journey::plan::{Modes, Via, When};
use journey::rental::Forms;
use journey::timetable::Access;
use journey::timetable::services::date_of;

use super::notes::NoteOut;
use super::page::JourneyCursor;
use crate::http::params::{Params, parse_lat_lon};
use crate::http::problem::Problem;

/// Default walking limit, metres.
pub const DEFAULT_WALK_M: f64 = 1_500.0;
/// Default walking limit of journeys on foot alone, metres: an hour.
const DEFAULT_DIRECT_WALK_M: f64 = 5_000.0;
/// Largest walking limit, metres.
const MAX_WALK_M: f64 = 20_000.0;

/// Longest time to change that can be asked for, seconds.
const MAX_TRANSFER_S: f64 = 3_600.0;

/// Default length of the window of departures, seconds.
const DEFAULT_WINDOW_S: f64 = 3_600.0;
/// Longest window, seconds.
const MAX_WINDOW_S: f64 = 86_400.0;
/// Default number of itineraries of each combination of modes.
const DEFAULT_LIMIT: usize = 5;
/// Largest number of itineraries of each combination of modes.
const MAX_LIMIT: usize = 50;

/// Parameters that an itinerary does not keep: its own time and mode take their place, or each question has its own.
const NOT_LASTING: [&str; 10] =
    ["depart", "arrive", "modes", "window_s", "limit", "cursor", "book_at", "booking", "lang", "steps"];

/// How long a car is taken to stay, minutes, where nobody says it.
const ASSUMED_STAY_MIN: f64 = 120.0;

/// Most places in between.
const MAX_VIA: usize = 2;

/// Two points nearer than this are the same, metres.
const SAME_PLACE_M: f64 = 10.0;

/// Tolerance around the bounding box of the streets, metres.
const MARGIN_M: f64 = 500.0;

/// See the module's description.
pub struct JourneyQuery {
    pub from: LatLon,
    pub to: LatLon,
    pub when: When,
    /// The places in between, as they were given.
    pub via: Vec<String>,
    pub modes: Modes,
    /// Whether taxis are offered where nothing else arrives.
    pub is_last_resort: bool,
    pub max_walk_m: f64,
    pub max_direct_walk_m: f64,
    pub audiences: Vec<Audience>,
    pub access: Access,
    /// Most changes between vehicles; `None`: as many as make sense.
    pub max_transfers: Option<u8>,
    pub min_transfer_s: i32,
    /// Length of the window of departures (arrivals), seconds.
    pub window_s: i32,
    /// Most itineraries of each combination of modes.
    pub limit: usize,
    /// Which page; `None`: the first one.
    pub cursor: Option<JourneyCursor>,
    /// Which forms of shared vehicles are wanted.
    pub rental: Forms,
    /// Height of the car.
    pub height_m: Option<f64>,
    /// How long the car is to stay.
    pub stay_min: Option<f64>,
    pub free_only: bool,
    /// When rides are to be booked.
    pub book_at: UtcMicros,
    /// Which rides that must be booked count.
    pub booked: BookedRides,
    /// Ids of the passes that the rider has.
    pub passes: Vec<String>,
    /// Whether the rider is a child.
    pub is_child: bool,
    /// Of messages to riders, and of instructions.
    pub lang: Lang,
    /// Whether legs over streets have instructions.
    pub steps: bool,
    /// What of the question lasts when it is asked again about one itinerary, as a query.
    pub lasting: String,
}

impl JourneyQuery {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400: one of them is missing or wrong.
    pub fn parse(params: &Params<'_>, now: UtcMicros, accepted: Option<Lang>) -> Result<Self, Problem> {
        let point = |name: &str, example: &str| {
            let remedy = format!("Give {name}=LAT,LON, e.g. {name}={example}.");
            params.lat_lon(name)?.ok_or_else(|| Problem::missing_parameter(name, remedy))
        };
        let (from, to) = (point("from", "51.95,7.17")?, point("to", "51.93,7.19")?);
        if from.distance_m(to) < SAME_PLACE_M {
            let value = params.text("to").unwrap_or_default();
            return Err(Problem::bad_parameter("to", value, "'from' and 'to' are the same place.")
                .remedy("Give two places that are at least 10 m apart."));
        }
        let when = match (params.time("depart")?, params.time("arrive")?) {
            (Some(_), Some(_)) => {
                let value = params.text("arrive").unwrap_or_default();
                return Err(Problem::bad_parameter(
                    "arrive",
                    value,
                    "'depart' and 'arrive' contradict each other.",
                )
                .remedy("Give one of them; none means: depart now."));
            }
            (None, Some(arrive)) => When::ArriveBy(arrive.0.div_euclid(1_000_000)),
            (depart, None) => When::DepartAt(depart.unwrap_or(now).0.div_euclid(1_000_000)),
        };
        let cursor = JourneyCursor::parse(params, when, now)?;
        let when = cursor.as_ref().map_or(when, JourneyCursor::when);
        let named = |text: &str| Modes::all_named().find(|(name, _)| name.eq_ignore_ascii_case(text));
        let modes = params.list_of("modes", &names(), |text| named(text).map(|(_, mode)| mode))?;
        let is_last_resort = modes.is_none();
        let by_default =
            || Modes::all_named().map(|(_, mode)| mode).filter(|mode| *mode != Modes::TAXI).collect();
        let modes: Vec<Modes> = modes.unwrap_or_else(by_default);
        let via: Vec<String> = params
            .text("via")
            .into_iter()
            .flat_map(|text| text.split(';'))
            .map(|one| one.trim().to_owned())
            .collect();
        let modes = modes.iter().fold(Modes::NONE, |set, mode| set.with(*mode));
        check_via(params, &via, modes)?;
        check_carpool(params, modes)?;
        let is_limited = params.text("max_walk_m").is_some();
        let max_walk_m = params.number("max_walk_m", DEFAULT_WALK_M, 0.0, MAX_WALK_M)?;
        let positive = |name: &str, max: f64| match params.text(name) {
            None => Ok(None),
            Some(_) => params.number(name, 0.0, 0.1, max).map(Some),
        };
        let max_transfers: Option<u8> = params.one("max_transfers", "whole numbers from 0 to 255")?;
        let book_at = params.time("book_at")?.unwrap_or(now);
        let booked = match params.text("booking") {
            None | Some("any") => BookedRides::OpenAt(book_at),
            Some("none") => BookedRides::None,
            Some(other) => {
                return Err(Problem::bad_parameter("booking", other, "'booking' is neither any nor none.")
                    .remedy("Write booking=none for rides that need no booking, or leave it out."));
            }
        };
        Ok(JourneyQuery {
            from,
            to,
            when,
            via,
            modes,
            is_last_resort,
            max_walk_m,
            max_direct_walk_m: if is_limited { max_walk_m } else { DEFAULT_DIRECT_WALK_M },
            audiences: params.list("for", &Audience::choices())?.unwrap_or_default(),
            access: access(params)?,
            max_transfers,
            min_transfer_s: params.number("min_transfer_s", 0.0, 0.0, MAX_TRANSFER_S)? as i32,
            window_s: params.number("window_s", DEFAULT_WINDOW_S, 0.0, MAX_WINDOW_S)? as i32,
            limit: params.limit(DEFAULT_LIMIT, MAX_LIMIT)?,
            cursor,
            rental: params
                .list("rental", &FormFactor::choices())?
                .map_or(Forms::ALL, |forms: Vec<FormFactor>| Forms::of(&forms)),
            height_m: positive("height_m", 10.0)?,
            stay_min: positive("stay_min", 100_000.0)?,
            free_only: flag(params, "free")?,
            book_at,
            booked,
            passes: passes(params),
            is_child: is_child(params)?,
            steps: flag(params, "steps")?,
            lang: params.one("lang", &Lang::choices())?.or(accepted).unwrap_or(Lang::En),
            lasting: params.without(&NOT_LASTING),
        })
    }

    /// How long the car is taken to stay, minutes.
    pub fn assumed_stay_min(&self) -> f64 {
        self.stay_min.unwrap_or(ASSUMED_STAY_MIN)
    }

    /// The places in between.
    ///
    /// # Errors
    /// 400: one is not in the timetable, or outside of the streets.
    pub fn via_points(&self, area: &Area, bounds: Option<Bbox>) -> Result<Vec<Via>, Problem> {
        let via = self.via.iter().map(|text| {
            let stop = area.timetable.stop(text);
            let at = match stop {
                Some(stop) => area.timetable.stops.point(stop),
                None => parse_lat_lon(text).ok_or_else(|| {
                    Problem::bad_parameter(
                        "via",
                        text,
                        format!("'{text}' is neither a point nor the id of a stop."),
                    )
                    .remedy("Write LAT,LON, or an 'id' of /v1/stops; several are separated by semicolons.")
                })?,
            };
            if bounds.is_some_and(|b| b.touches(at.around(MARGIN_M))) {
                Ok(Via { at, stop })
            } else {
                Err(outside("via", at, bounds))
            }
        });
        via.collect()
    }

    /// Checks that there are passes of these ids.
    ///
    /// # Errors
    /// 400: there is none, with those that are known.
    pub fn check_passes(&self, list: &FareList) -> Result<(), Problem> {
        let is_known = |id: &&String| list.passes.iter().any(|pass| pass.id == **id);
        let Some(unknown) = self.passes.iter().find(|id| !is_known(id)) else { return Ok(()) };
        let known: Vec<&str> = list.passes.iter().map(|pass| pass.id.as_str()).collect();
        if known.is_empty() {
            let detail = format!("There is no pass '{unknown}': none is known here.");
            let remedy = "Leave 'pass' out; the operator lists passes in fares.toml.";
            return Err(Problem::bad_parameter("pass", unknown, detail).remedy(remedy));
        }
        Err(Problem::no_such("pass", unknown, &known.join(", ")))
    }

    /// Checks that streets reach both ends.
    pub fn check_area(&self, bounds: Option<Bbox>) -> Result<(), Problem> {
        for (field, point) in [("from", self.from), ("to", self.to)] {
            if bounds.is_some_and(|b| b.touches(point.around(MARGIN_M))) {
                continue;
            }
            return Err(outside(field, point, bounds));
        }
        Ok(())
    }

    /// The notice that the timetable does not cover the time.
    ///
    /// # Errors
    /// Only transit was asked for, on a first page.
    pub fn check_calendar(&self, area: &Area) -> Result<Option<NoteOut>, Problem> {
        let riding =
            [Modes::TRANSIT, Modes::PARK_RIDE, Modes::BIKE_RIDE, Modes::BIKE_ON_BOARD, Modes::ON_DEMAND];
        if !riding.iter().any(|mode| self.modes.has(*mode)) {
            return Ok(None);
        }
        let day = area.timetable.day_at(self.when.time());
        let span_text = match area.timetable.span() {
            None => "There is no timetable.".to_owned(),
            Some((first, last)) if (first..=last).contains(&day) => return Ok(None),
            Some((first, last)) => {
                let date = |day| date_of(day).map_or_else(|| "?".to_owned(), |date| date.to_string());
                format!("The timetable reaches from {} to {}.", date(first), date(last))
            }
        };
        let others = [Modes::WALK, Modes::BIKE, Modes::CAR, Modes::RENTAL, Modes::TAXI];
        if self.cursor.is_some() || others.iter().any(|mode| self.modes.has(*mode)) {
            return Ok(Some(NoteOut::new("outside_timetable", span_text)));
        }
        let field = if matches!(self.when, When::ArriveBy(_)) { "arrive" } else { "depart" };
        let value = UtcMicros(self.when.time() * 1_000_000).timestamp().to_string();
        Err(Problem::bad_parameter(field, &value, format!("No transit is known at that time. {span_text}"))
            .remedy("Choose another time, or add WALK, BIKE or CAR to 'modes'."))
    }
}

/// Assumed speed of the drive, m/s as the crow flies, to evaluate opening hours.
const ASSUMED_DRIVE_MPS: f64 = 7.0;

/// Roughly when the car arrives, to evaluate opening hours.
pub fn assumed_arrival(query: &JourneyQuery) -> UtcMicros {
    let at = match query.when {
        When::DepartAt(time) => time + (query.from.distance_m(query.to) / ASSUMED_DRIVE_MPS) as i64,
        When::ArriveBy(time) => time,
    };
    UtcMicros(at * 1_000_000)
}

/// A point at which there are no streets.
pub fn outside(field: &str, point: LatLon, bounds: Option<Bbox>) -> Problem {
    Problem::outside_area(field, point, "street", "Streets reach", bounds)
}

fn access(params: &Params<'_>) -> Result<Access, Problem> {
    match params.text("wheelchair") {
        None | Some("false") => Ok(Access::Foot),
        Some("true") => Ok(Access::Wheelchair),
        Some("prefer") => Ok(Access::WheelchairOrUnknown),
        Some(other) => {
            let detail = "'wheelchair' is none of true, prefer and false.";
            let remedy = "Write wheelchair=true for vehicles that are known to take wheelchairs, or wheelchair=prefer for those \
                          as well of which nothing is known.";
            Err(Problem::bad_parameter("wheelchair", other, detail).remedy(remedy))
        }
    }
}

/// Checks how many places in between there are, and that something goes through them.
fn check_via(params: &Params<'_>, via: &[String], modes: Modes) -> Result<(), Problem> {
    let value = params.text("via").unwrap_or_default();
    if via.len() > MAX_VIA || via.iter().any(String::is_empty) {
        return Err(Problem::bad_parameter("via", value, format!("'via' is not one to {MAX_VIA} places."))
            .remedy("Write via=LAT,LON or via=STOP_ID; two are separated by a semicolon."));
    }
    let through = [Modes::WALK, Modes::BIKE, Modes::TRANSIT];
    if !via.is_empty() && !through.iter().any(|mode| modes.has(*mode)) {
        return Err(Problem::bad_parameter(
            "via",
            value,
            "None of these 'modes' goes through places in between.",
        )
        .remedy("Add WALK, BIKE or TRANSIT to 'modes', or leave 'via' out."));
    }
    Ok(())
}

/// Carpools are part of journeys by transit.
fn check_carpool(params: &Params<'_>, modes: Modes) -> Result<(), Problem> {
    let riding = [Modes::TRANSIT, Modes::PARK_RIDE, Modes::BIKE_RIDE, Modes::BIKE_ON_BOARD, Modes::RENTAL];
    if !modes.has(Modes::CARPOOL) || riding.iter().any(|mode| modes.has(*mode)) {
        return Ok(());
    }
    let value = params.text("modes").unwrap_or_default();
    Err(Problem::bad_parameter("modes", value, "CARPOOL is part of journeys by transit.")
        .remedy("Add TRANSIT to 'modes'."))
}

/// The ids in `pass=`.
fn passes(params: &Params<'_>) -> Vec<String> {
    let ids = params.text("pass").unwrap_or_default().split(',').map(str::trim);
    ids.filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// Whether the rider is a child.
///
/// # Errors
/// 400: it is neither `adult` nor `child`.
fn is_child(params: &Params<'_>) -> Result<bool, Problem> {
    match params.text("rider") {
        None | Some("adult") => Ok(false),
        Some("child") => Ok(true),
        Some(other) => {
            let detail = "'rider' is neither adult nor child.";
            let remedy = "Write rider=child for what a child pays, or leave it out.";
            Err(Problem::bad_parameter("rider", other, detail).remedy(remedy))
        }
    }
}

fn flag(params: &Params<'_>, name: &str) -> Result<bool, Problem> {
    match params.text(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            Err(Problem::bad_parameter(name, other, format!("'{name}' is neither true nor false."))
                .remedy(format!("Write {name}=true, or leave it out.")))
        }
    }
}

fn names() -> String {
    Modes::all_named().map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}
