use std::path::Path;

use place_search::{Hit, HouseFound, Index, Kind, Kinds, Question, Reverse};

use super::index;
use crate::area::{self, Area};
use crate::streets::osm::places::OsmPlace;
use crate::streets::osm::{Coord, OsmData, OsmWay, Tags};
use crate::timetable::Timetable;

/// A grid point: so many hundred metres north and east of a corner.
fn at(north: i32, east: i32) -> Coord {
    Coord { lat: 518_000_000 + north * 9_000, lon: 72_000_000 + east * 14_500 }
}

fn place(id: &str, points: &[Coord], tags: &[(&str, &str)]) -> OsmPlace {
    OsmPlace { id: id.to_owned(), tags: Tags::new(tags.iter().copied()), lines: vec![points.to_vec()] }
}

/// Ways of streets with names, each from one grid point to another.
fn streets(named: &[(&str, Coord, Coord)]) -> OsmData {
    let mut data = OsmData::default();
    for (number, (name, from, to)) in (0..).zip(named) {
        let nodes = vec![2 * number, 2 * number + 1];
        data.nodes.extend([(nodes[0], *from), (nodes[1], *to)]);
        let tags = Tags::new([("highway", "residential"), ("name", *name)]);
        data.ways.push(OsmWay { id: 100 + number, nodes, tags });
    }
    data
}

fn square(south: i32, west: i32, side: i32) -> Vec<Coord> {
    let corners = [(0, 0), (0, side), (side, side), (side, 0), (0, 0)];
    corners.map(|(north, east)| at(south + north, west + east)).to_vec()
}

fn read(hit: &Hit<'_>) -> String {
    let house = match &hit.house {
        HouseFound::Is(label) => format!(" {label}"),
        HouseFound::Nearest(label) => format!(" {label}?"),
        HouseFound::NotAsked | HouseFound::None => String::new(),
    };
    format!("{} {}{house}, {}", hit.kind, hit.name, hit.town)
}

fn found(index: &Index, text: &str) -> Vec<String> {
    let question = Question { text, near: None, kinds: Kinds::ALL, limit: 20 };
    index.search(&question).iter().map(read).collect()
}

fn of(data: &OsmData) -> Index {
    index(data, &Timetable::empty())
}

const ADDRESS: &str = "addr:housenumber";

/// Two municipalities side by side with borders, a street that crosses from one into the other, cut in pieces.
fn two_towns() -> OsmData {
    let mut data = streets(&[
        ("Hauptstraße", at(5, 1), at(5, 4)),
        ("Hauptstraße", at(5, 4), at(5, 9)),
        ("Hauptstraße", at(5, 11), at(5, 19)),
        ("Am Markt", at(2, 2), at(3, 2)),
    ]);
    let border = |id, west, name| {
        place(
            id,
            &square(0, west, 10),
            &[("boundary", "administrative"), ("admin_level", "8"), ("name", name)],
        )
    };
    data.places = vec![
        border("relation/1", 0, "Westheim"),
        border("relation/2", 10, "Ostheim"),
        place("node/1", &[at(4, 4)], &[("place", "town"), ("name", "Westheim")]),
        place("node/2", &[at(1, 8)], &[("place", "village"), ("name", "Südorf")]),
        place(
            "way/7",
            &square(5, 3, 1),
            &[(ADDRESS, "4"), ("addr:street", "Hauptstr."), ("addr:postcode", "48249")],
        ),
        place(
            "node/8",
            &[at(5, 15)],
            &[(ADDRESS, "4"), ("addr:street", "Hauptstraße"), ("addr:city", "Westheim")],
        ),
        place("node/9", &[at(8, 8)], &[(ADDRESS, "12;14"), ("addr:place", "Rödder")]),
        place("node/10", &[at(2, 3)], &[("amenity", "pharmacy"), ("name", "Löwen-Apotheke")]),
        place("way/11", &square(2, 3, 1), &[("amenity", "pharmacy"), ("name", "Löwen Apotheke")]),
        place("node/12", &[at(2, 3)], &[("tourism", "information"), ("name", "Wegweiser 7")]),
    ];
    data
}

#[test]
fn a_street_is_one_in_each_town_however_it_is_cut() {
    let index = of(&two_towns());
    assert_eq!(found(&index, "Hauptstr"), ["street Hauptstraße, Westheim", "street Hauptstraße, Ostheim"]);
    assert_eq!(found(&index, "Hauptstr Ostheim"), ["street Hauptstraße, Ostheim"]);
    // By the border, whatever the address says of itself.
    assert_eq!(found(&index, "Hauptstraße 4 Ostheim"), ["address Hauptstraße 4, Ostheim"]);
    assert_eq!(found(&index, "Hauptstr 4, 48249"), ["address Hauptstraße 4, Westheim"]);
}

#[test]
fn towns_points_of_interest_and_hamlets_are_found() {
    let index = of(&two_towns());
    assert_eq!(found(&index, "westheim"), ["town Westheim, Westheim"]);
    assert_eq!(found(&index, "Ostheim"), ["town Ostheim, Ostheim"]);
    assert_eq!(found(&index, "Suedorf"), ["town Südorf, Westheim"]);
    // Mapped twice, and what nobody looks for.
    assert_eq!(found(&index, "Apotheke"), ["poi Löwen-Apotheke, Westheim"]);
    assert!(found(&index, "Wegweiser").is_empty());
    assert_eq!(found(&index, "Rödder 14"), ["address Rödder 14, Westheim"]);
    assert_eq!(found(&index, "am markt"), ["street Am Markt, Westheim"]);
}

#[test]
fn where_no_border_is_known_addresses_and_the_nearest_town_say_it() {
    let mut data = two_towns();
    data.places.retain(|place| place.tags.get("boundary").is_none());
    data.places.retain(|place| place.id != "node/8");
    let stated = [(ADDRESS, "4"), ("addr:street", "Hauptstraße"), ("addr:city", "Ostheim")];
    data.places.push(place("node/8", &[at(5, 15)], &stated));
    let index = of(&data);
    assert_eq!(found(&index, "Hauptstr"), ["street Hauptstraße, Westheim", "street Hauptstraße, Ostheim"]);
    assert_eq!(found(&index, "Hauptstr 4 Ostheim"), ["address Hauptstraße 4, Ostheim"]);
    assert_eq!(found(&index, "apotheke"), ["poi Löwen-Apotheke, Westheim"]);
    // A border that the extract has cut off is none.
    let mut cut = two_towns();
    cut.places[0].lines[0].pop();
    let names = found(&of(&cut), "am markt");
    assert_eq!(names, ["street Am Markt, Westheim"]);
}

#[test]
fn an_extract_of_streets_alone_has_streets() {
    let mut data = two_towns();
    data.places.clear();
    assert_eq!(found(&of(&data), "Hauptstr"), ["street Hauptstraße, "]);
    assert!(of(&OsmData::default()).is_empty());
}

#[test]
fn names_are_kept_in_the_file_of_the_area() {
    let feeds: [&Path; 0] = [];
    let (area, _) = Area::of(two_towns(), &feeds, &mut |_| ()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("town.kvj");
    area::write(&area, &file).unwrap();
    let back = area::read(&file).unwrap();
    assert_eq!(found(&back.names, "Hauptstr 4"), found(&area.names, "Hauptstr 4"));
    assert_eq!(back.names.houses(), 4);
}

/// Real extracts; `None` where they are not at hand, which is said aloud.
fn real(extract: &str, feed: Option<&str>) -> Option<Area> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let file = root.join("osm").join(extract);
    if !file.exists() {
        eprintln!("SKIPPED: {} is not there", file.display());
        return None;
    }
    let feeds: Vec<_> = feed.map(|feed| root.join("gtfs").join(feed)).into_iter().collect();
    Some(Area::build(&[file], &feeds, &mut |_| ()).unwrap().0)
}

/// Whatever has a name is found by it, among the first near itself.
fn all_are_found(names: &Index) {
    let all = Reverse { at: middle(names), kinds: Kinds::ALL, limit: usize::MAX, within_m: 100_000.0 };
    let hits = names.nearest(&all);
    let mut missed = Vec::new();
    for hit in hits.iter().step_by(7) {
        let text = match &hit.house {
            HouseFound::Is(label) => format!("{} {label}", hit.name),
            _ => hit.name.to_owned(),
        };
        let question = Question { text: &text, near: Some(hit.at), kinds: Kinds::ALL, limit: 10 };
        if !names.search(&question).iter().any(|found| found.id == hit.id && found.house == hit.house) {
            missed.push(text);
        }
        assert!(!hit.town.is_empty(), "{}", hit.name);
    }
    let share = missed.len() as f64 / (hits.len() as f64 / 7.0);
    assert!(share < 0.01, "{} of {}: {missed:?}", missed.len(), hits.len() / 7);
}

fn middle(names: &Index) -> domain::geo::LatLon {
    let any = Question { text: "a", near: None, kinds: Kinds::ALL, limit: 1 };
    names.search(&any)[0].at
}

#[test]
fn the_names_of_a_german_town_are_found() {
    let Some(area) = real("herrenberg.osm.pbf", Some("vvs-bus-751-only.gtfs.zip")) else { return };
    let names = &area.names;
    eprintln!("{names:?}, {} words, {} KB", names.words(), names.bytes() / 1_000);
    for kind in Kind::ALL {
        eprintln!("  {} {kind}", names.count(kind));
    }
    assert!(names.count(Kind::Street) > 100, "{names:?}");
    all_are_found(names);
}

#[test]
fn the_names_of_a_small_country_are_found() {
    let Some(area) = real("liechtenstein.osm.pbf", None) else { return };
    let names = &area.names;
    eprintln!("{names:?}, {} words, {} KB", names.words(), names.bytes() / 1_000);
    for kind in Kind::ALL {
        eprintln!("  {} {kind}", names.count(kind));
    }
    all_are_found(names);
    assert!(
        found(names, "Vaduz").iter().any(|hit| hit == "town Vaduz, Vaduz"),
        "{:?}",
        found(names, "Vaduz")
    );
    assert!(found(names, "landstr vaduz").iter().any(|hit| hit.starts_with("street Landstrasse, Vaduz")));
}
