//! Bounds on connections, in all and per address, and which one is closed when there is no room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use domain::address::network_of;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

/// Bounds of connections.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// In all.
    pub connections: usize,
    /// From one address.
    pub per_address: usize,
}

/// Metrics of connections.
#[derive(Clone, Default)]
pub struct ConnectionMetrics {
    open: Gauge,
    evicted: Counter,
    refused: Counter,
}

impl ConnectionMetrics {
    /// How many connections are open.
    #[cfg(test)]
    pub fn open(&self) -> i64 {
        self.open.get()
    }

    /// `prefix`: of what the connections are, e.g. `kv_http`.
    pub fn register(registry: &mut Registry, prefix: &str) -> Self {
        let meters = ConnectionMetrics::default();
        let r = registry.sub_registry_with_prefix(prefix);
        r.register("connections", "Open connections", meters.open.clone());
        r.register(
            "connections_evicted",
            "Idle connections that gave way to new ones",
            meters.evicted.clone(),
        );
        r.register("connections_refused", "Connections that found no room", meters.refused.clone());
        meters
    }
}

/// See the module's description.
pub struct ConnectionLimit {
    bounds: Bounds,
    /// Whether an address may have all connections, because it stands for other clients.
    is_unlimited: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
    meters: ConnectionMetrics,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    next: u64,
    connections: HashMap<u64, Connection>,
    by_network: HashMap<IpAddr, usize>,
}

struct Connection {
    network: IpAddr,
    /// Since when it waits for a request; `None` while one is answered.
    idle_since: Option<Instant>,
    leave: CancellationToken,
}

impl Inside {
    fn remove(&mut self, id: u64) -> Option<Connection> {
        let gone = self.connections.remove(&id)?;
        if let Some(n) = self.by_network.get_mut(&gone.network) {
            *n -= 1;
            if *n == 0 {
                self.by_network.remove(&gone.network);
            }
        }
        Some(gone)
    }

    /// Closes the connection that has been idle for longest, of `network` or of all.
    fn evict(&mut self, network: Option<IpAddr>) -> bool {
        let of_network = |c: &Connection| network.is_none_or(|n| n == c.network);
        let idle = self.connections.iter().filter(|(_, c)| of_network(c));
        let longest = idle.filter_map(|(id, c)| Some((c.idle_since?, *id))).min();
        let gone = longest.and_then(|(_, id)| self.remove(id));
        gone.is_some_and(|c| {
            c.leave.cancel();
            true
        })
    }
}

impl ConnectionLimit {
    /// Admits as many as `bounds` say; of addresses that `is_unlimited` holds for, any number.
    pub fn new(
        bounds: Bounds,
        is_unlimited: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
        meters: ConnectionMetrics,
    ) -> Arc<Self> {
        Arc::new(ConnectionLimit {
            bounds,
            is_unlimited: Box::new(is_unlimited),
            meters,
            inside: Mutex::default(),
        })
    }

    /// Admits a connection from `address`, if need be by closing an idle one. `None`: there is no room.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Slot> {
        let network = network_of(address);
        let mut inside = self.inside.lock();
        let of_network = inside.by_network.get(&network).copied().unwrap_or(0);
        let within = if !(self.is_unlimited)(address) && of_network >= self.bounds.per_address {
            Some(Some(network))
        } else {
            (inside.connections.len() >= self.bounds.connections).then_some(None)
        };
        if let Some(network) = within {
            if !inside.evict(network) {
                self.meters.refused.inc();
                return None;
            }
            self.meters.evicted.inc();
        }
        let (id, leave) = (inside.next, CancellationToken::new());
        inside.next += 1;
        *inside.by_network.entry(network).or_default() += 1;
        let idle_since = Some(Instant::now());
        inside.connections.insert(id, Connection { network, idle_since, leave: leave.clone() });
        self.meters.open.inc();
        Some(Slot { limit: self.clone(), id, leave })
    }

    fn set_idle(&self, id: u64, idle_since: Option<Instant>) {
        if let Some(connection) = self.inside.lock().connections.get_mut(&id) {
            connection.idle_since = idle_since;
        }
    }
}

/// A connection's slot, until it is dropped.
pub struct Slot {
    limit: Arc<ConnectionLimit>,
    id: u64,
    /// Cancelled when it has to close.
    pub leave: CancellationToken,
}

impl Slot {
    /// A request has come: the connection does not give way until its answer has been sent.
    pub fn busy(&self) -> Busy {
        self.limit.set_idle(self.id, None);
        Busy { limit: self.limit.clone(), id: self.id }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.limit.inside.lock().remove(self.id);
        self.limit.meters.open.dec();
    }
}

/// A request that is being answered, until it is dropped.
pub struct Busy {
    limit: Arc<ConnectionLimit>,
    id: u64,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.limit.set_idle(self.id, Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn limit(connections: usize, per_address: usize) -> Arc<ConnectionLimit> {
        ConnectionLimit::new(
            Bounds { connections, per_address },
            |address| address.is_loopback(),
            ConnectionMetrics::default(),
        )
    }

    #[test]
    fn who_is_idle_longest_gives_way_and_who_is_answered_does_not() {
        let limit = limit(2, 2);
        let first = limit.admit(address(1)).expect("room");
        let second = limit.admit(address(2)).expect("room");
        let answered = first.busy();
        let third = limit.admit(address(3)).expect("in place of the second");
        assert!(second.leave.is_cancelled() && !first.leave.is_cancelled());
        let also_answered = third.busy();
        assert!(limit.admit(address(4)).is_none(), "both are being answered");
        drop(answered);
        assert!(limit.admit(address(4)).is_some(), "the first is idle again");
        assert!(first.leave.is_cancelled());
        drop((also_answered, first, second, third));
        assert_eq!((limit.inside.lock().connections.len(), limit.meters.open.get()), (0, 0));
        assert!(limit.inside.lock().by_network.is_empty());
    }

    #[test]
    fn one_address_takes_its_share_and_loopback_all() {
        let limit = limit(10, 2);
        let local = IpAddr::from([127, 0, 0, 1]);
        let _many: Vec<Slot> = (0..8).map(|_| limit.admit(local).expect("room")).collect();
        let own: Vec<Slot> = (0..2).map(|_| limit.admit(address(1)).expect("room")).collect();
        let busy: Vec<Busy> = own.iter().map(Slot::busy).collect();
        assert!(limit.admit(address(1)).is_none());
        drop(busy);
        let _third = limit.admit(address(1)).expect("in place of its own first");
        assert_eq!(own.iter().filter(|slot| slot.leave.is_cancelled()).count(), 1);
    }

    #[test]
    fn a_household_with_ipv6_is_one_address() {
        let limit = limit(10, 1);
        let one = limit.admit("2001:db8:0:1::1".parse().unwrap()).expect("room");
        let _busy = one.busy();
        assert!(limit.admit("2001:db8:0:1::2".parse().unwrap()).is_none());
        assert!(limit.admit("2001:db8:0:2::1".parse().unwrap()).is_some());
    }
}
