//! Open data in the shapes of others.

pub mod parkapi;
