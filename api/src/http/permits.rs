//! Permits for expensive requests: a bounded number at a time, at most half of them for one client; others wait for a
//! bounded time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::problem::Problem;

/// Longest wait for a permit: hardly anybody waits longer for an answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Who holds a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The number of a key.
    Key(i32),
    /// A client without a key.
    Address(IpAddr),
}

/// See the module's description.
#[derive(Clone)]
pub struct Permits {
    all: Arc<Semaphore>,
    /// Most permits of one holder.
    of_one: usize,
    own: Arc<Mutex<HashMap<Holder, Arc<Semaphore>>>>,
    waiting: Arc<AtomicUsize>,
    patience: Duration,
    /// `detail` of the 503 after a wait in vain.
    refusal: &'static str,
}

/// A permit, returned on drop.
#[derive(Debug)]
pub struct Permit {
    waiting: Arc<AtomicUsize>,
    // Dropped in this order: who waits for the holder's own permit waits for a shared one next.
    _own: Option<Own>,
    _all: OwnedSemaphorePermit,
}

/// One of a holder's permits, or the wait for it.
#[derive(Debug)]
struct Own {
    holder: Holder,
    permits: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    all: Arc<Mutex<HashMap<Holder, Arc<Semaphore>>>>,
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        self.permit = None;
        // The map's and ours: nobody else holds or awaits one.
        if Arc::strong_count(&self.permits) == 2 {
            all.remove(&self.holder);
        }
    }
}

/// Counts a waiting request.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn new(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Permits {
    /// So many `at_once`; who waits longer than `patience` gets the 503 `refusal`.
    pub fn new(at_once: usize, patience: Duration, refusal: &'static str) -> Self {
        Permits {
            all: Arc::new(Semaphore::new(at_once)),
            of_one: at_once.div_ceil(2),
            own: Arc::default(),
            waiting: Arc::default(),
            patience,
            refusal,
        }
    }

    /// For answers that hold a database connection until the client has read the last row.
    pub fn of_tables() -> Self {
        Permits::new(
            store::pool::STREAMS_AT_ONCE,
            PATIENCE,
            "Too many planners' requests are being answered.",
        )
    }

    /// Waits for a permit, before anything is read. A `holder` has at most half of them; without one there is no such limit.
    ///
    /// # Errors
    /// 503: other requests, or the holder's own, take too long.
    pub async fn take(&self, holder: Option<Holder>) -> Result<Permit, Problem> {
        let waiting = Waiting::new(&self.waiting);
        let taking = async {
            let mut own = holder.map(|holder| self.own(holder));
            if let Some(own) = &mut own {
                own.permit = Some(own.permits.clone().acquire_owned().await?);
            }
            let all = self.all.clone().acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>(Permit { waiting: self.waiting.clone(), _own: own, _all: all })
        };
        let taken = tokio::time::timeout(self.patience, taking).await;
        drop(waiting);
        match taken {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Problem::unavailable(self.refusal)),
        }
    }

    fn own(&self, holder: Holder) -> Own {
        let mut own = self.own.lock();
        let permits = own.entry(holder).or_insert_with(|| Arc::new(Semaphore::new(self.of_one))).clone();
        Own { holder, permits, permit: None, all: self.own.clone() }
    }
}

impl Permit {
    /// Whether a request waits for a permit.
    pub fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_holder_has_half_and_waits_for_its_own() {
        let permits = Permits::new(4, PATIENCE, "Too many.");
        let [a, b] = [Holder::Key(1), Holder::Address([192, 0, 2, 1].into())];
        let first = permits.take(Some(a)).await.expect("a permit");
        let second = permits.take(Some(a)).await.expect("a permit");
        let asked = tokio::spawn({
            let permits = permits.clone();
            async move { permits.take(Some(a)).await }
        });
        tokio::task::yield_now().await;
        assert!(first.is_awaited(), "its own third question");
        let other = permits.take(Some(b)).await.expect("another's permit");
        drop(second);
        let third = asked.await.expect("no panic").expect("its permit, once one of its own is over");
        assert!(!first.is_awaited());
        assert!(permits.take(Some(a)).await.is_err());
        drop((first, third, other));
        assert!(permits.own.lock().is_empty(), "nobody is remembered");
        assert_eq!(permits.all.available_permits(), 4);
    }
}
