//! The parking sites of the sample county.

use super::towns_table::COUNTY;
use super::{CountStyle, Fee};
use crate::demand::Demand;
use CountStyle::{Gates, Occupied, Vacant};
use Spaces::{Counted, Kerbs, Rows};

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

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct SiteRow {
    /// Where it lies.
    pub(crate) town: usize,
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

impl SiteRow {
    /// Whose it is: the town's, or the county's.
    pub(crate) fn owner(&self) -> usize {
        if self.kind == "park_and_ride" { COUNTY } else { self.town }
    }
}

const FEE_NONE: Fee =
    Fee { de: "kostenfrei", en: "free of charge", charge: "no", day_max_eur: None, hours: None };
const FEE_DISC: Fee = Fee { de: "frei, mit Parkscheibe", en: "free, with a parking disc", ..FEE_NONE };
const FEE_CENTRE: Fee = Fee {
    de: "1,50 € je Stunde, Mo-Sa 9-18 Uhr",
    en: "1.50 EUR per hour, Mon-Sat 9 am to 6 pm",
    charge: "1.50 EUR/hour",
    hours: Some("Mo-Sa 09:00-18:00"),
    ..FEE_NONE
};
const FEE_EDGE: Fee = Fee {
    de: "1 € je Stunde, höchstens 5 € am Tag",
    en: "1 EUR per hour, at most 5 EUR a day",
    charge: "1 EUR/hour",
    day_max_eur: Some(5),
    ..FEE_NONE
};
const FEE_GARAGE: Fee = Fee {
    de: "1,20 € je Stunde, 8 € am Tag",
    en: "1.20 EUR per hour, 8 EUR a day",
    charge: "1.20 EUR/hour",
    day_max_eur: Some(8),
    ..FEE_NONE
};

const ALWAYS: &str = "24/7";
const GARAGE_HOURS: &str = "Mo-Sa 06:00-23:00";
const LONG_HOURS: &str = "Mo-Sa 05:00-24:00";

const BASE: SiteRow = SiteRow {
    town: COUNTY,
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

const LOT: SiteRow = SiteRow { fee: Some(FEE_EDGE), ..BASE };

const STREET: SiteRow = SiteRow { kind: "on_street", fee: Some(FEE_CENTRE), max_stay_min: Some(120), ..BASE };

const GARAGE: SiteRow = SiteRow {
    kind: "car_park",
    demand: Demand::Garage,
    opening_hours: Some(ALWAYS),
    fee: Some(FEE_GARAGE),
    max_height_m: Some(2.1),
    ..BASE
};

const PARK_AND_RIDE: SiteRow = SiteRow {
    kind: "park_and_ride",
    demand: Demand::ParkAndRide,
    offset_m: [-620.0, -280.0],
    reserved: &[("disabled", 2)],
    opening_hours: Some(ALWAYS),
    fee: Some(FEE_NONE),
    native: true,
    ..BASE
};

#[rustfmt::skip]
pub(super) const SITES: &[SiteRow] = &[
    // Steverstadt, the county town
    SiteRow { reserved: &[("disabled", 3), ("charging", 4)], max_stay_min: Some(120), fee: Some(FEE_CENTRE), busy: 1.15,
        town: 1, slug: "marktplatz", name: "Marktplatz", spaces: Rows(58), offset_m: [-40.0, -20.0], ..LOT },
    SiteRow { max_stay_min: Some(60), reserved: &[("disabled", 1), ("delivery", 3)], busy: 1.15,
        town: 1, slug: "muensterstrasse", name: "Münsterstraße", spaces: Kerbs(42), offset_m: [90.0, 60.0], ..STREET },
    SiteRow { reserved: &[("taxi", 4), ("delivery", 2), ("disabled", 1)],
        town: 1, slug: "bahnhofstrasse", name: "Bahnhofstraße", spaces: Kerbs(38), offset_m: [-430.0, -190.0], ..STREET },
    SiteRow { town: 1, slug: "wallring", name: "Wallring", spaces: Kerbs(52), offset_m: [-180.0, 260.0], ..STREET },
    SiteRow { reserved: &[("disabled", 8), ("women", 10), ("family", 6)],
        town: 1, slug: "parkhaus-altstadt", name: "Parkhaus Altstadt", spaces: Counted(312, Occupied), offset_m: [160.0, -120.0], ..GARAGE },
    SiteRow { kind: "underground", reserved: &[("disabled", 5), ("charging", 8)], max_height_m: Some(2.0),
        opening_hours: Some(GARAGE_HOURS), open: Some((6, 23)),
        town: 1, slug: "tiefgarage-rathaus", name: "Tiefgarage Rathaus", spaces: Counted(184, Gates), offset_m: [30.0, 110.0], ..GARAGE },
    SiteRow { demand: Demand::AllDay, reserved: &[("disabled", 10), ("family", 8)], fee: Some(FEE_GARAGE),
        town: 1, slug: "parkhaus-klinikum", name: "Parkhaus Klinikum", spaces: Counted(396, Vacant), offset_m: [1150.0, 640.0], ..GARAGE },
    SiteRow { reserved: &[("disabled", 2)], town: 1, slug: "schlosspark", name: "Parkplatz Schlosspark", spaces: Rows(74), offset_m: [420.0, -330.0], ..LOT },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 48)], zone: Some("A"), max_stay_min: None, fee: None,
        town: 1, slug: "gartenviertel", name: "Gartenviertel", spaces: Kerbs(48), offset_m: [560.0, 380.0], ..STREET },
    SiteRow { reserved: &[("disabled", 2)], demand: Demand::Evening, native: true,
        town: 1, slug: "kulturhaus", name: "Parkplatz Kulturhaus", spaces: Rows(64), offset_m: [-260.0, -420.0], ..LOT },
    SiteRow { demand: Demand::AllDay, publish: Some("none"), fee: None, opening_hours: None,
        town: 1, slug: "rathaushof", name: "Rathaushof (Dienstwagen)", spaces: Rows(18), offset_m: [10.0, 150.0], ..LOT },
    SiteRow { demand: Demand::Charging, reserved: &[("charging", 12)], max_stay_min: Some(240), native: true, fee: None,
        town: 1, slug: "ladepark", name: "Ladepark Stadtwerke", spaces: Rows(12), offset_m: [760.0, -180.0], ..LOT },
    SiteRow { purpose: "bike", demand: Demand::ParkAndRide, max_height_m: None, fee: Some(FEE_NONE),
        town: 1, slug: "radstation", name: "Radstation am Bahnhof", spaces: Counted(280, Occupied), offset_m: [-600.0, -230.0], ..GARAGE },
    SiteRow { town: 1, slug: "pr-steverstadt", name: "P+R Steverstadt Bahnhof", spaces: Rows(96), ..PARK_AND_RIDE },
    // Holtkirchen
    SiteRow { reserved: &[("disabled", 2)], max_stay_min: Some(120), fee: Some(FEE_DISC),
        town: 2, slug: "kirchplatz", name: "Kirchplatz", spaces: Rows(40), offset_m: [-20.0, -30.0], ..LOT },
    SiteRow { reserved: &[("disabled", 1), ("delivery", 2)], max_stay_min: Some(60), fee: Some(FEE_DISC),
        town: 2, slug: "lange-strasse", name: "Lange Straße", spaces: Kerbs(34), offset_m: [70.0, 50.0], ..STREET },
    SiteRow { reserved: &[("disabled", 4), ("women", 6)],
        town: 2, slug: "parkhaus-sued", name: "Parkhaus Süd", spaces: Counted(160, Gates), offset_m: [140.0, -210.0], ..GARAGE },
    SiteRow { demand: Demand::Evening, fee: Some(FEE_NONE),
        town: 2, slug: "freibad", name: "Parkplatz Freibad", spaces: Rows(56), offset_m: [640.0, 310.0], ..LOT },
    SiteRow { kind: "lot", demand: Demand::AllDay, max_height_m: None, fee: Some(FEE_NONE), reserved: &[("disabled", 3)],
        town: 2, slug: "schulzentrum", name: "Parkplatz Schulzentrum", spaces: Counted(120, Occupied), offset_m: [-510.0, 420.0], ..GARAGE },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 24)], zone: Some("H1"), max_stay_min: None, fee: None,
        town: 2, slug: "muehlenviertel", name: "Mühlenviertel", spaces: Kerbs(24), offset_m: [-320.0, -260.0], ..STREET },
    SiteRow { town: 2, slug: "pr-holtkirchen", name: "P+R Holtkirchen Bahnhof", spaces: Counted(140, Gates), ..PARK_AND_RIDE },
    // Ahlenbrück
    SiteRow { reserved: &[("disabled", 2), ("charging", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        town: 3, slug: "marktplatz", name: "Marktplatz", spaces: Rows(36), offset_m: [-30.0, 20.0], ..LOT },
    SiteRow { max_stay_min: Some(60), fee: Some(FEE_DISC), reserved: &[("disabled", 1)],
        town: 3, slug: "hauptstrasse", name: "Hauptstraße", spaces: Kerbs(30), offset_m: [60.0, -40.0], ..STREET },
    SiteRow { kind: "underground", max_height_m: Some(1.95), opening_hours: Some(LONG_HOURS), open: Some((5, 24)),
        reserved: &[("disabled", 2)], town: 3, slug: "tiefgarage-markt", name: "Tiefgarage Markt", spaces: Counted(80, Vacant), offset_m: [-80.0, 90.0], ..GARAGE },
    SiteRow { demand: Demand::AllDay, fee: Some(FEE_NONE), publish: Some("site_only"),
        town: 3, slug: "gesundheitszentrum", name: "Gesundheitszentrum", spaces: Rows(42), offset_m: [410.0, 240.0], ..LOT },
    SiteRow { town: 3, slug: "pr-ahlenbrueck", name: "P+R Ahlenbrück", spaces: Rows(48), ..PARK_AND_RIDE },
    // Bergheide
    SiteRow { reserved: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        town: 4, slug: "dorfplatz", name: "Dorfplatz", spaces: Rows(32), offset_m: [0.0, -50.0], ..LOT },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        town: 4, slug: "heidestrasse", name: "Heidestraße", spaces: Kerbs(26), offset_m: [110.0, 70.0], ..STREET },
    SiteRow { kind: "lot", demand: Demand::Evening, max_height_m: None, fee: Some(FEE_NONE),
        town: 4, slug: "naturpark", name: "Wanderparkplatz Naturpark", spaces: Counted(90, Occupied), offset_m: [1400.0, -900.0], ..GARAGE },
    SiteRow { town: 4, slug: "pr-bergheide", name: "P+R Bergheide", spaces: Rows(44), ..PARK_AND_RIDE },
    // Wesselrode
    SiteRow { reserved: &[("disabled", 2), ("charging", 2)], max_stay_min: Some(90), fee: Some(FEE_CENTRE),
        town: 5, slug: "altstadt", name: "Parkplatz Altstadt", spaces: Rows(44), offset_m: [-50.0, 30.0], ..LOT },
    SiteRow { max_stay_min: Some(60), town: 5, slug: "steverstrasse", name: "Steverstraße", spaces: Kerbs(36), offset_m: [80.0, -60.0], ..STREET },
    SiteRow { reserved: &[("disabled", 4), ("women", 4), ("charging", 6)],
        town: 5, slug: "parkhaus-ost", name: "Parkhaus Ost", spaces: Counted(210, Occupied), offset_m: [260.0, 90.0], ..GARAGE },
    SiteRow { demand: Demand::Resident, reserved: &[("resident", 20)], zone: Some("W2"), max_stay_min: None, fee: None,
        town: 5, slug: "ufersiedlung", name: "Ufersiedlung", spaces: Kerbs(20), offset_m: [-340.0, 210.0], ..STREET },
    SiteRow { town: 5, slug: "pr-wesselrode", name: "P+R Wesselrode Bahnhof", spaces: Counted(180, Occupied), ..PARK_AND_RIDE },
    // Niendorf an der Stever
    SiteRow { reserved: &[("disabled", 1)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        town: 6, slug: "am-anger", name: "Am Anger", spaces: Rows(28), offset_m: [20.0, -20.0], ..LOT },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        town: 6, slug: "kirchweg", name: "Kirchweg", spaces: Kerbs(22), offset_m: [-90.0, 60.0], ..STREET },
    SiteRow { town: 6, slug: "pr-niendorf", name: "P+R Niendorf", spaces: Rows(36), ..PARK_AND_RIDE },
    // Heidkamp
    SiteRow { reserved: &[("disabled", 2)], fee: Some(FEE_DISC), max_stay_min: Some(120),
        town: 7, slug: "ortsmitte", name: "Ortsmitte", spaces: Rows(34), offset_m: [0.0, 10.0], ..LOT },
    SiteRow { fee: Some(FEE_NONE), max_stay_min: None,
        town: 7, slug: "landstrasse", name: "Landstraße", spaces: Kerbs(24), offset_m: [100.0, -70.0], ..STREET },
    SiteRow { kind: "lot", max_height_m: None, demand: Demand::Evening, fee: Some(FEE_NONE),
        town: 7, slug: "sporthalle", name: "Parkplatz Sporthalle", spaces: Counted(100, Gates), offset_m: [-380.0, -170.0], ..GARAGE },
    SiteRow { town: 7, slug: "pr-heidkamp", name: "P+R Heidkamp", spaces: Rows(40), ..PARK_AND_RIDE },
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
