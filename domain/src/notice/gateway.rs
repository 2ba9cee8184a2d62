//! Which gateways are down.
//!
//! A gateway reports nothing about itself: it is known by the sensors that it hears. It is down when more of the sensors
//! behind it fell silent since it was last heard than would by themselves. A sensor is behind the gateway that heard most
//! of its messages, unless another one that heard at least a quarter as many is still heard: then it is the sensor.
//!
//! By themselves sensors fall silent independently of each other, with the probability *p* that the town's other sensors
//! show over the same time. It is estimated with a Beta(1, 99) prior, which is one in a hundred where nothing is known, so
//! that a failure of the network or a holiday's outage everywhere is blamed on no gateway. Of *n* sensors *k* or more
//! fall silent with the upper tail of the binomial distribution; below [`BY_CHANCE`] it was the gateway. With p = 0.01
//! that takes 4 of 4, 6 of 20 or 13 of 200 sensors. Sources: Clopper and Pearson, Biometrika 26 (1934), for the tail;
//! Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4, for the prior.

use std::collections::{BTreeMap, BTreeSet};

use crate::time::UtcMicros;

/// A gateway is down where as many sensors would fall silent by themselves once in a million times.
pub const BY_CHANCE: f64 = 1e-6;

/// Of silent sensors and of all that had fallen silent, before anything is known of the town: one in a hundred.
const PRIOR_SILENT: f64 = 1.0;
const PRIOR_SENSORS: f64 = 100.0;

/// A gateway that heard at least this share of what the best one heard can stand in for it.
const STANDS_IN: f64 = 0.25;

/// That a gateway hears a sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The sensor's id.
    pub sensor: String,
    /// The gateway's id.
    pub gateway: String,
    /// Natural logarithm of how many messages it heard lately, older ones counting less.
    pub ln_messages: f64,
}

/// What is known of a town's gateways: the links of silent sensors, and those of all sensors that share their gateways.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reception {
    /// Who hears whom.
    pub links: Vec<Link>,
    /// When each gateway last heard anything.
    pub last_heard: BTreeMap<String, UtcMicros>,
    /// How many sensors the town has.
    pub sensors: u32,
}

/// A gateway that is down.
#[derive(Debug, Clone, PartialEq)]
pub struct DownGateway {
    /// Its id.
    pub id: String,
    /// When it last heard anything.
    pub last_heard: UtcMicros,
    /// When the first of its sensors was noticed to be silent.
    pub noticed_at: UtcMicros,
    /// How many sensors behind it are silent.
    pub silent: u32,
    /// The probability that so many fall silent by themselves.
    pub by_chance: f64,
}

/// What follows for the silent sensors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// Gateways that are down.
    pub down: Vec<DownGateway>,
    /// The gateway that each silent sensor is behind.
    pub behind: BTreeMap<String, String>,
    /// Sensors whose gateways have heard nothing since: it may be them.
    pub undecided: BTreeSet<String>,
}

/// Assesses the gateways of a town. `silent`: the silent sensors, each with the time at which it was noticed.
pub fn assess(reception: &Reception, silent: &BTreeMap<&str, UtcMicros>) -> Assessment {
    let mut by_sensor: BTreeMap<&str, Vec<&Link>> = BTreeMap::new();
    for link in &reception.links {
        by_sensor.entry(&link.sensor).or_default().push(link);
    }
    let heard_after =
        |gateway: &str, at: UtcMicros| reception.last_heard.get(gateway).is_some_and(|h| *h > at);
    let mut found = Assessment::default();
    // By gateway: how many are behind it, of them silent, and when the first one was noticed.
    let mut gateways: BTreeMap<&str, (u32, u32, UtcMicros)> = BTreeMap::new();
    for (sensor, links) in by_sensor {
        let Some(best) = best(&links) else { continue };
        let Some(last_heard) = reception.last_heard.get(&best.gateway).copied() else { continue };
        let noticed_at = silent.get(sensor).copied();
        let since = noticed_at.unwrap_or(last_heard);
        let strong = |l: &&&Link| l.ln_messages >= best.ln_messages + STANDS_IN.ln();
        let is_heard = links.iter().filter(strong).any(|l| {
            // Of a sensor that is not silent: by another one than the best.
            heard_after(&l.gateway, since) && (noticed_at.is_some() || l.gateway != best.gateway)
        });
        if noticed_at.is_some() {
            found.behind.insert(sensor.to_owned(), best.gateway.clone());
        }
        if is_heard {
            continue;
        }
        let (behind, fallen, first) = gateways.entry(&best.gateway).or_insert((0, 0, UtcMicros(i64::MAX)));
        *behind += 1;
        if let Some(noticed_at) = noticed_at {
            *fallen += 1;
            *first = noticed_at.min(*first);
            found.undecided.insert(sensor.to_owned());
        }
    }
    gateways.retain(|_, (_, fallen, _)| *fallen > 1);
    // Sensors behind gateways that may be down say nothing about how many fall silent by themselves.
    let (apart, suspects) =
        gateways.values().fold((0, 0), |(a, s), (behind, fallen, _)| (a + behind, s + fallen));
    let others = f64::from(reception.sensors.saturating_sub(apart));
    let fallen_elsewhere =
        |since: UtcMicros| silent.values().filter(|noticed| **noticed > since).count() as u32;
    for (id, (behind, fallen, noticed_at)) in gateways {
        let Some(last_heard) = reception.last_heard.get(id).copied() else { continue };
        let elsewhere = f64::from(fallen_elsewhere(last_heard).saturating_sub(suspects));
        let p = (PRIOR_SILENT + elsewhere) / (PRIOR_SENSORS + others.max(elsewhere));
        let by_chance = upper_tail(fallen, behind, p);
        if by_chance < BY_CHANCE {
            found.down.push(DownGateway {
                id: id.to_owned(),
                last_heard,
                noticed_at,
                silent: fallen,
                by_chance,
            });
        }
    }
    found
}

/// The one that heard most; of equals the first by id.
fn best<'a>(links: &[&'a Link]) -> Option<&'a Link> {
    links
        .iter()
        .copied()
        .max_by(|a, b| a.ln_messages.total_cmp(&b.ln_messages).then_with(|| b.gateway.cmp(&a.gateway)))
}

/// The probability of `k` or more of `n` at `p` each.
fn upper_tail(k: u32, n: u32, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    let choose: f64 = (1..=k).map(|i| (f64::from(n - k + i) / f64::from(i)).ln()).sum();
    let mut term = (choose + f64::from(k) * p.ln() + f64::from(n - k) * (-p).ln_1p()).exp();
    let (mut sum, odds) = (term, p / (1.0 - p));
    for i in k..n {
        term *= odds * f64::from(n - i) / f64::from(i + 1);
        sum += term;
        if term < sum * 1e-12 && f64::from(i) > f64::from(n) * p {
            break;
        }
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(sensors: std::ops::Range<u32>, gateways: &[(&str, f64)]) -> Vec<Link> {
        let link = |sensor: u32, (gateway, messages): &(&str, f64)| Link {
            sensor: format!("s{sensor}"),
            gateway: (*gateway).to_owned(),
            ln_messages: messages.ln(),
        };
        sensors.flat_map(|s| gateways.iter().map(move |g| link(s, g))).collect()
    }

    fn assess_of(
        links: Vec<Link>,
        heard: &[(&str, i64)],
        silent: std::ops::Range<u32>,
        sensors: u32,
    ) -> Assessment {
        let last_heard = heard.iter().map(|(g, s)| ((*g).to_owned(), UtcMicros::from_unix_s(*s))).collect();
        let names: Vec<String> = silent.map(|s| format!("s{s}")).collect();
        let silent = names.iter().map(|s| (s.as_str(), UtcMicros::from_unix_s(1_000))).collect();
        assess(&Reception { links, last_heard, sensors }, &silent)
    }

    #[test]
    fn the_tail_is_the_binomial_one() {
        for (k, n, p, expected) in [
            (4, 4, 0.01, 1e-8),
            (7, 20, 0.01, 6.916e-10),
            (1, 10, 0.5, 0.999_023),
            (100, 200, 0.5, 0.528_174),
            (16, 200, 0.01, 2.985_7e-10),
        ] {
            let tail = upper_tail(k, n, p);
            assert!((tail / expected - 1.0).abs() < 0.01, "{k} of {n} at {p}: {tail:e}");
        }
        assert_eq!(upper_tail(0, 5, 0.1), 1.0);
    }

    #[test]
    fn a_gateway_whose_sensors_fall_silent_together_is_down() {
        let two = [links(0..200, &[("g", 50.0), ("far", 2.0)]), links(200..300, &[("far", 50.0)])].concat();
        let found = assess_of(two.clone(), &[("g", 900), ("far", 2_000)], 0..43, 300);
        let [down] = &found.down[..] else { panic!("{found:?}") };
        assert_eq!((down.id.as_str(), down.silent, down.last_heard), ("g", 43, UtcMicros::from_unix_s(900)));
        // Each by itself, while the gateway still hears others.
        let found = assess_of(two.clone(), &[("g", 2_000), ("far", 2_000)], 0..43, 300);
        assert!(found.down.is_empty() && found.undecided.is_empty());
        assert_eq!(found.behind.len(), 43);
        // Too few: they wait for more, or for the gateway.
        let found = assess_of(two, &[("g", 900), ("far", 2_000)], 0..3, 300);
        assert!(found.down.is_empty());
        assert_eq!(found.undecided.len(), 3);
    }

    #[test]
    fn what_another_gateway_hears_is_no_failure_of_the_gateway() {
        let both = links(0..200, &[("g", 50.0), ("h", 40.0)]);
        // Five failed by themselves, the rest is heard by the other one.
        let found = assess_of(both.clone(), &[("g", 900), ("h", 2_000)], 0..5, 200);
        assert!(found.down.is_empty() && found.undecided.is_empty(), "{found:?}");
        // Both are down: one of them stands for it.
        let found = assess_of(both, &[("g", 900), ("h", 905)], 0..200, 200);
        assert_eq!(found.down.len(), 1);
    }

    #[test]
    fn an_outage_everywhere_is_blamed_on_no_gateway() {
        let mut all = links(0..20, &[("g", 50.0)]);
        // No gateway is known of those whose network server is away.
        all.extend(links(20..21, &[("h", 50.0)]));
        let found = assess_of(all, &[("g", 900), ("h", 900)], 0..300, 300);
        assert!(found.down.is_empty(), "{found:?}");
        // Two gateways at once, and nothing else, are two gateways.
        let two = [links(0..20, &[("g", 50.0)]), links(20..40, &[("h", 50.0)])].concat();
        let found = assess_of(two, &[("g", 900), ("h", 900)], 0..40, 300);
        assert_eq!(found.down.len(), 2);
    }
}
