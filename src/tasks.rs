//! Watches the long-lived tasks of this process: one that ends by itself leaves the process half alive, so it is
//! reported, makes the process not ready, and ends it. The service manager starts it again.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// See the module's description.
pub struct Tasks {
    failed: watch::Sender<Option<&'static str>>,
    stopping: CancellationToken,
}

impl Tasks {
    /// None runs yet.
    pub fn new() -> Self {
        Tasks { failed: watch::Sender::new(None), stopping: CancellationToken::new() }
    }

    /// Runs `task` until it ends; before [`Tasks::stop`] it must not.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = T> + Send + 'static,
    ) {
        let (failed, stopping) = (self.failed.clone(), self.stopping.clone());
        let running = tokio::spawn(task);
        tokio::spawn(async move {
            let how = match running.await {
                Ok(_) => "returned".to_owned(),
                Err(error) => error.to_string(),
            };
            if !stopping.is_cancelled() {
                error!("{name} ended unexpectedly: {how}");
                failed.send_replace(Some(name));
            }
        });
    }

    /// From now on tasks may end.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// The first task that ended by itself.
    pub fn failed(&self) -> watch::Receiver<Option<&'static str>> {
        self.failed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_and_an_early_end_are_failures_and_an_end_after_stop_is_none() {
        for task in [|| panic!("on purpose"), || ()] as [fn(); 2] {
            let tasks = Tasks::new();
            let mut failed = tasks.failed();
            tasks.spawn("storing", async move { task() });
            assert_eq!(*failed.wait_for(Option::is_some).await.unwrap(), Some("storing"));
        }
        let tasks = Tasks::new();
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("storing", ended);
        tasks.stop();
        end.send(()).unwrap();
        let mut failed = tasks.failed();
        drop(tasks);
        // Every sender is gone once the task has been looked at.
        assert!(failed.changed().await.is_err());
        assert_eq!(*failed.borrow(), None);
    }
}
