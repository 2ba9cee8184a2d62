//! Which version of GBFS a file is of, and its fields before they are read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The version that a file says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1 where none is stated: that is what 1.0 is like.
    pub major: u8,
    /// The number behind the point.
    pub minor: u8,
}

impl Version {
    /// Of a file that states none.
    pub(crate) const FIRST: Version = Version { major: 1, minor: 0 };

    /// `2.3`; also `3.1-RC2`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, rest) = text.split_once('.')?;
        let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some(Version { major: major.trim_start_matches('v').parse().ok()?, minor: minor.parse().ok()? })
    }

    /// Whether times are texts, names have languages, and bikes are vehicles.
    pub const fn is_third(self) -> bool {
        self.major >= 3
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Fields of a JSON object that are not parsed yet.
pub(crate) type Raw<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;
