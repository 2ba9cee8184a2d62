//! Seeded randomness: one independent stream per thing, so that adding a bay changes no other.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The stream of randomness of thing number `index` of the kind `label` under `seed`.
pub(crate) fn stream(seed: u64, label: &str, index: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(hash(seed, label, index))
}

/// A well-mixed number that depends on all three (FNV-1a, then the finaliser of SplitMix64).
pub(crate) fn hash(seed: u64, label: &str, index: u64) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
    for byte in label.bytes() {
        h = (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(h ^ mix(index.wrapping_add(0x9e37_79b9_7f4a_7c15)))
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `(0, 1]`: its logarithm is finite.
fn positive_unit(rng: &mut impl Rng) -> f64 {
    1.0 - rng.random::<f64>()
}

/// A standard normal number (Box-Muller).
pub(crate) fn normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * positive_unit(rng).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

/// A lognormal number with this median; `sigma` is the deviation of its logarithm.
pub(crate) fn lognormal(rng: &mut impl Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// A waiting time of a Poisson process with `rate` events per unit of time.
pub(crate) fn exponential(rng: &mut impl Rng, rate: f64) -> f64 {
    -positive_unit(rng).ln() / rate
}

/// How many events a Poisson process with this mean has (Knuth; meant for means below 30).
pub(crate) fn poisson(rng: &mut impl Rng, mean: f64) -> u32 {
    let limit = (-mean).exp();
    let mut product = rng.random::<f64>();
    let mut n = 0;
    while product > limit && n < 200 {
        product *= rng.random::<f64>();
        n += 1;
    }
    n
}

/// How many of `n` happen when each does with probability `p`.
pub(crate) fn binomial(rng: &mut impl Rng, n: u32, p: f64) -> u32 {
    (0..n).filter(|_| rng.random::<f64>() < p).count() as u32
}

/// A random (version 4) UUID in its usual spelling.
pub(crate) fn uuid(rng: &mut impl Rng) -> String {
    let bits = rng.random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_repeatable_and_independent() {
        let draw = |seed, label, index| stream(seed, label, index).random::<u64>();
        assert_eq!(draw(1, "bay", 7), draw(1, "bay", 7));
        assert_ne!(draw(1, "bay", 7), draw(1, "bay", 8));
        assert_ne!(draw(1, "bay", 7), draw(2, "bay", 7));
        assert_ne!(draw(1, "bay", 7), draw(1, "site", 7));
    }

    #[test]
    fn means_are_as_documented() {
        let mut rng = stream(3, "test", 0);
        let n = 20_000;
        let mean = |f: &mut dyn FnMut() -> f64| (0..n).map(|_| f()).sum::<f64>() / f64::from(n);
        assert!((mean(&mut || exponential(&mut rng, 0.5)) - 2.0).abs() < 0.06);
        assert!((mean(&mut || f64::from(poisson(&mut rng, 3.0))) - 3.0).abs() < 0.06);
        let lognormal_mean = 10.0 * (0.5_f64 * 0.5 / 2.0).exp();
        assert!((mean(&mut || lognormal(&mut rng, 10.0, 0.5)) - lognormal_mean).abs() < 0.3);
    }

    #[test]
    fn uuids_are_version_4() {
        let id = uuid(&mut stream(1, "uuid", 0));
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!("89ab".contains(&id[19..20]));
    }
}
