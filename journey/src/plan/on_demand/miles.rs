//! Rides on demand between an end of the journey and stops of the timetable, and from end to end.

use rustc_hash::FxHashMap;

use super::super::street::budget;
use super::super::{End, Planning, Which};
use super::{Around, DRIVE_MARGIN_S, Direct, MAX_DRIVE_S, Mouth, SLOWEST_MPS, direction};
use crate::areas::{AreaRide, Pair};
use crate::raptor::Span;
use crate::streets::{Link, Mode, Workspace};
use crate::timetable::StopIx;
use crate::timetable::areas::{AreaPlace, RowAt};

/// A ride on demand to a stop of the timetable (or from it), with the walks at its ends.
#[derive(Debug, Clone, Copy)]
pub struct Mile {
    /// Where one gets on (off) a vehicle of the timetable.
    pub stop: StopIx,
    /// Where one leaves (gets on) the ride on demand: the same stop, or one with a footpath to it.
    pub via: StopIx,
    /// Where it stops there.
    pub link: Link,
    /// The footpath, seconds.
    pub path_s: i32,
    /// Its other end, see [`Around`].
    pub mouth: usize,
    /// Walks before and after the ride, seconds.
    pub before_s: i32,
    pub after_s: i32,
    pub ride: AreaRide,
}

impl Mile {
    /// When it can be set out on, seconds after `midnight`.
    pub fn span(&self, midnight: i64) -> Span {
        let at = |pickup: i64| (pickup - midnight) as i32 - self.before_s;
        Span {
            from_s: at(self.ride.first),
            until_s: at(self.ride.last),
            seconds: self.before_s + self.ride.longest_s + self.after_s,
        }
    }

    /// The latest pick-up to be at the end of it by a time.
    pub fn pickup_before(&self, by: i64) -> Option<i64> {
        self.ride.pickup_before(by - i64::from(self.after_s))
    }

    /// The pick-up of who is at its begin at a time.
    pub fn pickup_after(&self, at: i64) -> Option<i64> {
        self.ride.pickup_after(at + i64::from(self.before_s))
    }
}

/// A stop that a ride on demand may lead to, before the drive is known.
struct Target {
    via: StopIx,
    link: Link,
    mouth: usize,
    pair: Pair,
    /// Stops of the timetable, with the seconds of the footpath.
    onward: Vec<(StopIx, i32)>,
}

impl Planning<'_, '_> {
    /// Rides from the origin to stops, and to the destination.
    pub(super) fn first_miles(
        &mut self,
        around: &mut Around<'_>,
        workspace: &mut Workspace,
    ) -> (Vec<Mile>, Vec<Direct>) {
        let mut direct = Vec::new();
        let miles = self.miles(around, workspace, Which::From, &mut direct);
        (miles, direct)
    }

    /// Rides from stops to the destination.
    pub(super) fn last_miles(&mut self, around: &mut Around<'_>, workspace: &mut Workspace) -> Vec<Mile> {
        self.miles(around, workspace, Which::To, &mut Vec::new())
    }

    fn miles(
        &mut self,
        around: &mut Around<'_>,
        workspace: &mut Workspace,
        which: Which,
        direct: &mut Vec<Direct>,
    ) -> Vec<Mile> {
        let (area, request) = (self.area, self.request);
        let is_first = which == Which::From;
        let mouths = if is_first { around.on.clone() } else { around.off.clone() };
        // Of one place one tree.
        let mut places: Vec<(End, Vec<usize>)> = Vec::new();
        for (number, mouth) in mouths.iter().enumerate() {
            match places.iter_mut().find(|(at, _)| *at == mouth.at) {
                Some((_, numbers)) => numbers.push(number),
                None => places.push((mouth.at, vec![number])),
            }
        }
        let mut miles: Vec<Mile> = Vec::new();
        for (at, numbers) in places {
            let link = mouths[numbers[0]].link;
            let targets: Vec<Target> = numbers
                .iter()
                .flat_map(|number| self.targets(around, &mouths[*number], *number, which))
                .collect();
            let ends: Vec<(usize, usize, Pair)> = match is_first {
                true => self.pairs_of(around, &mouths, &numbers),
                false => Vec::new(),
            };
            let here = self.place(at);
            let far_m = targets.iter().map(|target| here.distance_m(area.timetable.stops.point(target.via)));
            let far_m =
                far_m.chain(ends.iter().map(|(_, off, _)| here.distance_m(self.place(around.off[*off].at))));
            let Some(far_m) = far_m.reduce(f64::max) else { continue };
            let limit_s = (far_m / SLOWEST_MPS + DRIVE_MARGIN_S).min(MAX_DRIVE_S);
            let tree =
                area.network.tree(workspace, Mode::Car, link, direction(which), limit_s, budget(request));
            self.plan.cut |= tree.cut;
            for (on, off, pair) in ends {
                let Some(drive_s) = tree.duration_s(&around.off[off].link) else { continue };
                let asked = around.asked;
                note_shortest(&mut around.direct_s, pair, drive_s);
                let rides = around.days_of(pair).iter().filter_map(|day| asked.ride(*day, drive_s));
                direct.extend(rides.map(|ride| Direct { ride, on, off }));
            }
            for target in targets {
                let Some(drive_s) = tree.duration_s(&target.link) else { continue };
                let asked = around.asked;
                note_shortest(&mut around.mile_s, target.pair, drive_s);
                let rides: Vec<AreaRide> =
                    around.days_of(target.pair).iter().filter_map(|day| asked.ride(*day, drive_s)).collect();
                let walk_s = mouths[target.mouth].walk_s;
                for ride in rides {
                    miles.extend(target.onward.iter().map(|&(stop, path_s)| Mile {
                        stop,
                        via: target.via,
                        link: target.link,
                        path_s,
                        mouth: target.mouth,
                        before_s: if is_first { walk_s } else { path_s },
                        after_s: if is_first { path_s } else { walk_s },
                        ride,
                    }));
                }
            }
        }
        miles
    }

    /// From the places of one tree to those at the destination: numbers of both, and their rows.
    fn pairs_of(
        &self,
        around: &Around<'_>,
        mouths: &[Mouth],
        numbers: &[usize],
    ) -> Vec<(usize, usize, Pair)> {
        let mut by_trip: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
        for (off, mouth) in around.off.iter().enumerate() {
            by_trip.entry(mouth.row.trip).or_default().push(off);
        }
        let of = |on: &usize| {
            let row = mouths[*on].row;
            let offs = by_trip.get(&row.trip).into_iter().flatten();
            offs.filter_map(|off| Some((*on, *off, around.asked.pair(row, around.off[*off].row)?)))
                .collect::<Vec<_>>()
        };
        numbers.iter().flat_map(of).collect()
    }

    /// The stops to which a ride leads that begins at a row (or from which one leads to it).
    fn targets(&self, around: &Around<'_>, mouth: &Mouth, number: usize, which: Which) -> Vec<Target> {
        let (area, areas) = (self.area, around.asked.areas());
        let cars = area.stops.of(Mode::Car);
        let trip = &areas.trips[mouth.row.trip as usize];
        let mut targets = Vec::new();
        for (row, own) in (0..).zip(&trip.rows) {
            let other = RowAt { trip: mouth.row.trip, row };
            let pair = match which {
                Which::From => around.asked.pair(mouth.row, other),
                Which::To => around.asked.pair(other, mouth.row),
            };
            let Some(pair) = pair else { continue };
            let single;
            let stops = match own.place {
                AreaPlace::Stop(stop) => {
                    single = [stop];
                    &single
                }
                place => areas.stops(place),
            };
            let walks = !matches!(own.place, AreaPlace::Zone(_));
            for stop in stops {
                let Some(link) = cars[*stop as usize] else { continue };
                let onward = self.onward(*stop, which, walks);
                if !onward.is_empty() {
                    targets.push(Target { via: *stop, link, mouth: number, pair, onward });
                }
            }
        }
        targets
    }

    /// The stops of the timetable at a stop of a ride on demand: itself, and those with a footpath from it (to it). None from
    /// which one walks to the destination (the origin).
    fn onward(&self, stop: StopIx, which: Which, walks: bool) -> Vec<(StopIx, i32)> {
        let (timetable, request) = (&self.area.timetable, self.request);
        let footpaths = timetable.footpaths_for(request.access.is_wheelchair());
        let paths = match which {
            Which::From => footpaths.from(stop),
            Which::To => footpaths.to(stop),
        };
        let paths = paths.iter().filter(|path| walks && f64::from(path.metres) <= request.max_walk_m);
        let foot = self.area.stops.of(request.foot());
        let is_near = |stop: StopIx| {
            let tree = if which == Which::From { &self.feet.to } else { &self.feet.from };
            foot[stop as usize].is_some_and(|link| tree.seconds(&link).is_some())
        };
        let all = std::iter::once((stop, 0)).chain(paths.map(|path| (path.stop, path.seconds)));
        let is_of_use = |(stop, _): &(StopIx, i32)| {
            (*stop as usize) < timetable.stop_count() && timetable.is_served(*stop) && !is_near(*stop)
        };
        all.filter(is_of_use).collect()
    }

    /// Where an end of a ride is.
    fn place(&self, at: End) -> domain::geo::LatLon {
        match at {
            End::Destination => self.request.to,
            End::Stop(stop) => self.area.timetable.stops.point(stop),
            End::Origin | End::Via(_) | End::Lot(_) | End::Rental { .. } | End::Street(_) => {
                self.request.from
            }
        }
    }
}

fn note_shortest(drives: &mut FxHashMap<Pair, f64>, pair: Pair, drive_s: f64) {
    let held = drives.entry(pair).or_insert(drive_s);
    *held = held.min(drive_s);
}
