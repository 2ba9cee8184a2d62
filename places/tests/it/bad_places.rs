use domain::catalogue::Catalogue;

use crate::support::{MUNICIPALITIES, collection, existing, feature, feature_at, misfits};

fn of_nothing(files: &[(&str, &str)]) -> String {
    misfits(files, &Catalogue::default())
}

fn site(id: &str, municipality: &str, more: &str) -> String {
    feature(&format!(
        r#""id": "{id}", "municipality": "{municipality}", "name": "N", "kind": "lot", "capacity": 10{more}"#
    ))
}

#[test]
fn what_is_named_exists() {
    let bay = feature(r#""id": "1", "municipality": "coesfelt", "site": "p9""#);
    assert_eq!(
        of_nothing(&[MUNICIPALITIES, ("bays.geojson", &collection(&[&bay]))]),
        "bays.geojson:2: municipality = 'coesfelt': exists neither in the files nor in the database\n  remedy: did you \
         mean 'coesfeld'? add it to municipalities.csv, or correct the name\n\
         bays.geojson:2: site = 'p9': exists neither in the files nor in the database\n  remedy: add it to \
         sites.geojson, or correct the name"
    );
    let feed = "[[feed]]\nid='f'\nmunicipality='coesfeld'\nformat='native'\ntopic='#'\nbroker='b'\n";
    assert_eq!(
        of_nothing(&[MUNICIPALITIES, ("feeds.toml", feed)]),
        "feeds.toml:1: broker = 'b': exists neither in the files nor in the database\n  remedy: add it to [[broker]] \
         in feeds.toml, or correct the name"
    );
    let two_towns = "slug,name,ags\na,A,05558012\nb,B,05558016\n";
    assert_eq!(
        of_nothing(&[("municipalities.csv", two_towns), ("vehicles.csv", "id\nbus\n")]),
        "vehicles.csv:2: owner: is missing, and there is no single county to own the vehicle\n  remedy: write the \
         owner's slug"
    );
}

#[test]
fn ids_stand_once() {
    let sites = collection(&[&site("p1", "coesfeld", ""), &site("p1", "coesfeld", "")]);
    let towns = "slug,name,ags\ncoesfeld,Coesfeld,05558012\ncoesfeld2,Coesfeld,05558012\n";
    assert_eq!(
        of_nothing(&[("municipalities.csv", towns), ("sites.geojson", &sites)]),
        "municipalities.csv:3: ags = '05558012': is also the key of 'coesfeld'\n  remedy: write each municipality's \
         own key\n\
         sites.geojson:3: id = 'p1': stands twice: also in sites.geojson:2\n  remedy: give one of them another id, or \
         delete it"
    );
}

#[test]
fn an_id_stays_with_its_municipality() {
    let known = existing(&[
        MUNICIPALITIES,
        ("sites.geojson", &collection(&[&site("p1", "coesfeld", "")])),
        (
            "feeds.toml",
            "[[feed]]\nid='f'\nmunicipality='coesfeld'\nformat='native'\ntopic='kv/1/f/#'\n[[feed]]\nid='g'\nmunicipality='duelmen'\nformat='native'\ntopic='kv/1/g/#'\n",
        ),
        ("sensors.csv", "id,feed\ns,f\n"),
    ]);
    assert_eq!(
        misfits(
            &[
                ("sites.geojson", &collection(&[&site("p1", "duelmen", "")])),
                ("sensors.csv", "id,feed\ns,g\n")
            ],
            &known
        ),
        "sensors.csv:2: id = 's': this sensor belongs to Coesfeld (coesfeld), not to Dülmen (duelmen)\n  remedy: use \
         another id\n\
         sites.geojson:2: id = 'p1': this site belongs to Coesfeld (coesfeld), not to Dülmen (duelmen)\n  remedy: use \
         another id"
    );
}

#[test]
fn a_place_fits_itself() {
    let sites = collection(&[
        &site(
            "p1",
            "coesfeld",
            r#", "opening_hours": "Montag bis Freitag", "restrictions": [{"for": "disabled", "capacity": 11, "hours": "immer"}]"#,
        ),
        &site(
            "p2",
            "coesfeld",
            r#", "valid_from": "2026-05-01T00:00:00Z", "valid_until": "2026-05-01T00:00:00Z""#,
        ),
        &site("p3", "duelmen", ""),
    ]);
    let bay = feature(r#""id": "1", "municipality": "coesfeld", "site": "p3""#);
    let report =
        of_nothing(&[MUNICIPALITIES, ("sites.geojson", &sites), ("bays.geojson", &collection(&[&bay]))]);
    let without_parser_words: Vec<&str> = report
        .lines()
        .map(|line| line.split_once("Key:opening_hours").map_or(line, |(before, _)| before))
        .filter(|line| line.starts_with("  remedy") || line.contains(".geojson"))
        .collect();
    assert_eq!(
        without_parser_words,
        [
            "bays.geojson:2: site = 'p3': this site belongs to Dülmen (duelmen), the bay to Coesfeld (coesfeld)",
            "  remedy: name a site of the bay's municipality, or correct the municipality",
            "sites.geojson:2: opening_hours = 'Montag bis Freitag': not OSM opening hours (https://wiki.openstreetmap.org/wiki/",
            "  remedy: write it like 'Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off' or '24/7'",
            "sites.geojson:2: restrictions[0].hours = 'immer': not OSM opening hours (https://wiki.openstreetmap.org/wiki/",
            "  remedy: write it like 'Mo-Fr 08:00-20:00; Sa 09:00-14:00; PH off' or '24/7'",
            "sites.geojson:2: restrictions[0].capacity = '11': is more than the site's capacity of 10",
            "  remedy: correct one of the two numbers",
            "sites.geojson:3: valid_until = '2026-05-01T00:00:00Z': is not after valid_from (2026-05-01T00:00:00Z)",
            "  remedy: correct one of the two; valid_until is the first instant at which it no longer holds",
        ]
    );
}

#[test]
fn places_lie_near_their_municipality() {
    let swapped = feature_at(r#""id": "1", "municipality": "coesfeld""#, "[51.94, 7.17]");
    let elsewhere = feature_at(r#""id": "2", "municipality": "coesfeld""#, "[-46.6, -23.5]");
    let of_the_county = feature_at(r#""id": "3", "municipality": "kreis""#, "[-46.6, -23.5]");
    assert_eq!(
        of_nothing(&[MUNICIPALITIES, ("bays.geojson", &collection(&[&swapped, &elsewhere, &of_the_county]))]),
        "bays.geojson:2: geometry: [51.94, 7.17] lies 6430 km away from Coesfeld (coesfeld)\n  remedy: longitude and \
         latitude are swapped: GeoJSON is [lon, lat]\n\
         bays.geojson:3: geometry: [-46.6, -23.5] lies 9879 km away from Coesfeld (coesfeld)\n  remedy: correct the \
         position, or lat and lon of 'coesfeld' in municipalities.csv"
    );
}

#[test]
fn time_zones_exist() {
    assert_eq!(
        of_nothing(&[("municipalities.csv", "slug,name,ags,tz\na,A,05558012,Europe/Coesfeld\n")]),
        "municipalities.csv:2: tz = 'Europe/Coesfeld': is not a time zone\n  remedy: write an IANA name such as \
         Europe/Berlin"
    );
}

#[test]
fn feeds_do_not_overlap_on_one_broker() {
    let feed = |id: &str, topic: &str, more: &str| {
        format!("[[feed]]\nid='{id}'\nmunicipality='coesfeld'\nformat='native'\ntopic='{topic}'\n{more}\n")
    };
    let known = existing(&[MUNICIPALITIES, ("feeds.toml", &feed("old", "kv/1/+/bay/+", ""))]);
    let new = feed("a", "kv/1/a/#", "")
        + &feed("b", "kv/#", "")
        + "[[broker]]\nid='x'\nurl='mqtt://h'\n"
        + &feed("c", "#", "broker='x'");
    assert_eq!(
        misfits(&[("feeds.toml", &new)], &known),
        "feeds.toml:1: topic = 'kv/1/a/#': feed 'a' would receive messages of feed 'old' ('kv/1/+/bay/+', in the \
         database) on the instance's broker\n  remedy: narrow one of the two filters\n\
         feeds.toml:7: topic = 'kv/#': feed 'b' would receive messages of feed 'old' ('kv/1/+/bay/+', in the \
         database) on the instance's broker\n  remedy: narrow one of the two filters\n\
         feeds.toml:7: topic = 'kv/#': feed 'b' would receive messages of feed 'a' ('kv/1/a/#', feeds.toml:1) on the \
         instance's broker\n  remedy: narrow one of the two filters"
    );
    // Its own filter may change.
    assert_eq!(misfits(&[("feeds.toml", &feed("old", "kv/1/old/#", ""))], &known), "");
}
