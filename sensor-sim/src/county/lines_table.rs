//! Stops and lines of the sample county: where buses and trains run.

use super::Mode;

/// Key, town (index into the municipalities), name, metres east and north of the town's centre.
/// Buses halt in front of a station (`.bf`), trains at its platforms (`.gl`).
#[rustfmt::skip]
pub(super) const STOPS: &[(&str, usize, &str, f64, f64)] = &[
    ("st.bf",    1, "Steverstadt, Bahnhof",            -580.0, -250.0),
    ("st.markt", 1, "Steverstadt, Markt",                20.0,  -60.0),
    ("st.schloss",1,"Steverstadt, Schlosspark",         440.0, -280.0),
    ("st.klin",  1, "Steverstadt, Klinikum",           1120.0,  600.0),
    ("st.schule",1, "Steverstadt, Schulzentrum",       -240.0,  720.0),
    ("st.garten",1, "Steverstadt, Gartenviertel",       580.0,  420.0),
    ("st.nord",  1, "Steverstadt, Nordring",            120.0, 1480.0),
    ("st.gew",   1, "Steverstadt, Gewerbepark West",  -1650.0,  -90.0),
    ("st.sued",  1, "Steverstadt, Südfriedhof",         -80.0,-1310.0),
    ("ho.bf",    2, "Holtkirchen, Bahnhof",            -590.0, -260.0),
    ("ho.kirche",2, "Holtkirchen, Kirchplatz",           10.0,    0.0),
    ("ho.schule",2, "Holtkirchen, Schulzentrum",       -500.0,  460.0),
    ("ho.bad",   2, "Holtkirchen, Freibad",             650.0,  340.0),
    ("ho.gew",   2, "Holtkirchen, Industriestraße",    1210.0, -520.0),
    ("ah.bf",    3, "Ahlenbrück, Bahnhof",             -590.0, -260.0),
    ("ah.markt", 3, "Ahlenbrück, Markt",                  0.0,   10.0),
    ("ah.gz",    3, "Ahlenbrück, Gesundheitszentrum",   400.0,  230.0),
    ("be.bf",    4, "Bergheide, Bahnhof",              -590.0, -260.0),
    ("be.dorf",  4, "Bergheide, Dorfplatz",               0.0,    0.0),
    ("be.natur", 4, "Bergheide, Naturpark",            1380.0, -880.0),
    ("we.bf",    5, "Wesselrode, Bahnhof",             -590.0, -260.0),
    ("we.alt",   5, "Wesselrode, Altstadt",               0.0,   10.0),
    ("we.ost",   5, "Wesselrode, Parkhaus Ost",         270.0,  100.0),
    ("we.ufer",  5, "Wesselrode, Ufersiedlung",        -340.0,  230.0),
    ("ni.bf",    6, "Niendorf, Bahnhof",               -590.0, -260.0),
    ("ni.anger", 6, "Niendorf, Am Anger",                20.0,    0.0),
    ("he.bf",    7, "Heidkamp, Bahnhof",               -590.0, -260.0),
    ("he.mitte", 7, "Heidkamp, Ortsmitte",                0.0,    0.0),
    ("he.sport", 7, "Heidkamp, Sporthalle",            -370.0, -150.0),
    ("x.wald",   1, "Abzweig Stadtwald",               2900.0,-2600.0),
    ("x.hof",    3, "Hof Lüttkemann",                  2300.0, 2100.0),
    ("x.bruch",  6, "Stever Bruch",                    3600.0, 1500.0),
    ("x.moor",   7, "Moorkolonie",                     4200.0,-3400.0),
    ("x.berg",   4, "Heidberg",                       -4700.0,-1500.0),
    ("st.gl",    1, "Steverstadt Bahnhof",             -740.0, -330.0),
    ("ho.gl",    2, "Holtkirchen Bahnhof",             -740.0, -330.0),
    ("ah.gl",    3, "Ahlenbrück Bahnhof",              -740.0, -330.0),
    ("be.gl",    4, "Bergheide Bahnhof",               -740.0, -330.0),
    ("we.gl",    5, "Wesselrode Bahnhof",              -740.0, -330.0),
    ("ni.gl",    6, "Niendorf Bahnhof",                -740.0, -330.0),
    ("he.gl",    7, "Heidkamp Bahnhof",                -740.0, -330.0),
    ("wr.dorf",  1, "Westerrode, Dorfplatz",          -5_200.0,-3_300.0),
    ("wr.heide", 1, "Westerrode, Heidesiedlung",      -5_900.0,-3_900.0),
];

/// A village that belongs to a town, but for whose lines nobody would get there.
#[rustfmt::skip]
pub(super) const HAMLETS: &[(&str, usize, f64, f64)] = &[
    ("Westerrode", 1, -5_200.0, -3_300.0),
];

/// Who runs a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// Trains.
    Rail,
    /// Buses of the county's own company.
    County,
    /// Buses of a private company.
    Private,
    /// Taxis for the county's own company, once somebody has booked.
    TaxiBus,
}

impl Operator {
    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Operator::Rail => "Steverland-Bahn",
            Operator::County | Operator::TaxiBus => "Kreisbus Steverland",
            Operator::Private => "Heideland Reisen",
        }
    }
}

/// One row of the table.
pub(super) struct LineRow {
    pub(crate) id: &'static str,
    pub(crate) headsigns: [&'static str; 2],
    pub(crate) mode: Mode,
    pub(crate) operator: Operator,
    /// Minutes between two departures on a working day.
    pub(crate) every_min: u32,
    /// Minute of the hour of the first departure.
    pub(crate) minute: u32,
    /// Whether it also runs all night, once an hour.
    pub(crate) night: bool,
    /// Mean speed between stops, metres per second.
    pub(crate) speed_mps: f64,
    pub(crate) stops: &'static [&'static str],
}

use Mode::{Bus, Train};
use Operator::{County, Private, Rail, TaxiBus};

#[rustfmt::skip]
pub(super) const LINES: &[LineRow] = &[
    LineRow { id: "RB91", headsigns: ["Wesselrode", "Heidkamp"], mode: Train, operator: Rail, every_min: 30, minute: 2, night: true, speed_mps: 22.0,
        stops: &["he.gl", "st.gl", "ah.gl", "ni.gl", "we.gl"] },
    LineRow { id: "RB92", headsigns: ["Wesselrode", "Bergheide"], mode: Train, operator: Rail, every_min: 60, minute: 32, night: true, speed_mps: 22.0,
        stops: &["be.gl", "st.gl", "ho.gl", "we.gl"] },
    LineRow { id: "540", headsigns: ["Holtkirchen Bahnhof", "Steverstadt Bahnhof"], mode: Bus, operator: County, every_min: 30, minute: 10, night: true, speed_mps: 12.0,
        stops: &["st.bf", "st.markt", "st.schloss", "x.wald", "x.berg", "ho.bad", "ho.kirche", "ho.bf"] },
    LineRow { id: "541", headsigns: ["Ahlenbrück Bahnhof", "Steverstadt Klinikum"], mode: Bus, operator: County, every_min: 30, minute: 5, night: true, speed_mps: 11.5,
        stops: &["st.klin", "st.garten", "st.markt", "st.bf", "st.sued", "x.hof", "ah.gz", "ah.markt", "ah.bf"] },
    LineRow { id: "542", headsigns: ["Heidkamp Sporthalle", "Steverstadt Bahnhof"], mode: Bus, operator: County, every_min: 30, minute: 12, night: false, speed_mps: 12.5,
        stops: &["st.bf", "st.gew", "x.moor", "he.mitte", "he.bf", "he.sport"] },
    LineRow { id: "C1", headsigns: ["Klinikum", "Gewerbepark West"], mode: Bus, operator: County, every_min: 15, minute: 8, night: false, speed_mps: 7.0,
        stops: &["st.gew", "st.bf", "st.markt", "st.garten", "st.klin"] },
    LineRow { id: "C2", headsigns: ["Nordring", "Südfriedhof"], mode: Bus, operator: County, every_min: 15, minute: 0, night: false, speed_mps: 7.0,
        stops: &["st.sued", "st.bf", "st.markt", "st.schule", "st.nord"] },
    LineRow { id: "560", headsigns: ["Wesselrode Altstadt", "Holtkirchen Schulzentrum"], mode: Bus, operator: Private, every_min: 30, minute: 15, night: true, speed_mps: 12.0,
        stops: &["ho.schule", "ho.kirche", "ho.gew", "we.bf", "we.alt", "we.ost"] },
    LineRow { id: "561", headsigns: ["Niendorf Bahnhof", "Holtkirchen Bahnhof"], mode: Bus, operator: Private, every_min: 60, minute: 10, night: false, speed_mps: 12.0,
        stops: &["ho.bf", "ho.kirche", "x.bruch", "ni.anger", "ni.bf"] },
    LineRow { id: "562", headsigns: ["Bergheide Naturpark", "Steverstadt Bahnhof"], mode: Bus, operator: Private, every_min: 30, minute: 15, night: true, speed_mps: 12.0,
        stops: &["st.bf", "st.markt", "st.klin", "x.berg", "be.bf", "be.dorf", "be.natur"] },
    LineRow { id: "565", headsigns: ["Ahlenbrück Markt", "Wesselrode Ufersiedlung"], mode: Bus, operator: Private, every_min: 60, minute: 20, night: false, speed_mps: 12.0,
        stops: &["we.ufer", "we.alt", "we.bf", "ni.bf", "ni.anger", "ah.bf", "ah.markt"] },
    LineRow { id: "590", headsigns: ["Bergheide Bahnhof", "Heidkamp Bahnhof"], mode: Bus, operator: Private, every_min: 60, minute: 25, night: false, speed_mps: 13.0,
        stops: &["he.bf", "he.mitte", "st.nord", "st.schule", "x.berg", "be.dorf", "be.bf"] },
    LineRow { id: "T1", headsigns: ["Westerrode Heidesiedlung", "Steverstadt Markt"], mode: Bus, operator: TaxiBus, every_min: 60, minute: 40, night: true, speed_mps: 12.0,
        stops: &["st.markt", "st.bf", "wr.dorf", "wr.heide"] },
];
