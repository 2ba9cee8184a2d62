//! Many short strings in one allocation.

use serde::{Deserialize, Serialize};

/// Texts by number. One allocation instead of one for each text.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Strings {
    bytes: String,
    /// Where each text begins, and the end of the last.
    starts: Vec<u32>,
}

impl Default for Strings {
    fn default() -> Self {
        Strings { bytes: String::new(), starts: vec![0] }
    }
}

impl Strings {
    /// These texts, in their order.
    pub(super) fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut strings = Strings::default();
        for text in texts {
            strings.push(text.as_ref());
        }
        strings.bytes.shrink_to_fit();
        strings.starts.shrink_to_fit();
        strings
    }

    /// Adds `text` and gives its number. Beyond 4 GiB of text it is kept as an empty one.
    pub(super) fn push(&mut self, text: &str) -> u32 {
        let number = self.len() as u32;
        if self.bytes.len() + text.len() <= u32::MAX as usize {
            self.bytes.push_str(text);
        }
        self.starts.push(self.bytes.len() as u32);
        number
    }

    /// The text with this number; empty when there is none.
    pub fn get(&self, number: u32) -> &str {
        let at = number as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(from), Some(to)) => &self.bytes[*from as usize..*to as usize],
            _ => "",
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers in the order of their texts, for [`Strings::find`]. Equal texts keep their order.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by(|a, b| self.get(*a).cmp(self.get(*b)));
        order
    }

    /// The numbers that carry `text`, by an `order` from [`Strings::sorted`].
    pub(super) fn find<'a>(&self, order: &'a [u32], text: &str) -> &'a [u32] {
        let from = order.partition_point(|n| self.get(*n) < text);
        let len = order[from..].iter().take_while(|n| self.get(**n) == text).count();
        &order[from..from + len]
    }
}
