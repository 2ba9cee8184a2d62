//! In-seat transfers: trips that a vehicle runs one after the other.

use serde::{Deserialize, Serialize};

use super::TripIx;
use super::patterns::Patterns;
use crate::bits;

/// Which trips continue as which, and the inverse.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct InSeat {
    next: Links,
    previous: Links,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Links {
    /// (trip, what it goes on as), sorted.
    pairs: Vec<(TripIx, TripIx)>,
    /// Trips with a pair, and the patterns of such.
    trips: Vec<u64>,
    patterns: Vec<u64>,
}

impl InSeat {
    /// From pairs of a trip and the one that its vehicle runs next.
    pub fn new(patterns: &Patterns, pairs: Vec<(TripIx, TripIx)>) -> Self {
        let back = pairs.iter().map(|(from, to)| (*to, *from)).collect();
        let links = |mut pairs: Vec<(TripIx, TripIx)>| {
            pairs.sort_unstable();
            pairs.dedup();
            let empty = |len: usize| vec![0; if pairs.is_empty() { 0 } else { bits::words(len) }];
            let (mut trips, mut of_patterns) = (empty(patterns.trips()), empty(patterns.len()));
            for (trip, _) in &pairs {
                bits::set(&mut trips, *trip as usize);
                bits::set(&mut of_patterns, patterns.pattern_of(*trip));
            }
            Links { pairs, trips, patterns: of_patterns }
        };
        InSeat { next: links(pairs), previous: links(back) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.next.pairs.is_empty()
    }

    /// Whether `trip` goes on as another (`back`: whether another goes on as `trip`).
    #[inline]
    pub fn any(&self, trip: TripIx, back: bool) -> bool {
        let links = self.links(back);
        !links.trips.is_empty() && bits::has(&links.trips, trip as usize)
    }

    /// Whether any trip of a pattern goes on as another (`back`: is gone on as).
    #[inline]
    pub fn any_in(&self, pattern: usize, back: bool) -> bool {
        let links = self.links(back);
        !links.patterns.is_empty() && bits::has(&links.patterns, pattern)
    }

    /// What `trip` goes on as (`back`: what goes on as `trip`).
    pub fn of(&self, trip: TripIx, back: bool) -> impl Iterator<Item = TripIx> + '_ {
        let pairs = &self.links(back).pairs;
        let from = pairs.partition_point(|pair| pair.0 < trip);
        pairs[from..].iter().take_while(move |pair| pair.0 == trip).map(|pair| pair.1)
    }

    fn links(&self, back: bool) -> &Links {
        if back { &self.previous } else { &self.next }
    }
}
