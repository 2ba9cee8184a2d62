//! The store against real databases, each test with one of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod alerts;
mod audit;
mod bay_states;
mod bounds;
mod change_log;
mod clock_ahead;
mod clock_back;
mod clock_compressed;
mod clock_signs;
mod closures;
mod corrections;
mod derive;
mod derive_clock;
mod duplicates;
mod fares;
mod forecast;
mod gateways;
mod health;
mod health_watcher;
mod history;
mod idempotency_keys;
mod migrate;
mod on_demand;
mod on_demand_areas;
mod parts;
mod passages;
mod rejections;
mod rentals;
mod retention;
mod rides;
mod session_bounds;
mod support;
mod taxis;
mod trips;
mod vehicle_states;
