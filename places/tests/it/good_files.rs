use std::path::Path;

use domain::catalogue::Catalogue;
use domain::feed::{FeedFormat, MqttVersion};
use domain::place::{Audience, Publish, Purpose, SiteKind};
use domain::{Decoder, Direction, UtcMicros};
use places::{FileKind, read, settle, validate};

use crate::support::{
    MUNICIPALITIES, collection, existing, feature, folder, misfits, now, read_files, shown,
};

const FEEDS: &str = r#"
[[broker]]
id = "ttn"
url = "mqtts://eu1.cloud.thethings.network"
username = "app@ttn"
password_file = "secrets/ttn"
version = "3.1.1"

[[feed]]
id = "lora"
municipality = "coesfeld"
format = "chirpstack"
topic = "application/+/device/+/event/+"
max_age = "20y"
area = [7.0, 51.8, 7.5, 52.1]

[[feed]]
id = "rt"
municipality = "kreis"
format = "gtfs-rt"
url = "https://example.org/rt.pb"
every_s = 30

[[feed]]
id = "gates"
municipality = "coesfeld"
format = "native"
topic = "kv/1/gates/#"
"#;

fn county() -> Vec<(&'static str, String)> {
    let sites = collection(&[&feature(
        r#""id": "p1", "municipality": "coesfeld", "name": "Markt", "kind": "car_park", "capacity": 150.0, "fee": "1 €/h", "opening_hours": "Mo-Sa 07:00-20:00; PH off", "max_height_m": 2.1, "restrictions": [{"for": "disabled", "capacity": 4, "hours": "Mo-Fr 08:00-18:00", "max_stay_min": 120}]"#,
    )]);
    let bays = collection(&[
        &feature(r#""id": "17", "municipality": "coesfeld", "site": "p1", "restriction": "resident""#),
        &feature(
            r#""id": "18", "municipality": "coesfeld", "restriction": "none", "publish": null, "valid_from": "2026-01-01T00:00:00+01:00""#,
        ),
    ]);
    let sensors = "\u{feff}id;feed;decoder;bay;site;direction;bound_from;bound_until\r\n\r\n\
        70-B3-D5-7E-D0-05-1A-2B;lora;bosch-tps110;17;;;;2026-05-01T00:00:00Z\r\n\
        70B3D57ED0051A2C;lora;bosch-tps110;17;;;2026-05-01T00:00:00Z;\r\n\
        ;;;;;;;\r\n\
        ABCDEF0123456789;gates;;;p1;in;;\r\n";
    let vehicles = "id,label,seats\n0018-01029,\"Bus 12, lang\",44\n";
    vec![
        ("municipalities.csv", MUNICIPALITIES.1.to_owned()),
        ("sites.geojson", sites),
        ("bays.geojson", bays),
        ("sensors.csv", sensors.to_owned()),
        ("vehicles.csv", vehicles.to_owned()),
        ("feeds.toml", FEEDS.to_owned()),
        ("README.md", "notes".to_owned()),
        ("lines.zip", "PK".to_owned()),
        ("county.osm.pbf", String::new()),
    ]
}

#[test]
fn a_whole_county_is_read() {
    let county = county();
    let named: Vec<(&str, &str)> = county.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let folder = folder(&named);
    let mut files = read(&[folder.path().to_owned()]).unwrap_or_else(|e| panic!("{}", shown(&folder, &e)));
    settle(&mut files, &Catalogue::default());
    assert_eq!(*validate(&files, &Catalogue::default(), now()), []);

    assert_eq!(files.kinds_seen.len(), 8);
    assert!(files.kinds_seen.contains(&FileKind::Osm));
    assert_eq!(files.other, [folder.path().join("county.osm.pbf"), folder.path().join("lines.zip")]);

    let coesfeld = &files.municipalities[0].value;
    assert_eq!(
        (coesfeld.tz.as_str(), coesfeld.public_planning, coesfeld.lat),
        ("Europe/Berlin", false, Some(51.94))
    );

    let site = &files.sites[0].value;
    assert_eq!((site.kind, site.capacity, site.purpose), (SiteKind::CarPark, 150, Purpose::Car));
    assert_eq!(site.publish, Publish::Public);
    assert_eq!(site.fee.as_ref().unwrap().en.as_deref(), Some("1 €/h"));
    assert_eq!(site.capacity_for(Audience::Disabled), Some(4));

    let [resident, plain] = &files.bays[..] else { panic!() };
    assert_eq!((resident.value.publish, resident.value.publish()), (None, Publish::SiteOnly));
    assert!(plain.value.restrictions.is_empty());
    assert_eq!(plain.value.valid_from, Some(UtcMicros::parse("2025-12-31T23:00:00Z").unwrap()));
    assert_eq!((resident.at.line, plain.at.line), (2, 3));

    let [old, new, gate] = &files.sensors[..] else { panic!() };
    assert_eq!((old.value.id.as_str(), old.at.line), ("70b3d57ed0051a2b", 3));
    assert_eq!((new.value.id.as_str(), new.value.decoder), ("70b3d57ed0051a2c", Some(Decoder::BoschTps110)));
    // A supplier's id stays as it is, even in the shape of a DevEUI.
    assert_eq!((gate.value.id.as_str(), gate.at.line), ("ABCDEF0123456789", 6));
    assert_eq!((gate.value.target(), gate.value.direction), (Some(("site", "p1")), Some(Direction::In)));

    let vehicle = &files.vehicles[0].value;
    assert_eq!((vehicle.owner.as_str(), vehicle.label.as_deref()), ("kreis", Some("Bus 12, lang")));

    let broker = &files.brokers[0].value;
    assert_eq!(broker.url, "mqtts://eu1.cloud.thethings.network:8883");
    assert_eq!(broker.version, MqttVersion::V311);
    assert_eq!(broker.password_file.as_deref(), folder.path().join("secrets/ttn").to_str());

    let lora = &files.feeds[0].value;
    assert_eq!((lora.qos, lora.max_age_s, lora.use_server_decoder), (1, Some(20 * 365 * 86_400), false));
    assert_eq!(files.feeds[0].at.line, 9);
    let polled = &files.feeds[1].value;
    assert_eq!((polled.format, polled.topic.as_str(), polled.every_s), (FeedFormat::GtfsRt, "", Some(30)));

    assert_eq!(
        shown(&folder, &files.notes),
        format!(
            "feeds.toml:2: password_file = '{}': this file does not exist here\n  remedy: put the file there before \
             the broker is needed, or correct the path",
            "secrets/ttn"
        )
    );
}

#[test]
fn a_file_named_twice_is_read_once() {
    let folder = folder(&[MUNICIPALITIES]);
    let file = folder.path().join("municipalities.csv");
    let files = read(&[file.clone(), folder.path().to_owned(), file]).unwrap();
    assert_eq!(files.municipalities.len(), 3);
}

#[test]
fn unknown_names_are_answered_with_the_known_ones() {
    let known = "known names: municipalities.csv, sites.geojson, bays.geojson, sensors.csv, vehicles.csv, feeds.toml, \
                 closures.csv, calendar.csv, on_demand.csv, on_demand_areas.geojson, fares.toml, taxis.csv, notices.toml, a GTFS *.zip, an *.osm.pbf";
    assert_eq!(
        read_files(&[("site.geojson", "{}"), MUNICIPALITIES]).unwrap_err(),
        format!("site.geojson: is not a known file name\n  remedy: did you mean 'sites.geojson'? {known}")
    );
    let absent = read(&["nowhere/x.txt".into()]).unwrap_err();
    assert_eq!(absent[0].to_string(), format!("nowhere/x.txt: does not exist\n  remedy: {known}"));
    let nothing = folder(&[("README.md", "")]);
    assert_eq!(
        read(&[nothing.path().to_owned()]).unwrap_err()[0].to_string(),
        format!("{}: holds nothing to import\n  remedy: {known}", nothing.path().display())
    );
    assert!(
        read(&[Path::new("nowhere/sites.geojson").into()]).unwrap_err()[0]
            .message
            .starts_with("cannot be read")
    );
}

#[test]
fn extra_properties_of_a_map_are_noted_once() {
    let properties = r#""id": "17", "municipality": "coesfeld", "fid": 1, "sites": "p1""#;
    let bays = collection(&[&feature(properties), &feature(&properties.replace("17", "18"))]);
    let files = read_files(&[("bays.geojson", &bays)]).unwrap();
    let notes: Vec<String> = files
        .notes
        .iter()
        .map(|n| format!("{:?} {:?} {} {}", n.line, n.field, n.message, n.remedy))
        .collect();
    let known = "known: id, municipality, site, zone, restriction, restrictions, max_stay_min, publish, valid_from, \
                 valid_until";
    assert_eq!(
        notes,
        [
            format!(
                "Some(2) Some(\"fid\") is not a known property of a bay: ignored in 2 feature(s) {known}"
            ),
            format!(
                "Some(2) Some(\"sites\") is not a known property of a bay: ignored in 2 feature(s) did you mean \
                 'site'? {known}"
            ),
        ]
    );
}

#[test]
fn a_part_of_the_files_fits_what_is_there() {
    let county = county();
    let named: Vec<(&str, &str)> = county.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let known = existing(&named);
    // The device on bay 17 is swapped: its binding ends, the new one's begins.
    let swap = "id,feed,bay,bound_from,bound_until\n\
                70b3d57ed0051a2c,lora,17,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z\n\
                70B3D57ED0051A2D,lora,17,2026-06-01T00:00:00Z,\n";
    assert_eq!(misfits(&[("sensors.csv", swap)], &known), "");
    let vehicle = "id,owner\n0018-01029,\n";
    assert_eq!(misfits(&[("vehicles.csv", vehicle)], &known), "");
}
