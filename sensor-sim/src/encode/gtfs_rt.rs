//! GTFS-Realtime 2.0: the messages and fields a bus operator fills, by their numbers in
//! `gtfs-realtime.proto`.

use bytes::Bytes;
use prost::Message;

/// A whole feed.
#[derive(Clone, PartialEq, Message)]
pub struct FeedMessage {
    #[prost(message, required, tag = "1")]
    pub header: FeedHeader,
    #[prost(message, repeated, tag = "2")]
    pub entity: Vec<FeedEntity>,
}

/// What the feed is, and when it was made.
#[derive(Clone, PartialEq, Message)]
pub struct FeedHeader {
    #[prost(string, required, tag = "1")]
    pub gtfs_realtime_version: String,
    /// 0 = FULL_DATASET.
    #[prost(int32, optional, tag = "2")]
    pub incrementality: Option<i32>,
    #[prost(uint64, optional, tag = "3")]
    pub timestamp: Option<u64>,
}

/// A vehicle, a changed trip or an alert.
#[derive(Clone, PartialEq, Message)]
pub struct FeedEntity {
    #[prost(string, required, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "3")]
    pub trip_update: Option<TripUpdate>,
    #[prost(message, optional, tag = "4")]
    pub vehicle: Option<VehiclePosition>,
    #[prost(message, optional, tag = "5")]
    pub alert: Option<Alert>,
}

/// What riders ought to know.
#[derive(Clone, PartialEq, Message)]
pub struct Alert {
    #[prost(message, repeated, tag = "1")]
    pub active_period: Vec<TimeRange>,
    #[prost(message, repeated, tag = "5")]
    pub informed_entity: Vec<EntitySelector>,
    /// 10 = CONSTRUCTION.
    #[prost(int32, optional, tag = "6")]
    pub cause: Option<i32>,
    /// 1 = NO_SERVICE, 4 = DETOUR, 9 = STOP_MOVED.
    #[prost(int32, optional, tag = "7")]
    pub effect: Option<i32>,
    #[prost(message, optional, tag = "10")]
    pub header_text: Option<TranslatedString>,
    #[prost(message, optional, tag = "11")]
    pub description_text: Option<TranslatedString>,
}

/// Seconds since 1970.
#[derive(Clone, PartialEq, Message)]
pub struct TimeRange {
    #[prost(uint64, optional, tag = "1")]
    pub start: Option<u64>,
    #[prost(uint64, optional, tag = "2")]
    pub end: Option<u64>,
}

/// What an alert is about.
#[derive(Clone, PartialEq, Message)]
pub struct EntitySelector {
    #[prost(string, optional, tag = "2")]
    pub route_id: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub stop_id: Option<String>,
}

/// A text in several languages.
#[derive(Clone, PartialEq, Message)]
pub struct TranslatedString {
    #[prost(message, repeated, tag = "1")]
    pub translation: Vec<Translation>,
}

/// A text in one of them.
#[derive(Clone, PartialEq, Message)]
pub struct Translation {
    #[prost(string, required, tag = "1")]
    pub text: String,
    #[prost(string, optional, tag = "2")]
    pub language: Option<String>,
}

/// How late a trip is at its stops.
#[derive(Clone, PartialEq, Message)]
pub struct TripUpdate {
    #[prost(message, required, tag = "1")]
    pub trip: TripDescriptor,
    #[prost(message, repeated, tag = "2")]
    pub stop_time_update: Vec<StopTimeUpdate>,
    #[prost(message, optional, tag = "3")]
    pub vehicle: Option<VehicleDescriptor>,
    #[prost(uint64, optional, tag = "4")]
    pub timestamp: Option<u64>,
}

/// At one stop.
#[derive(Clone, PartialEq, Message)]
pub struct StopTimeUpdate {
    #[prost(uint32, optional, tag = "1")]
    pub stop_sequence: Option<u32>,
    #[prost(message, optional, tag = "2")]
    pub arrival: Option<StopTimeEvent>,
    #[prost(message, optional, tag = "3")]
    pub departure: Option<StopTimeEvent>,
    #[prost(string, optional, tag = "4")]
    pub stop_id: Option<String>,
}

/// An arrival or a departure.
#[derive(Clone, PartialEq, Message)]
pub struct StopTimeEvent {
    /// Seconds; late is positive.
    #[prost(int32, optional, tag = "1")]
    pub delay: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub time: Option<i64>,
}

/// Where a vehicle is, and how full.
#[derive(Clone, PartialEq, Message)]
pub struct VehiclePosition {
    #[prost(message, optional, tag = "1")]
    pub trip: Option<TripDescriptor>,
    #[prost(message, optional, tag = "2")]
    pub position: Option<Position>,
    #[prost(uint32, optional, tag = "3")]
    pub current_stop_sequence: Option<u32>,
    /// 1 = STOPPED_AT, 2 = IN_TRANSIT_TO.
    #[prost(int32, optional, tag = "4")]
    pub current_status: Option<i32>,
    #[prost(uint64, optional, tag = "5")]
    pub timestamp: Option<u64>,
    #[prost(string, optional, tag = "7")]
    pub stop_id: Option<String>,
    #[prost(message, optional, tag = "8")]
    pub vehicle: Option<VehicleDescriptor>,
    /// 0 empty, 1 many seats, 2 few seats, 3 standing only, 5 full.
    #[prost(int32, optional, tag = "9")]
    pub occupancy_status: Option<i32>,
    #[prost(uint32, optional, tag = "10")]
    pub occupancy_percentage: Option<u32>,
}

/// Degrees, metres since the start of the trip, metres per second.
#[derive(Clone, PartialEq, Message)]
pub struct Position {
    #[prost(float, required, tag = "1")]
    pub latitude: f32,
    #[prost(float, required, tag = "2")]
    pub longitude: f32,
    #[prost(float, optional, tag = "3")]
    pub bearing: Option<f32>,
    #[prost(double, optional, tag = "4")]
    pub odometer: Option<f64>,
    #[prost(float, optional, tag = "5")]
    pub speed: Option<f32>,
}

/// Which trip on which day.
#[derive(Clone, PartialEq, Message)]
pub struct TripDescriptor {
    #[prost(string, optional, tag = "1")]
    pub trip_id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub start_time: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub start_date: Option<String>,
    /// 0 = SCHEDULED, 3 = CANCELED, 8 = NEW.
    #[prost(int32, optional, tag = "4")]
    pub schedule_relationship: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub route_id: Option<String>,
    #[prost(uint32, optional, tag = "6")]
    pub direction_id: Option<u32>,
}

/// Which vehicle.
#[derive(Clone, PartialEq, Message)]
pub struct VehicleDescriptor {
    #[prost(string, optional, tag = "1")]
    pub id: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub label: Option<String>,
}

/// The occupancy status that a percentage stands for.
pub fn occupancy_status(percent: u32) -> i32 {
    match percent {
        0..5 => 0,
        5..30 => 1,
        30..55 => 2,
        55..95 => 3,
        _ => 5,
    }
}

/// A full data set made at `at_s` (seconds since 1970), in bytes.
pub fn full_dataset(at_s: u64, entity: Vec<FeedEntity>) -> Bytes {
    let header = FeedHeader {
        gtfs_realtime_version: "2.0".to_owned(),
        incrementality: Some(0),
        timestamp: Some(at_s),
    };
    FeedMessage { header, entity }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn bytes_are_those_of_the_standard() {
        let vehicle = VehiclePosition {
            position: Some(Position {
                latitude: 51.5,
                longitude: 7.25,
                bearing: None,
                odometer: None,
                speed: None,
            }),
            timestamp: Some(1_700_000_000),
            ..Default::default()
        };
        let entity = FeedEntity { id: "a".into(), vehicle: Some(vehicle), ..FeedEntity::default() };
        let bytes = full_dataset(1, vec![entity]);
        #[rustfmt::skip]
        assert_eq!(bytes[..], [
            0x0a, 9, 0x0a, 3, b'2', b'.', b'0', 0x10, 0, 0x18, 1,
            0x12, 23, 0x0a, 1, b'a', 0x22, 18,
            0x12, 10, 0x0d, 0, 0, 0x4e, 0x42, 0x15, 0, 0, 0xe8, 0x40,
            0x28, 0x80, 0xe2, 0xcf, 0xaa, 0x06,
        ]);
    }

    #[test]
    fn a_real_feed_is_understood() {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../../shared/data/gtfs/king-county-metro-vehiclepositions-1.pbf");
        let Ok(bytes) = std::fs::read(&path) else {
            eprintln!("SKIPPED: no real feed at {}", path.display());
            return;
        };
        let feed = FeedMessage::decode(&bytes[..]).unwrap();
        assert_eq!(feed.entity.len(), 627);
        assert!(feed.entity.iter().all(|e| e.vehicle.as_ref().is_some_and(|v| v.position.is_some())));
    }
}
