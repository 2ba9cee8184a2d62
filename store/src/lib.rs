//! The only crate that contains SQL: schema, writer, queries by use, change stream.

pub mod analysis;
pub mod audit;
mod bay_row;
pub mod changes;
pub mod complete;
pub mod copy;
pub mod derive;
pub mod error;
pub mod feed_status;
pub mod forecast;
pub mod history;
pub mod ingest_process;
pub mod inspect;
pub mod keys;
pub mod live;
pub mod migrate;
pub mod partitions;
pub mod places;
pub mod pool;
pub mod readers;
pub mod replays;
mod restore;
pub mod retention;
pub mod transit_history;
mod trips;
pub mod ts;
pub mod unmatched;
pub mod writer;

pub use error::StoreError;
pub use pool::{Pool, connect};
pub use sqlx::PgConnection as Connection;
