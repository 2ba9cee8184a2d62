//! Places by name: an index of towns, streets with their house numbers, stops, parking sites and points of interest; found
//! by what people type, and by where they stand. Pure functions of what they are given.
//!
//! [`Index::build`] makes the index, [`Index::search`] and [`Index::nearest`] ask it. Text is folded before it is compared,
//! in the index and in questions.

mod build;
mod fold;
mod house;
mod index;
mod nearest;
mod point;
mod rank;
mod search;
mod terms;
mod texts;

#[cfg(test)]
mod tests;

pub use build::{House, Place};
pub use fold::folded;
pub use index::{Index, Kind, Kinds};
pub use nearest::Reverse;
pub use search::{Hit, HouseFound, Question};
