//! The documents, the commands that evaluate, and what reads foreign bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod documents;
mod forecast_evaluate;
mod fuzz;
mod journey_evaluate;
