//! The quarantine's bound holds after each transaction, of rows and of bytes, and each feed pushes out its
//! own oldest rejections only.

mod support;

use domain::{FeedId, Reason, Rejection, UtcMicros};
use store::writer::quarantine::{MAX_BYTES, MAX_ROWS};
use store::writer::{Batch, Writer};
use support::{Database, NoSites};

fn rejections(db: &Database, feed: i32, from: usize, n: usize, bytes: usize) -> Vec<Rejection> {
    let rejection = |i| Rejection {
        municipality: db.municipality,
        feed: FeedId(feed),
        reason: Reason::Malformed,
        topic: "t".into(),
        received_at: UtcMicros(1_790_000_000_000_000 + i as i64),
        detail: String::new(),
        remedy: None,
        devices: Vec::new(),
        count: 1,
        examples: Vec::new(),
        repeats: None,
        payload: vec![7; bytes],
        qos: 1,
    };
    (from..from + n).map(rejection).collect()
}

async fn kept(db: &Database, feed: i32) -> (i64, i64, i64) {
    let sql = "SELECT count(*), coalesce(sum(octet_length(payload)), 0)::bigint,
                      coalesce(min(extract(epoch FROM received_at) * 1e6 - 1790000000000000), 0)::bigint
               FROM rejection WHERE feed = $1";
    let kept: (i64, i64, i64) = sqlx::query_as(sql).bind(feed).fetch_one(&db.pool).await.unwrap();
    let counted: (i64, i64) = sqlx::query_as("SELECT rows, bytes FROM quarantine WHERE feed = $1")
        .bind(feed)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(counted, (kept.0, kept.1), "what is counted is what is there");
    kept
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_after_each_transaction() {
    let db = Database::start().await;
    let mut writer = Writer::connect(&store::pool::options(&db.server.url()).unwrap()).await.unwrap();
    let mut store = async |rejections: Vec<Rejection>| {
        let batch = Batch { rejections, ..Batch::default() };
        writer.write(&batch, &NoSites, UtcMicros(1)).await.unwrap();
    };
    store(rejections(&db, 2, 0, 5, 10)).await;
    let mut sent = 0;
    for n in [9_990, 9, 1, 1, 350, 12_000] {
        store(rejections(&db, 1, sent, n, 1)).await;
        sent += n;
        let rows = (sent as i64).min(MAX_ROWS);
        assert_eq!(kept(&db, 1).await, (rows, rows, sent as i64 - rows));
    }
    // Larger ones: as many of the newest as there is room for.
    const LARGE: usize = 1 << 20;
    for _ in 0..70 {
        store(rejections(&db, 1, sent, 1, LARGE)).await;
        sent += 1;
        let (rows, bytes, first) = kept(&db, 1).await;
        assert!(rows <= MAX_ROWS && bytes <= MAX_BYTES);
        assert_eq!(first, sent as i64 - rows, "the newest are kept");
    }
    assert_eq!(kept(&db, 1).await.0, 64);
    assert_eq!(kept(&db, 2).await, (5, 50, 0));
    db.stop().await;
}
