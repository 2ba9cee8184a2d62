//! Sets of small numbers as bits.

/// Words that hold `len` bits.
pub fn words(len: usize) -> usize {
    len.div_ceil(64)
}

/// Puts `at` into the set.
#[inline]
pub fn set(bits: &mut [u64], at: usize) {
    bits[at / 64] |= 1 << (at % 64);
}

/// Takes `at` out of the set.
#[inline]
pub fn unset(bits: &mut [u64], at: usize) {
    bits[at / 64] &= !(1 << (at % 64));
}

/// Whether `at` is in the set.
#[inline]
pub fn has(bits: &[u64], at: usize) -> bool {
    bits[at / 64] >> (at % 64) & 1 == 1
}

/// The members, in order.
pub fn members(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(word, bits)| {
        let mut left = *bits;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(word * 64 + bit)
        })
    })
}

/// The smallest member of `bits` without `not` in `from..until`.
#[inline]
pub fn first_from(bits: &[u64], not: &[u64], from: usize, until: usize) -> Option<usize> {
    let mut word = from / 64;
    let mut left = (bits.get(word)? & !not[word]) & (u64::MAX << (from % 64));
    loop {
        if left != 0 {
            let found = word * 64 + left.trailing_zeros() as usize;
            return (found < until).then_some(found);
        }
        word += 1;
        if word * 64 >= until {
            return None;
        }
        left = bits[word] & !not[word];
    }
}

/// The greatest member of `bits` without `not` in `from..=last`.
#[inline]
pub fn last_to(bits: &[u64], not: &[u64], from: usize, last: usize) -> Option<usize> {
    let mut word = last / 64;
    let mut left = (bits[word] & !not[word]) & (u64::MAX >> (63 - last % 64));
    loop {
        if left != 0 {
            let found = word * 64 + 63 - left.leading_zeros() as usize;
            return (found >= from).then_some(found);
        }
        if word * 64 <= from {
            return None;
        }
        word -= 1;
        left = bits[word] & !not[word];
    }
}
