//! The files of a county, read, checked and written as its people would.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bad_bindings;
mod bad_csv;
mod bad_geojson;
mod bad_places;
mod bad_toml;
mod days;
mod fares;
mod fees;
mod good_files;
mod notices;
mod on_demand;
mod on_demand_areas;
mod round_trip;
mod sample_data;
mod slips;
mod support;
mod taxis;
