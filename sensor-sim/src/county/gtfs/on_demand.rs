//! Rides on demand within an area, in the evening and at weekends, as GTFS-Flex.

use std::io;

use serde_json::json;

use super::super::files::csv_of;
use super::super::layout::Frame;
use super::super::timetable::Service;
use super::super::{County, Geometry};
use super::{accessible, time_of};

/// Its `route_id`, and its name.
pub(super) const ROUTE: (&str, &str) = ("HM", "HeideMobil");
/// GTFS's extended type of demand and response buses.
pub(super) const ROUTE_TYPE: u16 = 715;
/// Who runs it.
pub(super) const OPERATOR: &str = "Kreisbus Steverland";

const AREA: &str = "heide-mobil";
const RULE: &str = "an-hour-before";
/// Of the town around which it lies.
const TOWN: &str = "bergheide";
/// Its corners, metres east and north of the town's centre: villages with buses once an hour, or none at night.
const CORNERS_M: [[f64; 2]; 6] = [
    [-5_600.0, -2_300.0],
    [1_000.0, -2_200.0],
    [2_300.0, -1_000.0],
    [1_500.0, 1_200.0],
    [-1_200.0, 1_300.0],
    [-4_200.0, -700.0],
];
/// When it runs, hours after midnight.
const WINDOWS: [(Service, u32, u32); 3] =
    [(Service::WorkingDay, 18, 24), (Service::Saturday, 8, 25), (Service::Sunday, 8, 23)];

/// What a row of `stop_times.txt` has of it; the rows of lines have nothing.
#[rustfmt::skip]
pub(super) type Columns = (
    Option<&'static str>, Option<String>, Option<String>, Option<u8>, Option<u8>, Option<&'static str>, Option<&'static str>,
);

pub(super) const COLUMNS: &str = "location_id,start_pickup_drop_off_window,end_pickup_drop_off_window,\
    pickup_type,drop_off_type,pickup_booking_rule_id,drop_off_booking_rule_id";

/// A ride must be booked.
const BOOK: Option<u8> = Some(2);

fn trip_id(service: Service) -> String {
    format!("{}-{}", ROUTE.0, service.id())
}

/// Route, service, trip and whether a wheelchair can come along.
pub(super) fn trips() -> impl Iterator<Item = (&'static str, &'static str, String, u8)> {
    WINDOWS.into_iter().map(|(service, ..)| (ROUTE.0, service.id(), trip_id(service), accessible(true)))
}

/// Trip, position and what else: twice the same, as a ride within one area is written.
pub(super) fn stop_times() -> impl Iterator<Item = (String, usize, Columns)> {
    WINDOWS.into_iter().flat_map(|(service, from_h, until_h)| {
        [1, 2].map(|position| {
            let [from, until] = [from_h, until_h].map(|hour| Some(time_of(hour * 3_600)));
            (trip_id(service), position, (Some(AREA), from, until, BOOK, BOOK, Some(RULE), Some(RULE)))
        })
    })
}

/// `booking_rules.txt`. The number is one of those that Germany's Bundesnetzagentur keeps for films and books.
pub(super) fn booking_rules() -> io::Result<Vec<u8>> {
    let columns = "booking_rule_id,booking_type,prior_notice_duration_min,message,phone_number,info_url";
    let message = "Bitte Start und Ziel nennen / Please say where from and where to";
    csv_of(columns, [(RULE, 1, 60, message, "0221 4710 150", "https://steverland.example/heidemobil")])
}

/// `locations.geojson`.
pub(super) fn locations(county: &County) -> io::Result<Vec<u8>> {
    let town = county.municipalities.iter().find(|town| town.slug == TOWN);
    let town = town.ok_or_else(|| io::Error::other(format!("there is no {TOWN}")))?;
    let frame = Frame::new(town.lat, town.lon, 0.0);
    let mut ring: Vec<[f64; 2]> = CORNERS_M.iter().map(|[east, north]| frame.at(*east, *north)).collect();
    ring.push(ring[0]);
    let area = json!({
        "type": "Feature", "id": AREA, "properties": { "stop_name": ROUTE.1 }, "geometry": Geometry::Polygon(ring),
    });
    Ok(format!("{}\n", json!({ "type": "FeatureCollection", "features": [area] })).into_bytes())
}
