use domain::catalogue::Catalogue;

use crate::support::{MUNICIPALITIES, collection, existing, feature, misfits, read_files};

const FEEDS: (&str, &str) = (
    "feeds.toml",
    "[[feed]]\nid='lora'\nmunicipality='coesfeld'\nformat='chirpstack'\ntopic='application/#'\n\
     [[feed]]\nid='county'\nmunicipality='kreis'\nformat='native'\ntopic='kv/1/county/#'\n\
     [[feed]]\nid='native'\nmunicipality='coesfeld'\nformat='native'\ntopic='kv/1/native/#'\n",
);

fn places() -> Catalogue {
    existing(&[
        MUNICIPALITIES,
        FEEDS,
        (
            "bays.geojson",
            &collection(&[
                &feature(r#""id": "17", "municipality": "coesfeld""#),
                &feature(r#""id": "18", "municipality": "coesfeld""#),
                &feature(r#""id": "d1", "municipality": "duelmen""#),
            ]),
        ),
    ])
}

fn sensors(rows: &str, known: &Catalogue) -> String {
    misfits(&[("sensors.csv", rows)], known)
}

#[test]
fn devices_of_lorawan_feeds_have_dev_euis() {
    assert_eq!(
        sensors("id,feed\n18123456789012,lora\ngate,native\n", &places()),
        "sensors.csv:2: id = '18123456789012': is not a DevEUI: 16 hexadecimal digits are needed, this has 14\n  \
         remedy: copy it from the network server (Excel drops leading zeros: format the column as Text first)"
    );
}

#[test]
fn a_distance_needs_a_threshold() {
    let rows = "id,feed,decoder,bay,threshold_mm\n24e124713c000001,lora,milesight-em400-udl,17,\n\
                24e124713c000002,lora,milesight-em400-udl,18,900\n24e124713c000003,lora,milesight-em400-udl,,\n";
    assert_eq!(
        sensors(rows, &places()),
        "sensors.csv:2: threshold_mm: is missing: milesight-em400-udl reports a distance only\n  remedy: write the \
         distance in millimetres below which the space is occupied, e.g. 1000"
    );
}

#[test]
fn a_county_s_feed_names_the_places_of_its_own_towns() {
    let known = existing(&[
        (
            "municipalities.csv",
            "slug,name,ags\ncoe,Kreis Coesfeld,05558\nborken,Kreis Borken,05554\nnottuln,Nottuln,05558032\n",
        ),
        (
            "feeds.toml",
            "[[feed]]\nid='c'\nmunicipality='coe'\nformat='native'\ntopic='kv/1/c/#'\n\
             [[feed]]\nid='b'\nmunicipality='borken'\nformat='native'\ntopic='kv/1/b/#'\n",
        ),
        ("bays.geojson", &collection(&[&feature(r#""id": "n1", "municipality": "nottuln""#)])),
    ]);
    assert_eq!(sensors("id,feed,bay\ngate,c,n1\n", &known), "");
    assert_eq!(
        sensors("id,feed,bay\ngate,b,n1\n", &known),
        "sensors.csv:2: bay = 'n1': this bay belongs to Nottuln (nottuln), feed 'b' to Kreis Borken (borken): a \
         county's feed names places of municipalities whose keys begin with 05554\n  remedy: name a bay of that \
         county, a feed of nottuln, or correct the ags of one of the two"
    );
}

#[test]
fn feeds_name_their_own_municipality_s_places() {
    assert_eq!(
        sensors("id,feed,bay\na,native,d1\nb,county,d1\n", &places()).lines().take(2).collect::<Vec<_>>(),
        [
            "sensors.csv:2: bay = 'd1': this bay belongs to Dülmen (duelmen), feed 'native' to Coesfeld (coesfeld): a \
             feed names places of its own municipality only",
            "  remedy: name a bay of coesfeld, or a feed of duelmen or of its county",
        ]
    );
}

#[test]
fn two_open_bindings_on_one_bay_are_named() {
    let report = "sensors.csv:3: bay = '17': bay '17' has two open bindings: sensor 'a' and sensor 'b'\n  remedy: end \
                one of them with a bound_until (the other row: sensors.csv:2)";
    assert_eq!(sensors("id,feed,bay\na,native,17\nb,native,17\n", &places()), report);

    let mut known = places();
    known.sensors = existing(&[
        MUNICIPALITIES,
        FEEDS,
        ("bays.geojson", &collection(&[&feature(r#""id": "17", "municipality": "coesfeld""#)])),
        ("sensors.csv", "id,feed,bay\na,native,17\n"),
    ])
    .sensors;
    assert_eq!(
        sensors("id,feed,bay\nb,native,17\n", &known),
        "sensors.csv:2: bay = '17': bay '17' has two open bindings: sensor 'a' and sensor 'b'\n  remedy: end one of \
         them with a bound_until (the other row: in the database)"
    );
    // The old one ends in the same file, or leaves for another bay, or for none.
    for old in [
        "a,native,17,,2026-05-01T00:00:00Z",
        "a,native,18,2026-05-01T00:00:00Z,",
        "a,native,18,,",
        "a,native,,,",
    ] {
        let swap = format!("id,feed,bay,bound_from,bound_until\n{old}\nb,native,17,2026-05-01T00:00:00Z,\n");
        assert_eq!(sensors(&swap, &known), "", "{old}");
    }
    // The same row again changes nothing.
    assert_eq!(sensors("id,feed,bay\na,native,17\n", &known), "");
}

#[test]
fn a_sensor_that_moved_may_come_again_without_dates() {
    let rows = "id,feed,bay,bound_from,bound_until\na,native,17,,2026-05-01T00:00:00Z\na,native,18,2026-05-01T00:00:00Z,\n";
    let mut known = places();
    known.sensors =
        read_files(&[("sensors.csv", rows)]).unwrap().sensors.into_iter().map(|row| row.value).collect();
    assert_eq!(sensors("id,feed,bay\na,native,18\n", &known), "");
    assert_eq!(
        sensors("id,feed,bay,bound_until\na,native,d1,2026-06-01T00:00:00Z\n", &known).lines().next(),
        Some(
            "sensors.csv:2: bay = 'd1': this bay belongs to Dülmen (duelmen), feed 'native' to Coesfeld (coesfeld): a \
             feed names places of its own municipality only"
        )
    );
    let over = "id,feed,bay,bound_until\na,county,d1,2026-06-01T00:00:00Z\n";
    let mut of_county = known.clone();
    of_county.sensors.iter_mut().for_each(|row| row.feed = "county".into());
    assert_eq!(
        sensors(over, &of_county),
        "sensors.csv:2: bound_until = '2026-06-01T00:00:00Z': is over, and without bound_from this binding would begin \
         now: its sensor was bound elsewhere\n  remedy: write its bound_from"
    );
    let earlier = "id,feed,bay,bound_from\na,native,18,2026-04-01T00:00:00Z\n";
    assert_eq!(
        sensors(earlier, &known),
        "sensors.csv:2: id = 'a': sensor 'a' is bound to bay '18' (2026-04-01T00:00:00Z to open) and to bay '18' \
         (2026-05-01T00:00:00Z to open) at the same time\n  remedy: end the earlier binding: its bound_until is the \
         bound_from of the later one (the other row: in the database)"
    );
}

#[test]
fn a_row_without_a_place_stands_alone() {
    assert_eq!(
        sensors("id,feed,bay\na,native,\na,native,17\n", &places()),
        "sensors.csv:3: id = 'a': sensor 'a' is bound to no place (open to open) and to bay '17' (open to open) at the \
         same time\n  remedy: end the earlier binding: its bound_until is the bound_from of the later one (the other \
         row: sensors.csv:2)"
    );
}

#[test]
fn bindings_are_intervals() {
    let rows = "id,feed,bay,bound_from,bound_until\n\
                a,native,17,2026-05-01T00:00:00Z,2026-04-01T00:00:00Z\n\
                b,native,18,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z\n\
                b,native,18,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z\n\
                b,native,17,2026-02-28T00:00:00Z,2026-03-02T00:00:00Z\n";
    assert_eq!(
        sensors(rows, &places()),
        "sensors.csv:2: bound_until = '2026-04-01T00:00:00Z': is not after bound_from (2026-05-01T00:00:00Z)\n  \
         remedy: correct one of the two; bound_until is the first instant at which it no longer holds\n\
         sensors.csv:5: id = 'b': sensor 'b' is bound to bay '18' (2026-02-01T00:00:00Z to 2026-03-01T00:00:00Z) and to \
         bay '17' (2026-02-28T00:00:00Z to 2026-03-02T00:00:00Z) at the same time\n  remedy: end the earlier binding: its \
         bound_until is the bound_from of the later one (the other row: sensors.csv:4)"
    );
}

#[test]
fn rows_of_one_sensor_agree_on_the_device() {
    let rows = "id,feed,decoder,bay,bound_from,bound_until\n70b3d57ed0051a2b,lora,bosch-tps110,17,,2026-01-01T00:00:00Z\n\
                70B3D57ED0051A2B,lora,pni-placepod,18,2026-01-01T00:00:00Z,\n";
    assert_eq!(
        sensors(rows, &places()),
        "sensors.csv:3: decoder = 'pni-placepod': sensor '70b3d57ed0051a2b' has decoder 'bosch-tps110' in \
         sensors.csv:2\n  remedy: write the same in all rows of one sensor"
    );
}

#[test]
fn a_decoder_fits_what_its_device_is_bound_to() {
    let town = r#""municipality": "coesfeld""#;
    let known = existing(&[
        MUNICIPALITIES,
        FEEDS,
        (
            "sites.geojson",
            &collection(&[&feature(&format!(
                r#""id": "markt", {town}, "name": "Markt", "kind": "lot", "capacity": 20"#
            ))]),
        ),
        (
            "bays.geojson",
            &collection(
                &["17", "18", "19"]
                    .map(|id| feature(&format!(r#""id": "{id}", {town}"#)))
                    .each_ref()
                    .map(String::as_str),
            ),
        ),
    ]);
    let rows = "id,feed,decoder,bay,site,bound_until\n70b3d57ed0051a01,lora,parametric-pcr2,17,,\n\
                70b3d57ed0051a02,lora,bosch-tps110,,markt,\n70b3d57ed0051a03,lora,digital-matter-oyster,18,,\n\
                70b3d57ed0051a04,lora,parametric-pcr2,,markt,\n70b3d57ed0051a05,lora,parametric-pcr2,,,\n\
                70b3d57ed0051a06,lora,parametric-pcr2,19,,2026-01-01T00:00:00Z\n";
    let of_bays = "bosch-tps110, libelium-smart-parking, pni-placepod, dingtek-do200, dingtek-do202, \
                   milesight-em400-udl, tekzitel-tekzipark";
    let remedy = |of: &str, choices: &str| {
        format!("remedy: name the {of} that it is at, or the decoder of the device that is there: {choices}")
    };
    let expected = [
        "sensors.csv:2: decoder = 'parametric-pcr2': its devices report on a site, and this row binds one to bay '17'\n  ",
        &remedy("site", of_bays),
        "\nsensors.csv:3: decoder = 'bosch-tps110': its devices report on a bay, and this row binds one to site 'markt'\n  ",
        &remedy("bay", "parametric-pcr2"),
        "\nsensors.csv:4: decoder = 'digital-matter-oyster': its devices report on a vehicle, and this row binds one to \
         bay '18'\n  ",
        &remedy("vehicle", of_bays),
    ];
    assert_eq!(sensors(rows, &known), expected.concat());
}
