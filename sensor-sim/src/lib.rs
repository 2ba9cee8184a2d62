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

mod clock;
pub mod county;
pub mod demand;
pub mod encode;
pub mod faults;
pub mod history;
pub mod load;
mod message;
mod mqtt;
pub mod orders;
mod random;
mod run;
#[cfg(test)]
mod test_broker;
pub mod truth;
pub mod voice;
pub mod world;

pub use clock::{NotAStartClock, StartClock};
pub use county::County;
pub use faults::{BadFault, Faults};
pub use message::{Fact, Message, Statement};
pub use mqtt::{Broker, NotABroker};
pub use orders::{BadOrder, Orders};
pub use run::{RunConfig, RunError, Summary, run};
pub use world::World;
