use super::{DUELMEN, ask, county, found, street};
use crate::Index;

#[test]
fn a_house_is_found_by_its_number() {
    let index = county();
    for (typed, first) in [
        ("Münsterstr 4 Dülmen", "address Münsterstraße 4, Dülmen"),
        ("Dülmen, Muensterstr. 4", "address Münsterstraße 4, Dülmen"),
        ("munster strasse 4 dulmen", "address Münsterstraße 4, Dülmen"),
        ("Münsterstraße 4a, 59348 Lüdinghausen", "address Münsterstraße 4a, Lüdinghausen"),
        ("Münsterstraße 4 A 59348", "address Münsterstraße 4a, Lüdinghausen"),
        ("Münsterstr. 8 Dülmen", "address Münsterstraße 6-10, Dülmen"),
        ("Münsterstr. 6-10 Dülmen", "address Münsterstraße 6-10, Dülmen"),
        ("Rödder 14", "address Rödder 14, Dülmen"),
    ] {
        assert_eq!(found(&index, &ask(typed))[0], first, "{typed}");
    }
}

#[test]
fn a_number_that_is_not_there_gives_the_nearest_one_or_the_street() {
    let index = county();
    for (typed, first) in [
        // On the same side of the street.
        ("Münsterstraße 13 Dülmen", "address Münsterstraße 11?, Dülmen"),
        ("Münsterstraße 4b Dülmen", "address Münsterstraße 4?, Dülmen"),
        ("Münsterstraße 9 Dülmen", "address Münsterstraße 6-10?, Dülmen"),
        ("Münsterstraße 40 Dülmen", "address Münsterstraße 30?, Dülmen"),
        ("Münsterstraße 99 Dülmen", "street Münsterstraße -?, Dülmen"),
        ("Bahnhofstraße 7 Dülmen", "street Bahnhofstraße -?, Dülmen"),
    ] {
        assert_eq!(found(&index, &ask(typed))[0], first, "{typed}");
    }
    // Where it is there it comes first.
    let answers = found(&index, &ask("Hauptstraße 5"));
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer.contains("Hauptstraße 5,")), "{answers:?}");
}

#[test]
fn labels_of_all_kinds_are_read_or_left_out() {
    let labels = ["7", "9 a", "12a-c", "3 (Hof)", "ohne", "", "123456", "5;7"];
    let index = Index::build(vec![street("Weg", "Dülmen", DUELMEN, &labels)], Vec::new());
    assert_eq!(index.houses(), 5);
    for (typed, first) in [
        ("weg 9a", "address Weg 9 a, Dülmen"),
        ("weg 12a", "address Weg 12a-c, Dülmen"),
        ("weg 3", "address Weg 3 (Hof), Dülmen"),
        ("weg 5", "address Weg 5;7, Dülmen"),
    ] {
        assert_eq!(found(&index, &ask(typed)), [first], "{typed}");
    }
}
