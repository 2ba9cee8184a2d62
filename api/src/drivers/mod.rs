//! For drivers: vacant bays and sites, now and as forecast.

pub mod bays;
pub mod forecast;
pub mod listed;
pub mod parking;
pub mod sites;
