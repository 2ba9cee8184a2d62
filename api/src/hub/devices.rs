//! The last events about devices, rendered once for all clients.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::ids::SourceKey;
use domain::live::Change;
use domain::{BayId, MunicipalityId, UtcMicros};
use parking_lot::{Mutex, RwLock};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::event::frame;

/// Events that are kept for clients that lag or come back, of some 700 bytes each: hours of a town, a minute of a flood.
const KEPT: usize = 4_096;

/// Messages and devices that wait to be read, of some 100 bytes each. Of more, the oldest are missed.
const WAITING: usize = 10_000;

/// Without a client for so long nothing is read: whoever comes back later has missed something.
const FOLLOWED_FOR: Duration = Duration::from_secs(300);

/// A message by its identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageKey {
    pub municipality: MunicipalityId,
    pub device: String,
    pub id: String,
}

/// What is to be read and sent.
#[derive(Debug, Default)]
pub struct Waiting {
    pub messages: VecDeque<MessageKey>,
    pub judged: BTreeSet<(MunicipalityId, SourceKey, Option<BayId>)>,
    /// Statements about places and vehicles of sources that no network server speaks for: they say all that there is.
    pub statements: VecDeque<Change>,
    /// Some were left out.
    has_gap: bool,
    followed_at: Option<Instant>,
}

struct Event {
    position: u64,
    municipality: MunicipalityId,
    device: String,
    bytes: Bytes,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Event>,
    newest: u64,
    /// Position up to which nothing is kept any more.
    forgotten: u64,
}

/// What a client gets to read.
pub enum Read {
    /// Events up to a position; empty when none was for this client.
    Events(Bytes, u64),
    /// Something was missed before this position.
    Missed(u64),
}

/// See the module's description.
pub struct DeviceHub {
    waiting: Mutex<Waiting>,
    pub is_waiting: Notify,
    ring: RwLock<Ring>,
    newest: watch::Sender<u64>,
    /// Distinguishes positions of this process from those of earlier ones.
    epoch: String,
}

impl DeviceHub {
    /// Without events. `now` names this run.
    pub fn new(now: UtcMicros) -> Self {
        DeviceHub {
            waiting: Mutex::default(),
            is_waiting: Notify::new(),
            ring: RwLock::default(),
            newest: watch::Sender::new(0),
            epoch: format!("{:x}", now.0),
        }
    }

    /// Takes what was committed: messages that came, and devices that were judged.
    pub fn note<'c>(&self, changes: impl IntoIterator<Item = &'c Change>) {
        let is_event = |change: &&Change| is_about_devices(change) || is_statement(change);
        let mut changes = changes.into_iter().filter(is_event).peekable();
        if changes.peek().is_none() {
            return;
        }
        let mut waiting = self.waiting.lock();
        if !self.is_followed(&mut waiting) {
            drop(waiting);
            return self.forget();
        }
        for change in changes {
            match change {
                Change::Heard { municipality, device, message } => waiting.messages.push_back(MessageKey {
                    municipality: *municipality,
                    device: device.clone(),
                    id: message.clone(),
                }),
                Change::Judged { municipality, source, bay } => {
                    waiting.judged.insert((*municipality, *source, *bay));
                }
                statement => waiting.statements.push_back(statement.clone()),
            }
        }
        while waiting.statements.len() > WAITING {
            waiting.statements.pop_front();
            waiting.has_gap = true;
        }
        while waiting.messages.len() > WAITING {
            waiting.messages.pop_front();
            waiting.has_gap = true;
        }
        while waiting.judged.len() > WAITING {
            waiting.judged.pop_first();
            waiting.has_gap = true;
        }
        self.is_waiting.notify_one();
    }

    /// Whether somebody follows, or did a moment ago.
    fn is_followed(&self, waiting: &mut Waiting) -> bool {
        if self.newest.receiver_count() > 0 {
            waiting.followed_at = Some(Instant::now());
        }
        waiting.followed_at.is_some_and(|at| at.elapsed() < FOLLOWED_FOR)
    }

    /// What waits; `most` messages, and as many devices.
    pub fn take(&self, most: usize) -> Waiting {
        let mut waiting = self.waiting.lock();
        if std::mem::take(&mut waiting.has_gap) {
            self.forget();
        }
        let n = waiting.messages.len().min(most);
        let messages = waiting.messages.drain(..n).collect();
        let mut judged = BTreeSet::new();
        while judged.len() < most
            && let Some(next) = waiting.judged.pop_first()
        {
            judged.insert(next);
        }
        let n = waiting.statements.len().min(most);
        let statements = waiting.statements.drain(..n).collect();
        if !(waiting.messages.is_empty() && waiting.judged.is_empty() && waiting.statements.is_empty()) {
            self.is_waiting.notify_one();
        }
        Waiting { messages, judged, statements, ..Waiting::default() }
    }

    /// Puts back what could not be read.
    pub fn put_back(&self, mut taken: Waiting) {
        let mut waiting = self.waiting.lock();
        waiting.judged.append(&mut taken.judged);
        taken.messages.append(&mut waiting.messages);
        waiting.messages = taken.messages;
        taken.statements.append(&mut waiting.statements);
        waiting.statements = taken.statements;
        self.is_waiting.notify_one();
    }

    /// Whoever reads on has missed something.
    pub fn forget(&self) {
        let mut ring = self.ring.write();
        ring.events.clear();
        ring.newest += 1;
        ring.forgotten = ring.newest;
        self.newest.send_replace(ring.newest);
    }

    /// Sends an event about a device of a municipality.
    pub fn send(&self, municipality: MunicipalityId, device: &str, event: &str, data: &impl Serialize) {
        let mut ring = self.ring.write();
        ring.newest += 1;
        let position = ring.newest;
        let bytes = Bytes::from(frame(&self.id(position), event, data));
        if ring.events.len() == KEPT
            && let Some(oldest) = ring.events.pop_front()
        {
            ring.forgotten = oldest.position;
        }
        ring.events.push_back(Event { position, municipality, device: device.to_owned(), bytes });
        self.newest.send_replace(position);
    }

    /// The name of a position.
    pub fn id(&self, position: u64) -> String {
        format!("{}-{position}", self.epoch)
    }

    /// Positions as they grow; as long as it is held, somebody follows.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Where a client begins: after what it names, or with what comes next. An error: at a position before which it missed
    /// something.
    pub fn start(&self, last_event_id: Option<&str>) -> Result<u64, u64> {
        let ring = self.ring.read();
        let Some(id) = last_event_id else { return Ok(ring.newest) };
        let named = id.rsplit_once('-').filter(|(epoch, _)| *epoch == self.epoch);
        let position = named.and_then(|(_, position)| position.parse::<u64>().ok());
        position.filter(|at| (ring.forgotten..=ring.newest).contains(at)).ok_or(ring.newest)
    }

    /// What comes after `position` of these municipalities, and of one device.
    pub fn read_after(&self, position: u64, towns: &[MunicipalityId], only: Option<&str>) -> Read {
        /// Events looked at in one go.
        const AT_ONCE: usize = 1_024;
        let ring = self.ring.read();
        if position < ring.forgotten {
            return Read::Missed(ring.newest);
        }
        let start = ring.events.partition_point(|e| e.position <= position);
        let (mut out, mut reached) = (BytesMut::new(), position);
        for event in ring.events.iter().skip(start).take(AT_ONCE) {
            reached = event.position;
            if towns.contains(&event.municipality) && only.is_none_or(|id| id == event.device) {
                out.extend_from_slice(&event.bytes);
            }
        }
        Read::Events(out.freeze(), reached)
    }
}

/// Whether a change says what devices did, and nothing of places.
pub fn is_about_devices(change: &Change) -> bool {
    matches!(change, Change::Heard { .. } | Change::Judged { .. })
}

/// Whether a change is a statement that may have come without a network server: those of its devices are [`Change::Heard`].
fn is_statement(change: &Change) -> bool {
    match change {
        Change::Bay { reading, .. } => reading.sensor.is_none(),
        Change::Site { count, .. } => count.heard_from.is_some_and(|(_, sensor)| sensor.is_none()),
        Change::Vehicle { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOWN: MunicipalityId = MunicipalityId(1);

    fn heard(n: usize) -> Change {
        Change::Heard { municipality: TOWN, device: "d".into(), message: n.to_string() }
    }

    fn texts(read: Read) -> (String, u64) {
        match read {
            Read::Events(bytes, at) => (String::from_utf8(bytes.to_vec()).unwrap(), at),
            Read::Missed(at) => ("missed".to_owned(), at),
        }
    }

    #[tokio::test]
    async fn who_may_not_see_a_device_reads_nothing_of_it() {
        let hub = DeviceHub::new(UtcMicros(255));
        hub.send(TOWN, "a", "message", &1);
        hub.send(MunicipalityId(2), "b", "message", &2);
        hub.send(TOWN, "c", "health", &3);
        let all = "id: ff-1\nevent: message\ndata: 1\n\nid: ff-3\nevent: health\ndata: 3\n\n";
        assert_eq!(texts(hub.read_after(0, &[TOWN], None)), (all.to_owned(), 3));
        assert_eq!(texts(hub.read_after(0, &[TOWN], Some("b"))), (String::new(), 3));
        assert_eq!(
            texts(hub.read_after(1, &[MunicipalityId(2)], None)).0,
            "id: ff-2\nevent: message\ndata: 2\n\n"
        );
        // Where one was, now, and where nobody can have been.
        assert_eq!((hub.start(Some("ff-1")), hub.start(None)), (Ok(1), Ok(3)));
        for unknown in ["fe-1", "ff-9", "ff", "", "ff-x"] {
            assert_eq!(hub.start(Some(unknown)), Err(3), "{unknown}");
        }
    }

    #[tokio::test]
    async fn what_is_kept_is_bounded_and_whoever_missed_something_learns_so() {
        let hub = DeviceHub::new(UtcMicros(1));
        for n in 0..KEPT + 10 {
            hub.send(TOWN, "a", "message", &n);
        }
        assert_eq!(hub.ring.read().events.len(), KEPT);
        assert_eq!(texts(hub.read_after(9, &[TOWN], None)), ("missed".to_owned(), KEPT as u64 + 10));
        assert_eq!(texts(hub.read_after(10, &[TOWN], Some("none"))).1, 10 + 1_024);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_waits_unless_somebody_follows_or_did_a_moment_ago() {
        let hub = DeviceHub::new(UtcMicros(1));
        hub.note([&heard(0)]);
        assert!(hub.take(9).messages.is_empty());
        let follower = hub.subscribe();
        let start = hub.start(None).unwrap();
        hub.note(&[heard(1), heard(2), heard(3)]);
        let taken = hub.take(2);
        assert_eq!(taken.messages.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        hub.put_back(taken);
        assert_eq!(hub.take(9).messages.len(), 3);
        assert_eq!(texts(hub.read_after(start, &[TOWN], None)), (String::new(), start), "nothing was missed");
        drop(follower);
        tokio::time::advance(FOLLOWED_FOR / 2).await;
        hub.note([&heard(4)]);
        assert_eq!(hub.take(9).messages.len(), 1);
        tokio::time::advance(FOLLOWED_FOR).await;
        hub.note([&heard(5)]);
        assert!(hub.take(9).messages.is_empty());
        assert_eq!(texts(hub.read_after(start, &[TOWN], None)).0, "missed");
        // More than can wait.
        let _follower = hub.subscribe();
        let start = hub.start(None).unwrap();
        hub.note(&(0..WAITING + 1).map(heard).collect::<Vec<_>>());
        assert_eq!(hub.take(usize::MAX).messages.len(), WAITING);
        assert_eq!(texts(hub.read_after(start, &[TOWN], None)).0, "missed");
    }
}
