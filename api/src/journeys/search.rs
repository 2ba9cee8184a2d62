//! `GET /v1/journeys`: itineraries of all modes, with the parking that will be vacant at the arrival.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::availability::{Evidence, Spaces};
use domain::geo::LatLon;
use domain::live::{BaysWanted, Offer, PlaceRef, Search};
use domain::place::SiteKind;
use domain::{SiteId, UtcMicros};
use journey::plan::{self, Itinerary, Lot, Modes, Page, Planner, Rentals, Request, Via, Which};
use journey::rental::Linked;

use super::alerts::Noted;
use super::answer::{JourneysOut, written};
use super::booking::BookingWriter;
use super::breaks::{AgainOut, breaks};
use super::id::{JourneyId, RentalId};
use super::lots::{Lots, Mapped};
use super::notes::{NoteOut, notes};
use super::page::JourneyCursor;
use super::place::{Candidate, Candidates, Unfit, What, too_long, unfit, unfit_mapped};
use super::query::{JourneyQuery, assumed_arrival, outside};
use super::rejected::{Rejected, why};
use super::rentals::Stock;
use super::writer::{RideWriter, SearchResult};
use super::{Inputs, Loaded, nothing_loaded};
use crate::contract::parameters;
use crate::http::answer;
use crate::http::auth::Asker;
use crate::http::language::accepted;
use crate::http::params::RawQuery;
use crate::http::permits::Holder;
use crate::http::problem::Problem;
use crate::hub::{Live, View};
use domain::address::network_of;

/// Time limit of a search, which then answers with what it has.
const BUDGET: Duration = Duration::from_secs(2);

/// Most places near the destination that are considered; more are only farther away.
const MAX_OFFERS: usize = 120;
/// Most car parks that only the map has.
const MAX_MAPPED: usize = 10;
/// Most park-and-ride sites that are considered, the smallest detour first.
const MAX_PARK_RIDE: usize = 12;
/// Most rejected places in an answer.
const MAX_REJECTED: usize = 30;

/// Itineraries from A to B: on foot, by bike, by car with a space that will be vacant, by transit, by park-and-ride, by
/// bike and transit, and by taxi where nothing else arrives.
///
/// An itinerary is listed if no other is better in departure, expected arrival, transfers, walking and certainty of parking
/// without needing one more vehicle or a booking. A page holds what is best at its begin, and what leaves within
/// `window_s` after it (arrive-by: arrives before it); `next_cursor` and `previous_cursor` lead to later and earlier ones,
/// `cursor=` and all else unchanged. `rejected` lists the places to park that were left out and the rides that are
/// cancelled, skip a stop or can no longer be booked, with the reason. Taxis (`TAXI`) stand last and hide nothing; without
/// `modes` they are offered only where nothing that needs no vehicle of one's own arrives within three hours of `depart`
/// (leaves within three hours before `arrive`).
#[utoipa::path(
    get,
    path = "/v1/journeys",
    tag = "drivers",
    params(parameters::Journeys),
    responses(
        (status = 200, body = JourneysOut),
        (status = 503, description = "No streets are loaded, or too many journeys are being planned."),
    ),
)]
pub async fn journeys(
    State(inputs): State<Inputs>,
    view: View,
    asker: Asker,
    headers: HeaderMap,
    query: RawQuery,
) -> Result<Response, Problem> {
    let now = view.now;
    let params = query.params(&[parameters::Journeys::NAMES])?;
    let query = JourneyQuery::parse(&params, now, accepted(&headers))?;
    respond(inputs, view, asker, query, None).await
}

/// Answers a question, or about a journey that was chosen from the answer to one.
pub(super) async fn respond(
    inputs: Inputs,
    view: View,
    asker: Asker,
    query: JourneyQuery,
    chosen: Option<JourneyId>,
) -> Result<Response, Problem> {
    let now = view.now;
    let loaded = inputs.journeys.loaded().ok_or_else(nothing_loaded)?;
    query.check_area(loaded.bounds)?;
    let via = query.via_points(&loaded.area, loaded.bounds)?;
    // A pass that was chosen and is no more is no reason not to answer.
    if chosen.is_none() {
        query.check_passes(view.registry().fares())?;
    }
    let notes: Vec<NoteOut> = query.check_calendar(&loaded.area)?.into_iter().collect();
    // All clients may share one address of this machine or of a proxy.
    let of_one = asker.address.filter(|_| !asker.is_shared());
    let permit = loaded.permits.take(of_one.map(|a| Holder::Address(network_of(a)))).await?;
    let work = {
        let loaded = loaded.clone();
        move || plan(&inputs, &loaded, &query, &via, chosen.as_ref(), now, notes)
    };
    let answer = tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())?;
    drop(permit);
    answer
}

fn plan(
    inputs: &Inputs,
    loaded: &Arc<Loaded>,
    query: &JourneyQuery,
    via: &[Via],
    chosen: Option<&JourneyId>,
    now: UtcMicros,
    mut noted: Vec<NoteOut>,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let lots = loaded.lots.load();
    let realtime = loaded.realtime.load();
    let bookings = loaded.bookings.load();
    let taxis = loaded.taxis.load();
    let (mut near, mut park_ride) = (Gathered::default(), Gathered::default());
    let registry = {
        let live = inputs.hub.read();
        // After an import the places are linked again within a moment; until then the old ones hold.
        let scope = Scope { inputs, live: &live, lots: &lots, query, now };
        near.near_destination(&scope);
        park_ride.park_ride(&scope);
        live.map.registry().clone()
    };
    near.mapped(&lots, query, now, loaded);
    let lot_count = near.candidates.len();
    let Gathered { candidates: mut all, mut rejected } = near;
    all.extend(park_ride.candidates);
    rejected.extend(park_ride.rejected);
    let candidates = Candidates { all, forecasts: &inputs.forecasts, now };
    let all: Vec<Lot<'_>> = (candidates.all.iter().enumerate())
        .map(|(id, c)| {
            let linked = c.linked;
            let stops = if query.access.is_wheelchair() { &linked.wheelchair_stops } else { &linked.stops };
            Lot { id, at: linked.at, links: &linked.links, stops }
        })
        .collect();
    let linked_rentals = loaded.rentals.load();
    let stock = Stock::new(&linked_rentals, &registry, &inputs.rentals, now);
    let systems: Vec<&Linked> = stock.systems.iter().map(|system| &system.linked).collect();
    let mut callable = if query.modes.has(Modes::TAXI) || query.is_last_resort {
        taxis.at(query.from, &loaded.area.names)
    } else {
        Vec::new()
    };
    let is_chosen =
        |number: usize| chosen.is_none_or(|id| id.taxi.as_deref() == Some(&*taxis.get(number).id));
    callable.retain(|taxi| is_chosen(taxi.id));
    let rides = chosen.map(JourneyId::chosen).filter(|rides| !rides.is_empty());
    let request = Request {
        from: query.from,
        to: query.to,
        from_stop: None,
        to_stop: None,
        when: query.when,
        modes: query.modes,
        max_walk_m: query.max_walk_m,
        max_direct_walk_m: query.max_direct_walk_m,
        access: query.access,
        max_transfers: query.max_transfers,
        min_transfer_s: query.min_transfer_s,
        lots: &all[..lot_count],
        park_ride: &all[lot_count..],
        rentals: Some(Rentals { systems: &systems, forms: query.rental, stocks: &stock }),
        bookings: &bookings,
        booked: query.booked,
        predictor: &candidates,
        is_over: &|| began.elapsed() > BUDGET,
        page: Page {
            window_s: query.window_s,
            limit: query.limit,
            which: JourneyCursor::which(query.cursor.as_ref()),
        },
        chosen: rides.as_deref(),
        taxis: &callable,
        closed: None,
    };
    let work = |planner: &mut Planner| planner.plan_via(&request, via, realtime.overlay.as_ref());
    let mut plan = loaded.with_planner(work).map_err(|plan::NoStreet(which)| {
        let (field, point) = match which {
            Which::From => ("from", query.from),
            Which::To => ("to", query.to),
        };
        outside(field, point, loaded.bounds)
    })?;
    if let Some(id) = chosen {
        let lot_of =
            |itinerary: &Itinerary| itinerary.parking().map(|parking| candidates.all[parking.lot].what.id());
        plan.itineraries.retain(|itinerary| {
            lot_of(itinerary) == id.lot.as_deref() && RentalId::of(itinerary, &stock) == id.rental
        });
        plan.itineraries.truncate(1);
    }
    for (lot, left_out) in &plan.left_out {
        let Candidate { what, feed, .. } = &candidates.all[*lot];
        rejected.push(Rejected { what: *what, why: why(*left_out), feed: *feed });
    }
    // A car park near the destination may be one to go on from by transit as well.
    let used: Vec<&str> = plan
        .itineraries
        .iter()
        .filter_map(|itinerary| Some(candidates.all[itinerary.parking()?.lot].what.id()))
        .collect();
    rejected.retain(|rejected| !used.contains(&rejected.what.id()));
    rejected.dedup_by(|a, b| a.what.id() == b.what.id());
    rejected.truncate(MAX_REJECTED);
    let booking = BookingWriter {
        bookings: &bookings,
        timetable: &loaded.area.timetable,
        book_at: query.book_at,
        lang: query.lang,
    };
    noted.extend(notes(&plan, query.max_walk_m, query.lang));
    let result = SearchResult {
        query,
        now,
        via,
        candidates: &candidates,
        lots: &lots,
        stock: &stock,
        taxis: &taxis,
        plan: &plan,
        rejected,
        notes: noted,
    };
    let alerts = Noted::new(realtime.alerts.alerts());
    let rides = RideWriter { loaded, realtime: &realtime, booking, alerts: &alerts };
    let journeys = written(&result, rides, &registry);
    Ok(match chosen {
        None => answer::private(&journeys),
        Some(_) => {
            let breaks = breaks(plan.itineraries.first(), query.lang);
            answer::private(&AgainOut { journeys, holds: breaks.is_empty(), breaks })
        }
    })
}

/// The candidates of one answer.
#[derive(Default)]
struct Gathered<'a> {
    candidates: Vec<Candidate<'a>>,
    rejected: Vec<Rejected<'a>>,
}

/// What candidates are gathered from, under the read lock of live state.
struct Scope<'s, 'a> {
    inputs: &'s Inputs,
    live: &'s Live,
    lots: &'a Lots,
    query: &'s JourneyQuery,
    now: UtcMicros,
}

impl<'a> Gathered<'a> {
    /// Sites, groups of bays and mapped car parks within a walk of the destination.
    fn near_destination(&mut self, scope: &Scope<'_, 'a>) {
        let Scope { live, lots, query, now, .. } = *scope;
        if !query.modes.has(Modes::CAR) {
            return;
        }
        let found = live.map.search(
            &Search {
                near: query.to,
                radius_m: query.max_walk_m,
                driver: live.map.driver(query.audiences.iter().copied(), Some(assumed_arrival(query))),
                bays: BaysWanted::WithoutSite,
                sites: true,
                limit: MAX_OFFERS,
                include_full: true,
                include_stale: true,
                include_without_live_data: true,
                include_unusable: true,
            },
            now,
        );
        let mut groups: BTreeMap<usize, (Spaces, &Offer)> = BTreeMap::new();
        for offer in &found.offers {
            match offer.place {
                PlaceRef::Site(id) => self.site(scope, id, offer),
                PlaceRef::Bay(id) => {
                    let Some(group) = lots.group_of.get(&id) else { continue };
                    let Some(bay) = lots.registry.bay(id) else { continue };
                    if let Some(why) = too_long(bay.def.max_stay_min, &bay.def.restrictions, query) {
                        let what = What::Group { bay: &bay.def.id };
                        self.rejected.push(Rejected { what, why, feed: offer.feed });
                        continue;
                    }
                    if !is_usable(offer) {
                        continue;
                    }
                    let spaces = Spaces::of(offer, now);
                    let beside = |(held, first): &(Spaces, _)| (held.beside(spaces), *first);
                    let held = groups.get(group).map_or((spaces, offer), beside);
                    groups.insert(*group, held);
                }
            }
        }
        // Where all bays are silent, none represents the street.
        for (group, (spaces, offer)) in groups.into_iter().filter(|(_, (spaces, _))| spaces.is_known()) {
            let PlaceRef::Bay(first) = offer.place else { continue };
            let Some(bay) = lots.registry.bay(first) else { continue };
            self.candidates.push(Candidate {
                what: What::Group { bay: &bay.def.id },
                linked: &lots.groups[group],
                evidence: Evidence::of_spaces(SiteKind::OnStreet, spaces),
                feed: offer.feed,
                meter: None,
            });
        }
    }

    /// Car parks that only the map has, within a walk of the destination.
    fn mapped(&mut self, lots: &'a Lots, query: &JourneyQuery, now: UtcMicros, loaded: &'a Loaded) {
        if !query.modes.has(Modes::CAR) {
            return;
        }
        let near = |at: LatLon| at.distance_m(query.to);
        let mut mapped: Vec<_> =
            lots.mapped.iter().filter(|mapped| near(mapped.linked.at) <= query.max_walk_m).collect();
        mapped.sort_by(|a, b| near(a.linked.at).total_cmp(&near(b.linked.at)));
        let mut taken = 0;
        for Mapped { number, linked, hours } in mapped {
            let parking = &loaded.area.network.streets().parking[*number];
            let opening = hours.as_ref().map(|hours| hours.at(assumed_arrival(query)));
            let what = What::Mapped(parking);
            if let Some(why) = unfit_mapped(parking, opening, query) {
                self.rejected.push(Rejected { what, why, feed: None });
                continue;
            }
            let spaces = Spaces::unknown(parking.capacity.unwrap_or(1), now);
            let evidence = Evidence::of_spaces(SiteKind::Lot, spaces);
            self.candidates.push(Candidate { what, linked, evidence, feed: None, meter: None });
            taken += 1;
            if taken == MAX_MAPPED {
                break;
            }
        }
    }

    /// Park-and-ride sites, the smallest detour first.
    fn park_ride(&mut self, scope: &Scope<'_, 'a>) {
        let Scope { live, lots, query, now, .. } = *scope;
        if !query.modes.has(Modes::PARK_RIDE) {
            return;
        }
        let detour = |at: LatLon| at.distance_m(query.from) + at.distance_m(query.to);
        let mut sites: Vec<_> = (lots.park_ride.iter())
            .filter_map(|id| Some((*id, detour(lots.sites.get(id)?.as_ref().ok()?.at))))
            .collect();
        sites.sort_by(|a, b| a.1.total_cmp(&b.1));
        let driver = live.map.driver(query.audiences.iter().copied(), Some(assumed_arrival(query)));
        for (id, _) in sites.into_iter().take(MAX_PARK_RIDE) {
            if let Some(offer) = live.map.site_offer(id, query.from, &driver, now) {
                self.site(scope, id, &offer);
            }
        }
    }

    fn site(&mut self, scope: &Scope<'_, 'a>, id: SiteId, offer: &Offer) {
        let Scope { inputs, live, lots, query, now } = *scope;
        let Some(entry) = lots.registry.site(id) else { return };
        let what = What::Site(&entry.def);
        let mut reject = |why| self.rejected.push(Rejected { what, why, feed: offer.feed });
        let meter = lots.meters.get(&id);
        if let Some(why) = unfit(&entry.def, meter, offer, query) {
            return reject(why);
        }
        let linked = match lots.sites.get(&id) {
            Some(Ok(linked)) => linked,
            Some(Err(reason)) => {
                return reject(Unfit::new("unlinked", format!("no way leads there: {reason}")));
            }
            None => return,
        };
        let evidence = inputs.evidence(&live.map, offer, now);
        self.candidates.push(Candidate { what, linked, evidence, feed: offer.feed, meter });
    }
}

fn is_usable(offer: &Offer) -> bool {
    use domain::live::Verdict;
    !matches!(offer.verdict, Verdict::Closed | Verdict::Restricted)
}
