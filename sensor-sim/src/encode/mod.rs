//! Encoders of suppliers' formats: one file per format or device.
//!
//! These encoders share nothing with the product's decoders, so that an error in one cannot hide
//! an error in the other.

pub mod bosch_tps110;
pub mod chirpstack;
mod device;
pub mod dingtek;
pub mod gtfs_rt;
pub mod hfp;
pub mod libelium;
pub mod lorawan;
pub mod milesight;
pub mod native;
pub mod placepod;
pub mod tekzipark;
pub mod tts;
#[cfg(test)]
mod vectors;

pub use device::{Device, Frame, FrameKind, Reading};
