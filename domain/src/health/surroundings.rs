//! What surrounds a device: the bays of its site, the gates of its town, what the files promise.

use super::message::{Promise, WeekHour};
use super::neighbours::Neighbours;
use super::passages::Passages;
use crate::closure::Spans;

/// Candidates at most, with its own site: the nearest ones.
pub const MOST_SITES: usize = 12;
/// What surrounds a device at a moment.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// The time of the week on the clock of the place.
    pub at: WeekHour,
    /// The bays of its site.
    pub neighbours: &'a mut Neighbours,
    /// The counted sites of its town.
    pub counted: Counted<'a>,
    /// What the files promise of it.
    pub promise: Promise,
    /// When nobody could have heard it, whatever it sent.
    pub unheard: &'a Spans,
}

/// What the counted sites of a town know. The same site has the same place in the list for as long as the device is bound
/// as it is.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// At most [`MOST_SITES`] are looked at.
    pub sites: &'a [&'a Passages],
    /// The place of the device's own site in the list, if it is counted.
    pub own: Option<usize>,
}
