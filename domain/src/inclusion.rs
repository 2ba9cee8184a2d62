//! Which spaces of a site count in public numbers.
//!
//! A bay that is not shown by itself must not be computable from numbers that contain it. So hidden bays count only as a
//! crowd: in a site none of whose bays is shown singly, and where at least [`MIN_HIDDEN_BAYS`] of them count. Whatever is
//! added up over sites (zones, towns, boxes) then differs by whole crowds. Live state and history both ask here.

use smallvec::SmallVec;

use crate::place::{Audience, Bay, Publish};

/// The fewest hidden bays of which a number may be published, and the fewest of a group in planners' figures for everybody.
pub const MIN_HIDDEN_BAYS: u32 = 5;

/// How a bay may count in its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its own state is shown, so it counts.
    Shown,
    /// Its own state is not shown; it counts where enough of its like do.
    Hidden,
    /// Not shown, and never counts: it belongs to one person.
    OfOne,
    /// Nothing may be known of it.
    Nowhere,
}

impl Standing {
    /// That of a bay whose site, if it has one, is shown.
    pub fn of(bay: &Bay) -> Standing {
        let is_of_one = bay.restrictions.iter().any(|r| r.audience == Some(Audience::AssignedDisabled));
        match bay.publish() {
            Publish::Public => Standing::Shown,
            Publish::SiteOnly if is_of_one => Standing::OfOne,
            Publish::SiteOnly => Standing::Hidden,
            Publish::None => Standing::Nowhere,
        }
    }
}

/// The bays of a site at one time. `K` says for whom hidden ones are reserved.
#[derive(Debug, Clone)]
pub struct SiteBays<K> {
    shown: u32,
    hidden: SmallVec<[(K, u32); 2]>,
    /// Hidden ones that are not to be seen even in a crowd: of one person, closed, without a device.
    never: u32,
    /// Bays of which nothing may be known.
    nowhere: u32,
}

impl<K> Default for SiteBays<K> {
    fn default() -> Self {
        SiteBays { shown: 0, hidden: SmallVec::new(), never: 0, nowhere: 0 }
    }
}

impl<K: PartialEq> SiteBays<K> {
    /// Adds a bay. `kept` says for whom it is reserved; `is_possible`, whether it can have a state now (it is not closed).
    pub fn add(&mut self, standing: Standing, kept: K, is_possible: bool) {
        match standing {
            Standing::Shown => self.shown += 1,
            Standing::Hidden if is_possible => match self.hidden.iter_mut().find(|(k, _)| *k == kept) {
                Some((_, n)) => *n += 1,
                None => self.hidden.push((kept, 1)),
            },
            Standing::Hidden | Standing::OfOne => self.never += 1,
            Standing::Nowhere => self.nowhere += 1,
        }
    }

    /// What counts in a site of which its definition says that it has `capacity` spaces.
    pub fn inclusion(&self, capacity: u32) -> Inclusion {
        let is_crowd = |n: u32| n >= MIN_HIDDEN_BAYS;
        let hidden: u32 = self.hidden.iter().map(|(_, n)| n).sum();
        let unseen = self.never + self.nowhere;
        // Spaces without a bay that is shown singly, and those of them that are in no crowd of bays.
        let not_shown = capacity.saturating_sub(self.shown).max(hidden + unseen);
        let rest = capacity.saturating_sub(self.shown + hidden).max(unseen);
        let has_hidden = hidden + unseen > 0;
        // Where nothing is hidden a count may be of few spaces: of a site without bays, or all of whose bays are shown.
        let hides_nothing = !has_hidden && (self.shown == 0 || not_shown == 0);
        let hidden_bays = self.shown == 0 && is_crowd(hidden);
        Inclusion {
            hidden_bays,
            hidden_bays_beside_count: hidden_bays && (rest == 0 || is_crowd(rest)),
            own_count: hides_nothing || is_crowd(not_shown),
            counts_by_audience: !has_hidden,
            by_restriction: self.hidden.iter().all(|(_, n)| is_crowd(*n)),
            shown: self.shown,
            hidden,
            never: self.never,
        }
    }
}

/// What counts in a site at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inclusion {
    /// Hidden bays count. No bay of the site is shown singly then.
    hidden_bays: bool,
    /// The same where the site has a count of its own: with the count, fewer spaces than a crowd could be left.
    hidden_bays_beside_count: bool,
    /// The site's own count may be used.
    pub own_count: bool,
    /// Counts of one audience's spaces may be used.
    pub counts_by_audience: bool,
    /// Hidden bays that count may be listed by whom they are reserved for.
    pub by_restriction: bool,
    /// Bays that are shown singly.
    pub shown: u32,
    hidden: u32,
    never: u32,
}

impl Default for Inclusion {
    /// That of a site without bays.
    fn default() -> Self {
        SiteBays::<()>::default().inclusion(0)
    }
}

impl Inclusion {
    /// Whether hidden bays count in the site. `is_counted`: it has, or had, a count of its own.
    pub fn hidden_bays(&self, is_counted: bool) -> bool {
        if is_counted { self.hidden_bays_beside_count } else { self.hidden_bays }
    }

    /// Hidden bays that do not count, but those of which nothing may be known.
    pub fn left_out(&self, is_counted: bool) -> u32 {
        self.never + if self.hidden_bays(is_counted) { 0 } else { self.hidden }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bays(shown: u32, hidden: &[u32], never: u32) -> SiteBays<usize> {
        let mut bays = SiteBays::default();
        (0..shown).for_each(|_| bays.add(Standing::Shown, 0, true));
        for (kind, n) in hidden.iter().enumerate() {
            (0..*n).for_each(|_| bays.add(Standing::Hidden, kind, true));
        }
        (0..never).for_each(|_| bays.add(Standing::OfOne, 0, true));
        bays
    }

    #[test]
    fn hidden_bays_count_as_a_crowd_and_alone() {
        let counts = |shown, hidden: &[u32], never| {
            bays(shown, hidden, never)
                .inclusion(shown + hidden.iter().sum::<u32>() + never)
                .hidden_bays(false)
        };
        assert!(counts(0, &[5], 0) && counts(0, &[2, 3], 0) && counts(0, &[5], 3));
        assert!(!counts(0, &[4], 0) && !counts(1, &[9], 0) && !counts(0, &[], 9) && !counts(0, &[4], 9));
        let by_restriction = |hidden: &[u32]| bays(0, hidden, 0).inclusion(20).by_restriction;
        assert!(by_restriction(&[5, 6]) && !by_restriction(&[6, 4]));
    }

    #[test]
    fn a_count_needs_five_spaces_that_are_not_shown_unless_nothing_is_hidden() {
        let used = |capacity, shown, hidden: &[u32]| bays(shown, hidden, 0).inclusion(capacity).own_count;
        assert!(used(3, 0, &[]) && used(4, 4, &[]) && used(12, 7, &[]) && used(12, 7, &[2]));
        assert!(!used(12, 8, &[]) && !used(3, 0, &[3]) && !used(12, 8, &[4]) && !used(4, 4, &[1]));
        assert!(!bays(0, &[5], 3).inclusion(8).hidden_bays(true), "count less bays would be three");
    }

    proptest! {
        /// Every number that may be given out about a site is a sum over its spaces: no difference of any of them leaves
        /// fewer than a crowd.
        #[test]
        fn no_difference_of_numbers_leaves_a_few(
            shown in 0..3u32, hidden in proptest::collection::vec(1..9u32, 0..3), never in 0..8u32, more in 0..9u32, is_counted: bool,
        ) {
            let sum: u32 = hidden.iter().sum();
            let may = bays(shown, &hidden, never).inclusion(shown + sum + never + more);
            // Spaces that are not shown, by kind: those of each kind, then all others.
            let mut published: Vec<Vec<i32>> = Vec::new();
            let kinds = hidden.len();
            let ones = |n: usize| (0..=kinds).map(|i| i32::from(i < n)).collect::<Vec<_>>();
            if may.hidden_bays(is_counted) {
                published.push(ones(kinds));
                if may.by_restriction {
                    published.extend((0..kinds).map(|k| (0..=kinds).map(|i| i32::from(i == k)).collect()));
                }
            }
            if is_counted && may.own_count && sum + never > 0 {
                published.push(ones(kinds + 1));
            }
            let sizes: Vec<u32> = hidden.iter().copied().chain([never + more]).collect();
            for a in -2..=2 {
                for b in -2..=2 {
                    for (x, y) in published.iter().flat_map(|x| published.iter().map(move |y| (x, y))) {
                        let left: u32 = (0..=kinds).filter(|i| a * x[*i] + b * y[*i] != 0).map(|i| sizes[i]).sum();
                        prop_assert!(left == 0 || left >= MIN_HIDDEN_BAYS, "{left} of {sizes:?}");
                    }
                }
            }
        }
    }
}
