//! The only crate that contains SQL: schema, writer, queries by use, change stream.

#![warn(missing_docs)]

pub mod acceptance;
mod alerts;
pub mod analysis;
pub mod audit;
mod bay_row;
mod bind;
pub mod changes;
mod codec;
mod column;
pub mod complete;
mod copy;
mod count_row;
pub mod derive;
mod error;
pub mod feed_health;
pub mod feed_status;
pub mod forecast;
pub mod gaps;
pub mod gateways;
pub mod health;
pub mod history;
pub mod ingest_process;
pub mod inspect;
pub mod keys;
pub mod live;
pub mod migrate;
pub mod notices;
pub mod partitions;
mod pending_counts;
pub mod places;
pub mod pool;
pub mod readers;
pub mod rebindings;
pub mod rentals;
pub mod replays;
mod restore;
pub mod retention;
mod search_spans;
mod site_states;
pub mod transit_history;
mod trips;
mod ts;
pub mod unmatched;
mod vehicle_states;
pub mod writer;

pub use error::{Result, StoreError};
pub use pool::{Pool, connect};
pub use sqlx::PgConnection as Connection;
pub use ts::Ts;
