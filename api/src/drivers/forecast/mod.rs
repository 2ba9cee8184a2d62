//! Routes that read forecasts.

mod point;
mod quality;
mod when;

pub use point::__path_forecast;
pub(crate) use point::forecast;
pub use quality::__path_quality;
pub(crate) use quality::quality;
