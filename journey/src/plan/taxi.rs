//! By taxi: offered to whoever asks for it, and where nothing else arrives.
//!
//! Whether one comes is known to who answers the telephone, so taxis stand behind all others, and hide nothing.

use domain::UtcMicros;
use domain::opening::Hours;

use super::best::vehicles;
use super::street::drive;
use super::{End, Itinerary, Leg, Modes, Planning, StreetLeg, When};
use crate::streets::Mode;
use crate::timetable::Permission;

/// Who arrives so much later than the departure (arrive-by: leaves so much earlier than the arrival) is offered taxis, seconds.
const LAST_RESORT_S: i64 = 3 * 3_600;

/// A taxi company that can be called.
#[derive(Debug, Clone, Copy)]
pub struct Taxi<'a> {
    /// The caller's name for it.
    pub id: usize,
    /// When it drives; `None`: not known.
    pub hours: Option<&'a Hours>,
    /// Whether it takes wheelchairs.
    pub wheelchair: Permission,
}

/// A taxi that was asked for and is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostTaxi {
    /// Its id in the request.
    pub id: usize,
    /// When the ride was to begin, seconds since 1970.
    pub departure: i64,
    /// Why not.
    pub why: NoTaxi,
}

/// Why a taxi is not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTaxi {
    /// It does not drive at that time.
    NotInService,
    /// Nothing says whether it takes wheelchairs.
    WheelchairUnknown,
}

impl Planning<'_, '_> {
    /// Adds the drive by each taxi; to be called when all other itineraries are there.
    pub fn taxi(&mut self) {
        let request = self.request;
        let is_wanted = request.modes.has(Modes::TAXI);
        if request.taxis.is_empty() || !(is_wanted || self.is_last_resort()) {
            return;
        }
        let Some(path) = drive(self.area, request, self.ends, self.between) else { return };
        let start = match request.when {
            When::DepartAt(time) => time,
            When::ArriveBy(time) => time - path.duration_s.round() as i64,
        };
        let ridden = StreetLeg::along(Mode::Car, End::Origin, End::Destination, path, start);
        let mut offered = 0;
        for taxi in request.taxis {
            if request.access.is_wheelchair() && taxi.wheelchair == Permission::Impossible {
                continue;
            }
            let is_open = taxi.hours.and_then(|hours| hours.is_open_at(UtcMicros::from_unix_s(start)));
            let why = match is_open {
                Some(false) => Some(NoTaxi::NotInService),
                _ => (!request.access.permits(taxi.wheelchair)).then_some(NoTaxi::WheelchairUnknown),
            };
            match why {
                Some(why) if is_wanted => {
                    self.plan.lost_taxis.push(LostTaxi { id: taxi.id, departure: start, why });
                }
                None if offered < request.page.limit => {
                    offered += 1;
                    let leg = StreetLeg { taxi: Some(taxi.id), ..ridden.clone() };
                    let itinerary = Itinerary::new(Modes::TAXI, start, leg.end, vec![Leg::Street(leg)]);
                    self.plan.itineraries.push(itinerary);
                }
                _ => {}
            }
        }
    }

    /// Whether nothing arrives in time but by a vehicle of one's own, which not everybody has.
    fn is_last_resort(&self) -> bool {
        let is_in_time = |itinerary: &Itinerary| match self.request.when {
            When::DepartAt(time) => itinerary.end <= time.saturating_add(LAST_RESORT_S),
            When::ArriveBy(time) => itinerary.start >= time.saturating_sub(LAST_RESORT_S),
        };
        let is_own = |itinerary: &Itinerary| matches!(vehicles(itinerary.modes), Modes::BIKE | Modes::CAR);
        !self.plan.itineraries.iter().any(|itinerary| !is_own(itinerary) && is_in_time(itinerary))
    }
}
