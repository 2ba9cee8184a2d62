//! The data read so far.

use std::path::Path;

use fares::GtfsFares;
use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::rules::Rules;
use super::table::Ids;
use crate::rows::Rows;
use crate::strings::Strings;
use crate::timetable::areas::{AreaPlace, Areas, Stretch};
use crate::timetable::booking::{BookingRule, StopBooking};
use crate::timetable::grouping::Grouping;
use crate::timetable::pathways::Pathways;
use crate::timetable::services::Service;
use crate::timetable::shapes::{PointE6, Shapes};
use crate::timetable::{Agency, Credit, FeedIx, NONE, Permission, Route, StopIx, Trip, ZoneIx};

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
    /// What rides cost, under the numbers of the draft.
    pub fares: GtfsFares,
    pub shapes: Shapes,
    pub headsigns: IndexSet<String, FxBuildHasher>,
    /// Trip ids of all feeds; [`Trip::id`] points here.
    pub trip_ids: Strings,
    /// Which feed each trip id is of.
    pub trip_feeds: Vec<FeedIx>,
    /// Runs, as `grouping` knows them.
    pub runs: Vec<Trip>,
    pub sequences: IndexSet<Box<[u32]>, FxBuildHasher>,
    pub stop_headsigns: IndexSet<Box<[u32]>, FxBuildHasher>,
    pub booking_rules: Vec<BookingRule>,
    /// The pairs of rules that stops have, each once; and those of whole trips.
    pub booking_pairs: IndexSet<StopBooking, FxBuildHasher>,
    pub stop_bookings: IndexSet<Box<[StopBooking]>, FxBuildHasher>,
    /// What runs on demand.
    pub areas: Areas,
    pub grouping: Grouping,
    pub transfers: Vec<Transfer>,
    pub pathways: Pathways,
    pub rules: Rules,
    pub links: Vec<Link>,
    /// Trips (text numbers of ids) by their block, feed by feed.
    pub blocks: FxHashMap<(FeedIx, Box<[u8]>), Vec<u32>>,
    pub feeds: Vec<String>,
    /// Of the feed that is being read.
    pub feed: FeedIds,
}

/// Stops by number, as they come.
#[derive(Default)]
pub struct DraftStops {
    pub ids: Strings,
    pub feeds: Vec<FeedIx>,
    pub names: Strings,
    pub platforms: Strings,
    pub points: Vec<PointE6>,
    pub parents: Vec<StopIx>,
    pub wheelchair: Vec<Permission>,
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
    pub booking_rules: Ids,
    /// Trips that refer to a booking rule that there is not.
    pub unbookable: FxHashSet<u32>,
    pub stops: Ids,
    /// Zones and groups.
    pub areas: FxHashMap<Box<[u8]>, AreaPlace>,
    /// Mean and longest durations that trips state for themselves.
    pub durations: FxHashMap<u32, [Option<Stretch>; 2]>,
    /// Of `stops`: those that are stations.
    pub stations: FxHashSet<u32>,
    /// Generic nodes, and boarding areas under the numbers of their platforms.
    pub nodes: Ids,
    /// Heights of levels.
    pub levels: FxHashMap<Box<[u8]>, f64>,
    pub pathways: Ids,
    pub shapes: Ids,
    /// Into `trip_list`.
    pub trips: Ids,
    pub trip_list: Vec<Trip>,
}

/// A row of `transfers.txt` for all vehicles.
#[derive(Debug, Clone, Copy)]
pub struct Transfer {
    pub from: StopIx,
    pub to: StopIx,
    /// `None`: not possible.
    pub seconds: Option<i32>,
    /// Whether the row has no time: `seconds` is an estimate.
    pub is_estimate: bool,
}

/// A row of `transfers.txt` with `transfer_type` 4 or 5.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Text numbers of the trips' ids.
    pub from: u32,
    pub to: u32,
    /// Type 4: riders stay seated.
    pub stays: bool,
    pub line: u64,
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
    pub fn feed_number(&self) -> FeedIx {
        (self.feeds.len() - 1) as FeedIx
    }
}

impl DraftStops {
    /// The platforms of each station.
    pub fn children(&self) -> Rows<StopIx> {
        let stops = self.parents.iter().zip(0..).filter(|(parent, _)| **parent != NONE);
        Rows::grouped(self.parents.len(), &stops.map(|(parent, stop)| (*parent, stop)).collect::<Vec<_>>())
    }
}

/// The value of GTFS's fields for wheelchairs and bicycles.
pub fn permission(field: &[u8]) -> Permission {
    match field {
        b"1" => Permission::Possible,
        b"2" => Permission::Impossible,
        _ => Permission::Unknown,
    }
}
