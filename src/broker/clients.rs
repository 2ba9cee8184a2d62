//! Who is connected, by which client id, and which acknowledgements are held back.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ingest::quota::Pace;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// One connection through the gate.
#[derive(Debug)]
pub struct Connection {
    /// Where the client is.
    pub address: IpAddr,
    /// What clients at its address may send; `None`: as much as they like.
    pub pace: Option<Arc<Pace>>,
    /// By packet id: messages that are not stored yet. Several, where a client uses an id again too early.
    held: Mutex<HashMap<u16, usize>>,
    released: Notify,
    /// The broker did not let it in.
    was_refused: AtomicBool,
}

impl Connection {
    pub fn new(address: IpAddr, pace: Option<Arc<Pace>>) -> Arc<Self> {
        Arc::new(Self {
            address,
            pace,
            held: Mutex::default(),
            released: Notify::new(),
            was_refused: AtomicBool::new(false),
        })
    }

    /// Notes that it was not let in.
    pub fn refuse(&self) {
        self.was_refused.store(true, Ordering::Relaxed);
    }

    pub fn was_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }

    /// From now on the client gets no acknowledgement of `packet_id`.
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

    pub fn is_held(&self, packet_id: u16) -> bool {
        self.held.lock().contains_key(&packet_id)
    }

    /// Resolves after a [`Connection::release`] that nobody has waited for yet.
    pub async fn released(&self) {
        self.released.notified().await;
    }
}

/// A client that has shown who it is.
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
    /// By client id: ids are unique at a broker.
    clients: Mutex<HashMap<Arc<str>, Client>>,
}

/// Why a client id is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// A client of another user is connected by it.
    OfAnother,
    /// The user has as many connections as one may have.
    TooMany,
}

impl Clients {
    /// Notes a connection before the broker hears of it; it is forgotten with the guard.
    pub fn connecting(self: &Arc<Self>, inner: SocketAddr, connection: Arc<Connection>) -> Connecting {
        self.connections.lock().insert(inner, connection.clone());
        Connecting { clients: self.clone(), inner, connection }
    }

    /// The connection that reaches the broker from `inner`: nobody gets past the gate.
    pub fn connection(&self, inner: SocketAddr) -> Option<Arc<Connection>> {
        self.connections.lock().get(&inner).cloned()
    }

    /// The connection of a client.
    pub fn by_id(&self, client_id: &str) -> Option<Arc<Connection>> {
        self.clients.lock().get(client_id).map(|client| client.connection.clone())
    }

    /// `user` connects as `client_id`. Its own earlier connection gives way, as the specification has it
    /// (MQTT 5.0, 3.1.4-3), another user's does not.
    pub fn claim(
        &self,
        client_id: &str,
        user: Option<&str>,
        connection: &Arc<Connection>,
        most_of_a_user: usize,
    ) -> Result<(), Refused> {
        let mut clients = self.clients.lock();
        match clients.get(client_id) {
            Some(known) if known.user.as_deref() != user => return Err(Refused::OfAnother),
            Some(_) => {}
            None if user.is_some()
                && clients.values().filter(|c| c.user.as_deref() == user).count() >= most_of_a_user =>
            {
                return Err(Refused::TooMany);
            }
            None => {}
        }
        let client = Client { user: user.map(str::to_owned), connection: connection.clone() };
        clients.insert(client_id.into(), client);
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
        self.clients.clients.lock().retain(|_, client| !Arc::ptr_eq(&client.connection, &self.connection));
    }
}
