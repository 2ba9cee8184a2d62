//! From reasons in the database to receivers that are away, slow or broken, in virtual time.

mod delivery;
mod found;
mod mail_server;
mod mailed;
mod receiver;

use std::sync::Arc;
use std::time::Duration;

use domain::catalogue::Catalogue;
use domain::ids::SourceKey;
use domain::notice::NoticeRule;
use domain::{MunicipalityId, Registry, UtcMicros};
use serde_json::{Value, json};
use store::health::Reason;
use store::notices::{self, Attempted, Delivery};
use store::places::{Holds, Import, Missing};
use store::writer::{Batch, Writer};
use store::{Connection, Pool};
use testing::World;
use tokio::sync::watch;

use super::courier::Courier;
use super::lookout::look;
use crate::mqtt::SecretFiles;
use crate::sessions::{BrokerAccess, OwnBroker};

const SENSORS: i32 = 200;
const KEY: &[u8] = b"a long random text";

/// Noon in Berlin, in winter.
fn noon() -> UtcMicros {
    UtcMicros::parse("2026-11-28T11:00:00Z").unwrap()
}

/// A town of 200 sensors behind one gateway, and its rules.
struct Town {
    pool: Pool,
    registry: Arc<Registry>,
    municipality: MunicipalityId,
    secrets: tempfile::TempDir,
}

impl Town {
    async fn new() -> Self {
        let url = testing::database::create(false).await.expect("PostgreSQL is needed");
        let pool = store::connect(&url).await.unwrap();
        let world = World::town("markt").feed("f").site("lot", 250).bays(SENSORS as usize);
        let world = (1..=SENSORS).fold(world, |w, n| w.sensor(&format!("s{n:03}"), "f", &format!("lot-{n}")));
        let registry = testing::world::import(&world.contents, &pool).await;
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("key"), [KEY, b"\n"].concat()).unwrap();
        let municipality = registry.municipality_id("markt").unwrap();
        Town { pool, registry, municipality, secrets }
    }

    /// A rule of the town; `def` has what is special about it.
    fn rule(&self, id: &str, def: Value) -> NoticeRule {
        let mut rule = json!({ "id": id, "municipality": "markt", "on": [] });
        for (name, value) in def.as_object().unwrap() {
            rule[name] = value.clone();
        }
        if rule.get("webhook").is_some() {
            rule["secret_file"] = json!(self.secrets.path().join("key"));
        }
        serde_json::from_value(rule).unwrap()
    }

    /// Imports rules at `now`, from which on they hold.
    async fn rules(&self, rules: &[NoticeRule], now: UtcMicros) {
        let mut import = Import::begin(&self.pool).await.unwrap();
        let new = Catalogue { notices: rules.to_vec(), ..Catalogue::default() };
        let report = import.apply(&new, Missing::Keep, Holds::FromNow, now).await.unwrap();
        import.commit(&report, "test").await.unwrap();
        self.look(now).await;
    }

    async fn look(&self, now: UtcMicros) {
        look(&mut self.pool.acquire().await.unwrap(), now).await.unwrap();
    }

    /// Looks once a minute.
    async fn look_until(&self, from: UtcMicros, minutes: i64) {
        let mut conn = self.pool.acquire().await.unwrap();
        for minute in 0..=minutes {
            look(&mut conn, from.plus_s(60 * minute)).await.unwrap();
        }
    }

    /// Messages of these sensors by these gateways.
    async fn heard(&self, sensors: std::ops::RangeInclusive<i32>, gateways: &[&str], at: UtcMicros) {
        let options = self.pool.connect_options();
        let mut writer = Writer::connect(&options).await.unwrap();
        let feed = testing::world::feed_id(&self.registry, "f");
        let uplinks = sensors.map(|n| {
            let mut uplink = testing::observed::uplink(self.municipality, feed, &format!("s{n:03}"), at);
            uplink.gateways = gateways.iter().map(|g| domain::uplink::Reception::at(*g)).collect();
            uplink
        });
        let batch = Batch { uplinks: uplinks.collect(), ..Batch::default() };
        writer.write(&batch, &self.registry, at).await.unwrap();
    }

    /// A reason of a sensor, or of the feed (0).
    fn reason(&self, sensor: i32, code: &'static str, since: UtcMicros) -> Reason {
        let source = match sensor {
            0 => -testing::world::feed_id(&self.registry, "f").0,
            n => self.registry.sensor_by_key(&format!("s{n:03}")).unwrap().id.0,
        };
        Reason {
            municipality: self.municipality,
            source: SourceKey(source),
            bay: None,
            code,
            hides: false,
            since,
            until: None,
            value: Some(9_000.0),
            limit: Some(7_920.0),
        }
    }

    async fn record(&self, reasons: &[Reason], noticed_at: UtcMicros) {
        let mut tx = self.pool.begin().await.unwrap();
        store::health::record(&mut tx, reasons, noticed_at).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn end(&self, reasons: &[Reason], at: UtcMicros) {
        let ended: Vec<Reason> = reasons.iter().map(|r| Reason { until: Some(at), ..r.clone() }).collect();
        self.record(&ended, at).await;
    }

    /// All notices, oldest first.
    async fn notices(&self) -> Vec<Delivery> {
        let mut all = notices::page(&self.pool, &[self.municipality], None, None, 1_000).await.unwrap().0;
        all.reverse();
        all
    }

    fn courier(&self) -> Courier {
        let brokers = BrokerAccess {
            own_broker: OwnBroker::None,
            client_id: "test".into(),
            secret_files: SecretFiles::within(self.secrets.path()).unwrap(),
        };
        let mut courier = Courier::new(brokers, watch::channel(self.registry.clone()).1);
        courier.patience = Duration::from_millis(500);
        courier
    }

    /// Delivers all that is due at `now`; how each attempt ended.
    async fn deliver(&self, courier: &Courier, now: UtcMicros) -> Vec<Attempted> {
        let mut conn: sqlx::pool::PoolConnection<sqlx::Postgres> = self.pool.acquire().await.unwrap();
        let conn: &mut Connection = &mut conn;
        let mut all = Vec::new();
        loop {
            let due = notices::due(conn, now).await.unwrap();
            if due.is_empty() {
                return all;
            }
            for due in due {
                let attempted = courier.attempt(&due, now).await;
                notices::attempted(conn, due.delivery.seq, &attempted, now).await.unwrap();
                all.push(attempted);
            }
        }
    }
}

fn item_texts(notice: &Delivery) -> Vec<String> {
    notice.body.0.items.iter().map(|item| item.text.en.clone()).collect()
}
