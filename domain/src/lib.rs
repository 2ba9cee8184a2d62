//! Pure types and rules of Kreisverkehr: places, observations, live state.
//!
//! No I/O, no clock, no randomness: time comes in as an argument. Everything else in the
//! workspace depends on this crate and this crate depends on none of it.

#![warn(missing_docs)]

pub mod acceptance;
pub mod address;
pub mod alert;
pub mod audience_set;
pub mod availability;
pub mod bay_state;
pub mod booking;
pub mod calendar;
pub mod catalogue;
pub mod closure;
pub mod counter;
pub mod day_kind;
pub mod fare;
pub mod fee;
pub mod feed;
pub mod feed_check;
pub mod feed_health;
pub mod forecast;
pub mod geo;
pub mod guidance;
pub mod health;
pub mod holidays;
pub mod ids;
pub mod inclusion;
pub mod intervals;
pub mod lang;
pub mod live;
pub mod locality;
pub mod lost_ride;
pub mod meter;
pub mod mistake;
pub mod money;
pub mod notice;
pub mod observation;
pub mod occupancy;
pub mod opening;
mod opening_span;
pub mod place;
pub mod posted;
pub mod punctuality;
pub mod rebinding;
pub mod registry;
pub mod rejection;
pub mod rental;
pub mod ridership;
pub mod sensor;
pub mod site_count;
pub mod stations;
pub mod stays;
pub mod taxi;
pub mod time;
pub mod trip_update;
pub mod uplink;
pub mod words;

pub use bay_state::{BayReading, BayState};
pub use calendar::{CalendarDay, MarkedKind};
pub use closure::Closure;
pub use counter::{BothWays, Counter};
pub use day_kind::{DayKind, TownDays};
pub use feed::{Broker, ClockPolicy, Feed, FeedFormat, MqttVersion, OnBadClock};
pub use geo::{Bbox, LatLon};
pub use ids::{BayId, FeedId, MunicipalityId, PlaceId, SensorId, SiteId, VehicleId};
pub use lang::Lang;
pub use lost_ride::LostRide;
pub use observation::{BayObservation, PassengerCount, SiteCount, VehiclePosition};
pub use place::{Audience, Bay, Municipality, Publish, Restriction, Site, SiteKind, Vehicle};
pub use registry::Registry;
pub use rejection::{Reason, RejectedElement, Rejection};
pub use sensor::{Binding, Decoder, Direction, Sensor, Target};
pub use time::UtcMicros;
pub use trip_update::{TripKey, TripObservation, TripReport, TripUpdate};
pub use uplink::Uplink;
