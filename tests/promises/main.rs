//! The promises, tried from outside: the real executable, a real broker, a real PostgreSQL.

mod bad_input;
mod brokers;
mod certificates;
mod dashboard;
mod databases;
mod disk;
mod forecast;
mod history;
mod kill;
mod native;
mod occupancy;
mod past;
mod places;
mod polled;
mod prune;
mod refused;
mod replay;
mod retained;
mod samples;
mod stopping;
mod subscriptions;
mod support;
mod transit_history;
mod trips;
mod ways;
mod witness;
