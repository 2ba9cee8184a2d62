//! Observations: statements about one thing at one time.
//!
//! Identity is content: place, `observed_at` (microseconds), source, `seq` and value. The last
//! three are condensed into a [`digest`](Digest), so that two different statements of one instant
//! both stay and a redelivery is the same row.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::bay_state::{BayReading, BayState};
use crate::counter::Counter;
use crate::geo::LatLon;
use crate::ids::{BayId, FeedId, MunicipalityId, SensorId, SiteId, SourceKey, VehicleId};
use crate::place::{Audience, wire_enum};
use crate::time::UtcMicros;

/// Condensed identity of a statement's source, sequence number and value (XXH3, 64 bit).
///
/// Stored, therefore fixed for ever: never change its input.
pub type Digest = i64;

/// Makes a redelivered message that is timestamped with our receipt the same observation: see
/// [`idempotency_key_of`].
pub type IdempotencyKey = i64;

/// The source of an observation, and its receipt.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Provenance {
    /// Whose it is.
    pub municipality: MunicipalityId,
    /// The feed that it came from.
    pub feed: FeedId,
    /// The device; `None`: the feed names the place itself.
    pub sensor: Option<SensorId>,
    /// When it reached us.
    pub received_at: UtcMicros,
    /// The sender's clock was impossible; `observed_at` is the receipt.
    pub clock_corrected: bool,
}

/// The state of a bay.
#[derive(Debug, Clone, PartialEq)]
pub struct BayObservation {
    /// Where it came from.
    pub provenance: Provenance,
    /// Which bay.
    pub bay: BayId,
    /// When it was so.
    pub observed_at: UtcMicros,
    /// See [`BayObservation::digest_of`].
    pub digest: Digest,
    /// What it says.
    pub state: BayState,
    /// The sender's sequence number.
    pub seq: Option<i64>,
    /// Of the device's battery.
    pub battery_v: Option<f32>,
    /// At the gateway that received it best.
    pub rssi_dbm: Option<f32>,
    /// As the device measured it.
    pub temperature_c: Option<f32>,
}

impl BayObservation {
    /// The part that live state needs.
    pub fn reading(&self) -> BayReading {
        BayReading {
            feed: self.provenance.feed,
            sensor: self.provenance.sensor,
            observed_at: self.observed_at,
            seq: self.seq,
            state: self.state,
        }
    }

    /// Identity of a bay's statement; the source is the sensor or the feed.
    pub fn digest_of(source: SourceKey, seq: Option<i64>, state: BayState) -> Digest {
        let mut h = Xxh3::new();
        h.update(&source.0.to_le_bytes());
        hash_number(&mut h, seq);
        h.update(&state.code().to_le_bytes());
        h.digest() as i64
    }
}

wire_enum! {
    /// Whether a site lets cars in.
    SiteStatus { Open = "open", Closed = "closed" }
}

/// The value of a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CountValue {
    /// So many spaces are taken.
    Occupied(i32),
    /// So many spaces are vacant.
    Vacant(i32),
    /// So many came in and went out since the last message of this source.
    Flow {
        /// Cars that came in.
        entries: i32,
        /// Cars that went out.
        exits: i32,
    },
    /// Nothing but a status or a capacity.
    None,
}

/// A count of a site, or of the spaces for one audience in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteCount {
    /// Where it came from.
    pub provenance: Provenance,
    /// Which site.
    pub site: SiteId,
    /// When it was so.
    pub observed_at: UtcMicros,
    /// See [`SiteCount::digest_of`].
    pub digest: Digest,
    /// Of one audience's spaces; `None`: of all.
    pub audience: Option<Audience>,
    /// What was counted.
    pub value: CountValue,
    /// `None`: it does not say.
    pub status: Option<SiteStatus>,
    /// Spaces, as the supplier states them.
    pub capacity: Option<i32>,
    /// The gate or unit that counted, as the supplier names it.
    pub source: Option<String>,
    /// The sender's sequence number.
    pub seq: Option<i64>,
    /// Of a device that counts on: then `value` is what follows from this message and the one before it.
    pub counter: Option<Counter>,
}

impl SiteCount {
    /// A count of all spaces that states nothing else, without its digest.
    pub fn new(provenance: Provenance, site: SiteId, observed_at: UtcMicros, value: CountValue) -> Self {
        SiteCount {
            provenance,
            site,
            observed_at,
            digest: 0,
            audience: None,
            value,
            status: None,
            capacity: None,
            source: None,
            seq: None,
            counter: None,
        }
    }

    /// The same with its digest.
    pub fn digested(self) -> Self {
        SiteCount { digest: self.digest_of(), ..self }
    }

    /// Identity of a site's statement: of a device that counts on what it says itself, whichever message came before.
    pub fn digest_of(&self) -> Digest {
        let mut h = Xxh3::new();
        h.update(&SourceKey::of(self.provenance.feed, self.provenance.sensor).0.to_le_bytes());
        hash_text(&mut h, self.source.as_deref());
        hash_number(&mut h, self.seq);
        hash_text(&mut h, self.audience.map(Audience::as_str));
        let (kind, a, b) = match self.value {
            CountValue::None => (0u8, 0, 0),
            CountValue::Occupied(n) => (1, n, 0),
            CountValue::Vacant(n) => (2, n, 0),
            CountValue::Flow { entries, exits } => (3, entries, exits),
        };
        match self.counter {
            None => {
                h.update(&[kind]);
                h.update(&a.to_le_bytes());
                h.update(&b.to_le_bytes());
            }
            Some(Counter { since_last, total }) => {
                h.update(&[4]);
                for n in [since_last.entries, since_last.exits, total.entries, total.exits] {
                    h.update(&n.to_le_bytes());
                }
            }
        }
        hash_text(&mut h, self.status.map(SiteStatus::as_str));
        hash_number(&mut h, self.capacity.map(i64::from));
        h.digest() as i64
    }
}

/// Where a vehicle is, and how its trip goes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VehiclePosition {
    /// Where it came from.
    pub provenance: Provenance,
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When it was so.
    pub observed_at: UtcMicros,
    /// See [`VehicleFix::digest_of`].
    pub digest: Digest,
    /// What it says.
    pub fix: VehicleFix,
}

/// The content of a vehicle message; unknown fields are `None`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct VehicleFix {
    /// Where it is.
    pub position: Option<LatLon>,
    /// Its speed.
    pub speed_mps: Option<f32>,
    /// Where it goes to: 0 is north, 90 east.
    pub bearing_deg: Option<f32>,
    /// The trip that it runs, as in its timetable.
    pub trip_id: Option<String>,
    /// Operating day of the trip, `YYYYMMDD`.
    pub start_date: Option<String>,
    /// The line, as in the timetable.
    pub route_id: Option<String>,
    /// The stop that it goes to or stands at.
    pub stop_id: Option<String>,
    /// Positive = late.
    pub delay_s: Option<i32>,
    /// How full it is.
    pub occupancy_pct: Option<f32>,
}

impl VehicleFix {
    /// Identity of a vehicle's statement.
    pub fn digest_of(&self, feed: FeedId) -> Digest {
        let mut h = Xxh3::new();
        h.update(&feed.0.to_le_bytes());
        for number in [
            self.position.map(|p| p.lat),
            self.position.map(|p| p.lon),
            self.speed_mps.map(f64::from),
            self.bearing_deg.map(f64::from),
            self.delay_s.map(f64::from),
            self.occupancy_pct.map(f64::from),
        ] {
            hash_number(&mut h, number.map(|n| n.to_bits() as i64));
        }
        for text in [&self.trip_id, &self.start_date, &self.route_id, &self.stop_id] {
            hash_text(&mut h, text.as_deref());
        }
        h.digest() as i64
    }
}

/// Passengers through one door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoorCount {
    /// Its name.
    pub door: String,
    /// Who got in.
    #[serde(rename = "in")]
    pub entries: i32,
    /// Who got out.
    #[serde(rename = "out")]
    pub exits: i32,
}

/// Passengers who got on and off a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct PassengerCount {
    /// Where it came from.
    pub provenance: Provenance,
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When it was so.
    pub observed_at: UtcMicros,
    /// See [`PassengerCount::digest_of`].
    pub digest: Digest,
    /// Where it stood, as in its timetable.
    pub stop_id: Option<String>,
    /// The trip that it runs, as in its timetable.
    pub trip_id: Option<String>,
    /// Each door that counted.
    pub doors: Vec<DoorCount>,
    /// As the counter says; real counters drift, even below zero.
    pub on_board: Option<i32>,
    /// The unit that counted, as the supplier names it.
    pub source: Option<String>,
    /// The sender's sequence number.
    pub seq: Option<i64>,
}

impl PassengerCount {
    /// Identity of a passenger count.
    pub fn digest_of(&self) -> Digest {
        let mut h = Xxh3::new();
        h.update(&self.provenance.feed.0.to_le_bytes());
        hash_text(&mut h, self.source.as_deref());
        hash_number(&mut h, self.seq);
        hash_text(&mut h, self.stop_id.as_deref());
        hash_text(&mut h, self.trip_id.as_deref());
        for d in &self.doors {
            hash_text(&mut h, Some(&d.door));
            h.update(&d.entries.to_le_bytes());
            h.update(&d.exits.to_le_bytes());
        }
        hash_number(&mut h, self.on_board.map(i64::from));
        h.digest() as i64
    }
}

pub(crate) fn hash_number(h: &mut Xxh3, seq: Option<i64>) {
    match seq {
        None => h.update(&[0]),
        Some(n) => {
            h.update(&[1]);
            h.update(&n.to_le_bytes());
        }
    }
}

pub(crate) fn hash_text(h: &mut Xxh3, text: Option<&str>) {
    match text {
        None => h.update(&[0]),
        Some(t) => {
            h.update(&[1]);
            h.update(&(t.len() as u32).to_le_bytes());
            h.update(t.as_bytes());
        }
    }
}

/// Identifies a payload, to recognise its redelivery when `observed_at` is our receipt.
pub fn idempotency_key_of(
    feed: FeedId,
    place: i32,
    sent_at: Option<UtcMicros>,
    digest: Digest,
) -> IdempotencyKey {
    let mut h = Xxh3::new();
    h.update(&feed.0.to_le_bytes());
    h.update(&place.to_le_bytes());
    hash_number(&mut h, sent_at.map(|t| t.0));
    h.update(&digest.to_le_bytes());
    h.digest() as i64
}
