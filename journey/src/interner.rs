//! Different values by number.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Values in the order in which they came, each once.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    pub list: Vec<T>,
    numbers: FxHashMap<T, u32>,
}

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Interner { list: Vec::new(), numbers: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// The number of a value, which is added if it is new.
    pub fn number(&mut self, value: T) -> u32 {
        *self.numbers.entry(value).or_insert_with_key(|value| {
            self.list.push(value.clone());
            self.list.len() as u32 - 1
        })
    }
}
