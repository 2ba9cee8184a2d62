//! Places, sensors and feeds: loaded into a registry, imported from files, read back for export.

mod audited;
mod binding;
mod days;
mod fares;
mod import;
pub(crate) mod kind;
mod on_demand;
mod on_demand_areas;
mod publicity;
mod read;
mod report;
mod taxis;
mod versions;

pub use binding::{BindingChange, BindingRequest, bind};
pub use days::calendar;
pub(crate) use days::ever_closed;
pub use import::Import;
pub use read::{catalogue, registry};
pub use report::{ImportCounts, ImportReport, Missing};
pub use versions::{Correction, Holds};
