//! Connected clients by client id, and acknowledgements that are held back.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ingest::quota::Pace;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::metrics::{Denial, Refusal};

/// One connection through the gate.
#[derive(Debug)]
pub struct Connection {
    /// Where the client is.
    pub address: IpAddr,
    /// Quota of its address; `None`: unlimited.
    pub pace: Option<Arc<Pace>>,
    /// By packet id: messages that are not stored yet. Several, where a client uses an id again too early.
    held: Mutex<HashMap<u16, usize>>,
    released: Notify,
    /// The broker refused it.
    was_refused: AtomicBool,
}

impl Connection {
    /// A connection from `address`; `pace`: how fast it may send.
    pub fn new(address: IpAddr, pace: Option<Arc<Pace>>) -> Arc<Self> {
        Arc::new(Self {
            address,
            pace,
            held: Mutex::default(),
            released: Notify::new(),
            was_refused: AtomicBool::new(false),
        })
    }

    /// Notes that it was refused.
    pub fn refuse(&self) {
        self.was_refused.store(true, Ordering::Relaxed);
    }

    /// Whether the broker refused it.
    pub fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }

    /// Holds back the acknowledgement of `packet_id`.
    pub fn hold(&self, packet_id: u16) {
        *self.held.lock().entry(packet_id).or_default() += 1;
    }

    /// Takes back one [`Connection::hold`].
    pub fn release(&self, packet_id: u16) {
        let mut held = self.held.lock();
        if let Some(messages) = held.get_mut(&packet_id) {
            *messages -= 1;
            if *messages == 0 {
                held.remove(&packet_id);
            }
        }
        drop(held);
        self.released.notify_one();
    }

    /// Whether the acknowledgement of `packet_id` is held back.
    pub fn is_held(&self, packet_id: u16) -> bool {
        self.held.lock().contains_key(&packet_id)
    }

    /// Resolves after a [`Connection::release`] that nobody has waited for yet.
    pub async fn released(&self) {
        self.released.notified().await;
    }
}

/// An authenticated client.
#[derive(Debug, Clone)]
struct Client {
    user: Option<String>,
    connection: Arc<Connection>,
}

/// See the module's description.
#[derive(Debug, Default)]
pub struct Clients {
    /// By the address from which the gate connects to the broker.
    connections: Mutex<HashMap<SocketAddr, Arc<Connection>>>,
    /// By client id, all of one user, in the order in which they came. Which of them the library serves it decides after it has
    /// asked us: the last one, unless that is refused or gone before it is let in.
    clients: Mutex<HashMap<Arc<str>, Vec<Client>>>,
}

impl Clients {
    /// Registers a connection before the broker sees it, until the guard is dropped.
    pub fn connecting(self: &Arc<Self>, inner: SocketAddr, connection: Arc<Connection>) -> Connecting {
        self.connections.lock().insert(inner, connection.clone());
        Connecting { clients: self.clone(), inner, connection }
    }

    /// The connection that reaches the broker from `inner`: nobody gets past the gate.
    pub fn connection(&self, inner: SocketAddr) -> Option<Arc<Connection>> {
        self.connections.lock().get(&inner).cloned()
    }

    /// The connections by which a client may be connected, the latest last: none only when all have ended.
    pub fn by_id(&self, client_id: &str) -> Vec<Arc<Connection>> {
        let clients = self.clients.lock();
        clients.get(client_id).into_iter().flatten().map(|client| client.connection.clone()).collect()
    }

    /// `user` connects as `client_id`. Its own earlier connection gives way, as the specification has it
    /// (MQTT 5.0, 3.1.4-3), another user's does not.
    pub fn claim(
        &self,
        client_id: &str,
        user: Option<&str>,
        connection: &Arc<Connection>,
        most_of_a_user: usize,
    ) -> Result<(), Denial> {
        let mut clients = self.clients.lock();
        match clients.get(client_id).and_then(|known| known.first()) {
            Some(known) if known.user.as_deref() != user => {
                return Err((ReasonCode::ClientIdentifierNotValid, Refusal::ClientId));
            }
            Some(_) => {}
            None if user.is_some()
                && clients.values().flatten().filter(|c| c.user.as_deref() == user).count()
                    >= most_of_a_user =>
            {
                return Err((ReasonCode::QuotaExceeded, Refusal::TooManyOfUser));
            }
            None => {}
        }
        let client = Client { user: user.map(str::to_owned), connection: connection.clone() };
        clients.entry(client_id.into()).or_default().push(client);
        Ok(())
    }
}

/// See [`Clients::connecting`].
#[derive(Debug)]
pub struct Connecting {
    clients: Arc<Clients>,
    inner: SocketAddr,
    connection: Arc<Connection>,
}

impl Drop for Connecting {
    fn drop(&mut self) {
        self.clients.connections.lock().remove(&self.inner);
        self.clients.clients.lock().retain(|_, clients| {
            clients.retain(|client| !Arc::ptr_eq(&client.connection, &self.connection));
            !clients.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        clients: Arc<Clients>,
        ports: std::ops::Range<u16>,
    }

    impl World {
        fn connect(&mut self, user: &str, most: usize) -> (Result<(), Denial>, Connecting) {
            let connection = Connection::new(IpAddr::from([192, 0, 2, 1]), None);
            let inner = SocketAddr::from(([127, 0, 0, 1], self.ports.next().unwrap()));
            let connecting = self.clients.connecting(inner, connection.clone());
            (self.clients.claim("id", Some(user), &connection, most), connecting)
        }

        fn are(&self, expected: &[&Connecting]) -> bool {
            let connections = self.clients.by_id("id");
            let same = |(is, of): (&Arc<Connection>, &&Connecting)| Arc::ptr_eq(is, &of.connection);
            connections.len() == expected.len() && connections.iter().zip(expected).all(same)
        }
    }

    #[test]
    fn a_connection_that_is_not_let_in_takes_nothing_from_the_one_before() {
        let mut world = World { clients: Arc::default(), ports: 1..100 };
        let (admitted, first) = world.connect("one", 2);
        assert_eq!(admitted, Ok(()));
        // Refused by the library later, or gone at once.
        let (admitted, second) = world.connect("one", 2);
        assert_eq!(admitted, Ok(()));
        assert!(world.are(&[&first, &second]));
        drop(second);
        assert!(world.are(&[&first]));
        assert_eq!(
            world.connect("another", 2).0,
            Err((ReasonCode::ClientIdentifierNotValid, Refusal::ClientId))
        );

        // The id is taken over: the earlier connection ends later.
        let (admitted, third) = world.connect("one", 1);
        assert_eq!(admitted, Ok(()));
        drop(first);
        assert!(world.are(&[&third]));
        drop(third);
        assert!(world.are(&[]));
        assert_eq!(world.connect("another", 2).0, Ok(()));
    }
}
