//! Lists by number in two arrays: compressed sparse rows.

use serde::{Deserialize, Serialize};

/// Lists of `T`, one after the other in one array.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rows<T> {
    /// Where each list begins, and the end of the last.
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Rows { starts: vec![0], items: Vec::new() }
    }
}

impl<T> Rows<T> {
    /// Adds a list and gives its number.
    pub fn push(&mut self, items: impl IntoIterator<Item = T>) -> u32 {
        self.items.extend(items);
        self.starts.push(self.items.len() as u32);
        self.len() as u32 - 1
    }

    /// The items by their list's number; within a list they keep their order.
    pub fn grouped(lists: usize, pairs: &[(u32, T)]) -> Self
    where
        T: Copy,
    {
        let mut starts = vec![0u32; lists + 1];
        for (list, _) in pairs {
            starts[*list as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut items = pairs.first().map_or_else(Vec::new, |(_, any)| vec![*any; pairs.len()]);
        for (list, item) in pairs {
            let slot = &mut next[*list as usize];
            items[*slot as usize] = *item;
            *slot += 1;
        }
        Rows { starts, items }
    }

    /// The list with this number; empty when there is none.
    #[inline]
    pub fn get(&self, number: usize) -> &[T] {
        match self.starts.get(number..).unwrap_or_default() {
            [from, to, ..] => &self.items[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// How many lists.
    #[inline]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// All items, list by list.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// The items of all rows.
    pub fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Gives back memory that is not used.
    pub fn shrink(&mut self) {
        self.items.shrink_to_fit();
    }
}
