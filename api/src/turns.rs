//! Work of which only so much is done at a time: who comes later waits for a bounded time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// How long a question waits for its turn: longer than that hardly anybody waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// See the module's description.
#[derive(Clone)]
pub struct Turns {
    semaphore: Arc<Semaphore>,
    patience: Duration,
    /// What is said to who has waited in vain.
    refusal: &'static str,
}

/// The right to do the work, until it is dropped.
pub struct Turn(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Turns {
    pub fn new(at_once: usize, patience: Duration, refusal: &'static str) -> Self {
        Turns { semaphore: Arc::new(Semaphore::new(at_once)), patience, refusal }
    }

    /// Answers that hold a connection to the database until their reader has taken the last row.
    pub fn of_tables() -> Self {
        Turns::new(store::pool::STREAMS_AT_ONCE, PATIENCE, "Too many planners' questions are being answered.")
    }

    /// Waits for a turn, before anything is read.
    ///
    /// # Errors
    /// 503: others take too long.
    pub async fn take(&self) -> Result<Turn, Problem> {
        match tokio::time::timeout(self.patience, self.semaphore.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn(permit)),
            _ => Err(Problem::unavailable(self.refusal)),
        }
    }
}
