//! A simulated county: places, people who park, buses and trains, and the messages of every sensor
//! that sees them. It knows the truth, so that tests can compare what the product made of it.
//!
//! ```no_run
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use sensor_sim::{County, RunConfig, run};
//! use tokio_util::sync::CancellationToken;
//!
//! let county = Arc::new(County::sample(1));
//! county.write_files("places".as_ref(), county.today())?; // import these first
//! let summary = run(RunConfig::new("mqtt://127.0.0.1:1883", county), CancellationToken::new()).await?;
//! println!("{} messages acknowledged", summary.acknowledged);
//! # Ok(())
//! # }
//! ```
//!
//! It depends on no other part of the product: its encoders are its own, so that an error in a
//! decoder cannot hide behind the same error here.

mod agenda;
mod clock;
mod county;
mod demand;
pub mod encode;
mod error;
mod faults;
pub mod history;
mod http;
pub mod load;
mod message;
mod mqtt;
mod notice;
mod orders;
mod progress;
mod random;
mod rentals;
mod run;
mod senders;
#[cfg(test)]
mod test_broker;
pub mod trial;
mod truth;
mod world;

pub use clock::{NotAStartClock, StartClock};
pub use county::{County, Municipality};
pub use error::SimulationError;
pub use faults::{BadFault, Faults};
pub use http::NotAWatchUrl;
pub use mqtt::NotABroker;
pub use orders::{BadOrder, Orders};
pub use rentals::RentalOperator;
pub use run::{RunConfig, Summary, run};
