//! The documents, the commands that evaluate, and what reads foreign bytes.

mod documents;
mod forecast_evaluate;
mod fuzz;
mod journey_evaluate;
