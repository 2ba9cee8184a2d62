//! Mistakes of editors, spreadsheets and maps: each is reported with its remedy or corrected.

use domain::catalogue::Catalogue;

use crate::support::{
    MUNICIPALITIES, collection, existing, feature, feature_at, misfits, read_files, remarks,
};

fn problems(name: &str, text: &str) -> String {
    read_files(&[(name, text)]).unwrap_err()
}

fn polygon(id: &str, rings: &str) -> String {
    format!(
        r#"{{"type": "Feature", "properties": {{"id": "{id}", "municipality": "coesfeld"}}, "geometry": {{"type": "Polygon", "coordinates": {rings}}}}}"#
    )
}

#[test]
fn a_polygon_is_refused_or_holds_its_position() {
    let bow_tie = "[[[7.16, 51.95], [7.161, 51.951], [7.161, 51.95], [7.16, 51.9512], [7.16, 51.95]]]";
    let spike = "[[[7.16, 51.95], [7.161, 51.95], [7.161, 51.951], [7.161, 51.96], [7.161, 51.951], [7.16, 51.951], [7.16, 51.95]]]";
    let line = "[[[7.16, 51.95], [7.16, 51.95], [7.16, 51.95], [7.16, 51.95]]]";
    let open = "[[[7.16, 51.95], [7.161, 51.95], [7.161, 51.951], [7.16, 51.951]]]";
    let hole = "[[[7.16, 51.95], [7.161, 51.95], [7.161, 51.951], [7.16, 51.95]], [[7.2, 51.95], [7.201, 51.95], [7.201, 51.951], [7.2, 51.95]]]";
    let features = [bow_tie, spike, line, open, hole].map(|rings| polygon("1", rings));
    let features: Vec<&str> = features.iter().map(String::as_str).collect();
    let report = problems("bays.geojson", &collection(&features));
    let report: Vec<&str> = report.lines().filter(|line| !line.starts_with("  remedy")).collect();
    assert_eq!(
        report,
        [
            "bays.geojson:2: geometry: the polygon crosses or touches itself at [7.160545, 51.950545]",
            "bays.geojson:3: geometry: the polygon crosses or touches itself at [7.161000, 51.951000]",
            "bays.geojson:4: geometry: a ring of the polygon encloses nothing",
            "bays.geojson:5: geometry: the ring is not closed",
            "bays.geojson:6: geometry: the hole at [7.200000, 51.950000] lies outside of the outline",
        ]
    );

    // In whichever direction it runs, and where the middle of its outline lies outside.
    let clockwise = "[[[7.16, 51.95], [7.16, 51.951], [7.161, 51.951], [7.161, 51.95], [7.16, 51.95]]]";
    let angle = "[[[7.16, 51.95], [7.17, 51.95], [7.17, 51.9501], [7.1601, 51.9501], [7.1601, 51.96], [7.16, 51.96], [7.16, 51.95]]]";
    let (a, b) = (polygon("a", clockwise), polygon("b", angle));
    let files = read_files(&[("bays.geojson", &collection(&[&a, &b]))]).unwrap();
    let [square, angle] = [0, 1].map(|i| files.bays[i].value.position());
    assert!((square.lon - 7.1605).abs() < 1e-9 && (square.lat - 51.9505).abs() < 1e-9);
    assert!(angle.lon < 7.1601 || angle.lat < 51.9501, "{angle:?}");
}

const WITHOUT_MIDDLE: (&str, &str) =
    ("municipalities.csv", "slug,name,ags\nohne,Ohnedorf,05558028\nkreis,Kreis,05558\n");

#[test]
fn a_swapped_position_is_found_without_the_middle_of_the_municipality() {
    let at =
        |id: &str, position: &str| feature_at(&format!(r#""id": "{id}", "municipality": "ohne""#), position);
    // Alone, and a whole file of them.
    for count in [1, 5] {
        let bays: Vec<String> = (0..count).map(|n| at(&n.to_string(), "[51.95, 7.16]")).collect();
        let bays: Vec<&str> = bays.iter().map(String::as_str).collect();
        let report = misfits(&[WITHOUT_MIDDLE, ("bays.geojson", &collection(&bays))], &Catalogue::default());
        assert_eq!(
            report.matches("longitude and latitude are swapped: GeoJSON is [lon, lat]").count(),
            count
        );
    }
    // One of many, also among those that are there already, in a country whose keys are not known.
    let abroad = ("municipalities.csv", "slug,name,ags\nohne,Sonstwo,99558028\n");
    let three = [at("a", "[7.16, 51.95]"), at("b", "[7.17, 51.95]"), at("c", "[7.18, 51.95]")];
    let three: Vec<&str> = three.iter().map(String::as_str).collect();
    let known = existing(&[abroad, ("bays.geojson", &collection(&three))]);
    let report = misfits(&[("bays.geojson", &collection(&[&at("d", "[51.95, 7.16]")]))], &known);
    assert_eq!(
        report,
        "bays.geojson:2: geometry: [51.95, 7.16] lies far from the other places of Sonstwo (ohne)\n  remedy: \
         longitude and latitude are swapped: GeoJSON is [lon, lat]"
    );
    assert_eq!(misfits(&[("bays.geojson", &collection(&[&at("d", "[7.19, 51.95]")]))], &known), "");
}

#[test]
fn a_municipality_that_is_swapped_itself_is_found() {
    let town = |lat_lon: &str| format!("slug,name,ags,lat,lon\na,A,05558012,{lat_lon}\n");
    let report = misfits(&[("municipalities.csv", &town("7.17,51.94"))], &Catalogue::default());
    assert!(
        report.starts_with("municipalities.csv:2: lat, lon: lies ")
            && report.ends_with("remedy: write lat 51.94 and lon 7.17"),
        "{report}"
    );
    assert_eq!(misfits(&[("municipalities.csv", &town("51.94,7.17"))], &Catalogue::default()), "");
    let far = remarks(&[("municipalities.csv", &town("48.1,11.6"))], &Catalogue::default());
    assert!(far.contains("outside of the Land of key 05"), "{far}");
}

#[test]
fn a_far_position_is_remarked() {
    let at = |id: &str, municipality: &str, position: &str| {
        feature_at(&format!(r#""id": "{id}", "municipality": "{municipality}""#), position)
    };
    let bays = collection(&[
        &at("1", "coesfeld", "[7.17, 52.94]"),
        &at("2", "coesfeld", "[7.17, 51.95]"),
        &at("3", "kreis", "[11.57, 48.14]"),
        &at("4", "kreis", "[7.0, 51.9]"),
    ]);
    let report = remarks(&[MUNICIPALITIES, ("bays.geojson", &bays)], &Catalogue::default());
    let report: Vec<&str> = report.lines().filter(|line| line.contains("geojson")).collect();
    assert_eq!(
        report,
        [
            "bays.geojson:2: geometry: [7.17, 52.94] lies 111 km away from Coesfeld (coesfeld)",
            "bays.geojson:4: geometry: [11.57, 48.14] lies 283 km outside of the Land of key 05, where Kreis Coesfeld \
             (kreis) is",
        ]
    );
}

#[test]
fn a_feature_s_own_id_is_taken_and_a_property_goes_before_it() {
    let feature = |id: &str, more: &str| {
        format!(
            r#"{{"type": "Feature", "id": {id}, "properties": {{"municipality": "coesfeld"{more}}}, "geometry": {{"type": "Point", "coordinates": [7.17, 51.94]}}}}"#
        )
    };
    let features = [
        feature("275", ""),
        feature(r#""way/17""#, ""),
        feature("1", r#", "id": "m-1""#),
        feature("2", r#", "id": 276"#),
        feature("3", r#", "id": null"#),
    ];
    let features: Vec<&str> = features.iter().map(String::as_str).collect();
    let files = read_files(&[("bays.geojson", &collection(&features))]).unwrap();
    let ids: Vec<&str> = files.bays.iter().map(|bay| &*bay.value.id).collect();
    assert_eq!(ids, ["275", "way/17", "m-1", "276", "3"]);
}

#[test]
fn a_property_stands_once() {
    let bay =
        feature(r#""id": "1", "municipality": "coesfeld", "zone": "A", "zone": "B", "fid": 1, "fid": 2"#);
    assert_eq!(
        problems("bays.geojson", &collection(&[&bay])),
        "bays.geojson:2: zone = 'A and B': stands twice in the properties\n  remedy: keep one of the two\n\
         bays.geojson:2: fid = '1 and 2': stands twice in the properties\n  remedy: keep one of the two"
    );
}

#[test]
fn a_restriction_is_for_one_audience() {
    let bay =
        feature(r#""id": "1", "municipality": "coesfeld", "restrictions": [{"for": ["disabled", "women"]}]"#);
    assert_eq!(
        problems("bays.geojson", &collection(&[&bay])),
        "bays.geojson:2: restrictions[0].for = '[\"disabled\",\"women\"]': is a list: a restriction is for one audience\n  \
         remedy: write one restriction for each, with its own capacity: [{\"for\": \"disabled\", ...}, {\"for\": \
         \"women\", ...}]"
    );
}

#[test]
fn hidden_characters_are_named_where_programs_read_and_go_where_people_read() {
    let report = problems("sensors.csv", "id,feed,bay\n\u{200b}70b3d57ed0057001,cs,a\u{a0}b\n1,c\u{ad}s,\n");
    let report: Vec<&str> = report.lines().filter(|line| !line.starts_with("  remedy")).collect();
    assert_eq!(
        report,
        [
            "sensors.csv:2: id = '\u{200b}70b3d57ed0057001': holds a hidden character: a zero-width space (U+200B) before \
             '70b3d57ed0057001'",
            "sensors.csv:2: bay = 'a\u{a0}b': holds a hidden character: a no-break space (U+00A0) behind 'a'",
            "sensors.csv:3: feed = 'c\u{ad}s': holds a hidden character: a soft hyphen (U+00AD) behind 'c'",
        ]
    );
    let header = problems("sensors.csv", "id,fe\u{feff}ed\n1,x\n");
    assert!(
        header.starts_with(
            "sensors.csv:1: feed: the column's name holds a hidden character: a byte order mark"
        )
    );
    let files = read_files(&[(
        "municipalities.csv",
        "slug,name,ags\na,L&uuml;ding\u{ad}hausen &amp;\u{a0}Seppenrade,05558024\n",
    )]);
    assert_eq!(files.unwrap().municipalities[0].value.name, "Lüdinghausen & Seppenrade");
}

#[test]
fn what_excel_adds_to_a_table_is_taken_off() {
    let rows = [
        "sep=;\nid;label\nb1;Bus 1\n",
        "\"sep=,\"\r\nid,label\r\nb1,Bus 1\r\n",
        "SEP=;\r\n\r\nid;label\r\nb1;Bus 1\r\n",
        "id,label,,\nb1,Bus 1,,\n,,,\n",
        "id,label\nb1,Bus 1,,,\n",
        "\u{feff}id;label;\nb1;\"Bus 1\";\n",
    ];
    for text in rows {
        let files = read_files(&[("vehicles.csv", text)]).unwrap_or_else(|report| panic!("{text}: {report}"));
        let vehicle = &files.vehicles[0].value;
        assert_eq!((&*vehicle.id, vehicle.label.as_deref()), ("b1", Some("Bus 1")), "{text}");
    }
    // Lines are still those of the file.
    assert!(problems("vehicles.csv", "sep=;\nid;seats\nb1;x\n").starts_with("vehicles.csv:3: seats = 'x'"));
    assert!(problems("vehicles.csv", "sep=\t\nid\tseats\n").contains("separated by tabs"));
    assert_eq!(
        problems("vehicles.csv", "id,label\nb1;Bus 1\n"),
        "vehicles.csv:2: has 1 cells, the header has 2\n  remedy: the header separates cells by ',', this row by ';': \
         use one of the two"
    );
}

#[test]
fn dates_and_truth_are_read_as_spreadsheets_write_them() {
    let town = |cell: &str| format!("slug,name,ags,public_planning\na,A,05558012,{cell}\n");
    for (cell, open) in [("WAHR", true), ("TRUE", true), ("falsch", false)] {
        let files = read_files(&[("municipalities.csv", &town(cell))]).unwrap();
        assert_eq!(files.municipalities[0].value.public_planning, open, "{cell}");
    }
    assert!(problems("municipalities.csv", &town("ja")).contains("write true or false"));
    assert_eq!(
        problems("sensors.csv", "id,feed,bound_from\n1,f,01.05.2026 08:30\n"),
        "sensors.csv:2: bound_from = '01.05.2026 08:30': is written the German way, without a zone\n  remedy: write \
         2026-05-01T08:30:00+02:00 if it is German time"
    );
}

#[test]
fn a_device_is_known_by_the_network_server_s_name_for_it() {
    let known = existing(&[
        MUNICIPALITIES,
        (
            "feeds.toml",
            "[[feed]]\nid='t'\nmunicipality='coesfeld'\nformat='tts'\ntopic='v3/a@t/devices/+/up'\n",
        ),
    ]);
    assert_eq!(misfits(&[("sensors.csv", "id,feed\neui-70B3D57ED0057001,t\n")], &known), "");
}

#[test]
fn a_filter_that_lets_nothing_understood_through_is_refused() {
    let feed = |format: &str, topic: &str| {
        format!("[[feed]]\nid='f'\nmunicipality='coesfeld'\nformat='{format}'\ntopic='{topic}'\n")
    };
    for (format, topic, fits) in [
        ("chirpstack", "application/+/device/+/event/+", true),
        ("chirpstack", "application/7/#", true),
        ("chirpstack", "+/+/device/70b3d57ed0050001/event/up", true),
        ("chirpstack", "#", true),
        ("chirpstack", "eu868/application/+/device/+/event/+", false),
        ("chirpstack", "v3/+/devices/+/up", false),
        ("tts", "v3/app@ttn/devices/+/up", true),
        ("tts", "application/+/device/+/event/+", false),
        ("native", "kv/1/f/#", true),
        ("native", "kv/1/+/bay/+", true),
        ("native", "kv/1/other/#", false),
        ("native", "kv/2/f/#", false),
        ("hfp", "/hfp/v2/journey/ongoing/vp/bus/#", true),
        ("hfp", "hfp/v2/journey/#", false),
        ("gtfs-rt", "anything/at/all", true),
    ] {
        let report = misfits(&[MUNICIPALITIES, ("feeds.toml", &feed(format, topic))], &Catalogue::default());
        assert_eq!(report.is_empty(), fits, "{format} {topic}: {report}");
        if !fits {
            let begins =
                format!("feeds.toml:1: topic = '{topic}': no topic of format {format} fits this filter");
            assert!(report.starts_with(&begins), "{report}");
        }
    }
}

#[test]
fn hours_that_never_open_are_remarked() {
    let site = |id: &str, hours: &str| {
        feature(&format!(
            r#""id": "{id}", "municipality": "coesfeld", "name": "{id}", "kind": "lot", "capacity": 10, "opening_hours": "{hours}""#
        ))
    };
    let sites = collection(&[
        &site("a", "Oct-May off"),
        &site("b", "Mo-Fr 08:00-20:00; PH off"),
        &site("c", "off"),
        &site("d", "24/7"),
        &site("e", r#"\"nach Vereinbarung\""#),
        &site("f", r#"Mo-Fr 08:00-18:00 || \"auf Anfrage\""#),
    ]);
    let report = remarks(&[MUNICIPALITIES, ("sites.geojson", &sites)], &Catalogue::default());
    let report: Vec<&str> = report.lines().filter(|line| !line.starts_with("  remedy")).collect();
    assert_eq!(
        report,
        [
            "sites.geojson:2: opening_hours = 'Oct-May off': by these hours the site is never open",
            "sites.geojson:4: opening_hours = 'off': by these hours the site is never open",
        ]
    );
}

#[test]
fn holidays_on_a_weekday_only_are_asked_about() {
    let site = feature(
        r#""id": "a", "municipality": "coesfeld", "name": "a", "kind": "lot", "capacity": 10, "opening_hours": "Mo-Sa 07:00-19:00; PH Su off", "restrictions": [{"for": "resident", "hours": "Mo-Fr 18:00-24:00; SH,PH Sa,Su off"}]"#,
    );
    let sites = collection(&[&site]);
    let report = remarks(&[MUNICIPALITIES, ("sites.geojson", &sites)], &Catalogue::default());
    assert!(report.contains("'PH Su' means only such holidays as fall on 'Su'"), "{report}");
    assert!(report.contains("did you mean 'PH,Su'"), "{report}");
    assert!(report.contains("restrictions[0].hours"), "{report}");
}
