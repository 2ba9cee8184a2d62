//! The live state of a place's spaces, as far as a driver may use them.

use crate::live::{Basis, Offer};
use crate::time::UtcMicros;

/// What is known now of the spaces that a driver may use.
///
/// A silent space is neither vacant nor occupied: it counts in `capacity`, and is driven past in a search, but no chance
/// and no expected number rests on it. Both are those of the observed spaces, and so lower bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spaces {
    /// `None`: nothing is known.
    pub supply: Option<Supply>,
    /// All spaces.
    pub capacity: u32,
    /// The time of this state: a count holds for when it was taken, bays hold until they go stale.
    pub known_at: UtcMicros,
}

/// How many spaces are vacant, and of how many that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Supply {
    /// Each space is sensed; `unknown` ones are silent.
    Bays {
        /// Spaces that are vacant.
        vacant: u32,
        /// Spaces that are occupied.
        occupied: u32,
        /// Spaces whose state is not known.
        unknown: u32,
    },
    /// Only the number of vacant spaces is.
    Count {
        /// Spaces that are vacant.
        vacant: u32,
        /// All spaces.
        capacity: u32,
    },
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

    /// Both together, as a group of single spaces.
    #[must_use]
    pub fn beside(self, other: Spaces) -> Self {
        let bays = |spaces: Spaces| match spaces.supply {
            Some(Supply::Bays { vacant, occupied, unknown }) => [vacant, occupied, unknown],
            _ => [0, 0, spaces.capacity],
        };
        let (a, b) = (bays(self), bays(other));
        let [vacant, occupied, unknown] = std::array::from_fn(|i| a[i] + b[i]);
        let supply = Some(Supply::Bays { vacant, occupied, unknown });
        Spaces { supply, capacity: self.capacity + other.capacity, ..self }
    }

    /// Whether anything is known of any space.
    pub fn is_known(self) -> bool {
        self.supply.is_some_and(|supply| supply.known() > 0)
    }
}

impl Supply {
    pub(super) fn vacant(self) -> u32 {
        match self {
            Supply::Bays { vacant, .. } | Supply::Count { vacant, .. } => vacant,
        }
    }

    pub(super) fn occupied(self) -> u32 {
        match self {
            Supply::Bays { occupied, .. } => occupied,
            Supply::Count { vacant, capacity } => capacity.saturating_sub(vacant),
        }
    }

    /// Spaces whose state is known.
    pub(super) fn known(self) -> u32 {
        match self {
            Supply::Bays { vacant, occupied, .. } => vacant + occupied,
            Supply::Count { capacity, .. } => capacity,
        }
    }

    /// All spaces that are driven past.
    pub(super) fn total(self) -> u32 {
        match self {
            Supply::Bays { vacant, occupied, unknown } => vacant + occupied + unknown,
            Supply::Count { capacity, .. } => capacity,
        }
    }
}
