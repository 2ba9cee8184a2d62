//! All definitions of an instance by their text ids: the input of an import, the output of
//! an export.

use crate::calendar::CalendarDay;
use crate::closure::Closure;
use crate::feed::{Broker, Feed};
use crate::place::{Bay, Municipality, Site, Vehicle};
use crate::sensor::SensorRow;

/// See the module's description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalogue {
    pub municipalities: Vec<Municipality>,
    pub sites: Vec<Site>,
    pub bays: Vec<Bay>,
    pub vehicles: Vec<Vehicle>,
    pub brokers: Vec<Broker>,
    pub feeds: Vec<Feed>,
    pub sensors: Vec<SensorRow>,
    pub closures: Vec<Closure>,
    pub calendar: Vec<CalendarDay>,
}
