//! A county for questions about its devices: every bay has a LoRaWAN device, and most sites count at their gates as well.

use rand::Rng;

use super::layout::{Frame, rows};
use super::sample::{TOWN_DEVICES, add_sensor, demand_for, feeds, native_id, reserved_for};
use super::towns_table::MUNICIPALITIES;
use super::{Bay, BaySource, CountStyle, Counted, County, Format, Rentals, Site, Timetable};
use crate::demand::{Demand, Usage};
use crate::encode::Device;
use crate::random::stream;

/// Bays of a site.
const BAYS: std::ops::RangeInclusive<usize> = 14..=60;
/// Share of sites that count.
const COUNTED: f64 = 0.7;
/// Sites of a town: more sites are of further towns, as long as there are any.
const SITES_IN_TOWN: usize = 6;
/// What sites are used for, in turns.
const USES: [(Demand, &str); 10] = [
    (Demand::Centre, "lot"),
    (Demand::Centre, "on_street"),
    (Demand::Garage, "car_park"),
    (Demand::AllDay, "lot"),
    (Demand::Centre, "lot"),
    (Demand::ParkAndRide, "park_and_ride"),
    (Demand::Garage, "underground"),
    (Demand::Centre, "on_street"),
    (Demand::Evening, "lot"),
    (Demand::Resident, "on_street"),
];
/// Reserved bays of a site: so many of a hundred.
const RESERVED: [(&str, usize); 3] = [("disabled", 5), ("charging", 3), ("delivery", 3)];

impl County {
    /// A county of so many bays, each with a device. The same seed and number give the same one.
    pub(crate) fn watched(seed: u64, bays: usize) -> County {
        let mut county = County {
            seed,
            tz: "Europe/Berlin",
            municipalities: MUNICIPALITIES.to_vec(),
            feeds: feeds(seed),
            sites: Vec::new(),
            bays: Vec::new(),
            sensors: Vec::new(),
            lanes: Vec::new(),
            vehicles: Vec::new(),
            stops: Vec::new(),
            lines: Vec::new(),
            timetable: Timetable::of(&[]),
            rentals: Rentals::default(),
        };
        while county.bays.len() < bays {
            add_site(&mut county, bays);
        }
        county
    }
}

fn add_site(county: &mut County, most_bays: usize) {
    let number = county.sites.len();
    let mut rng = stream(county.seed, "watched site", number as u64);
    let town = 1 + number / SITES_IN_TOWN % (MUNICIPALITIES.len() - 1);
    let n = rng.random_range(BAYS).min(most_bays - county.bays.len());
    let (demand, kind) = USES[number % USES.len()];
    let busy = rng.random_range(0.8..1.2);
    let home = &MUNICIPALITIES[town];
    let [lon, lat] = Frame::new(home.lat, home.lon, 0.0)
        .at(rng.random_range(-900.0..900.0), rng.random_range(-900.0..900.0));
    let (outlines, geometry) = rows(&Frame::new(lat, lon, rng.random_range(-60.0..60.0)), n);
    let feed = county.feeds.iter().position(|f| f.id == native_id(town)).unwrap_or_default();
    let style = if rng.random_bool(0.5) { CountStyle::Gates } else { CountStyle::Occupied };
    let counted = rng.random_bool(COUNTED).then_some(Counted { feed, style, usage: Usage { demand, busy } });
    let id = format!("{}-site-{:02}", home.slug, number + 1);
    county.sites.push(Site {
        id: id.clone(),
        municipality: town,
        name: "Parkplatz",
        kind,
        capacity: n as u32,
        purpose: "car",
        zone: None,
        opening_hours: None,
        open: None,
        fee: None,
        max_height_m: None,
        restrictions: Vec::new(),
        publish: None,
        geometry,
        counted,
    });
    let device = device_of(town, &mut stream(county.seed, "watched device", town as u64));
    for (i, outline) in outlines.into_iter().enumerate() {
        let mut left = rng.random_range(0..100);
        let audience = RESERVED.iter().find(|(_, share)| {
            let hit = left < *share;
            left = left.saturating_sub(*share);
            hit
        });
        let audience = audience.map(|(name, _)| *name);
        let sensor = add_sensor(county, town, Some(county.bays.len()));
        county.sensors[sensor].device = device;
        county.bays.push(Bay {
            id: format!("{id}-{:03}", i + 1),
            municipality: town,
            site: Some(number),
            zone: None,
            restrictions: audience.map(reserved_for).into_iter().collect(),
            max_stay_min: None,
            publish: None,
            geometry: outline,
            source: BaySource::Sensor(sensor),
            usage: Usage { demand: audience.and_then(demand_for).unwrap_or(demand), busy },
        });
    }
}

/// Any make, one for each town, but over The Things Stack none whose battery nobody would know: it passes on no answers about batteries.
fn device_of(town: usize, rng: &mut impl Rng) -> Device {
    let device = TOWN_DEVICES[rng.random_range(1..TOWN_DEVICES.len())].1;
    let is_tts = TOWN_DEVICES[town].0 == Format::Tts;
    if is_tts && device == Device::BoschTps110 { TOWN_DEVICES[town].1 } else { device }
}
