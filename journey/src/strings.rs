//! Many short strings in one allocation.

use serde::{Deserialize, Serialize};

/// Texts by number. One allocation instead of one for each text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    pub(crate) fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut strings = Strings::default();
        for text in texts {
            strings.push(text.as_ref());
        }
        strings.bytes.shrink_to_fit();
        strings.starts.shrink_to_fit();
        strings
    }

    /// Adds `text` and gives its number. Beyond 4 GiB of text it becomes an empty one.
    pub(crate) fn push(&mut self, text: &str) -> u32 {
        let number = self.starts.len() as u32 - 1;
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

    /// Whether all texts can be read: a stored file may be damaged.
    pub(crate) fn is_sound(&self) -> bool {
        let ends_well = self.starts.last() == Some(&(self.bytes.len() as u32));
        let is_start = |at: &u32| self.bytes.is_char_boundary(*at as usize);
        ends_well && self.starts.is_sorted() && self.starts.iter().all(is_start)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The numbers in the order of their texts, for [`find`]. Equal texts keep their order.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.starts.len() as u32 - 1).collect();
        order.sort_by(|a, b| self.get(*a).cmp(self.get(*b)));
        order
    }
}

/// Of numbers in the order of their texts those whose text is `wanted`.
pub(crate) fn find<'a, 't>(order: &'a [u32], text: impl Fn(u32) -> &'t str, wanted: &str) -> &'a [u32] {
    let from = order.partition_point(|number| text(*number) < wanted);
    let len = order[from..].iter().take_while(|number| text(**number) == wanted).count();
    &order[from..from + len]
}
