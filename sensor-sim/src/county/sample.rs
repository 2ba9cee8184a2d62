//! Builds the sample county from its tables.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::layout::{Frame, kerbs, round7, rows};
use super::lines_table::{LINES, Operator};
use super::sites_table::{LONE_BAYS, SITES, SiteRow, Spaces};
use super::towns_table::{COUNTY, COUNTY_TOWN, MUNICIPALITIES};
use super::{
    Bay, BaySource, CONTROL_CENTRE, Counted, County, Feed, Format, Geometry, Municipality, Rentals,
    Restriction, Sensor, Site, Timetable, Vehicle, lines,
};
use crate::demand::{Demand, Usage};
use crate::encode::Device;
use crate::random::{hash, stream, uuid};

/// Heartbeat of native bays and counted sites, seconds.
const NATIVE_HEARTBEAT_S: u32 = 3_600;
/// Devices in every town's cupboard: known, waiting for a bay.
const SPARE_SENSORS: usize = 4;
/// Towns whose bays are points: not every town has surveyed its bays.
const POINT_TOWNS: [usize; 3] = [3, 4, 6];

/// Where the county's vehicles can be: west, south, east, north.
const AREA: [f64; 4] = [6.8, 51.6, 7.8, 52.2];

/// The LoRaWAN network and device of each town (by index into the municipalities).
pub(super) const TOWN_DEVICES: [(Format, Device); 8] = [
    (Format::Chirpstack, Device::BoschTps110), // the county itself has none
    (Format::Chirpstack, Device::BoschTps110),
    (Format::Tts, Device::Libelium),
    (Format::Chirpstack, Device::Placepod),
    (Format::Chirpstack, Device::DingtekDo200),
    (Format::Tts, Device::MilesightEm400Udl),
    (Format::Chirpstack, Device::TekziPark),
    (Format::Chirpstack, Device::DingtekDo202),
];

impl County {
    /// A county in the shape of the Münsterland: seven towns, about 1,200 bays and 40 sites of all
    /// kinds, park-and-ride at stations, some 40 buses and trains on 12 lines, and one that runs on request.
    ///
    /// Names and keys are invented. The same seed gives the same county, to the byte.
    pub fn sample(seed: u64) -> County {
        let (stops, lines) = lines::build(seed);
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
            stops,
            timetable: Timetable::of(&lines),
            lines,
            rentals: Rentals::sample(),
        };
        for (number, row) in SITES.iter().enumerate() {
            add_site(&mut county, row, &mut stream(seed, "site", number as u64));
        }
        for town in 1..MUNICIPALITIES.len() {
            add_lone_bays(&mut county, town, &mut stream(seed, "lone", town as u64));
            for _ in 0..SPARE_SENSORS {
                add_sensor(&mut county, town, None);
            }
        }
        add_vehicles(&mut county);
        county
    }

    /// The date that its clocks show now.
    pub fn today(&self) -> jiff::civil::Date {
        jiff::Timestamp::now().to_zoned_datetime(crate::clock::zone(self.tz)).date()
    }

    /// Its largest town.
    pub fn county_town(&self) -> &Municipality {
        &self.municipalities[COUNTY_TOWN]
    }

    fn feed_named(&self, id: &str) -> usize {
        self.feeds.iter().position(|f| f.id == id).unwrap_or_default()
    }

    fn native_feed(&self, municipality: usize) -> usize {
        self.feed_named(&native_id(municipality))
    }
}

pub(super) fn native_id(municipality: usize) -> String {
    match municipality {
        COUNTY => "park-and-ride".to_owned(),
        town => format!("{}-parking", MUNICIPALITIES[town].slug),
    }
}

pub(super) fn lora_id(town: usize) -> String {
    format!("{}-lora", MUNICIPALITIES[town].slug)
}

pub(super) fn feeds(seed: u64) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = (0..MUNICIPALITIES.len()).map(|m| native(native_id(m), m)).collect();
    for (town, &(format, _)) in TOWN_DEVICES.iter().enumerate().skip(1) {
        let slug = MUNICIPALITIES[town].slug;
        let (application, topic) = if format == Format::Tts {
            let application = format!("parking@{slug}");
            (application.clone(), format!("v3/{application}/devices/+/+"))
        } else {
            let application = uuid(&mut stream(seed, "application", town as u64));
            (application.clone(), format!("application/{application}/device/+/event/+"))
        };
        feeds.push(Feed { format, topic, application, heartbeat_s: None, ..native(lora_id(town), town) });
    }
    for (id, format, topic) in [
        ("rail", Format::Native, "kv/1/rail/#"),
        ("bus-county", Format::Hfp, "/hfp/v2/#"),
        ("bus-private", Format::GtfsRt, "gtfs-rt/bus-private/+"),
        (CONTROL_CENTRE, Format::GtfsRt, "gtfs-rt/control-centre/+"),
    ] {
        feeds.push(Feed {
            format,
            topic: topic.to_owned(),
            heartbeat_s: None,
            area: Some(AREA),
            ..native(id.to_owned(), COUNTY)
        });
    }
    feeds
}

fn native(id: String, municipality: usize) -> Feed {
    let owner = &MUNICIPALITIES[municipality];
    let attribution = match municipality {
        COUNTY => owner.name.to_owned(),
        _ => format!("Stadt {}", owner.name),
    };
    Feed {
        municipality,
        format: Format::Native,
        topic: format!("kv/1/{id}/#"),
        application: String::new(),
        heartbeat_s: Some(NATIVE_HEARTBEAT_S),
        // The county's controllers collect what their sites say.
        batch: municipality == COUNTY && id == "park-and-ride",
        area: None,
        licence: "dl-de/by-2-0",
        attribution,
        contact: format!("verkehr@{}.example", owner.slug),
        id,
    }
}

fn add_site(county: &mut County, row: &SiteRow, rng: &mut ChaCha8Rng) {
    let town = &MUNICIPALITIES[row.town];
    let jitter_m = 15.0;
    let [lon, lat] = Frame::new(town.lat, town.lon, 0.0).at(
        row.offset_m[0] + rng.random_range(-jitter_m..jitter_m),
        row.offset_m[1] + rng.random_range(-jitter_m..jitter_m),
    );
    let frame = Frame::new(lat, lon, rng.random_range(-60.0..60.0));
    let busy = row.busy * rng.random_range(0.92..1.08);
    let ((bays, geometry), capacity, counted) = match row.spaces {
        Spaces::Rows(n) => (rows(&frame, n), n as u32, None),
        Spaces::Kerbs(n) => (kerbs(&frame, n), n as u32, None),
        Spaces::Counted(capacity, style) => {
            let feed = county.native_feed(row.owner());
            let counted = Counted { feed, style, usage: Usage { demand: row.demand, busy } };
            ((Vec::new(), Geometry::Point([lon, lat])), capacity, Some(counted))
        }
    };
    let reserved = row.reserved.iter().map(|&(audience, n)| Restriction {
        audience: Some(audience),
        capacity: Some(n),
        ..Restriction::default()
    });
    let limited = row.max_stay_min.map(|max_stay_min| Restriction {
        hours: Some("Mo-Sa 09:00-18:00"),
        max_stay_min: Some(max_stay_min),
        ..Restriction::default()
    });
    let site = county.sites.len();
    let id = match row.owner() {
        COUNTY => row.slug.to_owned(),
        _ => format!("{}-{}", town.slug, row.slug),
    };
    county.sites.push(Site {
        id: id.clone(),
        municipality: row.owner(),
        name: row.name,
        kind: row.kind,
        capacity,
        purpose: row.purpose,
        zone: row.zone,
        opening_hours: row.opening_hours,
        open: row.open,
        fee: row.fee,
        max_height_m: row.max_height_m,
        restrictions: reserved.chain(limited).collect(),
        publish: row.publish.filter(|p| *p == "none"),
        geometry,
        counted,
    });
    let audiences = row.reserved.iter().flat_map(|&(audience, n)| std::iter::repeat_n(audience, n as usize));
    let audiences: Vec<&str> = audiences.collect();
    for (i, outline) in bays.into_iter().enumerate() {
        let audience = audiences.get(i).copied();
        let bay = Bay {
            id: format!("{id}-{:03}", i + 1),
            municipality: row.owner(),
            site: Some(site),
            zone: row.zone,
            restrictions: audience.map(reserved_for).into_iter().collect(),
            max_stay_min: row.max_stay_min.filter(|_| audience.is_none()),
            publish: row.publish,
            geometry: if POINT_TOWNS.contains(&row.town) {
                Geometry::Point(outline.center().map(round7))
            } else {
                outline
            },
            source: BaySource::Native(0),
            usage: Usage { demand: audience.and_then(demand_for).unwrap_or(row.demand), busy },
        };
        add_bay(county, bay, row.native || row.owner() == COUNTY);
    }
}

pub(super) fn reserved_for(audience: &'static str) -> Restriction {
    // Residents share their bays with visitors during the day.
    let hours = (audience == "resident").then_some("Mo-Su 18:00-09:00");
    Restriction { audience: Some(audience), hours, ..Restriction::default() }
}

/// The demand for a reserved bay; `None` = like the rest of its site.
pub(super) fn demand_for(audience: &str) -> Option<Demand> {
    match audience {
        "disabled" | "women" | "family" => Some(Demand::Disabled),
        "charging" => Some(Demand::Charging),
        "delivery" | "taxi" => Some(Demand::Delivery),
        "resident" => Some(Demand::Resident),
        _ => None,
    }
}

fn add_lone_bays(county: &mut County, town: usize, rng: &mut ChaCha8Rng) {
    let home = &MUNICIPALITIES[town];
    for (i, &(audience, demand)) in LONE_BAYS.iter().enumerate() {
        let [lon, lat] = Frame::new(home.lat, home.lon, 0.0)
            .at(rng.random_range(-500.0..500.0), rng.random_range(-500.0..500.0));
        let frame = Frame::new(lat, lon, rng.random_range(-60.0..60.0));
        let restrictions = if audience == "none" { Vec::new() } else { vec![reserved_for(audience)] };
        let bay = Bay {
            id: format!("{}-{audience}-{}", home.slug, i + 1).replace('_', "-"),
            municipality: town,
            site: None,
            zone: None,
            restrictions,
            max_stay_min: None,
            publish: None,
            geometry: if i % 2 == 0 {
                Geometry::Point([lon, lat])
            } else {
                frame.rectangle(0.0, 0.0, 5.0, 2.5)
            },
            source: BaySource::Native(0),
            usage: Usage { demand, busy: 1.0 },
        };
        add_bay(county, bay, i == 4);
    }
}

fn add_bay(county: &mut County, mut bay: Bay, native: bool) {
    bay.source = if native {
        BaySource::Native(county.native_feed(bay.municipality))
    } else {
        BaySource::Sensor(add_sensor(county, bay.municipality, Some(county.bays.len())))
    };
    county.bays.push(bay);
}

pub(super) fn add_sensor(county: &mut County, town: usize, bay: Option<usize>) -> usize {
    let (_, device) = TOWN_DEVICES[town];
    let number = county.sensors.len();
    // 0e-...: a locally administered address, so that no maker's device has it.
    let noise = hash(county.seed, "dev_eui", number as u64) as u32;
    county.sensors.push(Sensor {
        dev_eui: format!("0e{town:02x}{number:04x}{noise:08x}"),
        feed: county.feed_named(&lora_id(town)),
        device,
        bay,
    });
    number
}

fn add_vehicles(county: &mut County) {
    let mut numbers = [0; 4];
    for (line, row) in LINES.iter().enumerate() {
        for block in 0..county.timetable.blocks(line) {
            numbers[row.operator as usize] += 1;
            let n = numbers[row.operator as usize];
            let (feed, seats, standing, id, label) = match row.operator {
                Operator::Rail => ("rail", 120, 90, format!("rail-{n:02}"), format!("{} Zug {n}", row.id)),
                Operator::County => {
                    let (id, label) = (format!("0018-{:05}", 1000 + n), format!("Wagen {}", 1000 + n));
                    ("bus-county", 38, 42, id, label)
                }
                Operator::Private => {
                    let (id, label) = (format!("hr-{}", 200 + n), format!("Bus {}", 200 + n));
                    ("bus-private", 44, 28, id, label)
                }
                Operator::TaxiBus => continue,
            };
            let (feed, operator) = (county.feed_named(feed), row.operator.name());
            county.vehicles.push(Vehicle { id, feed, operator, label, seats, standing, line, block });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_county_has_its_documented_size() {
        let county = County::sample(1);
        let bays = county.bays.len();
        assert!((1_150..=1_250).contains(&bays), "{bays} bays");
        assert!((38..=44).contains(&county.sites.len()), "{} sites", county.sites.len());
        assert!((38..=50).contains(&county.vehicles.len()), "{} vehicles", county.vehicles.len());
        for kind in ["on_street", "lot", "car_park", "underground", "park_and_ride"] {
            assert!(county.sites.iter().any(|s| s.kind == kind), "{kind}");
        }
    }

    #[test]
    fn ids_are_unique() {
        let county = County::sample(7);
        let unique = |ids: Vec<&str>| {
            let n = ids.len();
            assert_eq!(ids.into_iter().collect::<HashSet<_>>().len(), n);
        };
        unique(
            county
                .bays
                .iter()
                .map(|b| b.id.as_str())
                .chain(county.sites.iter().map(|s| s.id.as_str()))
                .collect(),
        );
        unique(county.sensors.iter().map(|s| s.dev_eui.as_str()).collect());
        unique(county.vehicles.iter().map(|v| v.id.as_str()).collect());
        unique(county.feeds.iter().map(|f| f.topic.as_str()).collect());
        assert!(county.sensors.iter().all(|s| s.dev_eui.len() == 16));
    }

    #[test]
    fn every_bay_is_reported_over_a_feed_of_its_owner() {
        let county = County::sample(1);
        for (index, bay) in county.bays.iter().enumerate() {
            let feed = match bay.source {
                BaySource::Native(feed) => feed,
                BaySource::Sensor(sensor) => {
                    assert_eq!(county.sensors[sensor].bay, Some(index));
                    county.sensors[sensor].feed
                }
            };
            assert_eq!(county.feeds[feed].municipality, bay.municipality, "{}", bay.id);
        }
    }
}
