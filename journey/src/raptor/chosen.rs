//! Rides that were chosen before, as they are now.

use super::journey::Ride;
use super::layers::{DatedTrip, LayerIx, Network, networks};
use super::taken::{Seat, Taken};
use super::{Query, Search};
use crate::overlay::{Overlay, Runs};
use crate::timetable::TripIx;
use crate::timetable::services::Day;

/// A ride by what stays the same of it, whatever real time does and whichever timetable is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The id that the timetable, or real time, gives the trip.
    pub trip_id: String,
    /// The day on which the trip began.
    pub service_day: Day,
    /// Ids of the stops where one gets on and off; `None`: the whole run.
    pub ends: Option<[ChosenStop; 2]>,
    /// Whether riders stay seated from the ride before.
    pub stay_seated: bool,
}

/// A stop of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenStop {
    /// Its id.
    pub id: String,
    /// Its position when it was chosen, for lines that come by twice.
    pub position: u16,
}

impl Search {
    /// The rides as they are now, by the day and the bookings of `query`; `None`: one of them is no more.
    pub fn chosen(
        &mut self,
        query: &Query<'_>,
        overlay: Option<&Overlay>,
        chosen: &[Chosen],
    ) -> Option<Vec<Ride>> {
        let rides = chosen.iter().enumerate().map(|(number, one)| {
            let into_next = chosen.get(number + 1).is_some_and(|next| next.stay_seated);
            let seat = Seat { from_before: one.stay_seated, into_next };
            let mut find = |as_planned| self.find(&Query { as_planned, ..*query }, overlay, one, seat);
            find(false).or_else(|| Some(Ride { is_cancelled: true, ..find(true)? }))
        });
        rides.collect()
    }

    fn find(
        &mut self,
        query: &Query<'_>,
        overlay: Option<&Overlay>,
        chosen: &Chosen,
        seat: Seat,
    ) -> Option<Ride> {
        let Search { timetable, days, nothing, .. } = self;
        days.prepare(timetable, overlay, query);
        let networks = networks(timetable, overlay, days, nothing, query);
        let runs = Runs { timetable, overlay };
        let own = overlay.into_iter().flat_map(|overlay| overlay.numbers_called(&chosen.trip_id));
        let trips: Vec<TripIx> = own.chain(timetable.trips(&chosen.trip_id).iter().copied()).collect();
        let taken = Taken { runs, booked: query.booked, begins_at: timetable.day_begins_at(query.day) };
        dated(&networks, chosen.service_day, &trips).find_map(|(run, trip)| {
            let last = run.times.pattern.stops.len() - 1;
            let ends = match &chosen.ends {
                None => [0, last],
                Some([from, to]) => {
                    let is_at = |stop: &ChosenStop, at: usize| {
                        let stops = [
                            runs.planned_stop(trip, at),
                            timetable.variants.stop(run.times.pattern.stops[at].stop()),
                        ];
                        stops.iter().any(|one| timetable.stops.ids.get(*one) == stop.id)
                    };
                    let nearest = |stop: &ChosenStop, within: std::ops::RangeInclusive<usize>| {
                        let positions = within.filter(|at| is_at(stop, *at));
                        positions.min_by_key(|at| at.abs_diff(usize::from(stop.position)))
                    };
                    let board = nearest(from, 0..=last)?;
                    [board, nearest(to, board + 1..=last)?]
                }
            };
            Some(taken.ride(&run, trip, ends, seat))
        })
    }
}

/// The runs of `trips` that began on a day.
fn dated<'n>(
    networks: &'n [Network<'n>],
    day: Day,
    trips: &'n [TripIx],
) -> impl Iterator<Item = (DatedTrip<'n>, TripIx)> {
    networks.iter().enumerate().flat_map(move |(number, network)| {
        let layers = network.layers.iter().enumerate().filter(move |(_, layer)| layer.day == day);
        layers.flat_map(move |(at, layer)| {
            let place = LayerIx { network: number as u8, layer: at as u8 };
            trips.iter().filter_map(move |trip| {
                let all = network.patterns.trips() as u32;
                let own = match network.changed {
                    None => Some(*trip).filter(|trip| *trip < all),
                    Some(_) => (0..all).find(|own| network.trip(*own) == *trip),
                }?;
                layer.runs(own as usize).then(|| (DatedTrip::new(networks, place, own), *trip))
            })
        })
    })
}
