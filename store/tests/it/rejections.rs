//! What a feed says again and again is one rejection; a rejection is found by every device and reason in it.

use crate::support::Database;
use domain::Registry;
use domain::{FeedId, Reason, RejectedElement, Rejection, UtcMicros};
use store::inspect::{RejectedFilter, rejections};
use store::writer::{Batch, Replayed};
use testing::observed;

const AT: UtcMicros = UtcMicros(1_790_000_000_000_000);

fn rejection(db: &Database, repeats: Option<i64>, count: u32, after_s: i64) -> Rejection {
    let element = |reason, device: &str| RejectedElement {
        reason,
        device: Some(device.to_owned()),
        detail: "a NUL: \0".to_owned(),
    };
    Rejection {
        topic: "gtfs\0".into(),
        detail: "vehicle: 'x\0'".into(),
        devices: vec!["a".into(), "b\0".into()],
        count,
        examples: vec![element(Reason::UnknownPlace, "a"), element(Reason::Implausible, "b\0")],
        repeats,
        payload: vec![after_s as u8; 4],
        ..observed::rejection(db.municipality, FeedId(1), Reason::UnknownPlace, AT.plus_s(after_s))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_repeats_itself_is_kept_once() {
    let db = Database::start().await;
    let mut writer = db.writer().await;
    let mut write = async |rejections: Vec<Rejection>| {
        writer.write(&Batch { rejections, ..Batch::default() }, &Registry::default(), AT).await.unwrap();
    };
    let hour = |name, after_s| rejection(&db, Some(name), 100, after_s);
    write(vec![hour(7, 0), hour(8, 1), hour(7, 2), rejection(&db, None, 1, 3)]).await;
    write(vec![hour(7, 4)]).await;

    let found = async |filter: RejectedFilter<'_>| {
        let (mut found, more) = rejections(&db.pool, &[db.municipality], &filter, 100).await.unwrap();
        assert!(!more);
        found.sort_by_key(|r| (r.times, r.count));
        found
    };
    let all = found(RejectedFilter::default()).await;
    let counts: Vec<(i32, i32)> = all.iter().map(|r| (r.times, r.count)).collect();
    assert_eq!(counts, [(1, 1), (1, 100), (3, 300)]);
    // The first message, and when the last of them came.
    assert_eq!((all[2].payload.as_slice(), all[2].received_at), (&[0; 4][..], AT));
    assert_eq!((all[2].last_received_at, all[1].last_received_at), (Some(AT.plus_s(4)), None));
    assert_eq!(all[0].examples[1].device.as_deref(), Some("b\u{fffd}"));

    let by = |reason, device| RejectedFilter { reason, device, ..RejectedFilter::default() };
    assert_eq!(found(by(Some(Reason::Implausible), Some("a"))).await.len(), 3);
    assert_eq!(found(by(Some(Reason::Malformed), None)).await.len(), 0);
    assert_eq!(found(by(None, Some("c"))).await.len(), 0);

    // A replay that is rejected again keeps its number; what is believed is gone.
    let replayed = [
        Replayed { municipality: db.municipality, id: all[2].id, rejection: Some(hour(7, 0)) },
        Replayed { municipality: db.municipality, id: all[1].id, rejection: None },
    ];
    writer.write_replay(&Batch::default(), &replayed, &Registry::default(), AT).await.unwrap();
    let left = found(RejectedFilter::default()).await;
    assert_eq!(left.iter().map(|r| r.id).collect::<Vec<_>>(), [all[0].id, all[2].id]);
    assert!(left[1].replayed_at.is_some() && left[1].times == 1);
}
