//! Itineraries through places in between.

use domain::geo::LatLon;

use super::page::turn_to_page;
use super::{
    Beyond, End, Itinerary, Leg, Modes, NoStreet, Page, PlanResult, Planner, Request, When, WhichPage, best,
};
use crate::overlay::{Overlay, Runs};
use crate::raptor::Chosen;
use crate::timetable::StopIx;

/// A place that a journey is to go through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Via {
    /// Where it is.
    pub at: LatLon,
    /// The stop or station that it is; who comes in a vehicle that goes on stays seated.
    pub stop: Option<StopIx>,
}

/// What goes through places in between; who drives to a place to park goes nowhere else.
const KINDS: [Modes; 3] = [Modes::BIKE, Modes::WALK, Modes::TRANSIT];

impl Planner {
    /// Finds the best itineraries on foot, by bike and by transit through all of `via`, in this order.
    ///
    /// The part at the time of the request is searched as a journey of its own, and from each of its ends the others: all
    /// that is best in departure, arrival, changes, walking and bookings is among what they make together.
    ///
    /// # Errors
    /// No street is near one of the ends. Near a place in between none is an answer without itineraries.
    pub fn plan_via(
        &mut self,
        request: &Request<'_>,
        via: &[Via],
        overlay: Option<&Overlay>,
    ) -> Result<PlanResult, NoStreet> {
        if via.is_empty() {
            return self.plan(request, overlay);
        }
        // Nobody rides a taxi through places in between.
        let parts = Parts { request: Request { taxis: &[], ..*request }, via };
        let mut plan = match request.chosen {
            Some(_) => PlanResult { itineraries: self.chosen_via(&parts, overlay)?, ..PlanResult::default() },
            None => self.through(&parts, overlay)?,
        };
        let timetable = self.area.timetable.clone();
        let runs = Runs { timetable: &timetable, overlay };
        let most = request.max_transfers.unwrap_or(u8::MAX);
        plan.itineraries.retain(|itinerary| itinerary.transfers <= most);
        best::keep(&mut plan, request.when);
        let complete_s = (plan.beyond.until - plan.beyond.from).abs();
        turn_to_page(&mut plan, request.when, request.page, complete_s, runs);
        best::order(&mut plan, request.when);
        Ok(plan)
    }

    fn through(&mut self, parts: &Parts<'_, '_>, overlay: Option<&Overlay>) -> Result<PlanResult, NoStreet> {
        let Request { when, page, .. } = parts.request;
        let is_back = matches!(page.which, WhichPage::Back);
        let which = if is_back { WhichPage::Back } else { WhichPage::First };
        let inner = Page { limit: usize::MAX, which, ..page };
        let mut all = PlanResult::default();
        let mut complete_s: Option<i64> = None;
        for kind in KINDS.into_iter().filter(|kind| parts.request.modes.has(*kind)) {
            let rides = kind == Modes::TRANSIT;
            if !rides && !page.which.is_first() {
                continue;
            }
            let parts = parts.by(kind);
            let near = Request { page: inner, ..parts.near() };
            let mut found = self.plan(&near, overlay)?;
            if is_back {
                // A page back has nothing that could begin at any time, such as the walk to the first place.
                let walk = Request { modes: Modes::WALK, page: Page::BEST, ..near };
                found.itineraries.extend(self.plan(&walk, overlay)?.itineraries);
            }
            if rides {
                complete_s = Some((found.beyond.until - found.beyond.from).abs());
                all.beyond = Beyond { ahead: Vec::new(), ..found.beyond };
            }
            all.cut |= found.cut;
            all.lost.append(&mut found.lost);
            for first in found.itineraries {
                // Who rides has to go on from there; who walks can set out for each departure of the window.
                let page = if first.has_rides() { Page::BEST } else { inner };
                let far = Request { page, ..parts.far(&first) };
                let mut others = match self.plan_via(&far, parts.rest(), overlay) {
                    Ok(others) => others,
                    Err(NoStreet(_)) => continue,
                };
                all.cut |= others.cut;
                all.lost.append(&mut others.lost);
                if rides && !first.has_rides() {
                    let other_s = (others.beyond.until - others.beyond.from).abs();
                    complete_s = Some(complete_s.map_or(other_s, |s| s.min(other_s)));
                    all.beyond.next_at = all.beyond.next_at.or(others.beyond.next_at);
                }
                let joined = others.itineraries.into_iter().map(|other| parts.joined(&first, other));
                all.itineraries.extend(joined.filter(|whole| whole.has_rides() == rides));
            }
        }
        all.beyond.found_nothing =
            parts.request.modes.has(Modes::TRANSIT) && !all.itineraries.iter().any(Itinerary::has_rides);
        let complete_s = complete_s.unwrap_or_else(|| i64::from(page.window_s).max(1));
        all.beyond.from = when.time();
        all.beyond.until = when.on(if is_back { -complete_s } else { complete_s }).time();
        Ok(all)
    }

    /// The chosen rides. Which of them are before the next place is not known any more: as it takes least time.
    fn chosen_via(
        &mut self,
        parts: &Parts<'_, '_>,
        overlay: Option<&Overlay>,
    ) -> Result<Vec<Itinerary>, NoStreet> {
        let chosen = parts.request.chosen.unwrap_or_default();
        let mut found_all = Vec::new();
        for at in 0..=chosen.len() {
            let (before, after) = chosen.split_at(at);
            let (near, far) = if parts.is_forward() { (before, after) } else { (after, before) };
            let found = self.plan(&parts.of_chosen(parts.near(), near), overlay)?;
            for first in found.itineraries {
                let far = parts.of_chosen(parts.far(&first), far);
                let Ok(others) = self.plan_via(&far, parts.rest(), overlay) else { continue };
                found_all.extend(others.itineraries.into_iter().map(|other| parts.joined(&first, other)));
            }
        }
        let shortest = found_all.into_iter().min_by_key(|one| (one.end - one.start, one.walk_m() as i64));
        Ok(shortest.into_iter().collect())
    }
}

/// A request, and the places in between, of which the one next to the time of the request ends its near part.
struct Parts<'r, 'v> {
    request: Request<'r>,
    via: &'v [Via],
}

impl<'r, 'v> Parts<'r, 'v> {
    fn is_forward(&self) -> bool {
        matches!(self.request.when, When::DepartAt(_))
    }

    /// The place between both parts, its number, and the others.
    fn split(&self) -> (Via, usize, &'v [Via]) {
        let via = self.via;
        if self.is_forward() {
            (via[0], 0, &via[1..])
        } else {
            (via[via.len() - 1], via.len() - 1, &via[..via.len() - 1])
        }
    }

    fn rest(&self) -> &'v [Via] {
        self.split().2
    }

    fn before(&self) -> Request<'r> {
        let (Via { at, stop }, ..) = self.split();
        Request { to: at, to_stop: stop, ..self.request }
    }

    fn after(&self) -> Request<'r> {
        let (Via { at, stop }, ..) = self.split();
        Request { from: at, from_stop: stop, ..self.request }
    }

    /// The same by one kind of travel; parts of journeys by transit may be walks.
    fn by(&self, kind: Modes) -> Parts<'r, 'v> {
        let Request { max_walk_m, max_direct_walk_m, .. } = self.request;
        let request = match kind {
            Modes::TRANSIT => Request {
                modes: self.request.modes.only(Modes::TRANSIT.with(Modes::CARPOOL)).with(Modes::WALK),
                max_direct_walk_m: max_direct_walk_m.min(max_walk_m),
                ..self.request
            },
            _ => Request { modes: kind, ..self.request },
        };
        Parts { request, via: self.via }
    }

    /// The part at the time of the request.
    fn near(&self) -> Request<'r> {
        if self.is_forward() { self.before() } else { self.after() }
    }

    /// The other part, from where `near` ends (arrive-by: begins).
    fn far(&self, near: &Itinerary) -> Request<'r> {
        match self.is_forward() {
            true => Request { when: When::DepartAt(near.end), ..self.after() },
            false => Request { when: When::ArriveBy(near.start), ..self.before() },
        }
    }

    /// A part with these of the chosen rides.
    fn of_chosen<'c>(&self, part: Request<'c>, rides: &'c [Chosen]) -> Request<'c> {
        if rides.is_empty() {
            return Request { chosen: None, modes: Modes::WALK, page: Page::BEST, ..part };
        }
        let modes = part.modes.only(Modes::TRANSIT.with(Modes::CARPOOL));
        Request { chosen: Some(rides), modes, ..part }
    }

    /// Both parts one after the other.
    fn joined(&self, near: &Itinerary, far: Itinerary) -> Itinerary {
        let (_, number, _) = self.split();
        let (ahead_s, is_best) = match near.has_rides() {
            true => (near.ahead_s, near.is_best && far.is_best),
            false => (far.ahead_s, far.is_best),
        };
        let (mut before, mut after) =
            if self.is_forward() { (near.clone(), far) } else { (far, near.clone()) };
        // Nobody waits at the place in between who could wait at home.
        let wait_s = after.start - before.end;
        if !before.has_rides() {
            before.shift(wait_s);
        } else if !after.has_rides() {
            after.shift(-wait_s);
        }
        before.name_ends(|end| if end == End::Destination { End::Via(number) } else { end });
        after.name_ends(|end| match end {
            End::Origin => End::Via(number),
            End::Via(later) => End::Via(later + number + 1),
            end => end,
        });
        let is_ridden = before.has_rides() && after.has_rides();
        let stays = if let (Some(Leg::Ride(last)), Some(Leg::Ride(next))) =
            (before.legs.last(), after.legs.first_mut())
        {
            let (one, other) = (&last.ride, &mut next.ride);
            other.stay_seated |=
                (one.trip, one.service_day, one.alight) == (other.trip, other.service_day, other.board);
            other.stay_seated
        } else {
            false
        };
        let modes = if after.has_rides() { after.modes } else { before.modes };
        let next_departures = if before.has_rides() { before.next_departures } else { after.next_departures };
        Itinerary {
            modes,
            start: before.start,
            end: after.end,
            expected_end: after.end as f64,
            transfers: before.transfers + after.transfers + u8::from(is_ridden && !stays),
            legs: before.legs.into_iter().chain(after.legs).collect(),
            next_departures,
            ahead_s,
            is_best,
        }
    }
}

impl Itinerary {
    /// Moves it in time: one that is made at any time.
    fn shift(&mut self, seconds: i64) {
        self.start += seconds;
        self.end += seconds;
        for leg in &mut self.legs {
            if let Leg::Street(leg) = leg {
                leg.start += seconds;
                leg.end += seconds;
            }
        }
    }

    fn name_ends(&mut self, name: impl Fn(End) -> End) {
        for leg in &mut self.legs {
            if let Leg::Street(leg) = leg {
                (leg.from, leg.to) = (name(leg.from), name(leg.to));
            }
        }
    }
}
