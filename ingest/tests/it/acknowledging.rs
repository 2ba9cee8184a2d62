//! Batching and acknowledging lose nothing and repeat nothing, in whatever order messages arrive, batches
//! are closed and stored, and connections break and come back.
//!
//! The broker of the model is as awkward as MQTT allows: after a loss it may have forgotten which
//! packet ids it used, so an ack that belongs to an earlier connection hits another message.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use domain::{FeedId, MunicipalityId, Reason, Rejection, UtcMicros};
use ingest::accumulator::{Accumulator, BATCH_ROWS, ClosedBatch};
use ingest::acks::Acks;
use parking_lot::Mutex;
use proptest::prelude::*;
use testing::observed::rejection;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// The broker delivers its next message, which yields this many rows.
    Deliver { rows: usize },
    /// A writer takes what an accumulator announced.
    Take,
    /// A writer commits one of the closed batches.
    Store { which: usize },
    /// The event loop sends what was requested.
    Send,
    /// The connection breaks; the client library drops the acks that wait in its channel.
    Break,
    /// The session learns of it.
    Lost,
    /// A new connection, counting packet ids from here.
    Connect { first_packet_id: u16 },
    /// The process is killed and starts again.
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (0..4_usize).prop_map(|rows| Step::Deliver { rows }),
        1 => Just(Step::Deliver { rows: BATCH_ROWS }),
        6 => Just(Step::Take),
        6 => any::<usize>().prop_map(|which| Step::Store { which }),
        4 => Just(Step::Send),
        2 => Just(Step::Break),
        2 => Just(Step::Lost),
        3 => (1..4_u16).prop_map(|first_packet_id| Step::Connect { first_packet_id }),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..120)
}

/// Packet ids that the client library holds until it sends them, as its request channel does.
#[derive(Debug, Clone, Default)]
struct Requests(Arc<Mutex<Vec<u16>>>);

impl Requests {
    fn take(&self) -> Vec<u16> {
        std::mem::take(&mut self.0.lock())
    }
}

#[derive(Debug, PartialEq, Clone, Copy)]
enum Link {
    Up,
    Broken,
    /// Broken, and the session knows.
    Down,
}

struct World {
    // Broker
    unacknowledged: VecDeque<usize>,
    in_flight: BTreeMap<u16, usize>,
    /// Messages in the order of this connection's deliveries, without those that are acknowledged.
    delivered: VecDeque<usize>,
    next_packet_id: u16,
    next_message: usize,
    link: Link,
    // Product
    accumulator: Arc<Accumulator>,
    announced: async_channel::Receiver<Arc<Accumulator>>,
    requests: Requests,
    closed: Vec<ClosedBatch>,
    // Database
    rows_of: BTreeMap<usize, usize>,
    stored: BTreeMap<usize, usize>,
}

fn process() -> (Arc<Accumulator>, async_channel::Receiver<Arc<Accumulator>>, Requests) {
    let requests = Requests::default();
    let Requests(requested) = requests.clone();
    let acks = Arc::new(Acks::new(move |packet_id| {
        requested.lock().push(packet_id);
        true
    }));
    let (ready, announced) = async_channel::unbounded();
    (Accumulator::new(ready, acks), announced, requests)
}

fn row(message: usize) -> Rejection {
    rejection(MunicipalityId(1), FeedId(1), Reason::Malformed, UtcMicros(message as i64))
}

impl World {
    fn new() -> Self {
        let (accumulator, announced, requests) = process();
        let mut world = World {
            unacknowledged: VecDeque::new(),
            in_flight: BTreeMap::new(),
            delivered: VecDeque::new(),
            next_packet_id: 1,
            next_message: 0,
            link: Link::Down,
            accumulator,
            announced,
            requests,
            closed: Vec::new(),
            rows_of: BTreeMap::new(),
            stored: BTreeMap::new(),
        };
        world.connect(1);
        world
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Deliver { rows } => self.deliver(rows),
            Step::Take => self.take(),
            Step::Store { which } => self.store(which),
            Step::Send => self.send(),
            Step::Break => self.break_link(),
            Step::Lost => self.lost(),
            Step::Connect { first_packet_id } => {
                self.break_link();
                self.lost();
                self.connect(first_packet_id);
            }
            Step::Crash => {
                self.break_link();
                (self.accumulator, self.announced, self.requests) = process();
                self.closed.clear();
                self.link = Link::Down;
                self.connect(1);
            }
        }
    }

    /// The oldest message that is not in flight, else a new one.
    fn deliver(&mut self, rows: usize) {
        if self.link != Link::Up {
            return;
        }
        let waiting = self.unacknowledged.iter().find(|m| !self.delivered.contains(m)).copied();
        let message = waiting.unwrap_or_else(|| {
            self.next_message += 1;
            self.unacknowledged.push_back(self.next_message);
            self.next_message
        });
        let rows = *self.rows_of.entry(message).or_insert(rows);
        let packet_id = self.next_packet_id;
        self.next_packet_id += 1;
        self.in_flight.insert(packet_id, message);
        self.delivered.push_back(message);
        let number = self.accumulator.acks.owe(packet_id);
        self.accumulator
            .push(number, None, |batch| batch.rejections.extend(std::iter::repeat_n(row(message), rows)));
    }

    fn take(&mut self) {
        if let Ok(accumulator) = self.announced.try_recv()
            && let Some(batch) = accumulator.take()
        {
            self.closed.push(batch);
        }
    }

    fn store(&mut self, which: usize) {
        if self.closed.is_empty() {
            return;
        }
        let batch = self.closed.swap_remove(which % self.closed.len());
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        for row in &batch.pending.batch.rejections {
            *counts.entry(row.received_at.0 as usize).or_default() += 1;
        }
        for (message, rows) in counts {
            // All rows of a message stand in one transaction; a redelivery's are the same rows.
            assert_eq!(rows % self.rows_of[&message], 0, "message {message} is torn");
            self.stored.insert(message, self.rows_of[&message]);
        }
        self.accumulator.stored(batch.size, batch.acks);
    }

    /// What is requested on a broken connection waits.
    fn send(&mut self) {
        if self.link != Link::Up {
            return;
        }
        for packet_id in self.requests.take() {
            let message = self.in_flight.remove(&packet_id);
            let message = message.unwrap_or_else(|| panic!("{packet_id} acknowledges nothing"));
            assert_eq!(self.delivered.pop_front(), Some(message), "out of order");
            assert_eq!(
                self.stored.get(&message).copied().unwrap_or(0),
                self.rows_of[&message],
                "message {message} is acknowledged and not stored"
            );
            self.unacknowledged.retain(|m| *m != message);
        }
    }

    fn break_link(&mut self) {
        if self.link == Link::Up {
            self.drop_waiting_acks();
            self.in_flight.clear();
            self.delivered.clear();
            self.link = Link::Broken;
        }
    }

    fn lost(&mut self) {
        if self.link == Link::Broken {
            self.accumulator.acks.lost();
            self.drop_waiting_acks();
            self.link = Link::Down;
        }
    }

    fn connect(&mut self, first_packet_id: u16) {
        self.accumulator.acks.connected();
        self.next_packet_id = first_packet_id;
        self.link = Link::Up;
    }

    /// As `rumqttc`'s `EventLoop::clean` does.
    fn drop_waiting_acks(&self) {
        self.requests.take();
    }

    /// Nothing more goes wrong: all there is gets through.
    fn finish(&mut self) {
        self.step(Step::Connect { first_packet_id: 1 });
        while self.unacknowledged.len() > self.delivered.len() {
            self.deliver(0);
        }
        while !self.announced.is_empty() {
            self.take();
        }
        while !self.closed.is_empty() {
            self.store(0);
        }
        self.send();
    }
}

fn has_room(accumulator: &Accumulator) -> bool {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    std::pin::pin!(accumulator.room()).as_mut().poll(&mut context).is_ready()
}

proptest! {
    #[test]
    fn nothing_is_lost_duplicated_or_acknowledged_too_early(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.finish();
        let all: BTreeSet<usize> = (1..=world.next_message).filter(|m| world.rows_of[m] > 0).collect();
        prop_assert_eq!(world.stored.keys().copied().collect::<BTreeSet<_>>(), all);
        prop_assert!(world.unacknowledged.is_empty(), "never acknowledged: {:?}", world.unacknowledged);
        prop_assert_eq!(world.accumulator.acks.owed(), 0);
        prop_assert!(has_room(&world.accumulator), "room was not given back");
    }
}
