//! PUBACKs: sent after commit, in the order of arrival (MQTT 5.0, 4.6), and only on the
//! connection on which the message came.
//!
//! After a reconnect the broker sends unacknowledged messages again, under packet ids of the new
//! connection: an ack of the old one could hit a message that is not stored. The client library
//! does not check this, so every ack is tagged with its connection, and none is handed over while
//! there is no connection.

use std::collections::VecDeque;
use std::ops::Range;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The acks of one session that are still owed.
pub struct Acks {
    state: Mutex<State>,
    settled: Notify,
}

struct State {
    /// Sends the ack of a packet id; whether there was room for the request.
    send: Box<dyn Fn(u16) -> bool + Send>,
    connection: u32,
    /// Between two connections nothing may be acknowledged: it would go out on the next one.
    is_connected: bool,
    /// Number of the first slot.
    base: u64,
    slots: VecDeque<Slot>,
}

struct Slot {
    /// 0: nothing to acknowledge (QoS 0).
    packet_id: u16,
    connection: u32,
    done: bool,
}

impl Acks {
    /// No ack is owed yet. `send` hands the ack of a packet id over, in the order of arrival; whether there was room
    /// for it.
    pub fn new(send: impl Fn(u16) -> bool + Send + 'static) -> Self {
        Acks {
            state: Mutex::new(State {
                send: Box::new(send),
                connection: 0,
                is_connected: false,
                base: 0,
                slots: VecDeque::new(),
            }),
            settled: Notify::new(),
        }
    }

    /// A new connection: acks of earlier ones are void. Must be called before anything is
    /// subscribed on it.
    pub fn connected(&self) {
        let mut s = self.state.lock();
        s.connection += 1;
        s.is_connected = true;
    }

    /// The connection is lost: what is stored from now on is not acknowledged, the broker delivers
    /// it again. Earlier requests must then be removed from the client.
    pub fn lost(&self) {
        self.state.lock().is_connected = false;
    }

    /// Notes a message in the order of arrival; returns its number.
    pub fn owe(&self, packet_id: u16) -> u64 {
        let mut s = self.state.lock();
        let connection = s.connection;
        s.slots.push_back(Slot { packet_id, connection, done: false });
        s.base + s.slots.len() as u64 - 1
    }

    /// The messages `range` are stored: acknowledges them, and whatever waited for them.
    pub fn complete(&self, range: Range<u64>) {
        let mut guard = self.state.lock();
        let s = &mut *guard;
        for n in range {
            if let Some(slot) = n.checked_sub(s.base).and_then(|i| s.slots.get_mut(i as usize)) {
                slot.done = true;
            }
        }
        while let Some(slot) = s.slots.front().filter(|slot| slot.done) {
            let is_owed = slot.packet_id != 0 && s.is_connected && slot.connection == s.connection;
            // The request channel is wider than any window; should it be full all the same, the
            // ack stays owed and goes out with the next one.
            if is_owed && !(s.send)(slot.packet_id) {
                break;
            }
            s.slots.pop_front();
            s.base += 1;
        }
        if s.slots.is_empty() {
            self.settled.notify_waiters();
        }
    }

    /// Messages that are not acknowledged yet.
    pub fn owed(&self) -> usize {
        self.state.lock().slots.len()
    }

    /// Waits until nothing is owed.
    pub async fn settled(&self) {
        loop {
            let wait = self.settled.notified();
            if self.owed() == 0 {
                return;
            }
            wait.await;
        }
    }
}
