//! The promises, tried from outside: the real executable, a real broker, a real PostgreSQL.

mod bad_input;
mod brokers;
mod certificates;
mod disk;
mod forecast;
mod history;
mod kill;
mod native;
mod places;
mod polled;
mod replay;
mod retained;
mod samples;
mod support;
mod trips;
mod ways;
mod witness;
