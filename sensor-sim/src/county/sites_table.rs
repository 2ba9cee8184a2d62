//! The parking sites of the sample county.

use super::CountStyle;
use super::towns_table::COUNTY;
use crate::demand::Demand;

/// How the spaces of a site are known.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spaces {
    /// This many bays in double rows.
    Rows(usize),
    /// This many bays along the kerbs of a street.
    Kerbs(usize),
    /// This many spaces, counted at the gates.
    Counted(u32, CountStyle),
}

/// One row of the table. `town` is where it lies, `owner` whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct SiteRow {
    pub town: usize,
    pub owner: usize,
    pub slug: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub spaces: Spaces,
    pub demand: Demand,
    /// Metres east and north of the town's centre.
    pub offset_m: (f64, f64),
    /// Reserved spaces; of bays the first ones.
    pub kept: &'static [(&'static str, u32)],
    pub max_stay_min: Option<u32>,
    pub opening_hours: Option<&'static str>,
    pub open: Option<(u8, u8)>,
    pub fee: Option<(&'static str, &'static str)>,
    pub max_height_m: Option<f64>,
    pub zone: Option<&'static str>,
    pub purpose: &'static str,
    pub publish: Option<&'static str>,
    /// Its bays are reported by the town itself, not by LoRaWAN devices.
    pub native: bool,
    pub busy: f64,
}

const FEE_CENTRE: (&str, &str) =
    ("1,50 € je Stunde, Mo-Sa 9-18 Uhr", "1.50 EUR per hour, Mon-Sat 9 am to 6 pm");
const FEE_EDGE: (&str, &str) = ("1 € je Stunde, höchstens 5 € am Tag", "1 EUR per hour, at most 5 EUR a day");
const FEE_GARAGE: (&str, &str) = ("1,20 € je Stunde, 8 € am Tag", "1.20 EUR per hour, 8 EUR a day");
const FEE_DISC: (&str, &str) = ("frei, mit Parkscheibe", "free, with a parking disc");
const FEE_NONE: (&str, &str) = ("kostenfrei", "free of charge");

const ALWAYS: &str = "24/7";
const GARAGE_HOURS: &str = "Mo-Sa 06:00-23:00";
const LONG_HOURS: &str = "Mo-Sa 05:00-24:00";

const BASE: SiteRow = SiteRow {
    town: COUNTY,
    owner: COUNTY,
    slug: "",
    name: "",
    kind: "lot",
    spaces: Spaces::Rows(0),
    demand: Demand::Centre,
    offset_m: (0.0, 0.0),
    kept: &[],
    max_stay_min: None,
    opening_hours: None,
    open: None,
    fee: None,
    max_height_m: None,
    zone: None,
    purpose: "car",
    publish: None,
    native: false,
    busy: 1.0,
};

const fn lot(
    town: usize,
    slug: &'static str,
    name: &'static str,
    bays: usize,
    offset_m: (f64, f64),
) -> SiteRow {
    SiteRow {
        town,
        owner: town,
        slug,
        name,
        spaces: Spaces::Rows(bays),
        offset_m,
        fee: Some(FEE_EDGE),
        ..BASE
    }
}

const fn street(
    town: usize,
    slug: &'static str,
    name: &'static str,
    bays: usize,
    offset_m: (f64, f64),
) -> SiteRow {
    SiteRow {
        town,
        owner: town,
        slug,
        name,
        kind: "on_street",
        spaces: Spaces::Kerbs(bays),
        offset_m,
        fee: Some(FEE_CENTRE),
        max_stay_min: Some(120),
        ..BASE
    }
}

const fn counted(
    town: usize,
    slug: &'static str,
    name: &'static str,
    capacity: u32,
    style: CountStyle,
    offset_m: (f64, f64),
) -> SiteRow {
    SiteRow {
        town,
        owner: town,
        slug,
        name,
        kind: "car_park",
        spaces: Spaces::Counted(capacity, style),
        demand: Demand::Garage,
        offset_m,
        opening_hours: Some(ALWAYS),
        fee: Some(FEE_GARAGE),
        max_height_m: Some(2.1),
        ..BASE
    }
}

const fn park_and_ride(town: usize, slug: &'static str, name: &'static str, spaces: Spaces) -> SiteRow {
    SiteRow {
        town,
        slug,
        name,
        kind: "park_and_ride",
        spaces,
        demand: Demand::ParkAndRide,
        offset_m: (-620.0, -280.0),
        kept: &[("disabled", 2)],
        opening_hours: Some(ALWAYS),
        fee: Some(FEE_NONE),
        native: true,
        ..BASE
    }
}

use CountStyle::{Gates, Occupied, Vacant};
use Spaces::{Counted, Rows};

#[rustfmt::skip]
pub(super) const SITES: &[SiteRow] = &[
    // Steverstadt, the county town
    SiteRow { kept: &[("disabled", 3), ("charging", 4)], max_stay_min: Some(120), fee: Some(FEE_CENTRE), busy: 1.15,
        ..lot(1, "marktplatz", "Marktplatz", 58, (-40.0, -20.0)) },
    SiteRow { max_stay_min: Some(60), kept: &[("disabled", 1), ("delivery", 3)], busy: 1.15,
        ..street(1, "muensterstrasse", "Münsterstraße", 42, (90.0, 60.0)) },
    SiteRow { kept: &[("taxi", 4), ("delivery", 2), ("disabled", 1)],
        ..street(1, "bahnhofstrasse", "Bahnhofstraße", 38, (-430.0, -190.0)) },
    street(1, "wallring", "Wallring", 52, (-180.0, 260.0)),
    SiteRow { kept: &[("disabled", 8), ("women", 10), ("family", 6)],
        ..counted(1, "parkhaus-altstadt", "Parkhaus Altstadt", 312, Occupied, (160.0, -120.0)) },
    SiteRow { kind: "underground", kept: &[("disabled", 5), ("charging", 8)], max_height_m: Some(2.0),
        opening_hours: Some(GARAGE_HOURS), open: Some((6, 23)),
        ..counted(1, "tiefgarage-rathaus", "Tiefgarage Rathaus", 184, Gates, (30.0, 110.0)) },
    SiteRow { demand: Demand::AllDay, kept: &[("disabled", 10), ("family", 8)], fee: Some(FEE_GARAGE),
        ..counted(1, "parkhaus-klinikum", "Parkhaus Klinikum", 396, Vacant, (1150.0, 640.0)) },
    SiteRow { kept: &[("disabled", 2)], ..lot(1, "schlosspark", "Parkplatz Schlosspark", 74, (420.0, -330.0)) },
    SiteRow { demand: Demand::Resident, kept: &[("resident", 48)], zone: Some("A"), max_stay_min: None, fee: None,
        ..street(1, "gartenviertel", "Gartenviertel", 48, (560.0, 380.0)) },
    SiteRow { kept: &[("disabled", 2)], demand: Demand::Evening, native: true,
        ..lot(1, "kulturhaus", "Parkplatz Kulturhaus", 64, (-260.0, -420.0)) },
    SiteRow { demand: Demand::AllDay, publish: Some("none"), fee: None, opening_hours: None,
        ..lot(1, "rathaushof", "Rathaushof (Dienstwagen)", 18, (10.0, 150.0)) },
    SiteRow { demand: Demand::Charging, kept: &[("charging", 12)], max_stay_min: Some(240), native: true, fee: None,
        ..lot(1, "ladepark", "Ladepark Stadtwerke", 12, (760.0, -180.0)) },
    SiteRow { purpose: "bike", demand: Demand::ParkAndRide, max_height_m: None, fee: Some(FEE_NONE),
        ..counted(1, "radstation", "Radstation am Bahnhof", 280, Occupied, (-600.0, -230.0)) },
    park_and_ride(1, "pr-steverstadt", "P+R Steverstadt Bahnhof", Rows(96)),
    // Holtkirchen
    SiteRow { kept: &[("disabled", 2)], max_stay_min: Some(120), fee: Some(FEE_DISC),
        ..lot(2, "kirchplatz", "Kirchplatz", 40, (-20.0, -30.0)) },
    SiteRow { kept: &[("disabled", 1), ("delivery", 2)], max_stay_min: Some(60), fee: Some(FEE_DISC),
        ..street(2, "lange-strasse", "Lange Straße", 34, (70.0, 50.0)) },
    SiteRow { kept: &[("disabled", 4), ("women", 6)],
        ..counted(2, "parkhaus-sued", "Parkhaus Süd", 160, Gates, (140.0, -210.0)) },
    SiteRow { demand: Demand::Evening, fee: Some(FEE_NONE),
        ..lot(2, "freibad", "Parkplatz Freibad", 56, (640.0, 310.0)) },
    SiteRow { kind: "lot", demand: Demand::AllDay, max_height_m: None, fee: Some(FEE_NONE), kept: &[("disabled", 3)],
        ..counted(2, "schulzentrum", "Parkplatz Schulzentrum", 120, Occupied, (-510.0, 420.0)) },
    SiteRow { demand: Demand::Resident, kept: &[("resident", 24)], zone: Some("H1"), max_stay_min: None, fee: None,
        ..street(2, "muehlenviertel", "Mühlenviertel", 24, (-320.0, -260.0)) },
    park_and_ride(2, "pr-holtkirchen", "P+R Holtkirchen Bahnhof", Counted(140, Gates)),
    // Ahlenbrück
    SiteRow { kept: &[("disabled", 2), ("charging", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(3, "marktplatz", "Marktplatz", 36, (-30.0, 20.0)) },
    SiteRow { max_stay_min: Some(60), fee: Some(FEE_DISC), kept: &[("disabled", 1)],
        ..street(3, "hauptstrasse", "Hauptstraße", 30, (60.0, -40.0)) },
    SiteRow { kind: "underground", max_height_m: Some(1.95), opening_hours: Some(LONG_HOURS), open: Some((5, 24)),
        kept: &[("disabled", 2)], ..counted(3, "tiefgarage-markt", "Tiefgarage Markt", 80, Vacant, (-80.0, 90.0)) },
    SiteRow { demand: Demand::AllDay, fee: Some(FEE_NONE), publish: Some("site_only"),
        ..lot(3, "gesundheitszentrum", "Gesundheitszentrum", 42, (410.0, 240.0)) },
    park_and_ride(3, "pr-ahlenbrueck", "P+R Ahlenbrück", Rows(48)),
    // Bergheide
    SiteRow { kept: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(4, "dorfplatz", "Dorfplatz", 32, (0.0, -50.0)) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(4, "heidestrasse", "Heidestraße", 26, (110.0, 70.0)) },
    SiteRow { kind: "lot", demand: Demand::Evening, max_height_m: None, fee: Some(FEE_NONE),
        ..counted(4, "naturpark", "Wanderparkplatz Naturpark", 90, Occupied, (1400.0, -900.0)) },
    park_and_ride(4, "pr-bergheide", "P+R Bergheide", Rows(44)),
    // Wesselrode
    SiteRow { kept: &[("disabled", 2), ("charging", 2)], max_stay_min: Some(90), fee: Some(FEE_CENTRE),
        ..lot(5, "altstadt", "Parkplatz Altstadt", 44, (-50.0, 30.0)) },
    SiteRow { max_stay_min: Some(60), ..street(5, "steverstrasse", "Steverstraße", 36, (80.0, -60.0)) },
    SiteRow { kept: &[("disabled", 4), ("women", 4), ("charging", 6)],
        ..counted(5, "parkhaus-ost", "Parkhaus Ost", 210, Occupied, (260.0, 90.0)) },
    SiteRow { demand: Demand::Resident, kept: &[("resident", 20)], zone: Some("W2"), max_stay_min: None, fee: None,
        ..street(5, "ufersiedlung", "Ufersiedlung", 20, (-340.0, 210.0)) },
    park_and_ride(5, "pr-wesselrode", "P+R Wesselrode Bahnhof", Counted(180, Occupied)),
    // Niendorf an der Stever
    SiteRow { kept: &[("disabled", 1)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(6, "am-anger", "Am Anger", 28, (20.0, -20.0)) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(6, "kirchweg", "Kirchweg", 22, (-90.0, 60.0)) },
    park_and_ride(6, "pr-niendorf", "P+R Niendorf", Rows(36)),
    // Heidkamp
    SiteRow { kept: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(7, "ortsmitte", "Ortsmitte", 34, (0.0, 10.0)) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(7, "landstrasse", "Landstraße", 24, (100.0, -70.0)) },
    SiteRow { kind: "lot", max_height_m: None, demand: Demand::Evening, fee: Some(FEE_NONE),
        ..counted(7, "sporthalle", "Parkplatz Sporthalle", 100, Gates, (-380.0, -170.0)) },
    park_and_ride(7, "pr-heidkamp", "P+R Heidkamp", Rows(40)),
];

/// Bays without a site, in every town: their audience and demand.
pub(super) const LONE_BAYS: &[(&str, Demand)] = &[
    ("disabled", Demand::Disabled),
    ("assigned_disabled", Demand::Resident),
    ("carsharing", Demand::Charging),
    ("charging", Demand::Charging),
    ("none", Demand::Centre),
    ("disabled", Demand::Disabled),
];
