//! Keys and roles, against a real database: who may see what of which municipality.

use std::sync::Arc;

use axum::http::StatusCode;
use domain::observation::Provenance;
use domain::registry::Contents;
use domain::{MunicipalityId, Reason, Registry, Rejection, UtcMicros};
use serde_json::{Value, json};
use store::keys::NewKey;
use store::writer::{Batch, Writer};
use testing::observed;
use testing::world::feed_id;

use super::fixture::{Answer, County, NOW, contents};

/// A key for each role and town, by name.
pub struct Instance {
    pub county: County,
    pub pool: store::Pool,
    pub registry: Arc<Registry>,
    pub url: String,
}

impl Instance {
    /// `None` where PostgreSQL is not installed.
    async fn start() -> Option<Self> {
        Self::with(contents()).await
    }

    /// The same of other places.
    pub async fn with(contents: Contents) -> Option<Self> {
        let Some(url) = testing::database::create(false).await else {
            eprintln!("SKIPPED: PostgreSQL is not installed");
            return None;
        };
        let pool = store::connect(&url).await.expect("a connection");
        let registry = testing::world::import(&contents, &pool).await;
        let county = County::from_registry(registry.clone(), Some(pool.clone()));
        Some(Instance { county, pool, registry, url })
    }

    pub fn town(&self, slug: &str) -> MunicipalityId {
        self.registry.municipality_id(slug).expect("a town")
    }

    pub async fn key(
        &self,
        role: &str,
        towns: &[&str],
        secret: u8,
        expires_at: Option<UtcMicros>,
    ) -> (String, i32) {
        let secret = [secret; 32];
        let towns: Vec<MunicipalityId> = towns.iter().map(|t| self.town(t)).collect();
        let hash = *blake3::hash(&secret).as_bytes();
        let new = NewKey { role, municipalities: &towns, expires_at, ..NewKey::default() };
        let id = store::keys::create(&self.pool, &hash, &new).await.expect("a key");
        (secret.iter().map(|b| format!("{b:02x}")).collect(), id)
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        self.county.get_with(path, &[("authorization", &format!("Bearer {key}"))]).await
    }

    /// Of what the town's feed sends.
    pub fn provenance(&self, town: &str, received_at: UtcMicros) -> Provenance {
        let feed = feed_id(&self.registry, &format!("feed-{town}"));
        observed::provenance(self.town(town), feed, received_at)
    }

    pub fn rejection(&self, town: &str, reason: Reason, n: u8) -> Rejection {
        let Provenance { municipality, feed, received_at, .. } =
            self.provenance(town, NOW.plus_s(i64::from(n)));
        Rejection {
            topic: format!("kv/1/feed-{town}/bay/{n}"),
            detail: "state: 'full' is not one of: unknown, vacant, occupied".into(),
            devices: vec![n.to_string()],
            payload: vec![b'a', n],
            ..observed::rejection(municipality, feed, reason, received_at)
        }
    }

    pub async fn write(&self, batch: &Batch) {
        let options = store::pool::options(&self.url).expect("a url");
        let mut writer = Writer::connect(&options).await.expect("a writer");
        writer.write(batch, &self.registry, NOW).await.expect("written");
    }
}

pub fn uplink(instance: &Instance, town: &str, device: &str, n: i64, outcome: &str) -> domain::Uplink {
    let Provenance { municipality, feed, received_at, .. } = instance.provenance(town, NOW.plus_s(-10 + n));
    domain::Uplink {
        is_stranger: outcome == "rejected:unknown_sensor",
        dedup_id: format!("{device}-{n}"),
        f_port: Some(1),
        f_cnt: Some(n),
        payload: Some(vec![0x01]),
        data_rate: Some(5),
        spreading_factor: Some(7),
        rssi_dbm: Some(-101.0),
        snr_db: Some(7.5),
        gateways: vec![domain::uplink::Reception {
            gateway: "gw-1".into(),
            rssi_dbm: Some(-101.0),
            snr_db: Some(7.5),
        }],
        decoder: Some("bosch-tps110"),
        decoder_version: Some(1),
        decoded: Some(r#"{"state":"occupied"}"#.into()),
        outcome: outcome.into(),
        battery_v: Some(3.6),
        ..observed::uplink(municipality, feed, device, received_at)
    }
}

const KEYED: &[&str] = &[
    "/v1/sensors",
    "/v1/sensors/0123456789abcdef",
    "/v1/sensors/0123456789abcdef/messages",
    "/v1/sensors/0123456789abcdef/decoders",
    "/v1/binding-targets",
    "/v1/sensors/changes",
    "/v1/rejections",
    "/v1/occupancy",
    "/v1/stays?from=2026-01-01",
    "/v1/ridership",
    "/v1/punctuality",
    "/v1/forecast/quality",
    "/v1/admin",
    "/v1/admin/bays/1",
    "/v1/sensors/1/binding",
    "/v1/rejections/replay",
    "/v1/gateways",
    "/v1/notices",
    "/v1/notices/1/retry",
];

#[tokio::test]
async fn without_a_key_nobody_learns_more_than_that_one_is_needed() {
    let county = County::new();
    let key = "ab".repeat(32);
    let mut seen: Option<(String, Vec<String>)> = None;
    for path in KEYED {
        for header in ["", "Bearer", "Bearer 12", "Basic YTpi", &format!("Bearer {key}")] {
            let answer = county.get_with(path, &[("authorization", header)]).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {header}");
            let names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            let first = seen.get_or_insert((answer.body.clone(), names.clone()));
            assert_eq!((&answer.body, &names), (&first.0, &first.1), "{path} {header}");
        }
        assert_eq!(county.get(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    assert_eq!(county.get("/v1/feeds").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_new_key_is_valid_as_a_whole_only_and_an_older_one_in_both_spellings() {
    let Some(instance) = Instance::start().await else { return };
    let towns = [instance.town("telgte")];
    let hash = crate::key_hash(&[21; 32]);
    let new = NewKey { role: "operator", municipalities: &towns, ..NewKey::default() };
    store::keys::create(&instance.pool, &hash, &new).await.expect("a key");
    let (older, _) = instance.key("operator", &["telgte"], 22, None).await;
    for (key, status) in [
        (crate::key_text(&[21; 32]), 200),
        ("15".repeat(32), 401),
        (format!("kvk_{}", "15".repeat(32)), 401),
        (older, 200),
        (crate::key_text(&[22; 32]), 200),
    ] {
        assert_eq!(instance.get("/v1/audit", &key).await.status, status, "{key}");
    }
}

#[tokio::test]
async fn a_key_opens_what_its_role_and_towns_cover() {
    let Some(instance) = Instance::start().await else { return };
    let batch = Batch {
        uplinks: vec![
            uplink(&instance, "warendorf", "70b3d57ed0051a2b", 1, "stored"),
            uplink(&instance, "warendorf", "70b3d57ed0051a2b", 2, "rejected:unknown_sensor"),
            uplink(&instance, "telgte", "70b3d57ed0051a2c", 1, "rejected:unknown_sensor"),
        ],
        rejections: vec![
            instance.rejection("warendorf", Reason::Malformed, 1),
            instance.rejection("warendorf", Reason::TooOld, 2),
            instance.rejection("telgte", Reason::Malformed, 3),
        ],
        ..Batch::default()
    };
    instance.write(&batch).await;
    store::feed_status::note(
        &instance.pool,
        &[(
            instance.registry.feeds().find(|f| f.def.id == "feed-warendorf").unwrap().id,
            json!({"messages_1h": 17, "rejected_1h": {"malformed": 1}}),
        )],
        NOW,
    )
    .await
    .unwrap();

    let (installer, installer_id) = instance.key("installer", &["warendorf"], 1, None).await;
    let (operator, _) = instance.key("operator", &["warendorf", "telgte"], 2, None).await;
    let (planner, _) = instance.key("planner", &["warendorf"], 3, None).await;
    let (admin, _) = instance.key("admin", &[], 4, None).await;
    let past = UtcMicros::parse("2020-01-01T00:00:00Z").ok();
    let (expired, _) = instance.key("admin", &[], 5, past).await;

    // Roles.
    let occupancy = |town: &str| format!("/v1/occupancy?municipality={town}&from=2026-11-01&to=2026-11-02");
    for (path, allowed) in [
        ("/v1/sensors", [true, false, false, true]),
        ("/v1/rejections", [true, false, false, true]),
        (&occupancy("warendorf"), [false, false, true, true]),
        (&occupancy("telgte"), [false, false, false, true]),
    ] {
        for (key, allowed) in [&installer, &operator, &planner, &admin].into_iter().zip(allowed) {
            let expected = if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(instance.get(path, key).await.status, expected, "{path}");
        }
        assert_eq!(instance.get(path, &expired).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(instance.get("/v1/occupancy", &planner).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(instance.get("/v1/admin/x", &planner).await.status, StatusCode::FORBIDDEN);

    // Municipalities.
    let ids = |list: Value, name: &str| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items.map(|i| i[name].to_string().trim_matches('"').to_owned()).collect()
    };
    let sensors = instance.get("/v1/sensors?health=new", &installer).await.json();
    insta::assert_json_snapshot!("sensors", sensors);
    let all = instance.get("/v1/sensors", &admin).await.json();
    // What native feeds tried to name stands among them.
    let wanted = ["1", "2", "3", "70b3d57ed0051a2b", "70b3d57ed0051a2c"];
    assert_eq!(ids(all, "id"), wanted);
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    for _ in wanted {
        let page = instance.get(&format!("/v1/sensors?limit=1{cursor}"), &admin).await.json();
        cursor = format!("&cursor={}", page["cursor"].as_str().unwrap_or("-"));
        paged.extend(ids(page, "id"));
    }
    assert_eq!((paged, cursor.as_str()), (wanted.map(str::to_owned).to_vec(), "&cursor=-"));

    let own = instance.get("/v1/sensors/70-B3-D5-7E-D0-05-1A-2B", &installer).await;
    assert_eq!(own.json()["bindings"], json!([]));
    let foreign = instance.get("/v1/sensors/70b3d57ed0051a2c", &installer).await;
    let nothing = instance.get("/v1/sensors/nothing", &installer).await;
    assert_eq!((foreign.status, foreign.body), (StatusCode::NOT_FOUND, nothing.body));

    let messages = instance.get("/v1/sensors/70b3d57ed0051a2b/messages?limit=1", &installer).await.json();
    insta::assert_json_snapshot!("messages", messages);
    let cursor = messages["cursor"].as_str().unwrap();
    let next =
        instance.get(&format!("/v1/sensors/70b3d57ed0051a2b/messages?cursor={cursor}"), &installer).await;
    assert_eq!(ids(next.json(), "f_cnt"), ["1"]);
    let foreign = instance.get("/v1/sensors/70b3d57ed0051a2c/messages", &installer).await.json();
    assert_eq!(foreign["items"], json!([]));

    let rejections = instance.get("/v1/rejections?limit=1", &installer).await.json();
    insta::assert_json_snapshot!("rejections", rejections, { ".items[].id" => "[id]", ".cursor" => "[cursor]" });
    let cursor = rejections["cursor"].as_str().unwrap();
    let next = instance.get(&format!("/v1/rejections?cursor={cursor}"), &installer).await.json();
    assert_eq!(ids(next, "reason"), ["malformed"]);
    let malformed = instance.get("/v1/rejections?reason=malformed&feed=feed-warendorf", &admin).await.json();
    assert_eq!(ids(malformed, "topic"), ["kv/1/feed-warendorf/bay/1"]);
    let foreign = instance.get("/v1/rejections?feed=feed-telgte", &installer).await.json();
    assert_eq!(foreign["items"], json!([]));
    assert_eq!(instance.get("/v1/rejections?reason=odd", &installer).await.status, StatusCode::BAD_REQUEST);

    let feeds = instance.get("/v1/feeds", &operator).await.json();
    insta::assert_json_snapshot!("feeds_for_operators", feeds);
    insta::assert_json_snapshot!("feeds_for_all", instance.county.get("/v1/feeds").await.json());
    assert_eq!(instance.get("/v1/feeds", &expired).await.status, StatusCode::UNAUTHORIZED);

    // The life of a key.
    let used = store::keys::list(&instance.pool).await.unwrap();
    assert!(used.iter().find(|k| k.id == installer_id).unwrap().last_used_at.is_some());
    assert!(store::keys::revoke(&instance.pool, installer_id).await.unwrap());
    assert_eq!(instance.get("/v1/sensors", &installer).await.status, StatusCode::UNAUTHORIZED);

    instance.pool.close().await;
}

/// Whoever may not do it is answered though the body never ends; whoever may is waited for.
#[tokio::test]
async fn a_body_is_read_of_those_only_who_may_send_it() {
    let Some(instance) = Instance::start().await else { return };
    let (planner, _) = instance.key("planner", &["telgte"], 1, None).await;
    let (ended, id) = instance.key("installer", &["telgte"], 2, None).await;
    assert!(store::keys::revoke(&instance.pool, id).await.unwrap());
    let (installer, _) = instance.key("installer", &["telgte"], 3, None).await;
    let post = |key: &str, path: &str, body: axum::body::Body| {
        let request = axum::http::Request::post(path).header("authorization", format!("Bearer {key}"));
        instance.county.send(request.body(body).unwrap())
    };
    let endless = || {
        let begun = futures_util::stream::iter([Ok::<_, std::io::Error>("{")]);
        axum::body::Body::from_stream(futures_util::StreamExt::chain(begun, futures_util::stream::pending()))
    };
    for (key, status) in [(&planner, 403), (&ended, 401)] {
        let answer = post(key, "/v1/rejections/replay", endless());
        let answer = tokio::time::timeout(std::time::Duration::from_secs(8), answer).await;
        assert_eq!(answer.expect("before the body").status(), status);
    }
    // A bad question is answered before, too.
    let answer = post(&installer, "/v1/rejections/replay?quux=1", endless());
    let answer = tokio::time::timeout(std::time::Duration::from_secs(8), answer).await;
    assert_eq!(answer.expect("before the body").status(), 400);
    let answer =
        super::fixture::read(post(&installer, "/v1/rejections/replay", "{\"feed\": 1}".into()).await).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &"body".into()));
}
