//! Encoders of suppliers' formats: one file per format or device.
//!
//! These encoders share nothing with the product's decoders, so that an error in one cannot hide
//! an error in the other.

mod bosch_tps110;
pub(crate) mod chirpstack;
mod device;
mod dingtek;
pub mod gtfs_rt;
pub(crate) mod hfp;
mod libelium;
pub(crate) mod lorawan;
mod milesight;
pub(crate) mod native;
pub(crate) mod parametric_pcr2;
mod placepod;
mod tekzipark;
pub(crate) mod tts;
#[cfg(test)]
mod vectors;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// To so many decimals.
pub(crate) fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

pub(crate) use device::{Device, Frame, FrameKind, Reading};
