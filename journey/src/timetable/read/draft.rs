//! The data read so far.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::links::Link;
use super::rules::Rules;
use crate::timetable::grouping::Grouping;
use crate::timetable::services::Service;
use crate::timetable::shapes::{PointE6, Shapes};
use crate::timetable::strings::Strings;
use crate::timetable::{Agency, Credit, Route, StopIx, Trip, Wheelchair, ZoneIx};

/// Numbers of ids of one kind in one feed.
pub type Ids = FxHashMap<Box<[u8]>, u32>;

/// All feeds, in the order of their files; stops and trips are not yet in their final order.
#[derive(Default)]
pub struct Draft {
    /// As the agencies name them, each once.
    pub zones: Vec<String>,
    pub agencies: Vec<Agency>,
    pub credits: Vec<Credit>,
    pub routes: Vec<Route>,
    pub services: Vec<Service>,
    pub stops: DraftStops,
    pub shapes: Shapes,
    pub headsigns: Strings,
    pub headsign_numbers: FxHashMap<String, u32>,
    /// Trip ids of all feeds; [`Trip::id`] points here.
    pub trip_ids: Strings,
    /// Which feed each trip id is of.
    pub trip_feeds: Vec<u16>,
    /// Runs, as `grouping` knows them.
    pub runs: Vec<Trip>,
    pub sequences: Lists,
    pub stop_headsigns: Lists,
    pub grouping: Grouping,
    pub transfers: Vec<Transfer>,
    pub rules: Rules,
    pub links: Vec<Link>,
    /// Trips (text numbers of ids) by their block, feed by feed.
    pub blocks: FxHashMap<(u16, Box<[u8]>), Vec<u32>>,
    pub feeds: Vec<String>,
    /// Of the feed that is being read.
    pub feed: FeedIds,
}

/// Stops by number, as they come.
#[derive(Default)]
pub struct DraftStops {
    pub ids: Strings,
    pub feeds: Vec<u16>,
    pub names: Strings,
    pub platforms: Strings,
    pub points: Vec<PointE6>,
    pub parents: Vec<StopIx>,
    pub wheelchair: Vec<Wheelchair>,
}

/// The ids of one feed, and its trips before their stop times are known.
#[derive(Default)]
pub struct FeedIds {
    /// The zones of agencies, by their numbers, and that of the first agency that has one.
    pub zones: FxHashMap<u32, ZoneIx>,
    pub zone: Option<ZoneIx>,
    pub agencies: Ids,
    pub routes: Ids,
    pub services: Ids,
    pub stops: Ids,
    pub shapes: Ids,
    /// Into `trip_list`.
    pub trips: Ids,
    pub trip_list: Vec<Trip>,
}

/// A row of `transfers.txt`.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    pub from: StopIx,
    pub to: StopIx,
    /// `None`: not possible.
    pub seconds: Option<i32>,
}

impl Draft {
    /// Starts the next feed: its ids are its own.
    pub fn begin_feed(&mut self, path: &Path) {
        let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
        let stem = stem.unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let twins = self.feeds.iter().filter(|feed| **feed == stem).count();
        self.feeds.push(if twins == 0 { stem } else { format!("{stem}-{}", twins + 1) });
        self.feed = FeedIds::default();
    }

    /// Number of the feed that is being read.
    pub fn feed_number(&self) -> u16 {
        (self.feeds.len() - 1) as u16
    }

    /// Number of a headsign; each is kept once.
    pub fn headsign(&mut self, text: String) -> u32 {
        *self.headsign_numbers.entry(text).or_insert_with_key(|text| self.headsigns.push(text))
    }
}

/// Lists by number; each is kept once.
#[derive(Default)]
pub struct Lists {
    pub lists: Vec<Box<[u32]>>,
    numbers: FxHashMap<Box<[u32]>, u32>,
}

impl Lists {
    /// The number of a list.
    pub fn number(&mut self, list: Vec<u32>) -> u32 {
        *self.numbers.entry(list.into()).or_insert_with_key(|list| {
            self.lists.push(list.clone());
            self.lists.len() as u32 - 1
        })
    }
}

/// The value of GTFS's wheelchair fields.
pub fn wheelchair(field: &[u8]) -> Wheelchair {
    match field {
        b"1" => Wheelchair::Possible,
        b"2" => Wheelchair::Impossible,
        _ => Wheelchair::Unknown,
    }
}
