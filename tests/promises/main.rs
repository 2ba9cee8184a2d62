//! The promises, tried from outside: the real executable, a real broker, a real PostgreSQL.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod acceptance;
mod bad_input;
mod bikes;
mod brokers;
mod changed_trips;
mod closed;
mod commissioning;
mod corrections;
mod dashboard;
mod databases;
mod disk;
mod doors;
mod feed_check;
mod feed_health;
mod forecast;
mod foreign_devices;
mod health;
mod history;
mod installer;
mod journeys;
mod kill;
mod lanes;
mod native;
mod notices;
mod occupancy;
mod past;
mod places;
mod polled;
mod posted;
mod prune;
mod refused;
mod replay;
mod retained;
mod samples;
mod stopping;
mod storage;
mod subscriptions;
mod supplier_cases;
mod suppliers;
mod support;
mod trackers;
mod transit_history;
mod trips;
mod witness;
