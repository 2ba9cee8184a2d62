//! For operators: feeds, the audit, health and metrics.

pub mod audit;
pub mod feeds;
pub mod notices;
pub mod ops;
mod unlabelled;
