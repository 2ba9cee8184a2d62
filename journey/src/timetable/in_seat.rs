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
    pub fn new(patterns: &Patterns, mut pairs: Vec<(TripIx, TripIx)>) -> Self {
        let back: Vec<(TripIx, TripIx)> = pairs.iter().map(|(from, to)| (*to, *from)).collect();
        let links = |pairs: &mut Vec<(TripIx, TripIx)>| {
            pairs.sort_unstable();
            pairs.dedup();
            let empty = |len: usize| vec![0; if pairs.is_empty() { 0 } else { bits::words(len) }];
            let (mut trips, mut of_patterns) = (empty(patterns.trips()), empty(patterns.len()));
            for (trip, _) in pairs.iter() {
                bits::set(&mut trips, *trip as usize);
                bits::set(&mut of_patterns, patterns.pattern_of(*trip));
            }
            Links { pairs: std::mem::take(pairs), trips, patterns: of_patterns }
        };
        let mut back = back;
        InSeat { next: links(&mut pairs), previous: links(&mut back) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.next.pairs.is_empty()
    }

    /// Whether `trip` goes on as another (`BACK`: whether another goes on as `trip`).
    #[inline]
    pub fn any<const BACK: bool>(&self, trip: TripIx) -> bool {
        let links = self.links::<BACK>();
        !links.trips.is_empty() && bits::has(&links.trips, trip as usize)
    }

    /// Whether any trip of a pattern goes on as another (`BACK`: is gone on as).
    #[inline]
    pub fn any_in<const BACK: bool>(&self, pattern: usize) -> bool {
        let links = self.links::<BACK>();
        !links.patterns.is_empty() && bits::has(&links.patterns, pattern)
    }

    /// What `trip` goes on as (`BACK`: what goes on as `trip`).
    pub fn of<const BACK: bool>(&self, trip: TripIx) -> impl Iterator<Item = TripIx> + '_ {
        let pairs = &self.links::<BACK>().pairs;
        let from = pairs.partition_point(|pair| pair.0 < trip);
        pairs[from..].iter().take_while(move |pair| pair.0 == trip).map(|pair| pair.1)
    }

    fn links<const BACK: bool>(&self) -> &Links {
        if BACK { &self.previous } else { &self.next }
    }
}
