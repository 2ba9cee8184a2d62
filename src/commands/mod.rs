//! One file per command.

pub mod demo;
pub mod export;
pub mod forecast;
pub mod healthcheck;
pub mod import;
pub mod journey;
pub mod key;
pub mod migrate;
pub mod openapi;
pub mod prune;
pub mod serve;
pub mod simulate;
