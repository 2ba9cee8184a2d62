//! The county as input files, as a real county would write them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;

use super::towns_table::COUNTY;
use super::{Bay, County, Geometry, Restriction};
use crate::encode::parametric_pcr2;

/// How the line is booked that runs on request. Its number is one of those that Germany's Bundesnetzagentur keeps for films and books.
const ON_DEMAND: &str = "\
route,kind,min_notice_min,relative_to,phone,phone_hours,info_url,message_de,message_en,surcharge_eur,source
T1,taxibus,30,first_stop,0221 4710 110,Mo-Su 06:00-24:00,https://steverland.example/taxibus,\
\"Bitte Haltestelle, Abfahrt und Zahl der Fahrgäste nennen\",\"Please say your stop, the departure and how many you are\",1.00,sample
";

/// Who drives where nothing else goes, with numbers of the same kind.
const TAXIS: &str = "\
id,municipality,name,phone,hours,wheelchair
taxi-stever,steverstadt,Taxi Stever (invented),0221 4710 200,24/7,true
nachttaxi,steverland,Nachttaxi Steverland (invented),0221 4710 210,Mo-Su 20:00-06:00,
";

/// Prices that nobody charges: real ones change with each tariff, and are the county's to state.
const FARES: &str = r#"# Invented. A real county writes its own prices here, with the day on which they were read.
[[fare]]
id = "sample-km"
name = "Sample fare by the kilometre"
kind = "crow_fly"
valid_from = 2020-01-01
source = "sample"
base_eur = 1.11
per_started_km_eur = 0.22
cap_24h_eur = 22.22
child_factor = 0.5

[[pass]]
id = "deutschlandticket"
name = "Deutschlandticket (sample)"
price_eur = 55.55
valid_from = 2020-01-01
source = "sample"
route_types = [0, 1, 2, 3]
"#;

impl County {
    /// Writes `municipalities.csv`, `sites.geojson`, `bays.geojson`, `sensors.csv`, `vehicles.csv`,
    /// `feeds.toml`, `fares.toml`, `on_demand.csv`, `taxis.csv`, `closures.csv` and `calendar.csv` around `today`, the timetable around `today`
    /// (`gtfs.zip`) and the streets (`streets.osm.pbf`) into `dir`, which is created when missing. The same county and day give
    /// the same bytes.
    ///
    /// # Errors
    /// The folder or a file cannot be written; the message names it.
    pub fn write_files(&self, dir: &Path, today: Date) -> io::Result<()> {
        let named = |name: &str, result: io::Result<()>| {
            result.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", dir.join(name).display())))
        };
        named("", fs::create_dir_all(dir))?;
        let files: [(&str, io::Result<Vec<u8>>); 13] = [
            ("municipalities.csv", self.municipalities_csv()),
            ("sites.geojson", self.sites_geojson()),
            ("bays.geojson", self.bays_geojson()),
            ("sensors.csv", self.sensors_csv()),
            ("vehicles.csv", self.vehicles_csv()),
            ("feeds.toml", self.feeds_toml()),
            ("closures.csv", self.closures_csv(today)),
            ("calendar.csv", self.calendar_csv(today)),
            ("fares.toml", Ok(FARES.into())),
            ("on_demand.csv", Ok(ON_DEMAND.into())),
            ("taxis.csv", Ok(TAXIS.into())),
            ("gtfs.zip", self.gtfs(today)),
            ("streets.osm.pbf", self.streets()),
        ];
        for (name, content) in files {
            named(name, content.and_then(|bytes| fs::write(dir.join(name), bytes)))?;
        }
        Ok(())
    }

    fn municipalities_csv(&self) -> io::Result<Vec<u8>> {
        let rows = self.municipalities.iter().map(|m| {
            (m.slug, m.name, m.ags, m.lat.to_string(), m.lon.to_string(), self.tz, m.public_planning)
        });
        csv_of("slug,name,ags,lat,lon,tz,public_planning", rows)
    }

    fn sites_geojson(&self) -> io::Result<Vec<u8>> {
        geojson(self.sites.iter().map(|site| (self.owned(&site.id, site.municipality, site), &site.geometry)))
    }

    fn bays_geojson(&self) -> io::Result<Vec<u8>> {
        geojson(self.bays.iter().map(|bay| (BayProperties::of(bay, self), &bay.geometry)))
    }

    fn sensors_csv(&self) -> io::Result<Vec<u8>> {
        let rows = self.sensors.iter().map(|s| {
            let bay = s.bay.map(|bay| &self.bays[bay].id);
            let model = s.device.model();
            (&s.dev_eui, &self.feeds[s.feed].id, model.decoder, bay, model.heartbeat_s, model.threshold_mm)
        });
        const COLUMNS: &str = "id,feed,decoder,bay,heartbeat_s,threshold_mm";
        if self.lanes.is_empty() {
            return csv_of(COLUMNS, rows);
        }
        let of_bays = rows.map(|row| (row, None, None));
        let of_lanes = self.lanes.iter().map(|lane| {
            let (feed, site) = (&self.feeds[lane.feed].id, &self.sites[lane.site].id);
            let direction = if lane.is_entry_to_right() { "in" } else { "out" };
            let row =
                (&lane.dev_eui, feed, parametric_pcr2::DECODER, None, parametric_pcr2::HEARTBEAT_S, None);
            (row, Some(site), Some(direction))
        });
        csv_of(&format!("{COLUMNS},site,direction"), of_bays.chain(of_lanes))
    }

    fn vehicles_csv(&self) -> io::Result<Vec<u8>> {
        let rows = self.vehicles.iter().map(|v| {
            let owner = self.municipalities[self.feeds[v.feed].municipality].slug;
            (&v.id, owner, v.operator, &v.label, v.seats, v.standing)
        });
        csv_of("id,owner,operator,label,seats,standing", rows)
    }

    fn feeds_toml(&self) -> io::Result<Vec<u8>> {
        let feeds: Vec<_> =
            self.feeds.iter().map(|feed| self.owned(&feed.id, feed.municipality, feed)).collect();
        let text = toml::to_string(&BTreeMap::from([("feed", feeds)])).map_err(io::Error::other)?;
        let rentals =
            self.rentals.url.as_ref().map(|url| RentalFeed::of(self.municipalities[COUNTY].slug, url));
        let rentals = rentals.map(|feed| toml::to_string(&BTreeMap::from([("feed", [feed])])));
        let rentals = rentals.transpose().map_err(io::Error::other)?.unwrap_or_default();
        Ok(format!("{text}\n{rentals}").into_bytes())
    }

    fn owned<'a, T>(&self, id: &'a str, owner: usize, thing: &'a T) -> Owned<'a, T> {
        Owned { id, municipality: self.municipalities[owner].slug, thing }
    }
}

/// A table with these columns, which commas separate.
pub(super) fn csv_of(columns: &str, rows: impl IntoIterator<Item = impl Serialize>) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.split(','))?;
    for row in rows {
        writer.serialize(row)?;
    }
    writer.into_inner().map_err(|e| e.into_error())
}

/// One feature a line, so that a diff of two files can be read.
fn geojson<'a, P: Serialize>(features: impl Iterator<Item = (P, &'a Geometry)>) -> io::Result<Vec<u8>> {
    let line =
        |(properties, geometry)| serde_json::to_string(&Feature { r#type: "Feature", properties, geometry });
    let lines = features.map(line).collect::<Result<Vec<_>, _>>()?;
    Ok(format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", lines.join(",\n")).into_bytes())
}

#[derive(Serialize)]
struct Feature<'a, P> {
    r#type: &'static str,
    properties: P,
    geometry: &'a Geometry,
}

/// A site or a feed with its owner.
#[derive(Serialize)]
struct Owned<'a, T> {
    id: &'a str,
    municipality: &'static str,
    #[serde(flatten)]
    thing: &'a T,
}

/// The feed of the shared vehicles: nothing else is fetched.
#[derive(Serialize)]
struct RentalFeed<'a> {
    id: &'static str,
    municipality: &'static str,
    format: &'static str,
    url: &'a str,
    /// The simulator is on this machine.
    allow_private: bool,
    every_s: u32,
    licence: &'static str,
    attribution: &'static str,
    contact: &'static str,
}

impl<'a> RentalFeed<'a> {
    fn of(municipality: &'static str, url: &'a str) -> Self {
        Self {
            id: "steverland-rad",
            municipality,
            format: "gbfs",
            url,
            allow_private: true,
            every_s: 5,
            licence: "dl-de/by-2-0",
            attribution: "Steverland-Rad",
            contact: "rad@steverland.example",
        }
    }
}

#[serde_with::skip_serializing_none]
#[derive(Serialize)]
struct BayProperties<'a> {
    id: &'a str,
    municipality: &'static str,
    site: Option<&'a str>,
    zone: Option<&'static str>,
    /// The shorthand, where it suffices.
    restriction: Option<&'static str>,
    #[serde(skip_serializing_if = "<[Restriction]>::is_empty")]
    restrictions: &'a [Restriction],
    max_stay_min: Option<u32>,
    publish: Option<&'static str>,
}

impl<'a> BayProperties<'a> {
    fn of(bay: &'a Bay, county: &'a County) -> Self {
        let shorthand = match bay.restrictions.as_slice() {
            [Restriction { audience, capacity: None, hours: None, max_stay_min: None }] => *audience,
            _ => None,
        };
        Self {
            id: &bay.id,
            municipality: county.municipalities[bay.municipality].slug,
            site: bay.site.map(|s| county.sites[s].id.as_str()),
            zone: bay.zone,
            restriction: shorthand,
            restrictions: if shorthand.is_some() { &[] } else { &bay.restrictions },
            max_stay_min: bay.max_stay_min,
            publish: bay.publish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Date = jiff::civil::date(2026, 11, 22);
    const NAMES: [&str; 13] = [
        "municipalities.csv",
        "sites.geojson",
        "bays.geojson",
        "sensors.csv",
        "vehicles.csv",
        "feeds.toml",
        "closures.csv",
        "calendar.csv",
        "gtfs.zip",
        "streets.osm.pbf",
        "fares.toml",
        "on_demand.csv",
        "taxis.csv",
    ];

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let [a, b, other] = [1, 1, 2].map(|seed| {
            let dir = tempfile::tempdir().unwrap();
            County::sample(seed).write_files(dir.path(), TODAY).unwrap();
            NAMES.map(|name| fs::read(dir.path().join(name)).unwrap())
        });
        assert_eq!(a, b);
        assert_ne!(a[2], other[2]);
        assert_ne!(a[9], other[9]);
    }

    #[test]
    fn the_files_have_the_shape_of_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        let county = County::sample(1);
        county.write_files(dir.path(), TODAY).unwrap();
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();

        let bays: serde_json::Value = serde_json::from_str(&read("bays.geojson")).unwrap();
        assert_eq!(bays["features"].as_array().unwrap().len(), county.bays.len());
        let first = &bays["features"][0];
        assert_eq!(first["properties"]["municipality"], "steverstadt");
        assert_eq!(first["properties"]["restriction"], "disabled");
        assert_eq!(first["geometry"]["type"], "Polygon");

        let sites: serde_json::Value = serde_json::from_str(&read("sites.geojson")).unwrap();
        let restrictions = &sites["features"][4]["properties"]["restrictions"];
        assert_eq!((&restrictions[0]["for"], &restrictions[0]["capacity"]), (&"disabled".into(), &8.into()));

        let feeds: toml::Table = read("feeds.toml").parse().unwrap();
        for feed in feeds["feed"].as_array().unwrap() {
            for key in ["id", "municipality", "format", "topic", "licence", "attribution", "contact"] {
                assert!(feed.get(key).is_some_and(|v| v.is_str()), "{feed:?} lacks {key}");
            }
        }
        assert!(
            read("municipalities.csv")
                .lines()
                .nth(1)
                .unwrap()
                .starts_with("steverland,Kreis Steverland,05999,")
        );
        assert_eq!(read("sensors.csv").lines().count(), county.sensors.len() + 1);
        let closures = read("closures.csv");
        assert!(closures.lines().count() == 2 && closures.contains("Herbstkirmes"), "{closures}");
        // Twice a week for a year and a half, and the fair.
        let calendar = read("calendar.csv");
        assert_eq!(calendar.lines().count(), 2 + 2 * (52 + 26));
    }

    #[test]
    fn radars_change_no_file_but_that_of_the_sensors() {
        let [plain, with] = [County::sample(1), County::sample(1).with_lanes()].map(|county| {
            let dir = tempfile::tempdir().unwrap();
            county.write_files(dir.path(), TODAY).unwrap();
            NAMES.map(|name| fs::read(dir.path().join(name)).unwrap())
        });
        let differing: Vec<_> =
            (0..NAMES.len()).filter(|i| plain[*i] != with[*i]).map(|i| NAMES[i]).collect();
        assert_eq!(differing, ["sensors.csv"]);
        let [plain, with] = [&plain[3], &with[3]].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        let same = plain.lines().skip(1).zip(with.lines().skip(1)).all(|(a, b)| format!("{a},,") == b);
        assert!(same, "the sensors of bays stay as they are");
        let lanes: Vec<&str> = with.lines().skip(plain.lines().count()).collect();
        assert!(
            lanes.len() >= 6 && lanes.iter().all(|row| row.contains(",parametric-pcr2,,900,,")),
            "{lanes:?}"
        );
        assert!(
            lanes[0].ends_with("tiefgarage-rathaus,in") && lanes[1].ends_with("tiefgarage-rathaus,out"),
            "{lanes:?}"
        );
    }

    #[test]
    fn shared_vehicles_have_a_feed_where_they_are_served() {
        let [without, with] = [County::sample(1), County::sample(1).with_rentals_at("http://127.0.0.1:8090")]
            .map(|county| String::from_utf8(county.feeds_toml().unwrap()).unwrap());
        assert!(with.starts_with(without.trim_end()) && !without.contains("gbfs"));
        let feeds: toml::Table = with.parse().unwrap();
        let feed = feeds["feed"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (feed["format"].as_str(), feed["url"].as_str()),
            (Some("gbfs"), Some("http://127.0.0.1:8090/gbfs.json"))
        );
        assert_eq!(
            (feed["municipality"].as_str(), feed["allow_private"].as_bool()),
            (Some("steverland"), Some(true))
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = County::sample(1).write_files(&file.join("below"), TODAY).unwrap_err().to_string();
        assert!(error.contains("below"), "{error}");
    }
}
