//! What rides cost, as the county lists it in `fares.toml`: few timetables carry prices.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::booking::is_like;
pub use crate::money::{Euros, Factor};
use crate::place::wire_enum;

wire_enum! {
    /// How a fare is computed.
    FareKind {
        /// By the straight line between first and last stop, whatever the way.
        CrowFly = "crow_fly",
        /// One price for each trip.
        Flat = "flat",
    }
}

/// What trips with some lines cost: `[[fare]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fare {
    /// Its id in the file.
    pub id: String,
    /// Its name for riders; `None`: its id.
    pub name: Option<String>,
    /// How it is computed.
    pub kind: FareKind,
    /// First day on which it holds.
    pub valid_from: Date,
    /// Last day on which it holds.
    pub valid_until: Option<Date>,
    /// Where it is stated.
    pub source: String,
    /// Patterns of ids or names of agencies; empty: all.
    #[serde(default)]
    pub agencies: Vec<String>,
    /// Patterns of short names of lines; empty: all.
    #[serde(default)]
    pub routes: Vec<String>,
    /// For each trip.
    pub base_eur: Option<Euros>,
    /// For each kilometre that has begun.
    pub per_started_km_eur: Option<Euros>,
    /// The most that trips of 24 hours cost.
    pub cap_24h_eur: Option<Euros>,
    /// What children pay of it; `None`: not known.
    pub child_factor: Option<Factor>,
}

/// A ticket for a period that riders have already: `[[pass]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// Its id in the file and in `pass=`.
    pub id: String,
    /// Its name for riders; `None`: its id.
    pub name: Option<String>,
    /// What it costs for its period.
    pub price_eur: Euros,
    /// First day on which it holds.
    pub valid_from: Date,
    /// Last day on which it holds.
    pub valid_until: Option<Date>,
    /// Where it is stated.
    pub source: String,
    /// GTFS's route types that it covers; empty: all.
    #[serde(default)]
    pub route_types: Vec<u16>,
    /// Patterns of ids or names of agencies that it does not cover.
    #[serde(default)]
    pub agencies_except: Vec<String>,
}

/// All of `fares.toml`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FareList {
    /// In the order of the file: of fares that match, the first counts.
    pub fares: Vec<Fare>,
    /// In the order of the file.
    pub passes: Vec<Pass>,
}

impl Fare {
    /// Whether it is about rides of this agency on this line, on whichever day.
    pub fn is_about(&self, agency_id: &str, agency_name: &str, line: &str) -> bool {
        let is_agency = self.agencies.is_empty() || names_one(&self.agencies, &[agency_id, agency_name]);
        is_agency && (self.routes.is_empty() || names_one(&self.routes, &[line]))
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.valid_from <= day && self.valid_until.is_none_or(|until| day <= until)
    }

    /// Whether both hold on some day.
    pub fn meets(&self, other: &Fare) -> bool {
        let ends_before = |a: &Fare, b: &Fare| a.valid_until.is_some_and(|until| until < b.valid_from);
        !ends_before(self, other) && !ends_before(other, self)
    }

    /// The agencies and lines that it is about, whatever their order and case.
    pub fn scope(&self) -> (Vec<String>, Vec<String>) {
        let sorted = |patterns: &[String]| {
            let mut patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_lowercase()).collect();
            patterns.sort_unstable();
            patterns.dedup();
            patterns
        };
        (sorted(&self.agencies), sorted(&self.routes))
    }

    /// What riders read.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

impl Pass {
    /// Whether it covers a ride of this agency and route type on a day.
    pub fn covers(&self, agency_id: &str, agency_name: &str, route_type: u16, day: Date) -> bool {
        let holds = self.valid_from <= day && self.valid_until.is_none_or(|until| day <= until);
        let is_kind = self.route_types.is_empty() || self.route_types.contains(&route_type);
        holds && is_kind && !names_one(&self.agencies_except, &[agency_id, agency_name])
    }

    /// What riders read.
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

/// Whether one of `patterns` is like one of `texts`. Case does not matter.
fn names_one(patterns: &[String], texts: &[&str]) -> bool {
    let texts = || texts.iter().filter(|text| !text.is_empty()).map(|text| text.to_lowercase());
    patterns.iter().map(|p| p.to_lowercase()).any(|pattern| texts().any(|text| is_like(&text, &pattern)))
}
