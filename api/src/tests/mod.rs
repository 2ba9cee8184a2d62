//! The API as its users see it: every test asks over HTTP.

mod audit;
mod bounds;
mod contract;
mod errors;
pub mod fixture;
mod follow;
mod forecast;
mod hidden;
mod hours;
mod installers;
pub mod keys;
mod notices;
mod open;
mod open_data;
mod operators;
mod pages;
mod parking_figures;
mod planning;
mod posting;
mod privacy;
mod rentals;
mod rows;
mod search;
mod silent;
