//! Taxis to call.

use domain::taxi::Taxi;

use crate::support::{MUNICIPALITIES, existing, misfits, read_files};

fn problems(rows: &str) -> String {
    read_files(&[("taxis.csv", rows)]).unwrap_err()
}

#[test]
fn a_row_is_a_taxi() {
    let rows = "id,municipality,name,phone,hours,wheelchair\n\
        mueller,coesfeld,Taxi Müller,02541 1234,Fr-Su 18:00-06:00,WAHR\nschulte,kreis,Taxi Schulte,+49 2541 99,,\n";
    let files = read_files(&[("taxis.csv", rows)]).unwrap();
    let taxis = files.into_catalogue().taxis.unwrap();
    let mueller = Taxi {
        id: "mueller".into(),
        municipality: "coesfeld".into(),
        name: "Taxi Müller".into(),
        phone: "02541 1234".into(),
        hours: Some("Fr-Su 18:00-06:00".into()),
        wheelchair: Some(true),
    };
    assert_eq!(taxis[0], mueller);
    assert_eq!((&taxis[1].hours, taxis[1].wheelchair), (&None, None));
    assert_eq!(misfits(&[("taxis.csv", rows)], &existing(&[MUNICIPALITIES])), "");
}

#[test]
fn what_is_wrong_names_field_value_and_remedy() {
    assert_eq!(
        problems("id,municipality,name,phone,hour,wheelchair\n,Coesfeld,,Zentrale,,ja\n"),
        "taxis.csv:1: hour: is not a known column of a taxi\n  remedy: did you mean 'hours'? known: id, municipality, name, phone, \
         hours, wheelchair"
    );
    assert_eq!(
        problems("id,municipality,name,phone,wheelchair\n,Coesfeld,,Zentrale,ja\n"),
        "taxis.csv:2: id: is missing\n  remedy: add 'id'\n\
         taxis.csv:2: municipality = 'Coesfeld': a slug holds lower-case letters a-z, digits and hyphens only\n  remedy: write \
         for example 'coesfeld'\n\
         taxis.csv:2: name: is missing\n  remedy: add 'name'\n\
         taxis.csv:2: phone = 'Zentrale': a telephone number holds digits, blanks and + - / ( ) only, no 'Z'\n  remedy: write \
         it like 02541 123456 or +49 2541 123456; hours go into phone_hours, in Excel format the column as Text\n\
         taxis.csv:2: wheelchair = 'ja': is neither true nor false\n  remedy: write true or false"
    );
    let known = existing(&[MUNICIPALITIES, ("taxis.csv", "id,municipality,name,phone\na,duelmen,A,1\n")]);
    let found = misfits(
        &[(
            "taxis.csv",
            "id,municipality,name,phone,hours\na,coesfeld,A,1,nachts\nb,coesfelt,B,2,\nb,coesfeld,B,2,\n",
        )],
        &known,
    );
    for part in [
        "taxis.csv:2: id = 'a': this taxi belongs to Dülmen (duelmen), not to Coesfeld (coesfeld)\n  remedy: use another id",
        "taxis.csv:2: hours = 'nachts': not OSM opening hours",
        "taxis.csv:3: municipality = 'coesfelt': exists neither in the files nor in the database\n  remedy: did you mean 'coesfeld'?",
        "taxis.csv:4: id = 'b': stands twice: also in taxis.csv:3",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
}

#[test]
fn an_empty_file_is_not_the_same_as_none() {
    let taxis = |files: &[(&str, &str)]| read_files(files).unwrap().into_catalogue().taxis;
    assert_eq!(taxis(&[MUNICIPALITIES]), None);
    assert_eq!(taxis(&[("taxis.csv", "id,municipality,name,phone\n")]), Some(Vec::new()));
}
