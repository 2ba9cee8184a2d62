//! A set of audiences in two bytes: checked for every place in a search.

use crate::place::Audience;

/// Some of the [`Audience`]s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudienceSet(u16);

impl AudienceSet {
    /// Nobody.
    pub const EMPTY: AudienceSet = AudienceSet(0);

    /// Adds an audience.
    pub const fn insert(&mut self, audience: Audience) {
        self.0 |= 1 << audience as u16;
    }

    /// Whether the audience is one of them.
    pub const fn contains(self, audience: Audience) -> bool {
        self.0 & (1 << audience as u16) != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether both have an audience in common.
    pub const fn intersects(self, other: AudienceSet) -> bool {
        self.0 & other.0 != 0
    }

    /// The audiences of either.
    pub const fn union(self, other: AudienceSet) -> AudienceSet {
        AudienceSet(self.0 | other.0)
    }

    /// Without the audiences of `other`.
    pub const fn minus(self, other: AudienceSet) -> AudienceSet {
        AudienceSet(self.0 & !other.0)
    }

    /// Each audience, in the order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Audience> {
        Audience::ALL.iter().copied().filter(move |a| self.contains(*a))
    }
}

impl FromIterator<Audience> for AudienceSet {
    fn from_iter<I: IntoIterator<Item = Audience>>(audiences: I) -> Self {
        AudienceSet(audiences.into_iter().fold(0, |set, audience| set | 1 << audience as u16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_every_audience_apart() {
        for &a in Audience::ALL {
            let set: AudienceSet = [a].into_iter().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), [a]);
            assert!(set.minus(set).is_empty());
        }
    }
}
