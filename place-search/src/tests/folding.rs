use crate::fold::{forms, name_words, words};
use crate::folded;

#[test]
fn case_accents_and_punctuation_do_not_count() {
    assert_eq!(words("  Café-Crème,\u{a0}ÉCOLE  "), ["cafe", "creme", "ecole"]);
    assert_eq!(words("Groß GROSS groẞ"), ["gross", "gross", "gross"]);
    assert_eq!(words("Lu\u{308}dinghausen"), words("Lüdinghausen"));
    assert_eq!(words("O’Connell's Str\u{ad}aße"), ["oconnells", "strasse"]);
    assert_eq!(words("Łódź Århus Ærø"), ["lodz", "arhus", "aero"]);
    assert_eq!(words("Ostbevern\u{200e} (Westf.)"), ["ostbevern", "westf"]);
    for nothing in ["", "  ", "!?.,;", "😀🚲", "<>\"'--/", "\u{202e}\u{200f}", "\u{0}\n"] {
        assert!(words(nothing).is_empty(), "{nothing:?}");
    }
    assert_eq!(words("תל אביב شارع"), ["תל", "אביב", "شارع"]);
}

#[test]
fn numbers_keep_their_letters_and_ranges() {
    assert_eq!(words("Markt 4 a"), ["markt", "4a"]);
    assert_eq!(words("Markt 4A"), ["markt", "4a"]);
    assert_eq!(words("Markt 12-14"), ["markt", "12-14"]);
    assert_eq!(words("Markt 12/14"), ["markt", "12-14"]);
    assert_eq!(words("Markt 12–14"), ["markt", "12-14"]);
    assert_eq!(words("Linie 61/R51"), ["linie", "61", "r51"]);
}

#[test]
fn three_ways_to_write_an_umlaut_meet() {
    let in_index = |name: &str| {
        let words = name_words(name);
        [words.parts, words.others].concat()
    };
    for (name, typed) in [
        ("Lüdinghausen", "Luedinghausen"),
        ("Lüdinghausen", "Ludinghausen"),
        ("Lüdinghausen", "LÜDINGHAUSEN"),
        ("Luedinghausen", "Lüdinghausen"),
        ("Coesfeld", "Cösfeld"),
        ("Coesfeld", "coesfeld"),
        ("Münsterstraße", "Muensterstr"),
        ("Münsterstraße", "Munsterstrasse"),
        ("Lüdinghausen Bf", "Bahnhof"),
        ("Bahnhof", "bf"),
        ("Münster Hbf", "Hauptbahnhof"),
        ("Münster Hauptbahnhof", "Bahnhof"),
        ("Borkener Straße", "Borkenerstr"),
        ("St. Viktor", "Sankt"),
        ("Sankt Viktor", "St"),
    ] {
        let index = in_index(name);
        assert!(forms(&words(typed)[0]).iter().any(|form| index.contains(form)), "{name} {typed}: {index:?}");
    }
    assert_eq!(in_index("Spring"), ["spring"]);
    assert_eq!(folded("Münster Str."), folded("MÜNSTER-STRASSE"));
}
