//! Kinds of sites, and whom bays are for.

use crate::lang::Lang;
use crate::place::{Audience, SiteKind};

impl SiteKind {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            SiteKind::OnStreet => lang.say("Straßenrand", "On-street"),
            SiteKind::Lot => lang.say("Parkplatz", "Car park"),
            SiteKind::CarPark => lang.say("Parkhaus", "Multi-storey car park"),
            SiteKind::Underground => lang.say("Tiefgarage", "Underground car park"),
            SiteKind::ParkAndRide => lang.say("Park-and-ride", "Park and ride"),
        }
    }
}

impl Audience {
    /// What it is called.
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Audience::Disabled | Audience::AssignedDisabled => {
                lang.say("Menschen mit Behinderung", "disabled people")
            }
            Audience::Charging => lang.say("ladende Fahrzeuge", "charging vehicles"),
            Audience::Resident => lang.say("Anwohner", "residents"),
            Audience::Women => lang.say("Frauen", "women"),
            Audience::Family => lang.say("Familien", "families"),
            Audience::Delivery => lang.say("Lieferverkehr", "deliveries"),
            Audience::Taxi => lang.say("Taxis", "taxis"),
            Audience::Carsharing => lang.say("Carsharing", "car sharing"),
        }
    }
}
