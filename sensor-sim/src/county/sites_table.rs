//! The parking sites of the sample county.

use super::towns_table::COUNTY;
use super::{CountStyle, Fee};
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
    pub(crate) town: usize,
    pub(crate) owner: usize,
    pub(crate) slug: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) spaces: Spaces,
    pub(crate) demand: Demand,
    /// Metres east and north of the town's centre.
    pub(crate) offset_m: [f64; 2],
    /// Reserved spaces; of bays the first ones.
    pub(crate) reserved: &'static [(&'static str, u32)],
    pub(crate) max_stay_min: Option<u32>,
    pub(crate) opening_hours: Option<&'static str>,
    pub(crate) open: Option<(u8, u8)>,
    pub(crate) fee: Option<Fee>,
    pub(crate) max_height_m: Option<f64>,
    pub(crate) zone: Option<&'static str>,
    pub(crate) purpose: &'static str,
    pub(crate) publish: Option<&'static str>,
    /// Its bays are reported by the town itself, not by LoRaWAN devices.
    pub(crate) native: bool,
    pub(crate) busy: f64,
}

const FEE_CENTRE: Fee =
    Fee { de: "1,50 € je Stunde, Mo-Sa 9-18 Uhr", en: "1.50 EUR per hour, Mon-Sat 9 am to 6 pm" };
const FEE_EDGE: Fee =
    Fee { de: "1 € je Stunde, höchstens 5 € am Tag", en: "1 EUR per hour, at most 5 EUR a day" };
const FEE_GARAGE: Fee = Fee { de: "1,20 € je Stunde, 8 € am Tag", en: "1.20 EUR per hour, 8 EUR a day" };
const FEE_DISC: Fee = Fee { de: "frei, mit Parkscheibe", en: "free, with a parking disc" };
const FEE_NONE: Fee = Fee { de: "kostenfrei", en: "free of charge" };

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
    offset_m: [0.0, 0.0],
    reserved: &[],
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

const fn site(
    town: usize,
    slug: &'static str,
    name: &'static str,
    spaces: Spaces,
    offset_m: [f64; 2],
) -> SiteRow {
    SiteRow { town, owner: town, slug, name, spaces, offset_m, ..BASE }
}

const fn lot(
    town: usize,
    slug: &'static str,
    name: &'static str,
    bays: usize,
    offset_m: [f64; 2],
) -> SiteRow {
    SiteRow { fee: Some(FEE_EDGE), ..site(town, slug, name, Rows(bays), offset_m) }
}

const fn street(
    town: usize,
    slug: &'static str,
    name: &'static str,
    bays: usize,
    offset_m: [f64; 2],
) -> SiteRow {
    let site = site(town, slug, name, Spaces::Kerbs(bays), offset_m);
    SiteRow { kind: "on_street", fee: Some(FEE_CENTRE), max_stay_min: Some(120), ..site }
}

const fn garage(
    town: usize,
    slug: &'static str,
    name: &'static str,
    spaces: Spaces,
    offset_m: [f64; 2],
) -> SiteRow {
    SiteRow {
        kind: "car_park",
        demand: Demand::Garage,
        opening_hours: Some(ALWAYS),
        fee: Some(FEE_GARAGE),
        max_height_m: Some(2.1),
        ..site(town, slug, name, spaces, offset_m)
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
        offset_m: [-620.0, -280.0],
        reserved: &[("disabled", 2)],
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
    SiteRow { reserved: &[("disabled", 3), ("charging", 4)], max_stay_min: Some(120), fee: Some(FEE_CENTRE), busy: 1.15,
        ..lot(1, "marktplatz", "Marktplatz", 58, [-40.0, -20.0]) },
    SiteRow { max_stay_min: Some(60), reserved: &[("disabled", 1), ("delivery", 3)], busy: 1.15,
        ..street(1, "muensterstrasse", "Münsterstraße", 42, [90.0, 60.0]) },
    SiteRow { reserved: &[("taxi", 4), ("delivery", 2), ("disabled", 1)],
        ..street(1, "bahnhofstrasse", "Bahnhofstraße", 38, [-430.0, -190.0]) },
    street(1, "wallring", "Wallring", 52, [-180.0, 260.0]),
    SiteRow { reserved: &[("disabled", 8), ("women", 10), ("family", 6)],
        ..garage(1, "parkhaus-altstadt", "Parkhaus Altstadt", Counted(312, Occupied), [160.0, -120.0]) },
    SiteRow { kind: "underground", reserved: &[("disabled", 5), ("charging", 8)], max_height_m: Some(2.0),
        opening_hours: Some(GARAGE_HOURS), open: Some((6, 23)),
        ..garage(1, "tiefgarage-rathaus", "Tiefgarage Rathaus", Counted(184, Gates), [30.0, 110.0]) },
    SiteRow { demand: Demand::AllDay, reserved: &[("disabled", 10), ("family", 8)], fee: Some(FEE_GARAGE),
        ..garage(1, "parkhaus-klinikum", "Parkhaus Klinikum", Counted(396, Vacant), [1150.0, 640.0]) },
    SiteRow { reserved: &[("disabled", 2)], ..lot(1, "schlosspark", "Parkplatz Schlosspark", 74, [420.0, -330.0]) },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 48)], zone: Some("A"), max_stay_min: None, fee: None,
        ..street(1, "gartenviertel", "Gartenviertel", 48, [560.0, 380.0]) },
    SiteRow { reserved: &[("disabled", 2)], demand: Demand::Evening, native: true,
        ..lot(1, "kulturhaus", "Parkplatz Kulturhaus", 64, [-260.0, -420.0]) },
    SiteRow { demand: Demand::AllDay, publish: Some("none"), fee: None, opening_hours: None,
        ..lot(1, "rathaushof", "Rathaushof (Dienstwagen)", 18, [10.0, 150.0]) },
    SiteRow { demand: Demand::Charging, reserved: &[("charging", 12)], max_stay_min: Some(240), native: true, fee: None,
        ..lot(1, "ladepark", "Ladepark Stadtwerke", 12, [760.0, -180.0]) },
    SiteRow { purpose: "bike", demand: Demand::ParkAndRide, max_height_m: None, fee: Some(FEE_NONE),
        ..garage(1, "radstation", "Radstation am Bahnhof", Counted(280, Occupied), [-600.0, -230.0]) },
    park_and_ride(1, "pr-steverstadt", "P+R Steverstadt Bahnhof", Rows(96)),
    // Holtkirchen
    SiteRow { reserved: &[("disabled", 2)], max_stay_min: Some(120), fee: Some(FEE_DISC),
        ..lot(2, "kirchplatz", "Kirchplatz", 40, [-20.0, -30.0]) },
    SiteRow { reserved: &[("disabled", 1), ("delivery", 2)], max_stay_min: Some(60), fee: Some(FEE_DISC),
        ..street(2, "lange-strasse", "Lange Straße", 34, [70.0, 50.0]) },
    SiteRow { reserved: &[("disabled", 4), ("women", 6)],
        ..garage(2, "parkhaus-sued", "Parkhaus Süd", Counted(160, Gates), [140.0, -210.0]) },
    SiteRow { demand: Demand::Evening, fee: Some(FEE_NONE),
        ..lot(2, "freibad", "Parkplatz Freibad", 56, [640.0, 310.0]) },
    SiteRow { kind: "lot", demand: Demand::AllDay, max_height_m: None, fee: Some(FEE_NONE), reserved: &[("disabled", 3)],
        ..garage(2, "schulzentrum", "Parkplatz Schulzentrum", Counted(120, Occupied), [-510.0, 420.0]) },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 24)], zone: Some("H1"), max_stay_min: None, fee: None,
        ..street(2, "muehlenviertel", "Mühlenviertel", 24, [-320.0, -260.0]) },
    park_and_ride(2, "pr-holtkirchen", "P+R Holtkirchen Bahnhof", Counted(140, Gates)),
    // Ahlenbrück
    SiteRow { reserved: &[("disabled", 2), ("charging", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(3, "marktplatz", "Marktplatz", 36, [-30.0, 20.0]) },
    SiteRow { max_stay_min: Some(60), fee: Some(FEE_DISC), reserved: &[("disabled", 1)],
        ..street(3, "hauptstrasse", "Hauptstraße", 30, [60.0, -40.0]) },
    SiteRow { kind: "underground", max_height_m: Some(1.95), opening_hours: Some(LONG_HOURS), open: Some((5, 24)),
        reserved: &[("disabled", 2)], ..garage(3, "tiefgarage-markt", "Tiefgarage Markt", Counted(80, Vacant), [-80.0, 90.0]) },
    SiteRow { demand: Demand::AllDay, fee: Some(FEE_NONE), publish: Some("site_only"),
        ..lot(3, "gesundheitszentrum", "Gesundheitszentrum", 42, [410.0, 240.0]) },
    park_and_ride(3, "pr-ahlenbrueck", "P+R Ahlenbrück", Rows(48)),
    // Bergheide
    SiteRow { reserved: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(4, "dorfplatz", "Dorfplatz", 32, [0.0, -50.0]) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(4, "heidestrasse", "Heidestraße", 26, [110.0, 70.0]) },
    SiteRow { kind: "lot", demand: Demand::Evening, max_height_m: None, fee: Some(FEE_NONE),
        ..garage(4, "naturpark", "Wanderparkplatz Naturpark", Counted(90, Occupied), [1400.0, -900.0]) },
    park_and_ride(4, "pr-bergheide", "P+R Bergheide", Rows(44)),
    // Wesselrode
    SiteRow { reserved: &[("disabled", 2), ("charging", 2)], max_stay_min: Some(90), fee: Some(FEE_CENTRE),
        ..lot(5, "altstadt", "Parkplatz Altstadt", 44, [-50.0, 30.0]) },
    SiteRow { max_stay_min: Some(60), ..street(5, "steverstrasse", "Steverstraße", 36, [80.0, -60.0]) },
    SiteRow { reserved: &[("disabled", 4), ("women", 4), ("charging", 6)],
        ..garage(5, "parkhaus-ost", "Parkhaus Ost", Counted(210, Occupied), [260.0, 90.0]) },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 20)], zone: Some("W2"), max_stay_min: None, fee: None,
        ..street(5, "ufersiedlung", "Ufersiedlung", 20, [-340.0, 210.0]) },
    park_and_ride(5, "pr-wesselrode", "P+R Wesselrode Bahnhof", Counted(180, Occupied)),
    // Niendorf an der Stever
    SiteRow { reserved: &[("disabled", 1)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(6, "am-anger", "Am Anger", 28, [20.0, -20.0]) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(6, "kirchweg", "Kirchweg", 22, [-90.0, 60.0]) },
    park_and_ride(6, "pr-niendorf", "P+R Niendorf", Rows(36)),
    // Heidkamp
    SiteRow { reserved: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        ..lot(7, "ortsmitte", "Ortsmitte", 34, [0.0, 10.0]) },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        ..street(7, "landstrasse", "Landstraße", 24, [100.0, -70.0]) },
    SiteRow { kind: "lot", max_height_m: None, demand: Demand::Evening, fee: Some(FEE_NONE),
        ..garage(7, "sporthalle", "Parkplatz Sporthalle", Counted(100, Gates), [-380.0, -170.0]) },
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
