//! Dijkstra and A* over a [`Graph`], with reusable memory and a budget.

use std::cmp::Reverse;

use dary_heap::QuaternaryHeap;

use super::condition::Closed;
use super::states::{Arc, NONE};
use crate::rows::Rows;

/// Direction of a search: from a place to all others, or from all others to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From a place to all others.
    Forward,
    /// From all others to a place.
    Backward,
}

/// What a search may spend, and when the journey is.
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// Settled states at most.
    pub settled: u32,
    /// Called now and then; `true` ends the search.
    pub stop: Option<&'a dyn Fn() -> bool>,
    /// The edges that are closed; `None`: all whose tags hold at other times than usual.
    pub closed: Option<&'a Closed>,
}

impl Budget<'_> {
    /// No limit.
    pub const NONE: Budget<'static> = Budget { settled: u32::MAX, stop: None, closed: None };
}

/// Settled states between two calls of `stop`: some 0.1 ms.
const STATES_BETWEEN_QUESTIONS: u32 = 1024;

#[derive(Debug, Clone, Copy)]
struct Label {
    ms: u32,
    parent: u32,
    /// Lower bound of what is left, ms.
    rest: u32,
    /// The search it belongs to.
    round: u32,
}

/// Memory of a search, to be used again and again: no search allocates once it has grown.
#[derive(Debug, Default)]
pub struct Workspace {
    labels: Vec<Label>,
    round: u32,
    /// Keys and states. With four children to a node there are fewer levels than with two, and a node's children share a
    /// cache line (LaMarca, Ladner 1996).
    queue: QuaternaryHeap<Reverse<u64>>,
    pub(super) settled: u32,
}

impl Workspace {
    /// An empty one.
    pub fn new() -> Self {
        Workspace::default()
    }

    /// Forgets the last search.
    pub(super) fn begin(&mut self, states: usize) {
        const FRESH: Label = Label { ms: NONE, parent: NONE, rest: 0, round: 0 };
        if self.labels.len() < states {
            self.labels.resize(states, FRESH);
        }
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.labels.fill(FRESH);
            self.round = 1;
        }
        self.queue.clear();
        self.settled = 0;
    }

    /// Best time to (or from) a state, ms, if it was reached.
    #[inline]
    pub(super) fn ms(&self, state: u32) -> Option<u32> {
        let label = self.labels.get(state as usize)?;
        (label.round == self.round).then_some(label.ms)
    }

    /// The state before (after) `state` on the best way; [`NONE`] at its beginning.
    pub(super) fn parent(&self, state: u32) -> u32 {
        self.labels[state as usize].parent
    }

    /// Offers a label; `rest` is computed only the first time that a state is seen, and [`NONE`] if it leads
    /// nowhere.
    #[inline]
    pub(super) fn offer(&mut self, state: u32, ms: u32, parent: u32, rest: impl FnOnce() -> u32) {
        let label = &mut self.labels[state as usize];
        let rest = match label.round == self.round {
            true if label.ms <= ms => return,
            true => label.rest,
            false => match rest() {
                NONE => return,
                rest => rest,
            },
        };
        *label = Label { ms, parent, rest, round: self.round };
        self.queue.push(Reverse(u64::from(ms.saturating_add(rest)) << 32 | u64::from(state)));
    }

    /// Settles states in order until the queue is empty or its first key reaches `limit()`.
    /// `reached` sees every improved label and may lower the limit; `rest` is the lower bound.
    /// Directed edges that are `closed` are not travelled.
    /// Returns whether the budget cut the search short.
    pub(super) fn run(
        &mut self,
        arcs: &Rows<Arc>,
        mut limit: u32,
        budget: Budget<'_>,
        closed: &Closed,
        rest: impl Fn(u32) -> u32,
        mut reached: impl FnMut(u32, u32) -> u32,
    ) -> bool {
        while let Some(Reverse(entry)) = self.queue.pop() {
            let (key, state) = ((entry >> 32) as u32, entry as u32);
            if key > limit {
                break;
            }
            let Label { ms, rest: bound, .. } = self.labels[state as usize];
            if key > ms.saturating_add(bound) {
                continue;
            }
            self.settled += 1;
            if self.settled > budget.settled {
                return true;
            }
            if self.settled.is_multiple_of(STATES_BETWEEN_QUESTIONS) && budget.stop.is_some_and(|stop| stop())
            {
                return true;
            }
            for arc in arcs.get(state as usize) {
                let (mut tail, mut ms, mut arc) = (state, ms, arc);
                // Where there is only one way on, it is gone at once: no queue for states in between.
                loop {
                    if closed.has(arc.code >> 1) {
                        break;
                    }
                    ms = ms.saturating_add(arc.ms);
                    if ms > limit || self.ms(arc.head).is_some_and(|known| known <= ms) {
                        break;
                    }
                    limit = limit.min(reached(arc.head, ms));
                    let [only] = arcs.get(arc.head as usize) else {
                        self.offer(arc.head, ms, tail, || rest(arc.head));
                        break;
                    };
                    self.labels[arc.head as usize] = Label { ms, parent: tail, rest: 0, round: self.round };
                    (tail, arc) = (arc.head, only);
                }
            }
        }
        false
    }
}
