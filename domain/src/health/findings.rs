//! What is wrong at present, each with the time since when.

use serde::{Deserialize, Serialize};

use super::code::{Code, Finding};
use crate::time::UtcMicros;

/// What a test says of one code. Between the limits of raising and clearing nothing changes: that is the hysteresis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// It is so, since then.
    Raise(UtcMicros),
    /// The evidence has no say.
    Keep,
    /// It is not so.
    Clear,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Held {
    code: Code,
    since: UtcMicros,
    value: f32,
    limit: f32,
}

/// At most one finding of each code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Findings {
    held: Vec<Held>,
}

impl Findings {
    /// Takes a test's verdict. `value` is where the test stands, `limit` where it raises.
    pub(super) fn judge(&mut self, code: Code, verdict: Verdict, value: f64, limit: f64) {
        let (value, limit) = (value as f32, limit as f32);
        match (verdict, self.held.iter_mut().find(|held| held.code == code)) {
            (Verdict::Raise(_) | Verdict::Keep, Some(held)) => held.value = value,
            (Verdict::Raise(since), None) => self.held.push(Held { code, since, value, limit }),
            (Verdict::Keep, None) => {}
            (Verdict::Clear, _) => self.clear(code),
        }
    }

    pub(super) fn clear(&mut self, code: Code) {
        self.held.retain(|held| held.code != code);
    }

    pub(super) fn has(&self, code: Code) -> bool {
        self.held.iter().any(|held| held.code == code)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Finding> + '_ {
        self.held.iter().map(|&Held { code, since, value, limit }| Finding { code, since, value, limit })
    }
}
