//! The files of a system, one by one. What refers to another file is joined later ([`crate::Files::system`]).

pub(crate) mod information;
pub(crate) mod plans;
pub(crate) mod stations;
pub(crate) mod status;
pub(crate) mod types;
pub(crate) mod vehicles;
pub(crate) mod zones;
