use super::{DUELMEN, LUEDINGHAUSEN, ask, county, east, found, place};
use crate::{Index, Kind, Kinds, Place, Question};

fn near(text: &str, at: domain::geo::LatLon) -> Question<'_> {
    Question { near: Some(at), ..ask(text) }
}

#[test]
fn the_town_comes_before_what_is_named_after_it() {
    let index = county();
    for typed in ["Lüdinghausen", "Luedinghausen", "ludinghausen", "Lüdinghusen", "Lüdinghau", "lued"] {
        assert_eq!(found(&index, &ask(typed))[0], "town Lüdinghausen, Lüdinghausen", "{typed}");
    }
    // Typed near Dülmen as well: it is what was typed.
    assert_eq!(found(&index, &near("Lüdinghausen", DUELMEN))[0], "town Lüdinghausen, Lüdinghausen");
}

#[test]
fn of_equal_names_the_nearer_one_comes_first() {
    let index = county();
    for (at, town) in [(DUELMEN, "Dülmen"), (LUEDINGHAUSEN, "Lüdinghausen")] {
        assert_eq!(found(&index, &near("Rathaus", at))[0], format!("poi Rathaus, {town}"));
        assert_eq!(found(&index, &near("Hauptstr", at))[0], format!("street Hauptstraße, {town}"));
        assert_eq!(found(&index, &near("Münsterstr 4", at))[0], format!("address Münsterstraße 4, {town}"));
    }
    assert_eq!(found(&index, &near("Rathaus Lüdinghausen", DUELMEN)), ["poi Rathaus, Lüdinghausen"]);
}

#[test]
fn a_station_is_found_with_and_without_its_town() {
    let index = county();
    for typed in ["Bahnhof Lüdinghausen", "Lüdinghausen Bf", "Bhf Ludinghausen", "lüdinghausen bahnh"] {
        assert_eq!(found(&index, &ask(typed))[0], "stop Lüdinghausen, Bf, Lüdinghausen", "{typed}");
    }
    // All that one who types it may mean, and stops before streets that are named after them.
    let answers = found(&index, &near("Bahnhof", DUELMEN));
    assert_eq!(answers[0], "stop Dülmen Bahnhof, Dülmen");
    assert!(answers.contains(&"street Bahnhofstraße, Dülmen".to_owned()), "{answers:?}");
}

#[test]
fn what_was_typed_right_comes_before_what_was_not() {
    let at = |n: f64| east(DUELMEN, n);
    let index = Index::build(
        vec![
            place(Kind::Street, "Torfweg", "Dülmen", at(10.0)),
            place(Kind::Street, "Dorfweg", "Dülmen", at(9_000.0)),
        ],
        Vec::new(),
    );
    assert_eq!(
        found(&index, &near("Dorfweg", DUELMEN)),
        ["street Dorfweg, Dülmen", "street Torfweg, Dülmen"]
    );
    // Short words are taken as they are.
    let index = Index::build(vec![place(Kind::Poi, "Aue", "Dülmen", DUELMEN)], Vec::new());
    assert!(found(&index, &ask("Ahe")).is_empty());
}

#[test]
fn all_words_count_unless_nothing_fits_so() {
    let index = county();
    assert_eq!(found(&index, &ask("Rathaus Dülmen")), ["poi Rathaus, Dülmen"]);
    assert_eq!(found(&index, &ask("Rathaus, Dülmen, Deutschland")), ["poi Rathaus, Dülmen"]);
    assert_eq!(found(&index, &ask("Sankt Viktor")), found(&index, &ask("st. viktor")));
    assert!(found(&index, &ask("Xanten Museum")).is_empty());
    // A town alone is no hit for all that is in it.
    assert!(found(&index, &ask("59348")).is_empty());
}

#[test]
fn kinds_and_limits_hold() {
    let index = county();
    let of = |kinds: &[Kind], text| {
        found(&index, &Question { kinds: kinds.iter().copied().collect::<Kinds>(), ..ask(text) })
    };
    assert_eq!(of(&[Kind::Stop], "Bahnhof").len(), 2);
    assert_eq!(of(&[Kind::Street], "Bahnhof"), ["street Bahnhofstraße, Dülmen"]);
    assert!(of(&[Kind::Address], "Münsterstraße").is_empty());
    assert_eq!(of(&[Kind::Address], "Münsterstraße 30").len(), 2);
    assert_eq!(of(&[Kind::Street], "Münsterstraße 30 Dülmen"), ["street Münsterstraße -?, Dülmen"]);
    assert_eq!(found(&index, &Question { limit: 3, ..ask("r") }).len(), 3);
    assert!(found(&index, &Question { limit: 0, ..ask("r") }).is_empty());
}

#[test]
fn whatever_is_typed_gives_an_answer() {
    let index = county();
    let long = "lang ".repeat(500);
    let one = "ü".repeat(5_000);
    for text in [
        "",
        " ",
        "?!",
        "😀",
        "'; DROP TABLE place; --",
        "<script>alert(1)</script>",
        "שלום عالم",
        "\u{202e}nemlüD",
        &long,
        &one,
        "0",
        "00000000000000000000",
        "1 2 3 4 5 6 7 8 9 10",
        "-1",
        "4-",
        "a-b-c",
        "٤",
        "１２",
    ] {
        assert!(index.search(&ask(text)).len() <= 8, "{text}");
    }
    assert!(Index::default().search(&ask("Dülmen")).is_empty());
}

#[test]
fn other_names_find_a_place_under_its_own() {
    let also = vec!["Hallenbad".to_owned()];
    let bath = Place { also, ..place(Kind::Poi, "düb", "Dülmen", DUELMEN) };
    assert_eq!(found(&Index::build(vec![bath], Vec::new()), &ask("hallenb")), ["poi düb, Dülmen"]);
}

#[test]
fn the_best_of_many_are_the_first_of_all() {
    let at = |n: usize| east(DUELMEN, (n * 7 % 5_000) as f64);
    let places: Vec<Place> = (0..1_000)
        .map(|n| {
            place(Kind::Poi, &format!("Markt {} {n}", ["", "Halle", "Am alten Tor"][n % 3]), "Dülmen", at(n))
        })
        .collect();
    let index = Index::build(places, Vec::new());
    let all = index.search(&Question { limit: usize::MAX, ..near("m", DUELMEN) });
    assert_eq!(all.len(), 1_000);
    for limit in [1, 8, 100, 999] {
        assert_eq!(index.search(&Question { limit, ..near("m", DUELMEN) }), all[..limit]);
    }
}
