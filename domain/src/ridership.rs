//! How many passengers were on board, from counts at doors that drift.
//!
//! Counters miss people and count others twice, so that more seem to have boarded a run than ever left
//! it. At the end of a run nobody is on board: what is left there is error, and is spread over the run.
//! The method is the usual one (Furth, Hemily, Muller and Strathman, *Using Archived AVL-APC Data to
//! Improve Transit Performance and Management*, TCRP Report 113, 2006, ch. 8.1): both sums are brought to
//! their mean, each stop in proportion to its count; then loads below zero are removed, and all numbers
//! stay whole.

/// Who got on and off at one stop of a run, as counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Who got on.
    pub entries: u32,
    /// Who got off.
    pub exits: u32,
}

/// The same in balance with the rest of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balanced {
    /// Who got on.
    pub boardings: u32,
    /// Who got off.
    pub alightings: u32,
    /// On board when the vehicle leaves.
    pub load: u32,
}

impl Balanced {
    /// How many passengers were added or taken away.
    pub fn corrected(&self, counted: Counted) -> u32 {
        self.boardings.abs_diff(counted.entries) + self.alightings.abs_diff(counted.exits)
    }
}

/// Balances a run, its stops in order. Loads are never negative, the last is zero, and as many get off as
/// get on. A run that is in balance stays as it is.
///
/// A counter that saw nobody on one side all the way did not count there: then the other side holds, and
/// all get on at the first stop or off at the last.
pub fn balance(run: &[Counted]) -> Vec<Balanced> {
    let entries: Vec<u32> = run.iter().map(|c| c.entries).collect();
    let exits: Vec<u32> = run.iter().map(|c| c.exits).collect();
    let sum = |side: &[u32]| side.iter().map(|n| u64::from(*n)).sum::<u64>();
    let total = match (sum(&entries), sum(&exits)) {
        (0, n) | (n, 0) => n,
        (on, off) => (on + off).div_ceil(2),
    };
    let boardings = apportion(total, &entries).unwrap_or_else(|| at_one(total, 0, run.len()));
    let last = run.len().saturating_sub(1);
    let alightings = apportion(total, &exits).unwrap_or_else(|| at_one(total, last, run.len()));
    let (mut load, mut waiting) = (0, 0);
    let stop = |(on, off): (u64, u64)| {
        // Who is counted as getting off before he got on does so at a later stop.
        waiting += off;
        let off = waiting.min(load + on);
        waiting -= off;
        load = load + on - off;
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Balanced { boardings: number(on), alightings: number(off), load: number(load) }
    };
    boardings.into_iter().zip(alightings).map(stop).collect()
}

/// Divides `total` in proportion to `weights`, in whole numbers that add up: the largest remainders are
/// rounded up, of equals the first. `None`: there is nothing to be in proportion to.
fn apportion(total: u64, weights: &[u32]) -> Option<Vec<u64>> {
    let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
    if sum == 0 {
        return None;
    }
    let exact = |w: &u32| u128::from(total) * u128::from(*w);
    let mut shares: Vec<u64> = weights.iter().map(|w| (exact(w) / u128::from(sum)) as u64).collect();
    let mut by_rest: Vec<usize> = (0..weights.len()).collect();
    by_rest.sort_by_key(|i| std::cmp::Reverse(exact(&weights[*i]) % u128::from(sum)));
    let missing = total - shares.iter().sum::<u64>();
    for i in by_rest.into_iter().take(missing as usize) {
        shares[i] += 1;
    }
    Some(shares)
}

fn at_one(total: u64, stop: usize, stops: usize) -> Vec<u64> {
    (0..stops).map(|i| if i == stop { total } else { 0 }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(counts: &[(u32, u32)]) -> Vec<Counted> {
        counts.iter().map(|(entries, exits)| Counted { entries: *entries, exits: *exits }).collect()
    }

    fn balanced(counts: &[(u32, u32)]) -> Vec<(u32, u32, u32)> {
        balance(&run(counts)).iter().map(|b| (b.boardings, b.alightings, b.load)).collect()
    }

    #[test]
    fn a_run_in_balance_stays_as_it_is() {
        let counts = [(5, 0), (3, 2), (0, 4), (0, 2)];
        assert_eq!(balanced(&counts), [(5, 0, 5), (3, 2, 6), (0, 4, 2), (0, 2, 0)]);
    }

    #[test]
    fn drift_is_spread_in_proportion() {
        // 12 on, 8 off: both become 10.
        assert_eq!(balanced(&[(6, 0), (6, 4), (0, 4)]), [(5, 0, 5), (5, 5, 5), (0, 5, 0)]);
        // 3 on, 4 off: 3.5 is 4; of equal remainders the first is rounded up.
        assert_eq!(balanced(&[(2, 0), (1, 2), (0, 2)]), [(3, 0, 3), (1, 2, 2), (0, 2, 0)]);
        let one = Balanced { boardings: 5, alightings: 5, load: 0 };
        assert_eq!(one.corrected(Counted { entries: 6, exits: 4 }), 2);
    }

    #[test]
    fn nobody_gets_off_before_he_got_on() {
        assert_eq!(balanced(&[(1, 3), (5, 0), (0, 3)]), [(1, 1, 0), (5, 2, 3), (0, 3, 0)]);
    }

    #[test]
    fn a_side_that_counted_nobody_did_not_count() {
        assert_eq!(balanced(&[(4, 0), (2, 0), (0, 0)]), [(4, 0, 4), (2, 0, 6), (0, 6, 0)]);
        assert_eq!(balanced(&[(0, 0), (0, 5), (0, 1)]), [(6, 0, 6), (0, 5, 1), (0, 1, 0)]);
        assert_eq!(balanced(&[(0, 0), (0, 0)]), [(0, 0, 0), (0, 0, 0)]);
        assert_eq!(balanced(&[]), []);
    }

    proptest! {
        #[test]
        fn balanced_runs_add_up(counts in prop::collection::vec((0..60u32, 0..60u32), 1..40)) {
            let counted = run(&counts);
            let balanced = balance(&counted);
            prop_assert_eq!(balanced.len(), counted.len());
            let sum = |f: fn(&Balanced) -> u32| balanced.iter().map(f).sum::<u32>();
            let (on, off) = (sum(|b| b.boardings), sum(|b| b.alightings));
            prop_assert_eq!(on, off);
            let counted_on: u32 = counts.iter().map(|c| c.0).sum();
            let counted_off: u32 = counts.iter().map(|c| c.1).sum();
            if counted_on > 0 && counted_off > 0 {
                prop_assert_eq!(on, (counted_on + counted_off).div_ceil(2));
            } else {
                prop_assert_eq!(on, counted_on.max(counted_off));
            }
            // The load is what got on and has not got off, and never below zero.
            let mut load = 0i64;
            for b in &balanced {
                load += i64::from(b.boardings) - i64::from(b.alightings);
                prop_assert_eq!(load, i64::from(b.load));
            }
            prop_assert_eq!(load, 0);
            prop_assert_eq!(balance(&balanced.iter().map(|b| Counted { entries: b.boardings, exits: b.alightings })
                .collect::<Vec<_>>()), balanced.clone(), "what is in balance stays");
            // Each stop's boardings are its share, to one passenger.
            if counted_on > 0 {
                for (b, c) in balanced.iter().zip(&counts) {
                    let share = f64::from(on) * f64::from(c.0) / f64::from(counted_on);
                    prop_assert!((f64::from(b.boardings) - share).abs() < 1.0);
                }
            }
        }
    }
}
