//! The county's timetable as a GTFS `.zip`.

mod calendar;
mod on_demand;

use std::io::{self, Cursor, Write};

use jiff::ToSpan;
use jiff::civil::Date;
use zip::write::SimpleFileOptions;

use super::files::csv_of;
use super::layout::distance_m;
use super::{County, Line, Mode, Stop};
use crate::random::hash;

/// Days of validity before the day of writing: a trip of last night still runs.
const DAYS_BEFORE: i32 = 3;
/// Days of validity after it.
const DAYS_AFTER: i32 = 60;
/// To change between a train and a bus in front of the station, seconds.
const STATION_CHANGE_S: u32 = 180;
/// One vehicle in so many cannot take a wheelchair, and one rural stop in so many.
const INACCESSIBLE_ONE_IN: u64 = 6;

/// GTFS's numbers: 1 = can be used in a wheelchair, 2 = cannot.
const fn accessible(yes: bool) -> u8 {
    if yes { 1 } else { 2 }
}

impl County {
    /// The timetable around `today` as a GTFS `.zip`. The same county and day give the same bytes.
    ///
    /// # Errors
    /// The archive cannot be put together.
    pub(super) fn gtfs(&self, today: Date) -> io::Result<Vec<u8>> {
        let first = today.saturating_sub(DAYS_BEFORE.days());
        let last = today.saturating_add(DAYS_AFTER.days());
        let days: Vec<Date> = first.series(1.day()).take_while(|day| *day <= last).collect();
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let files = [
            ("agency.txt", self.agencies()?),
            ("stops.txt", self.stop_rows()?),
            ("routes.txt", self.routes()?),
            ("trips.txt", self.trips()?),
            ("stop_times.txt", self.stop_times()?),
            ("calendar.txt", calendar::calendar(first, last)?),
            ("calendar_dates.txt", calendar::exceptions(&days)?),
            ("transfers.txt", self.transfers()?),
            ("shapes.txt", self.shapes()?),
            ("feed_info.txt", feed_info(first, last)?),
            ("booking_rules.txt", on_demand::booking_rules()?),
            ("locations.geojson", on_demand::locations(self)?),
        ];
        for (name, content) in files {
            // No time of writing: the archive depends on its content alone.
            let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
            zip.start_file(name, options)?;
            zip.write_all(&content)?;
        }
        Ok(zip.finish()?.into_inner())
    }

    fn agencies(&self) -> io::Result<Vec<u8>> {
        let mut operators = Vec::new();
        for line in &self.lines {
            if !operators.contains(&line.operator) {
                operators.push(line.operator);
            }
        }
        let rows = operators
            .into_iter()
            .map(|name| (agency_id(name), name, "https://steverland.example", self.tz, "de"));
        csv_of("agency_id,agency_name,agency_url,agency_timezone,agency_lang", rows)
    }

    fn stop_rows(&self) -> io::Result<Vec<u8>> {
        let row = |id: String, stop: &Stop, kind, station, wheelchair, platform| {
            (id, stop.name, stop.lat.to_string(), stop.lon.to_string(), kind, station, wheelchair, platform)
        };
        let stations = self.stops.iter().filter(|stop| stop.platform);
        let stations = stations.map(|stop| row(station_id(stop), stop, 1, None, accessible(true), None));
        let stops = self.stops.iter().enumerate().map(|(number, stop)| {
            // Stations have lifts, most stops a raised kerb.
            let wheelchair = stop.at_station
                || !hash(self.seed, "kerb", number as u64).is_multiple_of(INACCESSIBLE_ONE_IN);
            let station = stop.at_station.then(|| station_id(stop));
            row(stop.id.clone(), stop, 0, station, accessible(wheelchair), stop.platform.then_some(1))
        });
        let columns = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,wheelchair_boarding,platform_code";
        csv_of(columns, stations.chain(stops))
    }

    fn routes(&self) -> io::Result<Vec<u8>> {
        let rows = self.lines.iter().map(|line| {
            let kind = if line.mode == Mode::Train { 2 } else { 3 };
            let name = format!("{} - {}", line.headsigns[1], line.headsigns[0]);
            (line.id, agency_id(line.operator), line.id, name, kind)
        });
        let (id, name) = on_demand::ROUTE;
        let on_demand =
            (id, agency_id(on_demand::OPERATOR), name, "Bergheide".to_owned(), on_demand::ROUTE_TYPE);
        let columns = "route_id,agency_id,route_short_name,route_long_name,route_type";
        csv_of(columns, rows.chain([on_demand]))
    }

    fn trips(&self) -> io::Result<Vec<u8>> {
        let rows = self.timetable.trips.iter().map(|trip| {
            let line = &self.lines[trip.line];
            let old = hash(self.seed, line.id, trip.block as u64).is_multiple_of(INACCESSIBLE_ONE_IN);
            (
                (line.id, trip.service.id(), trip.id.clone()),
                (Some(line.headsigns[trip.direction]), Some(trip.direction)),
                Some(format!("{}-{}", line.id, trip.block)),
                Some(shape_id(line, trip.direction)),
                accessible(line.mode == Mode::Train || !old),
            )
        });
        let on_demand = on_demand::trips().map(|(route, service, id, wheelchair)| {
            ((route, service, id), (None, None), None, None, wheelchair)
        });
        let columns =
            "route_id,service_id,trip_id,trip_headsign,direction_id,block_id,shape_id,wheelchair_accessible";
        csv_of(columns, rows.chain(on_demand))
    }

    fn stop_times(&self) -> io::Result<Vec<u8>> {
        let rows = self.timetable.trips.iter().flat_map(|trip| {
            let line = &self.lines[trip.line];
            let mut along_m = 0.0;
            line.timetables[trip.direction].iter().enumerate().map(
                move |(position, &(arrival, departure))| {
                    if position > 0 {
                        along_m += line.leg(trip.direction, position - 1).length_m;
                    }
                    let [arrival, departure] = [arrival, departure].map(|s| Some(time_of(trip.start_s + s)));
                    let stop = Some(self.stops[line.stop(trip.direction, position)].id.as_str());
                    // Positions as the vehicles count them.
                    let row = (trip.id.clone(), arrival, departure, stop, position + 1);
                    (row, Some(format!("{along_m:.1}")), on_demand::Columns::default())
                },
            )
        });
        let on_demand = on_demand::stop_times()
            .map(|(trip, position, columns)| ((trip, None, None, None, position), None, columns));
        let columns = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled";
        csv_of(&format!("{columns},{}", on_demand::COLUMNS), rows.chain(on_demand))
    }

    /// Between the platforms and the stop in front of the station.
    fn transfers(&self) -> io::Result<Vec<u8>> {
        let stations: Vec<&Stop> = self.stops.iter().filter(|stop| stop.at_station).collect();
        let pairs = stations.iter().flat_map(|from| stations.iter().map(move |to| (from, to)));
        let rows = pairs
            .filter(|(from, to)| from.town == to.town && from.id != to.id)
            .map(|(from, to)| (&from.id, &to.id, 2, STATION_CHANGE_S));
        csv_of("from_stop_id,to_stop_id,transfer_type,min_transfer_time", rows)
    }

    fn shapes(&self) -> io::Result<Vec<u8>> {
        let mut rows = Vec::new();
        for (line, direction) in self.lines.iter().flat_map(|line| [(line, 0), (line, 1)]) {
            let (mut along_m, mut before) = (0.0, None);
            for [lon, lat] in line.course(direction) {
                along_m += before.map_or(0.0, |before| distance_m(before, [lon, lat]));
                before = Some([lon, lat]);
                let (lat, lon, along) = (lat.to_string(), lon.to_string(), format!("{along_m:.1}"));
                rows.push((shape_id(line, direction), lat, lon, rows.len(), along));
            }
        }
        csv_of("shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence,shape_dist_traveled", rows)
    }
}

impl Line {
    /// The whole course of a trip, `[lon, lat]`.
    fn course(&self, direction: usize) -> Vec<[f64; 2]> {
        let mut course: Vec<[f64; 2]> = self.legs.iter().flat_map(|leg| leg.points.iter().copied()).collect();
        course.dedup();
        if direction == 1 {
            course.reverse();
        }
        course
    }
}

fn feed_info(first: Date, last: Date) -> io::Result<Vec<u8>> {
    let [from, until, version] = [first, last, first].map(date_of);
    let columns =
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date,feed_version";
    csv_of(columns, [("Kreis Steverland", "https://steverland.example", "de", from, until, version)])
}

/// `HH:MM:SS`, beyond 24 hours after midnight.
fn time_of(seconds: u32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn date_of(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

fn agency_id(operator: &str) -> String {
    operator.to_lowercase().replace(' ', "-")
}

fn station_id(stop: &Stop) -> String {
    format!("5999{}", 9_000 + stop.town)
}

fn shape_id(line: &Line, direction: usize) -> String {
    format!("{}-{direction}", line.id)
}

#[cfg(test)]
mod tests;
