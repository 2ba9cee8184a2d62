//! Journeys whose rides were chosen before, as they are now.

use super::Planning;
use crate::raptor::{Chosen, Journey, Leg, Query, Walk};

impl Planning<'_, '_> {
    /// The journey of the chosen rides between the stops of `query`; `None`: one of the rides is no more, or one of its
    /// ends cannot be reached.
    pub fn again(&mut self, query: &Query<'_>, chosen: &[Chosen]) -> Option<Journey> {
        let rides = self.search.chosen(query, self.overlay, chosen)?;
        let seconds = |stops: &[(u32, i32)], stop: u32| {
            stops.iter().filter(|(one, _)| *one == stop).map(|(_, seconds)| *seconds).min()
        };
        let (first, last) = (rides.first()?, rides.last()?);
        let departure_s = first.departure_s - seconds(query.origins, first.from)?;
        let arrival_s = last.arrival_s + seconds(query.destinations, last.to)?;
        let footpaths = self.area.timetable.footpaths_for(query.access.is_wheelchair());
        // Who stayed seated through a place in between boards at the begin of this part.
        let boarded = rides.iter().enumerate().filter(|(at, ride)| *at == 0 || !ride.stay_seated).count();
        let mut legs: Vec<Leg> = Vec::new();
        for ride in rides {
            if let Some(Leg::Ride(before)) = legs.last()
                && before.to != ride.from
            {
                let path = footpaths.from(before.to).iter().find(|path| path.stop == ride.from);
                let (from, departure_s) = (before.to, before.arrival_s);
                let arrival_s = departure_s + path.map_or(0, |path| path.seconds);
                legs.push(Leg::Walk(Walk { from, to: ride.from, departure_s, arrival_s }));
            }
            legs.push(Leg::Ride(ride));
        }
        Some(Journey { rides: u8::try_from(boarded).ok()?, departure_s, arrival_s, legs })
    }
}
