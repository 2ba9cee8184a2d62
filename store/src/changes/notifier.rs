//! Notifications, and the poll that does without them.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tracing::debug;

use crate::{Pool, pool};

/// How often a reader polls without a notification.
const POLL: Duration = Duration::from_secs(1);

/// Waits for notifications: of commits, or of requests.
#[derive(Debug)]
pub struct Notifier {
    /// One connection of its own: waiting must not occupy one of the shared pool.
    pool: Pool,
    channel: &'static str,
    listener: Option<PgListener>,
}

impl Notifier {
    /// Listens on `channel` from the first wait on.
    pub fn new(pool: Pool, channel: &'static str) -> Self {
        Notifier { pool: pool::single(&pool), channel, listener: None }
    }

    /// Waits for a notification, at most a second; its number (of the writer, or of the request), or `None` when it is
    /// time to poll.
    pub async fn wait(&mut self) -> Option<i64> {
        if self.listener.is_none() {
            self.listener = self.listen().await;
        }
        let Some(listener) = &mut self.listener else {
            tokio::time::sleep(POLL).await;
            return None;
        };
        match tokio::time::timeout(POLL, listener.recv()).await {
            Ok(Ok(notification)) => notification.payload().parse().ok(),
            Ok(Err(error)) => {
                debug!("notifications of {} are lost, polling: {error}", self.channel);
                self.listener = None;
                None
            }
            Err(_) => None,
        }
    }

    async fn listen(&self) -> Option<PgListener> {
        let mut listener = PgListener::connect_with(&self.pool).await.ok()?;
        listener.listen(self.channel).await.ok()?;
        Some(listener)
    }
}
