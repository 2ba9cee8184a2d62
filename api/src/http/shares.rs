//! A bounded number of shares in all and per holder; a share is returned on drop.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;

/// See the module's description.
#[derive(Debug)]
pub struct Shares<K> {
    in_all: usize,
    of_one: usize,
    held: Held<K>,
}

/// Shares by holder; the gauge has their total.
type Held<K> = Arc<Mutex<(HashMap<K, usize>, Gauge)>>;

/// One of the shares, until it is dropped.
#[derive(Debug)]
pub struct Share<K: Hash + Eq> {
    holder: K,
    held: Held<K>,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    /// So many in all, and so many of one holder.
    pub fn new(in_all: usize, of_one: usize) -> Self {
        Shares { in_all, of_one, held: Arc::default() }
    }

    /// A share for `holder`, who may take all of them if `is_unlimited`; `None`: none is left.
    pub fn take(&self, holder: K, is_unlimited: bool) -> Option<Share<K>> {
        let mut held = self.held.lock();
        let own = held.0.get(&holder).copied().unwrap_or(0);
        let in_all = usize::try_from(held.1.get()).unwrap_or(usize::MAX);
        if in_all >= self.in_all || (!is_unlimited && own >= self.of_one) {
            return None;
        }
        held.0.insert(holder.clone(), own + 1);
        held.1.inc();
        Some(Share { holder, held: self.held.clone() })
    }

    /// How many are held, at every moment.
    pub fn gauge(&self) -> Gauge {
        self.held.lock().1.clone()
    }
}

impl<K: Hash + Eq> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        held.1.dec();
        match held.0.get_mut(&self.holder) {
            Some(n) if *n > 1 => *n -= 1,
            _ => {
                held.0.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_has_its_share_and_all_have_theirs() {
        let shares = Shares::new(4, 2);
        let first = shares.take("a", false).expect("a share");
        let second = shares.take("a", false).expect("a share");
        assert!(shares.take("a", false).is_none());
        let third = shares.take("a", true).expect("unlimited");
        let fourth = shares.take("b", false).expect("a share");
        assert!(shares.take("c", true).is_none(), "there are four in all");
        drop(first);
        assert!(shares.take("a", false).is_none() && shares.take("b", false).is_some());
        drop((second, third, fourth));
        assert_eq!(shares.gauge().get(), 0);
    }
}
