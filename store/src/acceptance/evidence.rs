//! What tests rest on: messages and statements of the past and of the test.

use std::collections::{BTreeMap, HashMap};

use domain::acceptance::{Fix, Frame, NeighbourChange, Passed};
use domain::site_count::CountState;
use domain::{
    BayId, BayState, BothWays, Counter, FeedId, LatLon, MunicipalityId, SensorId, SiteId, UtcMicros,
    VehicleId,
};
use sqlx::FromRow;
use sqlx::types::Json;

use crate::column::MaybeTs;
use crate::{Pool, Result, Ts};

/// Messages of the past and of a test that are judged at most, the newest.
const MAX_FRAMES: i64 = 20_000;

#[derive(FromRow)]
struct FrameRow {
    #[sqlx(try_from = "Ts")]
    received_at: UtcMicros,
    #[sqlx(try_from = "MaybeTs")]
    observed_at: Option<UtcMicros>,
    is_join: bool,
    state: Option<String>,
    rejected: Option<String>,
    f_cnt: Option<i64>,
    spreading_factor: Option<i16>,
    snr_db: Option<f32>,
    rssi_dbm: Option<f32>,
    gateways: Option<i32>,
    battery_v: Option<f32>,
    battery_pct: Option<f32>,
}

impl From<FrameRow> for Frame {
    fn from(row: FrameRow) -> Frame {
        let FrameRow { received_at, observed_at, is_join, f_cnt, spreading_factor, snr_db, rssi_dbm, .. } =
            row;
        Frame {
            received_at,
            observed_at,
            is_join,
            state: row.state.and_then(|state| state.parse().ok()),
            rejected: row.rejected.and_then(|reason| reason.parse().ok()),
            f_cnt,
            spreading_factor,
            snr_db,
            rssi_dbm,
            gateways: row.gateways.and_then(|n| usize::try_from(n).ok()),
            battery_v: row.battery_v,
            battery_pct: row.battery_pct,
        }
    }
}

/// The messages of a LoRaWAN device since `from`, in the order of receipt; the last one has the newest battery.
///
/// # Errors
/// The database is not available.
pub async fn frames(
    pool: &Pool,
    municipality: MunicipalityId,
    device: &str,
    from: UtcMicros,
) -> Result<Vec<Frame>> {
    let rows: Vec<FrameRow> = sqlx::query_as(
        "SELECT u.*, d.battery_v, d.battery_pct FROM (
             SELECT received_at, network_at AS observed_at, event = 'join' AS is_join, decoded ->> 'state' AS state,
                 CASE WHEN outcome LIKE 'rejected:%' THEN substr(outcome, 10) END AS rejected,
                 CASE WHEN event = 'up' THEN f_cnt END AS f_cnt, spreading_factor, snr_db, rssi_dbm,
                 cardinality(gateways) AS gateways
             FROM uplink
             WHERE municipality = $1 AND device = $2 AND received_at >= $3 AND copy = 0 AND event IN ('up', 'join')
             ORDER BY received_at DESC LIMIT $4) u
         LEFT JOIN device_state d ON d.municipality = $1 AND d.device = $2
         ORDER BY received_at",
    )
    .bind(municipality.0)
    .bind(device)
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Frame::from).collect())
}

/// The same of a source that reports a bay without a LoRaWAN network.
///
/// # Errors
/// The database is not available.
pub async fn statements(pool: &Pool, bay: BayId, feed: FeedId, from: UtcMicros) -> Result<Vec<Frame>> {
    let rows: Vec<FrameRow> = sqlx::query_as(
        "SELECT * FROM (
             SELECT received_at, observed_at, false AS is_join,
                 CASE state WHEN 1 THEN 'vacant' WHEN 2 THEN 'occupied' END AS state, NULL AS rejected,
                 NULL::bigint AS f_cnt, NULL::smallint AS spreading_factor, NULL::real AS snr_db, rssi_dbm,
                 NULL::int AS gateways, battery_v, NULL::real AS battery_pct
             FROM bay_observation
             WHERE municipality = (SELECT municipality FROM place WHERE id = $1) AND bay = $1 AND feed = $2
               AND observed_at >= $3
             ORDER BY observed_at DESC LIMIT $4) o
         ORDER BY received_at",
    )
    .bind(bay.0)
    .bind(feed.0)
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Frame::from).collect())
}

/// A message by which something was counted or located, without radio.
fn plain(received_at: UtcMicros, observed_at: UtcMicros) -> Frame {
    Frame { received_at, observed_at: Some(observed_at), ..Frame::default() }
}

/// What a source has stated of a site since `from`, in the order of receipt: `sensor` of a LoRaWAN feed, else the feed itself.
/// As messages, and as who passed by them.
///
/// # Errors
/// The database is not available.
pub async fn counts(
    pool: &Pool,
    site: SiteId,
    feed: FeedId,
    sensor: Option<SensorId>,
    from: UtcMicros,
) -> Result<(Vec<Frame>, Vec<Passed>)> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(try_from = "Ts")]
        received_at: UtcMicros,
        #[sqlx(try_from = "Ts")]
        observed_at: UtcMicros,
        entries: Option<i32>,
        exits: Option<i32>,
        counter: Option<Json<Counter>>,
        seq: Option<i64>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM (
             SELECT received_at, observed_at, entries, exits, counter, seq FROM site_count
             WHERE municipality = (SELECT municipality FROM place WHERE id = $1) AND site = $1 AND feed = $2
               AND ($3::int IS NULL OR sensor = $3) AND observed_at >= $4 AND audience = ''
             ORDER BY observed_at DESC LIMIT $5) o
         ORDER BY received_at, observed_at",
    )
    .bind(site.0)
    .bind(feed.0)
    .bind(sensor.map(|sensor| sensor.0))
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    let passed = |row: &Row| Passed {
        received_at: row.received_at,
        since_last: row.entries.zip(row.exits).map(|(entries, exits)| BothWays { entries, exits }),
        counter: row.counter.as_ref().map(|counter| counter.0),
        f_cnt: row.seq,
    };
    Ok((
        rows.iter().map(|row| plain(row.received_at, row.observed_at)).collect(),
        rows.iter().map(passed).collect(),
    ))
}

/// The count of a whole site as it is now; `None`: nobody has counted it.
///
/// # Errors
/// The database is not available.
pub async fn count_of(pool: &Pool, site: SiteId, capacity: i64) -> Result<Option<i64>> {
    let count: Option<Json<CountState>> = sqlx::query_scalar(
        "SELECT count FROM site_state
         WHERE municipality = (SELECT municipality FROM place WHERE id = $1) AND site = $1 AND audience = ''",
    )
    .bind(site.0)
    .fetch_optional(pool)
    .await?;
    Ok(count.and_then(|count| count.0.occupied(capacity)))
}

/// Where a source has seen a vehicle since `from`, in the order of time: `sensor` of a LoRaWAN feed, else the feed itself. As
/// messages in the order of receipt, and as positions.
///
/// # Errors
/// The database is not available.
pub async fn fixes(
    pool: &Pool,
    vehicle: VehicleId,
    feed: FeedId,
    sensor: Option<SensorId>,
    from: UtcMicros,
) -> Result<(Vec<Frame>, Vec<Fix>)> {
    #[derive(FromRow)]
    struct Row {
        #[sqlx(try_from = "Ts")]
        received_at: UtcMicros,
        #[sqlx(try_from = "Ts")]
        observed_at: UtcMicros,
        lat: Option<f64>,
        lon: Option<f64>,
        speed_mps: Option<f32>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT * FROM (
             SELECT received_at, observed_at, lat, lon, speed_mps FROM vehicle_position
             WHERE municipality = (SELECT municipality FROM vehicle WHERE id = $1) AND vehicle = $1 AND feed = $2
               AND ($3::int IS NULL OR sensor = $3) AND observed_at >= $4
             ORDER BY observed_at DESC LIMIT $5) o
         ORDER BY observed_at, received_at",
    )
    .bind(vehicle.0)
    .bind(feed.0)
    .bind(sensor.map(|sensor| sensor.0))
    .bind(Ts(from))
    .bind(MAX_FRAMES)
    .fetch_all(pool)
    .await?;
    let mut frames: Vec<Frame> = rows.iter().map(|row| plain(row.received_at, row.observed_at)).collect();
    frames.sort_by_key(|frame| frame.received_at);
    let fix = |row: &Row| {
        let position = LatLon::new(row.lat?, row.lon?)?;
        let Row { received_at, observed_at, speed_mps, .. } = *row;
        Some(Fix { observed_at, received_at, position, speed_mps })
    };
    Ok((frames, rows.iter().filter_map(fix).collect()))
}

/// Changes of `bays`, by their text ids, since `from`. The first statement of each is none.
///
/// # Errors
/// The database is not available.
pub async fn changes_of(
    pool: &Pool,
    bays: &HashMap<BayId, String>,
    from: UtcMicros,
) -> Result<Vec<NeighbourChange>> {
    let rows: Vec<(i32, Ts, i16)> = sqlx::query_as(
        "SELECT bay, observed_at, state FROM bay_observation
         WHERE municipality IN (SELECT municipality FROM place WHERE id = ANY($1)) AND bay = ANY($1)
           AND observed_at >= $2 - interval '1 day' ORDER BY observed_at",
    )
    .bind(bays.keys().map(|bay| bay.0).collect::<Vec<_>>())
    .bind(Ts(from))
    .fetch_all(pool)
    .await?;
    let mut last: BTreeMap<i32, i16> = BTreeMap::new();
    let mut changes = Vec::new();
    for (bay, at, state) in rows {
        let is_change = last.insert(bay, state).is_some_and(|before| before != state);
        if let Some(key) = bays.get(&BayId(bay)).filter(|_| is_change && at.0 >= from) {
            changes.push(NeighbourChange { bay: key.clone(), at: at.0, state: BayState::from_code(state) });
        }
    }
    Ok(changes)
}
