//! Orders to the simulator: a car park fills up, a line runs late.
//!
//! Orders are a state, not a list of commands: an order that is removed ends. They are written one a
//! line, `fill SITE` or `delay LINE=SECONDS` (or a vehicle's id); lines that begin with `#` are
//! notes.

use std::collections::{BTreeMap, BTreeSet};

use crate::county::County;

/// A vehicle is not later than this, seconds: its day would be over.
const MOST_DELAY_S: u32 = 4 * 3_600;

/// The orders in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Sites (indices into the county's list) that are full and stay so.
    full: BTreeSet<usize>,
    /// Seconds by which vehicles (indices) run late in addition to delays on their way.
    late_s: BTreeMap<usize, u32>,
}

/// A change of what is ordered. Indices are those of the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The site fills up at once and stays full, or follows its demand again.
    Full { site: usize, on: bool },
    /// The vehicle stands still until it is so late, and stays so late; 0 ends it at once.
    Late { vehicle: usize, seconds: u32 },
}

/// An order that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrder {
    #[error("'{0}' is no order; write 'fill SITE' or 'delay LINE=SECONDS'")]
    Unknown(String),
    #[error("the sample county has no site '{0}'; its sites.geojson lists them")]
    NoSite(String),
    #[error("the sample county has no line or vehicle '{0}'; its lines: {1}")]
    NoLine(String, String),
    #[error("'{0}' is not a number of seconds from 0 to {MOST_DELAY_S}")]
    Seconds(String),
}

impl Orders {
    /// Reads orders, one a line.
    ///
    /// # Errors
    /// The first line that is none.
    pub(crate) fn parse(text: &str, county: &County) -> Result<Self, BadOrder> {
        let mut orders = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(char::is_whitespace).map(|(word, rest)| (word, rest.trim())) {
                Some(("fill", site)) => orders.fill(site, county)?,
                Some(("delay", what)) => orders.delay(what, county)?,
                _ => return Err(BadOrder::Unknown(line.to_owned())),
            }
        }
        Ok(orders)
    }

    /// Orders that a site, by its id, is full.
    ///
    /// # Errors
    /// There is no such site.
    pub fn fill(&mut self, site: &str, county: &County) -> Result<(), BadOrder> {
        let index = county.sites.iter().position(|s| s.id == site);
        self.full.insert(index.ok_or_else(|| BadOrder::NoSite(site.to_owned()))?);
        Ok(())
    }

    /// Orders `LINE=SECONDS`, or `VEHICLE=SECONDS`.
    ///
    /// # Errors
    /// There is no such line or vehicle, or the seconds are none.
    pub fn delay(&mut self, text: &str, county: &County) -> Result<(), BadOrder> {
        let (who, seconds) =
            text.split_once('=').ok_or_else(|| BadOrder::Unknown(format!("delay {text}")))?;
        let (who, seconds) = (who.trim(), seconds.trim());
        let late_s = seconds.parse().ok().filter(|s| *s <= MOST_DELAY_S);
        let late_s = late_s.ok_or_else(|| BadOrder::Seconds(seconds.to_owned()))?;
        let vehicles = county.vehicles.iter().enumerate();
        let mut meant = vehicles.filter(|(_, v)| v.id == who || county.lines[v.line].id == who).peekable();
        if meant.peek().is_some() {
            self.late_s.extend(meant.map(|(index, _)| (index, late_s)));
            return Ok(());
        }
        let lines = county
            .lines
            .iter()
            .filter(|line| !line.on_request)
            .map(|line| line.id)
            .collect::<Vec<_>>()
            .join(", ");
        Err(BadOrder::NoLine(who.to_owned(), lines))
    }

    /// Both: of two delays of a vehicle that of `other` holds.
    pub(crate) fn with(&self, other: &Orders) -> Orders {
        let mut both = self.clone();
        both.full.extend(&other.full);
        both.late_s.extend(&other.late_s);
        both
    }

    /// What has to change, where `before` was ordered until now.
    pub(crate) fn since(&self, before: &Orders) -> Vec<Order> {
        let full = |site: &usize, on| Order::Full { site: *site, on };
        let late = |vehicle: &usize, seconds| Order::Late { vehicle: *vehicle, seconds };
        let began = self.full.difference(&before.full).map(|site| full(site, true));
        let ended = before.full.difference(&self.full).map(|site| full(site, false));
        let now_late = self.late_s.iter().filter(|(v, s)| before.late_s.get(v) != Some(s));
        let now_free = before.late_s.keys().filter(|v| !self.late_s.contains_key(v));
        let delays = now_late.map(|(v, s)| late(v, *s)).chain(now_free.map(|v| late(v, 0)));
        began.chain(ended).chain(delays).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_and_go() {
        let county = County::sample(1);
        let parse = |text: &str| Orders::parse(text, &county).unwrap();
        let before = parse("# nothing yet\n\nfill steverstadt-marktplatz\ndelay C1=120");
        let after = parse("  delay C1 = 300\nfill pr-niendorf\n");
        let site = |id: &str| county.sites.iter().position(|s| s.id == id).unwrap();
        let changes = after.since(&before);
        assert!(changes.contains(&Order::Full { site: site("steverstadt-marktplatz"), on: false }));
        assert!(changes.contains(&Order::Full { site: site("pr-niendorf"), on: true }));
        let c1 = county.vehicles.iter().filter(|v| county.lines[v.line].id == "C1").count();
        let late = |seconds| {
            let is = |order: &&Order| matches!(order, Order::Late { seconds: s, .. } if *s == seconds);
            changes.iter().filter(is).count()
        };
        assert_eq!((late(300), changes.len()), (c1, c1 + 2));
        assert_eq!(Orders::default().since(&after).len(), c1 + 1);
        assert!(after.since(&after).is_empty());
        assert_eq!(parse("delay 0018-01001=60").since(&Orders::default()).len(), 1);
    }

    #[test]
    fn what_is_no_order_is_named() {
        let county = County::sample(1);
        for (text, part) in [
            ("empty pr-niendorf", "fill SITE"),
            ("fill", "fill SITE"),
            ("fill nowhere", "nowhere"),
            ("delay 540", "LINE=SECONDS"),
            ("delay 999=60", "RB91"),
            ("delay 540=-1", "-1"),
            ("delay 540=86400", "14400"),
        ] {
            let error = Orders::parse(text, &county).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
