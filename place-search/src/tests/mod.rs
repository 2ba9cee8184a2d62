mod folding;
mod houses;
mod naive;
mod positions;
mod properties;
mod ranking;
mod stored;

use domain::geo::LatLon;

use crate::{Hit, House, HouseFound, Index, Kind, Kinds, Place, Question};

/// In the middle of Dülmen, and of Lüdinghausen 12 km to the east.
pub const DUELMEN: LatLon = LatLon { lat: 51.8318, lon: 7.2784 };
pub const LUEDINGHAUSEN: LatLon = LatLon { lat: 51.7684, lon: 7.4438 };

pub fn place(kind: Kind, name: &str, town: &str, at: LatLon) -> Place {
    let id = format!("{kind}/{town}/{name}");
    Place::new(kind, id, name, town, at)
}

pub fn street(name: &str, town: &str, at: LatLon, houses: &[&str]) -> Place {
    let house =
        |(n, label): (usize, &&str)| House { label: (*label).to_owned(), at: east(at, n as f64 * 20.0) };
    Place {
        houses: houses.iter().enumerate().map(house).collect(),
        course: (0..=houses.len()).map(|n| east(at, n as f64 * 20.0)).collect(),
        ..place(Kind::Street, name, town, at)
    }
}

pub fn east(at: LatLon, metres: f64) -> LatLon {
    LatLon { lat: at.lat, lon: at.lon + metres / (111_195.0 * at.lat.to_radians().cos()) }
}

/// Two towns with streets of the same names, and what stands in them.
pub fn county() -> Index {
    let mut places = vec![
        Place { rank: 3, ..place(Kind::Town, "Dülmen", "Dülmen", DUELMEN) },
        Place { rank: 3, ..place(Kind::Town, "Lüdinghausen", "Lüdinghausen", LUEDINGHAUSEN) },
        Place { rank: 1, ..place(Kind::Town, "Rorup", "Dülmen", east(DUELMEN, -6_000.0)) },
        place(Kind::Stop, "Dülmen Bahnhof", "Dülmen", east(DUELMEN, 900.0)),
        place(Kind::Stop, "Lüdinghausen, Bf", "Lüdinghausen", east(LUEDINGHAUSEN, 800.0)),
        place(Kind::Site, "Parkhaus Am Markt", "Dülmen", east(DUELMEN, 100.0)),
        place(Kind::Poi, "Rathaus", "Dülmen", east(DUELMEN, 50.0)),
        place(Kind::Poi, "Rathaus", "Lüdinghausen", east(LUEDINGHAUSEN, 50.0)),
        place(Kind::Poi, "St. Viktor", "Dülmen", DUELMEN),
        place(Kind::Street, "Bahnhofstraße", "Dülmen", east(DUELMEN, 800.0)),
        street("Borkener Straße", "Dülmen", east(DUELMEN, -700.0), &["1"]),
        street("Rödder", "Dülmen", east(DUELMEN, 4_000.0), &["12", "14"]),
    ];
    for (town, at) in [("Dülmen", DUELMEN), ("Lüdinghausen", LUEDINGHAUSEN)] {
        places.push(street(
            "Münsterstraße",
            town,
            east(at, 300.0),
            &["1", "2", "4", "4a", "6-10", "11", "30"],
        ));
        places.push(street("Hauptstraße", town, east(at, -300.0), &["5"]));
    }
    Index::build(places, vec![("Dülmen".into(), "48249".into()), ("Lüdinghausen".into(), "59348".into())])
}

pub fn ask(text: &str) -> Question<'_> {
    Question { text, near: None, kinds: Kinds::ALL, limit: 8 }
}

/// A hit as people read it.
pub fn read(hit: &Hit<'_>) -> String {
    let name = match &hit.house {
        HouseFound::NotAsked => hit.name.to_owned(),
        HouseFound::Is(label) => format!("{} {label}", hit.name),
        HouseFound::Nearest(label) => format!("{} {label}?", hit.name),
        HouseFound::None => format!("{} -?", hit.name),
    };
    format!("{} {name}, {}", hit.kind, hit.town)
}

pub fn found(index: &Index, question: &Question<'_>) -> Vec<String> {
    index.search(question).iter().map(read).collect()
}
