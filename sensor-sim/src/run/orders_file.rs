//! The file of orders, which may change while the county runs.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::RunConfig;
use crate::county::County;
use crate::orders::{Order, Orders};

/// The file is looked at so often.
const EVERY: Duration = Duration::from_secs(1);
/// Nobody orders more than this by hand.
const MOST_BYTES: u64 = 64 << 10;

/// The orders in force, and the file from which more may come.
pub(super) struct OrdersFile {
    county: Arc<County>,
    from_start: Orders,
    path: Option<PathBuf>,
    text: String,
    in_force: Orders,
    looked: Option<Instant>,
}

impl OrdersFile {
    pub(super) fn new(cfg: &RunConfig) -> Self {
        Self {
            county: Arc::clone(&cfg.county),
            from_start: cfg.orders.clone(),
            path: cfg.orders_file.clone(),
            text: String::new(),
            in_force: Orders::default(),
            looked: None,
        }
    }

    /// What has to change since the last look. A line that is no order leaves all as it was.
    pub(super) fn look(&mut self) -> Vec<Order> {
        if self.looked.is_some_and(|at| at.elapsed() < EVERY) {
            return Vec::new();
        }
        let is_first = self.looked.replace(Instant::now()).is_none();
        let text = self.read();
        if text == self.text && !is_first {
            return Vec::new();
        }
        self.text = text;
        let orders = match Orders::parse(&self.text, &self.county) {
            Ok(orders) => self.from_start.with(&orders),
            Err(error) => {
                warn!("{}: {error}", self.path.as_deref().unwrap_or("".as_ref()).display());
                if !is_first {
                    return Vec::new();
                }
                self.from_start.clone()
            }
        };
        let changes = orders.since(&self.in_force);
        self.in_force = orders;
        if !changes.is_empty() {
            info!("the county follows {} new orders", changes.len());
        }
        changes
    }

    /// A file that is not there orders nothing.
    fn read(&self) -> String {
        let mut bytes = Vec::new();
        if let Some(file) = self.path.as_ref().and_then(|path| std::fs::File::open(path).ok()) {
            // An unreadable file changes nothing.
            let _ = file.take(MOST_BYTES).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_and_go_with_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut cfg = RunConfig::new("mqtt://x", Arc::new(County::sample(1)));
        cfg.orders.fill("pr-niendorf", &cfg.county).unwrap();
        cfg.orders_file = Some(file.path().to_owned());
        let mut orders = OrdersFile::new(&cfg);
        let mut after = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            orders.looked = orders.looked.map(|_| Instant::now() - 2 * EVERY);
            orders.look().len()
        };
        assert_eq!(after("# notes only"), 1, "what was ordered from the start");
        assert_eq!(after("fill pr-heidkamp"), 1);
        assert_eq!(after("fill pr-heidkamp\nfil pr-bergheide"), 0, "a mistake changes nothing");
        assert_eq!(after(""), 1, "what is no longer there ends");
    }
}
