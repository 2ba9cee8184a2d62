//! What tests of several crates need.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

pub mod certificates;
pub mod database;
mod numbers;
pub mod observed;
pub mod world;

pub use numbers::Numbers;
pub use world::World;
