//! Orders to the simulator: a car park fills up, a line runs late, a station of shared vehicles is empty.
//!
//! Orders are a state, not a list of commands: an order that is removed ends. They are written one a
//! line; lines that begin with `#` are notes.
//!
//! - `fill SITE` or `fill STATION`: it fills up, and stays full
//! - `empty STATION`: no shared vehicle stands there, nor comes back
//! - `delay LINE=SECONDS`, or a vehicle's id
//! - `cancel LINE`: its next run in both directions; `cancel TRIP`: the next run of this trip of the timetable
//! - `works STOP`: an alert says that works have moved it; `detour LINE`: one that the line leaves its way

use std::collections::{BTreeMap, BTreeSet};

use crate::county::County;
use crate::notice::{Cancel, Notice};

/// A vehicle is not later than this, seconds: its day would be over.
const MOST_DELAY_S: u32 = 4 * 3_600;

/// The orders in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Sites (indices into the county's list) that are full and stay so.
    full: BTreeSet<usize>,
    /// Seconds by which vehicles (indices) run late in addition to delays on their way.
    late_s: BTreeMap<usize, u32>,
    /// Stations of shared vehicles (indices), and how they are to stand.
    stations: BTreeMap<usize, Level>,
    /// Alerts that hold.
    notices: BTreeSet<Notice>,
    cancelled: BTreeSet<Cancel>,
}

/// How a station of shared vehicles is ordered to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// No vehicle.
    Empty,
    /// No dock.
    Full,
}

/// A change of what is ordered. Indices are those of the county's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The site fills up at once and stays full, or follows its demand again.
    Full { site: usize, on: bool },
    /// The vehicle stands still until it is so late, and stays so late; 0 ends it at once.
    Late { vehicle: usize, seconds: u32 },
    /// The station is so at once and stays so; `None`: it follows its demand again.
    Station { station: usize, level: Option<Level> },
    /// An alert begins or ends.
    Notice { notice: Notice, on: bool },
    /// What leaves next does not, or does after all.
    Cancel { what: Cancel, on: bool },
}

/// An order that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOrder {
    #[error(
        "'{0}' is no order; write 'fill SITE', 'fill STATION', 'empty STATION', 'delay LINE=SECONDS', 'cancel LINE', 'cancel \
         TRIP', 'works STOP' or 'detour LINE'"
    )]
    Unknown(String),
    #[error(
        "the sample county has no site '{0}', nor a station of shared vehicles; its sites.geojson lists the sites, \
         these are the stations: {1}"
    )]
    NoSite(String, String),
    #[error("the sample county has no station of shared vehicles '{0}'; its stations: {1}")]
    NoStation(String, String),
    #[error("the sample county has no stop '{0}'; stops.txt of its gtfs.zip lists them")]
    NoStop(String),
    #[error("the sample county has no line or trip '{0}'; its lines: {1}")]
    NoTrip(String, String),
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
                Some(("fill", place)) => orders.fill(place, county)?,
                Some(("empty", station)) => orders.empty(station, county)?,
                Some(("delay", what)) => orders.delay(what, county)?,
                Some(("cancel", what)) => drop(orders.cancelled.insert(cancel(what, county)?)),
                Some(("works", stop)) => drop(orders.notices.insert(works(stop, county)?)),
                Some(("detour", line)) => drop(orders.notices.insert(detour(line, county)?)),
                _ => return Err(BadOrder::Unknown(line.to_owned())),
            }
        }
        Ok(orders)
    }

    /// Orders that a site or a station of shared vehicles, by its id, is full.
    ///
    /// # Errors
    /// There is no such place.
    pub fn fill(&mut self, place: &str, county: &County) -> Result<(), BadOrder> {
        if let Some(site) = county.sites.iter().position(|s| s.id == place) {
            self.full.insert(site);
        } else if let Some(station) = station_named(place, county) {
            self.stations.insert(station, Level::Full);
        } else {
            return Err(BadOrder::NoSite(place.to_owned(), stations(county)));
        }
        Ok(())
    }

    fn empty(&mut self, station: &str, county: &County) -> Result<(), BadOrder> {
        let index = station_named(station, county);
        let index = index.ok_or_else(|| BadOrder::NoStation(station.to_owned(), stations(county)))?;
        self.stations.insert(index, Level::Empty);
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
        both.stations.extend(&other.stations);
        both.notices.extend(&other.notices);
        both.cancelled.extend(&other.cancelled);
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
        let is_new = |(station, level): &(&usize, &Level)| before.stations.get(station) != Some(level);
        let now_so = self.stations.iter().filter(is_new).map(|(station, level)| (*station, Some(*level)));
        let gone = before.stations.keys().filter(|station| !self.stations.contains_key(station));
        let stations = now_so.chain(gone.map(|station| (*station, None)));
        let stations = stations.map(|(station, level)| Order::Station { station, level });
        let notice = |on| move |notice: &Notice| Order::Notice { notice: *notice, on };
        let notices = self.notices.difference(&before.notices).map(notice(true));
        let notices = notices.chain(before.notices.difference(&self.notices).map(notice(false)));
        let cancel = |on| move |what: &Cancel| Order::Cancel { what: *what, on };
        let cancelled = self.cancelled.difference(&before.cancelled).map(cancel(true));
        let cancelled = cancelled.chain(before.cancelled.difference(&self.cancelled).map(cancel(false)));
        began.chain(ended).chain(delays).chain(stations).chain(notices).chain(cancelled).collect()
    }
}

fn station_named(id: &str, county: &County) -> Option<usize> {
    county.rentals.stations.iter().position(|station| station.id == id)
}

fn stations(county: &County) -> String {
    county.rentals.stations.iter().map(|station| station.id).collect::<Vec<_>>().join(", ")
}

/// A line, or a trip by the id that the timetable or the product gives it (`gtfs:540-0-mo-fr-0510`).
fn cancel(what: &str, county: &County) -> Result<Cancel, BadOrder> {
    if let Ok(line) = line_named(what, county) {
        return Ok(Cancel::Line(line));
    }
    let id = what.rsplit(':').next().unwrap_or(what);
    let trip = county.timetable.trips.iter().position(|trip| trip.id == id);
    trip.map(Cancel::Trip).ok_or_else(|| no_trip(what, county))
}

/// A stop by its id, as the product gives it as well, or by its name.
fn works(what: &str, county: &County) -> Result<Notice, BadOrder> {
    let id = what.rsplit(':').next().unwrap_or(what);
    let stop = county.stops.iter().position(|stop| stop.id == id || stop.name == what);
    stop.map(|stop| Notice::Works { stop }).ok_or_else(|| BadOrder::NoStop(what.to_owned()))
}

fn detour(what: &str, county: &County) -> Result<Notice, BadOrder> {
    Ok(Notice::Detour { line: line_named(what, county)? })
}

fn line_named(what: &str, county: &County) -> Result<usize, BadOrder> {
    county.lines.iter().position(|line| line.id == what).ok_or_else(|| no_trip(what, county))
}

fn no_trip(what: &str, county: &County) -> BadOrder {
    let lines = county.lines.iter().map(|line| line.id).collect::<Vec<_>>().join(", ");
    BadOrder::NoTrip(what.to_owned(), lines)
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
    fn stations_runs_and_alerts_are_ordered_by_their_names() {
        let county = County::sample(1);
        let parse = |text: &str| Orders::parse(text, &county).unwrap();
        let text =
            "empty st-bahnhof\ncancel T1\ncancel gtfs:540-0-night-2410\nworks Steverstadt, Markt\ndetour 541";
        let orders = parse(text);
        let changes = orders.since(&Orders::default());
        let trip = county.timetable.trips.iter().position(|trip| trip.id == "540-0-night-2410").unwrap();
        assert!(changes.contains(&Order::Cancel { what: Cancel::Trip(trip), on: true }), "{changes:?}");
        assert_eq!(changes.len(), 5);
        let full = parse("fill st-bahnhof").since(&orders);
        assert!(full.contains(&Order::Station { station: 0, level: Some(Level::Full) }), "{full:?}");
        let ended = Orders::default().since(&orders);
        assert!(ended.contains(&Order::Station { station: 0, level: None }));
        let is_off = |order: &&Order| {
            matches!(order, Order::Notice { on: false, .. } | Order::Cancel { on: false, .. })
        };
        assert_eq!(ended.iter().filter(is_off).count(), 4);
        assert_eq!(parse("works 59991002"), parse("works gtfs:59991002"));
    }

    #[test]
    fn what_is_no_order_is_named() {
        let county = County::sample(1);
        for (text, part) in [
            ("vacate pr-niendorf", "empty STATION"),
            ("empty pr-niendorf", "st-bahnhof"),
            ("fill st-hafen", "st-bahnhof"),
            ("cancel 999", "T1"),
            ("works Atlantis", "stops.txt"),
            ("detour 540-0", "RB91"),
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
