//! Judges the health of devices from the change log.
//!
//! One watcher works at a time, the holder of the lock. All state is in memory; with its position in the log it is stored every
//! few minutes, in one transaction. Between two of these it can be made again, since the log is kept up to the stored position:
//! whoever starts again reads on from there, comes to the same state, and then only compares the reasons that it finds with
//! those that are stored.

use std::sync::Arc;

use domain::health::{DeviceKey, Heard, Message, Watch};
use domain::ids::SensorId;
use domain::{Registry, UtcMicros};
use sqlx::{ConnectOptions, Connection, FromRow, PgConnection};

use super::{natives, open, record, states};
use crate::changes::{self, LogCursor, LogLimit, Positions, WriterId};
use crate::{Result, Ts, feed_health};

/// Advisory lock: one watcher at a time.
pub(super) const WATCH_LOCK: i64 = 0x6b76_6865_616c; // "kvheal"

/// How often the state is stored. More often costs more than to judge the messages; reading again what came since takes a second
/// for each million of them.
const SAVE_EVERY_S: f64 = 600.0;

/// How often reasons are stored: many at once cost those who read places one reload.
const RECORD_EVERY_S: f64 = 5.0;

/// How often it is looked up which feeds do not come through: it takes minutes to be found.
const OUTAGES_EVERY_S: f64 = 20.0;

/// What of a sensor's kept messages is read again: whole weeks, for its rhythm.
const READ_BACK_S: i64 = 35 * 86_400;
const MOST_MESSAGES: i64 = 2_000;

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Messages and counts that it took from the log.
    pub heard: usize,
    /// Reasons that began, ended or moved.
    pub reasons: usize,
    /// There may be more in the log.
    pub is_behind: bool,
    /// Devices whose kept messages are still to be read.
    pub unknown: usize,
}

/// A message of a sensor as it is kept.
#[derive(Debug, Clone, FromRow)]
pub struct KeptMessage {
    /// Whose it is.
    #[sqlx(try_from = "i32")]
    pub sensor: SensorId,
    /// See [`domain::Uplink::event`].
    pub event: String,
    /// When it reached us.
    #[sqlx(try_from = "Ts")]
    pub received_at: UtcMicros,
    network_at: Option<Ts>,
    /// LoRaWAN's FPort.
    pub f_port: Option<i32>,
    /// LoRaWAN's frame counter.
    pub f_cnt: Option<i64>,
    /// LoRaWAN's spreading factor.
    pub spreading_factor: Option<i16>,
    /// Of the gateway that received it best.
    pub snr_db: Option<f32>,
    /// Payload bytes.
    pub payload: Option<Vec<u8>>,
    /// What it was decoded to.
    pub decoded: Option<serde_json::Value>,
    /// See [`domain::Uplink::outcome`].
    pub outcome: String,
}

impl KeptMessage {
    /// The network server's clock.
    pub fn network_at(&self) -> Option<UtcMicros> {
        self.network_at.map(|at| at.0)
    }
}

/// What is kept of some devices.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Which ones.
    pub devices: Vec<DeviceKey>,
    /// Messages of sensors, to be decoded.
    pub uplinks: Vec<KeptMessage>,
    /// What feeds stated of bays.
    pub states: Vec<(DeviceKey, Message)>,
}

/// See the module's description.
#[derive(Debug)]
pub struct Watcher {
    conn: PgConnection,
    watch: Watch,
    registry: Arc<Registry>,
    positions: Positions,
    /// The writers whose positions are stored.
    stored: Vec<WriterId>,
    saved_at: UtcMicros,
    recorded_at: UtcMicros,
    outages_at: UtcMicros,
    /// The stored reasons are those of the state.
    has_caught_up: bool,
}

impl Watcher {
    /// Opens a connection to the database at `url`, takes the lock, and loads; `None` when another watcher has it.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn connect(url: &str, registry: Arc<Registry>, now: UtcMicros) -> Result<Option<Self>> {
        // A statement moves megabytes: taking a second is normal.
        let options = crate::pool::options(url)?.disable_statement_logging();
        let mut conn = crate::pool::own(&options).await?;
        let is_ours: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(WATCH_LOCK)
            .fetch_one(&mut conn)
            .await?;
        if !is_ours {
            return Ok(None);
        }
        let mut watch = Watch::new();
        watch.place(registry.clone(), now);
        let mut tx = conn.begin().await?;
        states::load(&mut tx, &mut watch).await?;
        let positions = LogCursor::Health.positions(&mut tx).await?;
        watch.place(registry.clone(), now);
        watch.expect(natives::named(&mut tx).await?, now);
        watch.outages(feed_health::outages(&mut tx, now.plus_s(-READ_BACK_S)).await?);
        for reason in open(&mut tx).await? {
            watch.hold(&reason, now);
        }
        tx.commit().await?;
        Ok(Some(Watcher {
            conn,
            watch,
            registry,
            stored: positions.keys().copied().collect(),
            positions,
            saved_at: now,
            recorded_at: UtcMicros::EPOCH,
            outages_at: now,
            has_caught_up: false,
        }))
    }

    /// How many devices are watched.
    pub fn devices(&self) -> usize {
        self.watch.len()
    }

    /// Judges what is new, once, by the files as they are. Call it again at once while it is behind.
    ///
    /// # Errors
    /// The database is not available; nothing is lost, connect again.
    pub async fn step(&mut self, registry: &Arc<Registry>, now: UtcMicros) -> Result<Step> {
        if !Arc::ptr_eq(registry, &self.registry) {
            self.registry = registry.clone();
            self.watch.place(registry.clone(), now);
        }
        if is_over(OUTAGES_EVERY_S, self.outages_at, now) {
            self.outages_at = now;
            self.watch.outages(feed_health::outages(&mut self.conn, now.plus_s(-READ_BACK_S)).await?);
        }
        let rows = changes::heard_after(&mut self.conn, &self.positions, LogLimit::STEP).await?;
        let mut heard: Vec<Heard> = Vec::new();
        for row in &rows {
            heard.extend(row.heard()?);
            self.positions.insert(row.writer, row.seq);
        }
        heard.sort_by_key(Heard::received_at);
        heard.iter().for_each(|heard| self.watch.hear(heard));
        let is_behind = LogLimit::STEP.is_reached(&rows);
        let mut step = Step { heard: heard.len(), is_behind, ..Step::default() };
        if !is_behind {
            self.watch.tick(now);
            self.has_caught_up = true;
        }
        step.unknown = self.watch.unknown();
        if self.has_caught_up && is_over(RECORD_EVERY_S, self.recorded_at, now) {
            let reasons = self.watch.reasons(now);
            if !reasons.is_empty() {
                self.recorded_at = now;
                let mut tx = self.conn.begin().await?;
                record(&mut tx, &reasons, now).await?;
                tx.commit().await?;
            }
            step.reasons = reasons.len();
        }
        if is_over(SAVE_EVERY_S, self.saved_at, now) {
            self.save(now).await?;
        }
        Ok(step)
    }

    /// Stores the state as it is, with its position in the log.
    ///
    /// # Errors
    /// The database is not available; nothing is lost, connect again.
    pub async fn save(&mut self, now: UtcMicros) -> Result<()> {
        let mut tx = self.conn.begin().await?;
        states::save(&mut tx, &mut self.watch).await?;
        // Whose transactions were all pruned, of them the log has forgotten the position.
        let held = LogCursor::Health.positions(&mut tx).await?;
        let is_pruned = |writer: &WriterId| self.stored.contains(writer) && !held.contains_key(writer);
        self.positions.retain(|writer, _| !is_pruned(writer));
        LogCursor::Health.advance(&mut tx, self.positions.iter().map(|(w, s)| (*w, *s))).await?;
        tx.commit().await?;
        self.stored = self.positions.keys().copied().collect();
        self.saved_at = now;
        Ok(())
    }

    /// What is kept of devices of which nothing is known: of some, in the order of receipt. Give it to [`Watcher::read`].
    ///
    /// # Errors
    /// The database is not available.
    pub async fn kept(&mut self, now: UtcMicros) -> Result<Kept> {
        let devices = self.watch.next_unknown();
        let since = now.plus_s(-READ_BACK_S);
        if devices.iter().any(|key| key.bay.is_some()) {
            let states = natives::kept(&mut self.conn, &self.registry, &devices, since).await?;
            return Ok(Kept { devices, uplinks: Vec::new(), states });
        }
        let uplinks = sqlx::query_as(
            "SELECT s.id AS sensor, u.event, u.received_at, u.network_at, u.f_port, u.f_cnt, u.spreading_factor, u.snr_db,
                 u.payload, u.decoded, u.outcome
             FROM sensor s
             CROSS JOIN LATERAL (
                 SELECT * FROM uplink u
                 WHERE u.municipality = s.municipality AND u.device = s.key AND u.received_at > $2 AND u.copy = 0
                   AND u.feed = s.feed
                 ORDER BY u.received_at DESC LIMIT $3) u
             WHERE s.id = ANY($1)
             ORDER BY u.received_at",
        )
        .bind(devices.iter().map(|sensor| sensor.source.0).collect::<Vec<_>>())
        .bind(Ts(since))
        .bind(MOST_MESSAGES)
        .fetch_all(&mut self.conn)
        .await?;
        Ok(Kept { devices, uplinks, states: Vec::new() })
    }

    /// Makes these devices what they are after `messages`: see [`Watcher::kept`].
    pub fn read(&mut self, devices: &[DeviceKey], messages: &[(DeviceKey, Message)]) {
        self.watch.read(devices, messages);
    }
}

/// Whether so many seconds have passed, also of a clock that was set back.
fn is_over(pause_s: f64, since: UtcMicros, now: UtcMicros) -> bool {
    now.seconds_since(since).abs() >= pause_s
}
