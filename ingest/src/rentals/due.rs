//! When a file is fetched again.

use std::time::Duration;

use tokio::time::Instant;

use crate::fetch::Validators;

/// Seconds between two fetches of a file whose feed says nothing of it.
pub(super) const DEFAULT_EVERY_S: u32 = 60;

/// No file holds for longer, whatever it says.
pub(super) const LONGEST: Duration = Duration::from_secs(86_400);

/// A file at a server.
#[derive(Debug)]
pub(super) struct Remote {
    pub url: String,
    /// By what the server recognises what was read.
    pub held: Validators,
    /// When it is to be fetched.
    pub due: Instant,
    /// Why it cannot be fetched, and since the beginning of which round.
    pub failing: Option<(Instant, String)>,
    /// For how long its content holds.
    holds: Duration,
}

impl Remote {
    /// It is due at once.
    pub fn new(url: String) -> Self {
        Remote { url, held: Validators::default(), due: Instant::now(), failing: None, holds: Duration::ZERO }
    }

    /// Its content holds for `ttl_s`, and it is fetched every `every_s` at most.
    pub fn holds_for(&mut self, ttl_s: Option<u32>, every_s: Option<u32>) {
        let every = Duration::from_secs(every_s.unwrap_or(DEFAULT_EVERY_S).into());
        self.holds = Duration::from_secs(ttl_s.unwrap_or(0).into()).min(LONGEST).max(every);
        self.due = Instant::now() + self.holds;
    }

    /// The server has nothing new.
    pub fn holds_as_before(&mut self) {
        self.due = self.due.max(Instant::now() + self.holds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_is_fetched_no_sooner_than_it_says_and_at_least_once_a_day() {
        let mut remote = Remote::new("https://o.example/s".into());
        let now = Instant::now();
        assert_eq!(remote.due, now);
        let s = Duration::from_secs;
        for (ttl_s, every_s, expected) in [
            (None, None, s(60)),
            (Some(300), Some(30), s(300)),
            (Some(0), Some(30), s(30)),
            (Some(600_000), None, LONGEST),
        ] {
            remote.holds_for(ttl_s, every_s);
            assert_eq!(remote.due, now + expected);
        }
        remote.due = now + s(60);
        remote.holds_as_before();
        assert_eq!(remote.due, now + LONGEST);
    }
}
