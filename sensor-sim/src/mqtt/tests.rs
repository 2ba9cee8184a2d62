use std::collections::HashSet;

use super::*;
use crate::test_broker::{Behaviour, TestBroker};

#[test]
fn addresses_are_read_or_refused_without_the_password() {
    let broker = |url: &str| url.parse::<Broker>();
    assert_eq!(
        broker("mqtt://localhost").unwrap(),
        Broker { host: "localhost".into(), port: 1883, login: None }
    );
    let full = broker("mqtt://sim:p@ss@[::1]:1884/").unwrap();
    assert_eq!((full.host.as_str(), full.port), ("::1", 1884));
    assert_eq!(full.login, Some(("sim".into(), "p@ss".into())));
    let error = broker("http://sim:secret@host:99999").unwrap_err().to_string();
    assert!(error.contains("host:99999") && !error.contains("secret"), "{error}");
    assert!(broker("mqtt://:1883").is_err());
}

/// Publishes `n` messages; returns what became of them, their acknowledged tags, and all that
/// the broker received.
async fn publish(behaviour: Behaviour, n: usize) -> (Delivered, Vec<usize>, Vec<String>) {
    let mut broker = TestBroker::start(behaviour).await;
    let (outbox, inbox) = mpsc::channel(16);
    let publisher = Publisher::new(broker.url.parse().unwrap(), "test".into(), inbox);
    let sender = tokio::spawn(async move {
        for tag in 0..n {
            let topic = if tag % 10 == 9 { format!("no/{tag}") } else { format!("t/{tag}") };
            outbox.send(Outbound { topic, payload: Bytes::from("x"), tag }).await.unwrap();
        }
    });
    let mut acknowledged = Vec::new();
    let delivered = publisher.run(CancellationToken::new(), |tag| acknowledged.push(*tag)).await;
    sender.await.unwrap();
    let topics = broker.so_far().into_iter().map(|(topic, _)| topic).collect();
    (delivered, acknowledged, topics)
}

#[tokio::test]
async fn everything_is_delivered_once_in_order() {
    let (delivered, acknowledged, topics) = publish(Behaviour::default(), 5_000).await;
    assert_eq!(delivered, Delivered { acknowledged: 5_000, ..Default::default() });
    assert_eq!(acknowledged, (0..5_000).collect::<Vec<_>>());
    assert_eq!(topics.len(), 5_000);
}

#[tokio::test]
async fn nothing_is_lost_when_connections_break() {
    let behaviour = Behaviour { break_after: vec![1, 70, 1_500], ..Default::default() };
    let (delivered, acknowledged, topics) = publish(behaviour, 5_000).await;
    assert_eq!((delivered.acknowledged, delivered.reconnects), (5_000, 3));
    assert!(delivered.repeated >= 3, "{delivered:?}");
    assert_eq!(acknowledged.iter().collect::<HashSet<_>>().len(), 5_000, "each acknowledged once");
    assert_eq!(topics.iter().collect::<HashSet<_>>().len(), 5_000);
}

#[tokio::test]
async fn refusals_are_counted_and_not_repeated() {
    let behaviour = Behaviour { refuse: "no/", ..Default::default() };
    let (delivered, acknowledged, topics) = publish(behaviour, 100).await;
    assert_eq!((delivered.acknowledged, delivered.refused), (90, 10));
    assert_eq!((acknowledged.len(), topics.len()), (90, 100));
}
