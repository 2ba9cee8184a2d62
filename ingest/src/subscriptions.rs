//! The subscriptions of one session: requested and granted.
//!
//! One request is under way at a time, so an answer needs no matching: brokers may grant a window so
//! small that packet identifiers repeat at once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::mqtt::Client;

/// See the module's description.
#[derive(Debug)]
pub struct Subscriptions {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    link: Link,
    /// Filter and QoS, by the routing table.
    requested: BTreeMap<String, u8>,
    /// What the broker may hold for us: what is requested now, and what was before.
    held: BTreeSet<String>,
    /// Of this connection.
    answers: BTreeMap<String, Result<u8, String>>,
    waiting: VecDeque<Request>,
    under_way: Option<Request>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Link {
    #[default]
    Connecting,
    Connected,
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Request {
    Subscribe(String, u8),
    Unsubscribe(String),
}

/// Whether a session's subscriptions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The broker has not answered yet.
    Asking,
    Holds,
    /// Why some or all of it does not hold.
    Lacks(String),
}

impl Subscriptions {
    /// `former`: filters that may still be subscribed under our name.
    pub fn new(
        requested: impl Iterator<Item = (String, u8)>,
        former: impl IntoIterator<Item = String>,
    ) -> Self {
        let requested: BTreeMap<String, u8> = requested.collect();
        let held = former.into_iter().chain(requested.keys().cloned()).collect();
        let state = State { requested, held, ..State::default() };
        Subscriptions { state: Mutex::new(state), changed: Notify::new() }
    }

    /// Requests everything on a new connection: a broker that lost our session has no
    /// subscriptions, and for one that kept it this changes nothing. Former subscriptions end after their
    /// replacements have begun, so that nothing is missed between.
    pub fn connected(&self, client: &Client) {
        let mut s = self.state.lock();
        s.link = Link::Connected;
        s.answers.clear();
        s.under_way = None;
        let subscribe = s.requested.iter().map(|(filter, qos)| Request::Subscribe(filter.clone(), *qos));
        let former = s.held.iter().filter(|f| !s.requested.contains_key(*f)).cloned();
        s.waiting = subscribe.chain(former.map(Request::Unsubscribe)).collect();
        self.proceed(&mut s, client);
    }

    /// The connection is lost or cannot be made. Returns how many subscriptions stood.
    pub fn lost(&self, reason: &str) -> usize {
        let mut s = self.state.lock();
        s.link = Link::Failed(reason.to_owned());
        s.waiting.clear();
        s.under_way = None;
        let stood = s.answers.values().filter(|a| a.is_ok()).count();
        s.answers.clear();
        self.changed.notify_waiters();
        stood
    }

    /// Requests other subscriptions from now on.
    pub fn reroute(&self, requested: impl Iterator<Item = (String, u8)>, client: &Client) {
        let mut s = self.state.lock();
        let before = std::mem::replace(&mut s.requested, requested.collect());
        let s = &mut *s;
        s.held.extend(s.requested.keys().cloned());
        if s.link != Link::Connected {
            return;
        }
        let new = s.requested.iter().filter(|(filter, qos)| before.get(*filter) != Some(qos));
        s.waiting.extend(new.map(|(filter, qos)| Request::Subscribe(filter.clone(), *qos)));
        let gone = before.keys().filter(|filter| !s.requested.contains_key(*filter));
        s.waiting.extend(gone.map(|filter| Request::Unsubscribe(filter.clone())));
        self.proceed(s, client);
    }

    /// The broker's answer to the SUBSCRIBE under way; the filter, and whether it is newly granted.
    pub fn subscribed(&self, granted: Result<u8, String>, client: &Client) -> Option<(String, bool)> {
        let mut s = self.state.lock();
        let Some(Request::Subscribe(filter, _)) = s.under_way.take() else { return None };
        let is_granted = granted.is_ok();
        let before = s.answers.insert(filter.clone(), granted);
        self.proceed(&mut s, client);
        Some((filter, is_granted && before.is_none_or(|b| b.is_err())))
    }

    /// The broker's answer to the UNSUBSCRIBE under way; the filter, and whether it stood before.
    pub fn unsubscribed(&self, client: &Client) -> Option<(String, bool)> {
        let mut s = self.state.lock();
        let Some(Request::Unsubscribe(filter)) = s.under_way.take() else { return None };
        // It may be requested again meanwhile: then its SUBSCRIBE waits.
        if !s.requested.contains_key(&filter) {
            s.held.remove(&filter);
        }
        let before = s.answers.remove(&filter);
        self.proceed(&mut s, client);
        Some((filter, before.is_some_and(|b| b.is_ok())))
    }

    fn proceed(&self, s: &mut State, client: &Client) {
        while s.under_way.is_none() {
            let Some(request) = s.waiting.pop_front() else { break };
            let has_room = match &request {
                Request::Subscribe(filter, qos) => client.try_subscribe(filter, *qos),
                Request::Unsubscribe(filter) => client.try_unsubscribe(filter),
            };
            if !has_room {
                // The next answer or connection goes on with it.
                s.waiting.push_front(request);
                break;
            }
            s.under_way = Some(request);
        }
        self.changed.notify_waiters();
    }

    /// Whether the requested subscriptions hold.
    pub fn status(&self) -> Status {
        let s = self.state.lock();
        let requests = s.under_way.iter().chain(&s.waiting);
        match &s.link {
            Link::Connecting => Status::Asking,
            Link::Failed(reason) => Status::Lacks(reason.clone()),
            Link::Connected if requests.clone().any(|r| matches!(r, Request::Subscribe(..))) => {
                Status::Asking
            }
            Link::Connected => {
                let refused = s.answers.iter().filter_map(|(filter, answer)| {
                    Some(format!("'{filter}' is refused: {}", answer.as_ref().err()?))
                });
                match refused.collect::<Vec<_>>().join("; ") {
                    none if none.is_empty() => Status::Holds,
                    refused => Status::Lacks(refused),
                }
            }
        }
    }

    /// Whether nothing is requested and the broker holds nothing for us.
    pub fn are_over(&self) -> bool {
        let s = self.state.lock();
        s.requested.is_empty() && s.held.is_empty()
    }

    /// Whether `filter` is requested.
    pub fn requests(&self, filter: &str) -> bool {
        self.state.lock().requested.contains_key(filter)
    }

    /// Waits until the broker has answered, or the connection has failed.
    pub async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.status() != Status::Asking {
                return;
            }
            changed.await;
        }
    }
}
