//! The messages and fields of `gtfs-realtime.proto` 2.0 that are read, by their numbers; prost skips
//! all others. Required fields are optional here: their absence is checked where it matters. The outermost
//! message is read by `parts`.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct FeedHeader {
    #[prost(string, optional, tag = "1")]
    pub gtfs_realtime_version: Option<String>,
    #[prost(int32, optional, tag = "2")]
    pub incrementality: Option<i32>,
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FeedEntity {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(bool, optional, tag = "2")]
    pub is_deleted: Option<bool>,
    #[prost(message, optional, tag = "3")]
    pub trip_update: Option<TripUpdate>,
    #[prost(message, optional, tag = "4")]
    pub vehicle: Option<VehiclePosition>,
    #[prost(message, optional, tag = "5")]
    pub alert: Option<Alert>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Alert {
    #[prost(message, repeated, tag = "1")]
    pub active_period: Vec<TimeRange>,
    #[prost(message, repeated, tag = "5")]
    pub informed_entity: Vec<EntitySelector>,
    #[prost(int32, optional, tag = "6")]
    pub cause: Option<i32>,
    #[prost(int32, optional, tag = "7")]
    pub effect: Option<i32>,
    #[prost(message, optional, tag = "8")]
    pub url: Option<TranslatedString>,
    #[prost(message, optional, tag = "10")]
    pub header_text: Option<TranslatedString>,
    #[prost(message, optional, tag = "11")]
    pub description_text: Option<TranslatedString>,
    #[prost(int32, optional, tag = "14")]
    pub severity_level: Option<i32>,
}

/// Seconds since 1970.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeRange {
    #[prost(uint64, optional, tag = "1")]
    pub start: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub end: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EntitySelector {
    #[prost(string, optional, tag = "1")]
    pub agency_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub route_id: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub route_type: Option<i32>,
    #[prost(message, optional, tag = "4")]
    pub trip: Option<TripDescriptor>,
    #[prost(string, optional, tag = "5")]
    pub stop_id: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    pub direction_id: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TranslatedString {
    #[prost(message, repeated, tag = "1")]
    pub translation: Vec<Translation>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Translation {
    #[prost(string, optional, tag = "1")]
    pub text: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub language: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TripUpdate {
    #[prost(message, optional, tag = "1")]
    pub trip: Option<TripDescriptor>,
    #[prost(message, repeated, tag = "2")]
    pub stop_time_update: Vec<StopTimeUpdate>,
    #[prost(message, optional, tag = "3")]
    pub vehicle: Option<VehicleDescriptor>,
    #[prost(uint64, optional, tag = "4")]
    pub timestamp: Option<u64>,
    /// Seconds, late is positive.
    #[prost(int32, optional, tag = "5")]
    pub delay: Option<i32>,
    #[prost(message, optional, tag = "6")]
    pub trip_properties: Option<TripProperties>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TripProperties {
    #[prost(string, optional, tag = "1")]
    pub trip_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub start_date: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub start_time: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub trip_headsign: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StopTimeUpdate {
    #[prost(uint32, optional, tag = "1")]
    pub stop_sequence: Option<u32>,
    #[prost(message, optional, tag = "2")]
    pub arrival: Option<StopTimeEvent>,
    #[prost(message, optional, tag = "3")]
    pub departure: Option<StopTimeEvent>,
    #[prost(string, optional, tag = "4")]
    pub stop_id: Option<String>,
    #[prost(int32, optional, tag = "5")]
    pub schedule_relationship: Option<i32>,
    #[prost(message, optional, tag = "6")]
    pub stop_time_properties: Option<StopTimeProperties>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StopTimeProperties {
    #[prost(string, optional, tag = "1")]
    pub assigned_stop_id: Option<String>,
    #[prost(int32, optional, tag = "3")]
    pub pickup_type: Option<i32>,
    #[prost(int32, optional, tag = "4")]
    pub drop_off_type: Option<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StopTimeEvent {
    /// Seconds, late is positive.
    #[prost(int32, optional, tag = "1")]
    pub delay: Option<i32>,
    /// Seconds since 1970.
    #[prost(int64, optional, tag = "2")]
    pub time: Option<i64>,
    /// Of a run that the timetable does not have, seconds since 1970.
    #[prost(int64, optional, tag = "4")]
    pub scheduled_time: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VehiclePosition {
    #[prost(message, optional, tag = "1")]
    pub trip: Option<TripDescriptor>,
    #[prost(message, optional, tag = "2")]
    pub position: Option<Position>,
    #[prost(uint64, optional, tag = "5")]
    pub timestamp: Option<u64>,
    #[prost(string, optional, tag = "7")]
    pub stop_id: Option<String>,
    #[prost(message, optional, tag = "8")]
    pub vehicle: Option<VehicleDescriptor>,
    #[prost(uint32, optional, tag = "10")]
    pub occupancy_percentage: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Position {
    #[prost(float, optional, tag = "1")]
    pub latitude: Option<f32>,
    #[prost(float, optional, tag = "2")]
    pub longitude: Option<f32>,
    #[prost(float, optional, tag = "3")]
    pub bearing: Option<f32>,
    #[prost(float, optional, tag = "5")]
    pub speed: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TripDescriptor {
    #[prost(string, optional, tag = "1")]
    pub trip_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub start_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub start_date: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub schedule_relationship: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub route_id: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    pub direction_id: Option<u32>,
}

impl TripDescriptor {
    const CANCELED: i32 = 3;
    const DELETED: i32 = 7;

    /// GTFS's direction: 0 or 1, anything else is none.
    pub(super) fn direction(&self) -> Option<u8> {
        self.direction_id.and_then(|id| u8::try_from(id).ok()).filter(|id| *id <= 1)
    }

    /// Whether nobody runs this trip.
    pub(super) fn is_cancelled(&self) -> bool {
        matches!(self.schedule_relationship, Some(Self::CANCELED | Self::DELETED))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VehicleDescriptor {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub label: Option<String>,
}

impl VehicleDescriptor {
    /// Its id, else its label.
    pub(super) fn name(&self) -> Option<&str> {
        [&self.id, &self.label].into_iter().flatten().map(String::as_str).find(|name| !name.is_empty())
    }
}
