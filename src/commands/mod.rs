//! One file per command.

pub mod capture;
pub mod demo;
pub mod export;
pub mod feed;
pub mod forecast;
pub mod healthcheck;
pub mod import;
pub mod journey;
pub mod key;
pub mod migrate;
pub mod openapi;
pub mod prune;
pub mod replay;
pub mod serve;
pub mod simulate;
