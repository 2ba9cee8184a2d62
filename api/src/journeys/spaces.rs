//! The spaces of a place from which chances are computed.

use domain::UtcMicros;
use domain::arrival::Supply;
use domain::live::{Basis, Offer};

/// What is known now of the spaces that a driver may use.
///
/// A silent space is neither vacant nor occupied: it counts in `capacity`, and is driven past in a search, but no chance
/// and no expected number rests on it. Both are those of the observed spaces, and so lower bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spaces {
    /// `None`: nothing is known.
    pub supply: Option<Supply>,
    pub capacity: u32,
    /// The time of this state: a count holds for when it was taken, bays hold until they go stale.
    pub known_at: UtcMicros,
}

impl Spaces {
    /// The spaces of an offer at `now`.
    pub fn of(offer: &Offer, now: UtcMicros) -> Self {
        let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        let capacity = count(offer.capacity);
        let supply = offer.vacant.and_then(|vacant| match offer.basis {
            Basis::Count => Some(Supply::Count { vacant: count(vacant), capacity }),
            Basis::Bays | Basis::Sensor => Some(Supply::Bays {
                vacant: count(vacant),
                occupied: count(offer.capacity - vacant - offer.unknown),
                unknown: count(offer.unknown),
            }),
            Basis::None => None,
        });
        let known_at = match supply {
            Some(Supply::Count { .. }) => offer.observed_at.unwrap_or(now).min(now),
            _ => now,
        };
        Spaces { supply, capacity, known_at }
    }

    /// `capacity` spaces of which nothing is known.
    pub fn unknown(capacity: u32, now: UtcMicros) -> Self {
        Spaces { supply: None, capacity, known_at: now }
    }

    /// A group of single spaces.
    pub fn beside(self, other: Spaces) -> Self {
        let bays = |spaces: Spaces| match spaces.supply {
            Some(Supply::Bays { vacant, occupied, unknown }) => (vacant, occupied, unknown),
            _ => (0, 0, spaces.capacity),
        };
        let ((v, o, u), (vacant, occupied, unknown)) = (bays(self), bays(other));
        let supply = Supply::Bays { vacant: v + vacant, occupied: o + occupied, unknown: u + unknown };
        Spaces { supply: Some(supply), capacity: self.capacity + other.capacity, ..self }
    }
}
