//! All definitions of an instance by their text ids: the input of an import, the output of
//! an export.

use std::collections::BTreeMap;

use crate::booking::{OnDemandArea, OnDemandLine};
use crate::calendar::CalendarDay;
use crate::closure::Closure;
use crate::fare::FareList;
use crate::feed::{Broker, Feed};
use crate::notice::NoticeRule;
use crate::place::{Bay, Municipality, Site, Vehicle};
use crate::sensor::SensorRow;
use crate::taxi::Taxi;
use crate::time::UtcMicros;

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    /// Towns and counties.
    pub municipalities: Vec<Municipality>,
    /// Parking sites.
    pub sites: Vec<Site>,
    /// Single spaces.
    pub bays: Vec<Bay>,
    /// Buses, trains and others.
    pub vehicles: Vec<Vehicle>,
    /// MQTT servers.
    pub brokers: Vec<Broker>,
    /// Streams of suppliers.
    pub feeds: Vec<Feed>,
    /// Devices, a row for each binding.
    pub sensors: Vec<SensorRow>,
    /// When an installer last bound sensors, by their ids: see [`crate::rebinding::rebind`].
    pub commissioned: BTreeMap<String, UtcMicros>,
    /// When places are closed.
    pub closures: Vec<Closure>,
    /// The marked days of all towns.
    pub calendar: Vec<CalendarDay>,
    /// Who is notified of what.
    pub notices: Vec<NoticeRule>,
    /// Which lines run on request, in the order of the rows; `None`: nothing is said of it, and what is stored stays.
    pub on_demand: Option<Vec<OnDemandLine>>,
    /// Areas in which vehicles come on demand; `None`: nothing is said of them, and what is stored stays.
    pub on_demand_areas: Option<Vec<OnDemandArea>>,
    /// What rides cost; `None`: nothing is said of it, and what is stored stays.
    pub fares: Option<FareList>,
    /// Taxis to call, in the order of the rows; `None`: nothing is said of them, and what is stored stays.
    pub taxis: Option<Vec<Taxi>>,
}
