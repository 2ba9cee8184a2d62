use crate::support::read_files;

const MUNICIPALITY_COLUMNS: &str = "slug, name, ags, lat, lon, tz, public_planning";

fn problems(name: &str, text: &str) -> String {
    read_files(&[(name, text)]).unwrap_err()
}

#[test]
fn headers_are_exact() {
    assert_eq!(
        problems("municipalities.csv", "Slug,nam,population\nx,y,z\n"),
        format!(
            "municipalities.csv:1: Slug: is not a known column of a municipality\n  remedy: did you mean 'slug'? \
             known: {MUNICIPALITY_COLUMNS}\n\
             municipalities.csv:1: nam: is not a known column of a municipality\n  remedy: did you mean 'name'? \
             known: {MUNICIPALITY_COLUMNS}\n\
             municipalities.csv:1: population: is not a known column of a municipality\n  remedy: known: \
             {MUNICIPALITY_COLUMNS}\n\
             municipalities.csv:1: required columns are missing: slug, name, ags\n  remedy: known columns: \
             {MUNICIPALITY_COLUMNS}"
        )
    );
    assert_eq!(
        problems("vehicles.csv", "id,id,,label,\n"),
        "vehicles.csv:1: id: stands twice in the header\n  remedy: delete one of the columns\n\
         vehicles.csv:1: column 3 has no name\n  remedy: name it or delete the column"
    );
    assert_eq!(
        problems("vehicles.csv", "id\towner\nx\ty\n"),
        "vehicles.csv:1: columns are separated by tabs\n  remedy: save as CSV with comma or semicolon"
    );
    assert_eq!(
        problems("vehicles.csv", "\n"),
        "vehicles.csv: is empty\n  remedy: write a first line with the columns: id"
    );
}

#[test]
fn damage_by_excel_is_reported_for_every_row() {
    assert_eq!(
        problems(
            "municipalities.csv",
            "slug;name;ags;lat;lon\n\ncoesfeld;Coesfeld;5558012;51,94;7.17\n;Dülmen;05558016;51.83;\n"
        ),
        "municipalities.csv:3: ags = '5558012': has 7 digits: Excel took the key for a number and dropped its leading \
         zero\n  remedy: write 05558012; in Excel format the column as Text before typing the keys, save as 'CSV \
         UTF-8'\n\
         municipalities.csv:3: lat = '51,94': is written with a decimal comma\n  remedy: write 51.94, with a decimal \
         point\n\
         municipalities.csv:4: slug: is missing\n  remedy: add 'slug'\n\
         municipalities.csv:4: lon: is missing beside 'lat'\n  remedy: give both or neither"
    );
    assert_eq!(
        problems("sensors.csv", "id,feed\r\n1.8E+15,f\r\n\"7,0B3E+15\",f\r\n"),
        ["2: id = '1.8E+15'", "3: id = '7,0B3E+15'"]
            .map(|at| format!(
                "sensors.csv:{at}: Excel took the DevEUI for a number and cut its digits: it cannot be read back from \
                 this\n  remedy: take the DevEUIs from the network server again, format the column as Text before \
                 pasting them, save as 'CSV UTF-8'"
            ))
            .join("\n")
    );
}

#[test]
fn rows_are_as_wide_as_the_header() {
    assert_eq!(
        problems("vehicles.csv", "id;label\na;b;c\n\"two\nlines\";x\nd\n"),
        "vehicles.csv:2: has 3 cells, the header has 2\n  remedy: write one ';' between cells, also between empty \
         ones, and texts that hold a ';' in double quotes\n\
         vehicles.csv:3: id = 'two\\u000alines': an id holds no line breaks or tabs\n  remedy: write the id on one line\n\
         vehicles.csv:5: has 1 cells, the header has 2\n  remedy: write one ';' between cells, also between empty \
         ones, and texts that hold a ';' in double quotes"
    );
}

#[test]
fn a_sensor_watches_one_thing() {
    assert_eq!(
        problems(
            "sensors.csv",
            "id,feed,decoder,bay,site,direction,bound_from,heartbeat_s\na,f,bosh-tps110,1,2,up,2026-05-01,0\nb,f,,1,,in,,\n"
        ),
        "sensors.csv:2: decoder = 'bosh-tps110': is not known\n  remedy: did you mean 'bosch-tps110'? choices: \
         bosch-tps110, libelium-smart-parking, pni-placepod, dingtek-do200, dingtek-do202, milesight-em400-udl, \
         tekzitel-tekzipark, parametric-pcr2, digital-matter-oyster\n\
         sensors.csv:2: bay, site, vehicle: a sensor watches at most one of these at a time\n  remedy: keep one; \
         write one row per binding\n\
         sensors.csv:2: direction = 'up': is not known\n  remedy: choices: in, out\n\
         sensors.csv:2: bound_from = '2026-05-01': is a plain date, without time and zone\n  remedy: write \
         2026-05-01T00:00:00+02:00 for the start of that day in Germany\n\
         sensors.csv:2: heartbeat_s = '0': is out of range\n  remedy: write 1 to 315360000\n\
         sensors.csv:3: direction = 'in': only sensors of a site's lanes have one\n  remedy: name the lane's site in \
         'site', or leave the direction empty"
    );
}

#[test]
fn all_files_are_read_before_problems_are_reported() {
    let report =
        read_files(&[("vehicles.csv", "x\n"), ("bays.geojson", "{"), ("feeds.toml", "=")]).unwrap_err();
    for file in ["vehicles.csv:1", "bays.geojson:1", "feeds.toml:1"] {
        assert!(report.contains(file), "{report}");
    }
}
