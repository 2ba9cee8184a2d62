//! The operator of the shared vehicles: its GBFS (3.0), as it stands now.
//!
//! Whoever runs the county serves the documents; they are made when they are asked for.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::county::{Ban, BannedArea, Counts, County, Geometry, Kind, Station};
use crate::random::hash;
use crate::world::{Event, Standing};

const VERSION: &str = "3.0";
/// How long documents hold, seconds: those of what stands where, and the others.
const STATUS_TTL_S: u32 = 5;
const OTHER_TTL_S: u32 = 300;
/// How far a vehicle goes at most, metres, by kind; a bicycle as far as its rider.
const MAX_RANGE_M: [Option<f64>; 3] = [Some(30_000.0), None, Some(50_000.0)];

/// The documents beside `gbfs.json`, and how long each holds.
const DOCUMENTS: [(&str, u32); 7] = [
    ("system_information", OTHER_TTL_S),
    ("vehicle_types", OTHER_TTL_S),
    ("station_information", OTHER_TTL_S),
    ("station_status", STATUS_TTL_S),
    ("vehicle_status", STATUS_TTL_S),
    ("geofencing_zones", OTHER_TTL_S),
    ("system_pricing_plans", OTHER_TTL_S),
];

/// What stands where; `None` before it was reported.
#[derive(Debug, Clone, Default)]
struct Stands {
    stations: Vec<Option<Counts>>,
    free: Vec<Option<Standing>>,
}

/// The operator, as it sees its vehicles.
#[derive(Debug)]
pub struct RentalOperator {
    county: Arc<County>,
    stands: watch::Sender<Stands>,
}

impl RentalOperator {
    /// Of the county's shared vehicles, before anything has been heard of them.
    pub fn new(county: Arc<County>) -> Self {
        let rentals = &county.rentals;
        let stands =
            Stands { stations: vec![None; rentals.stations.len()], free: vec![None; rentals.free.len()] };
        Self { stands: watch::Sender::new(stands), county }
    }

    /// Takes note of what happens to its vehicles.
    pub(crate) fn note(&self, event: &Event) {
        match *event {
            Event::Station { station, vehicles, .. } => {
                self.stands.send_modify(|stands| stands.stations[station] = Some(vehicles));
            }
            Event::Free { vehicle, place, .. } => {
                self.stands.send_modify(|stands| stands.free[vehicle] = place);
            }
            _ => {}
        }
    }

    /// A document by its name, such as `gbfs` or `station_status`, at `now`; `None`: there is none. Those that it
    /// names are found below `base`, an address without a slash at its end.
    pub fn document(&self, name: &str, base: &str, now: Timestamp) -> Option<Value> {
        let at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let (ttl_s, data) = if name == "gbfs" {
            let feed =
                |(name, _): &(&str, u32)| json!({ "name": name, "url": format!("{base}/{name}.json") });
            (OTHER_TTL_S, json!({ "feeds": DOCUMENTS.iter().map(feed).collect::<Vec<_>>() }))
        } else {
            let (_, ttl_s) = DOCUMENTS.iter().find(|(document, _)| *document == name)?;
            (*ttl_s, self.data(name, at)?)
        };
        Some(json!({ "last_updated": at, "ttl": ttl_s, "version": VERSION, "data": data }))
    }

    fn data(&self, name: &str, at: Timestamp) -> Option<Value> {
        Some(match name {
            "system_information" => self.information(),
            "vehicle_types" => types(),
            "station_information" => self.stations(),
            "station_status" => self.station_status(at),
            "vehicle_status" => self.vehicle_status(at),
            "geofencing_zones" => self.zones(),
            "system_pricing_plans" => plans(),
            _ => return None,
        })
    }

    fn information(&self) -> Value {
        json!({
            "system_id": "steverland-rad",
            "languages": ["de", "en"],
            "name": both("Steverland-Rad", "Steverland-Rad"),
            "operator": both("Steverland-Rad (erfunden)", "Steverland-Rad (invented)"),
            "opening_hours": "24/7",
            "url": "https://steverland.example/rad",
            "feed_contact_email": "rad@steverland.example",
            "timezone": self.county.tz,
        })
    }

    fn stations(&self) -> Value {
        let station = |station: &Station| {
            json!({
                "station_id": station.id, "name": both(station.name, station.name),
                "lat": station.lat, "lon": station.lon, "capacity": station.capacity,
                "is_virtual_station": false,
            })
        };
        json!({ "stations": self.county.rentals.stations.iter().map(station).collect::<Vec<_>>() })
    }

    fn station_status(&self, at: Timestamp) -> Value {
        let stands = self.stands.borrow();
        let status = |(station, vehicles): (&Station, &Option<Counts>)| {
            let vehicles = (*vehicles)?;
            let stand: u32 = vehicles.iter().sum();
            let by_kind = Kind::ALL.iter().zip(vehicles);
            let by_kind = by_kind.map(|(kind, n)| json!({ "vehicle_type_id": kind.id(), "count": n }));
            Some(json!({
                "station_id": station.id,
                "num_vehicles_available": stand, "vehicle_types_available": by_kind.collect::<Vec<_>>(),
                "num_docks_available": station.capacity.saturating_sub(stand),
                "is_installed": true, "is_renting": true, "is_returning": true, "last_reported": at,
            }))
        };
        let stations = self.county.rentals.stations.iter().zip(&stands.stations);
        json!({ "stations": stations.filter_map(status).collect::<Vec<_>>() })
    }

    fn vehicle_status(&self, at: Timestamp) -> Value {
        let stands = self.stands.borrow();
        let status = |(number, place): (usize, &Option<Standing>)| {
            let Standing { lat, lon, range_m, rides } = (*place)?;
            // Another one after each ride, so that nobody can be followed.
            let id = hash(self.county.seed, "vehicle id", (number as u64) << 32 | u64::from(rides));
            Some(json!({
                "vehicle_id": format!("{id:016x}"), "lat": lat, "lon": lon, "vehicle_type_id": Kind::Scooter.id(),
                "is_reserved": false, "is_disabled": false,
                "current_range_meters": range_m, "last_reported": at,
            }))
        };
        json!({ "vehicles": stands.free.iter().enumerate().filter_map(status).collect::<Vec<_>>() })
    }

    fn zones(&self) -> Value {
        let zone = |area: &BannedArea| {
            let may = area.ban != Ban::Ride;
            let rule = json!({
                "vehicle_type_ids": [Kind::Scooter.id()],
                "ride_start_allowed": may, "ride_end_allowed": false, "ride_through_allowed": may,
            });
            let Geometry::Polygon(ring) = area.outline() else { return Value::Null };
            json!({
                "type": "Feature",
                "geometry": { "type": "MultiPolygon", "coordinates": [[ring]] },
                "properties": { "name": both(area.name, area.name), "rules": [rule] },
            })
        };
        let features: Vec<Value> = self.county.rentals.areas.iter().map(zone).collect();
        let everywhere =
            json!({ "ride_start_allowed": true, "ride_end_allowed": true, "ride_through_allowed": true });
        json!({
            "geofencing_zones": { "type": "FeatureCollection", "features": features },
            "global_rules": [everywhere],
        })
    }
}

/// A text in German and English.
fn both(de: &str, en: &str) -> Value {
    json!([{ "text": de, "language": "de" }, { "text": en, "language": "en" }])
}

/// Scooters may be left at stations and elsewhere, bicycles at stations, cargo bicycles where they were taken.
fn types() -> Value {
    let of = |kind: Kind| {
        let (form, propulsion, constraint, de, en) = match kind {
            Kind::Scooter => ("scooter_standing", "electric", "hybrid", "E-Scooter", "E-scooter"),
            Kind::Bicycle => ("bicycle", "human", "any_station", "Fahrrad", "Bicycle"),
            Kind::CargoBicycle => {
                ("cargo_bicycle", "electric_assist", "roundtrip_station", "Lastenrad", "Cargo bicycle")
            }
        };
        let mut vehicle_type = json!({
            "vehicle_type_id": kind.id(), "form_factor": form, "propulsion_type": propulsion, "return_constraint": constraint,
            "name": both(de, en), "default_pricing_plan_id": kind.id(), "pricing_plan_ids": [kind.id()],
        });
        if let Some(range_m) = MAX_RANGE_M[kind as usize] {
            vehicle_type["max_range_meters"] = range_m.into();
        }
        vehicle_type
    };
    json!({ "vehicle_types": Kind::ALL.map(of) })
}

/// Prices that nobody charges.
fn plans() -> Value {
    let of = |kind: Kind| {
        let (price, rate, interval, de, en) = match kind {
            Kind::Scooter => (1.0, 0.19, 1, "Je Minute (erfunden)", "By the minute (invented)"),
            Kind::Bicycle => (0.0, 1.0, 30, "Je halbe Stunde (erfunden)", "By the half hour (invented)"),
            Kind::CargoBicycle => (0.0, 3.0, 60, "Je Stunde (erfunden)", "By the hour (invented)"),
        };
        json!({
            "plan_id": kind.id(), "name": both(de, en), "description": both(de, en),
            "currency": "EUR", "price": price, "is_taxable": false,
            "per_min_pricing": [{ "start": 0, "rate": rate, "interval": interval }],
        })
    };
    json!({ "plans": Kind::ALL.map(of) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Cause;

    fn document(operator: &RentalOperator, name: &str) -> Value {
        let now = "2026-11-29T11:00:00.4Z".parse().unwrap();
        operator.document(name, "http://127.0.0.1:1", now).unwrap()
    }

    #[test]
    fn the_entry_names_the_documents_and_each_is_there() {
        let operator = RentalOperator::new(Arc::new(County::sample(1)));
        let entry = document(&operator, "gbfs");
        assert_eq!(
            (&entry["version"], &entry["last_updated"]),
            (&"3.0".into(), &"2026-11-29T11:00:00Z".into())
        );
        let feeds = entry["data"]["feeds"].as_array().unwrap();
        assert_eq!(feeds.len(), 7);
        for feed in feeds {
            let name = feed["name"].as_str().unwrap();
            assert_eq!(feed["url"], format!("http://127.0.0.1:1/{name}.json"));
            assert!(document(&operator, name)["data"].is_object(), "{name}");
        }
        assert_eq!(operator.document("system_alerts", "", Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn what_was_never_reported_is_left_out_and_ids_change_with_each_ride() {
        let operator = RentalOperator::new(Arc::new(County::sample(1)));
        assert_eq!(document(&operator, "station_status")["data"]["stations"], json!([]));
        operator.note(&Event::Station { station: 0, vehicles: [4, 3, 0], cause: Cause::Start });
        let status = &document(&operator, "station_status")["data"]["stations"][0];
        assert_eq!(status["station_id"], "st-bahnhof");
        assert_eq!(
            (&status["num_vehicles_available"], &status["num_docks_available"]),
            (&7.into(), &5.into())
        );
        let mut ids = std::collections::HashSet::new();
        for rides in 0..3 {
            let place = Some(Standing { lat: 51.9, lon: 7.2, range_m: 9_000.0, rides });
            operator.note(&Event::Free { vehicle: 2, place, cause: Cause::Change });
            let vehicles = document(&operator, "vehicle_status")["data"]["vehicles"].clone();
            assert_eq!(vehicles.as_array().unwrap().len(), 1);
            ids.insert(vehicles[0]["vehicle_id"].as_str().unwrap().to_owned());
        }
        assert_eq!(ids.len(), 3);
        operator.note(&Event::Free { vehicle: 2, place: None, cause: Cause::Change });
        assert_eq!(document(&operator, "vehicle_status")["data"]["vehicles"], json!([]));
    }
}
