//! Retained messages of several users.

use super::super::retained::{MAX_BYTES, MAX_OF_USER};
use super::*;

/// As many as the broker keeps in all, from one user; the other still has room, also after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn one_user_cannot_use_up_the_retained_messages_of_all() {
    let most = MAX_OF_USER;
    let users = UsersFile::parse(
        r##"
        [[user]]
        name = "greedy"
        password = "g"
        publish = ["a/#", "shared"]

        [[user]]
        name = "modest"
        password = "m"
        publish = ["b/#", "shared"]
        subscribe = ["#"]
        "##,
    )
    .unwrap();
    let storage = TempDir::new().unwrap();
    let started = broker(Some(&users), storage.path()).await;
    let mut greedy = Client::connect(started.connect_addr(), "greedy", Some(("greedy", "g"))).await.unwrap();
    let mut modest = Client::connect(started.connect_addr(), "modest", Some(("modest", "m"))).await.unwrap();
    for n in 0..most + 50 {
        greedy.retain(&format!("a/{n}"), "x").await;
    }
    modest.retain("b/1", "x").await;
    let held = async |broker: &EmbeddedBroker, id: &str, filter: &str| {
        let mut options =
            MqttOptions::new(id, broker.connect_addr().ip().to_string(), broker.connect_addr().port());
        options.set_credentials("modest", "m");
        let (requests, mut events) = AsyncClient::new(options, 2_000);
        // What is published after the subscription comes after what was retained.
        requests.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        requests.subscribe("b/end", QoS::AtLeastOnce).await.unwrap();
        let mut topics = std::collections::BTreeSet::new();
        let mut granted = 0;
        loop {
            let Event::Incoming(packet) = timeout(PATIENCE, events.poll()).await.unwrap().unwrap() else {
                continue;
            };
            match packet {
                Packet::SubAck(_) => {
                    granted += 1;
                    if granted == 2 {
                        requests.publish("b/end", QoS::AtLeastOnce, false, "x").await.unwrap();
                    }
                }
                Packet::Publish(publish) if publish.topic == "b/end" => return topics,
                Packet::Publish(publish) => {
                    topics.insert(String::from_utf8(publish.topic.to_vec()).unwrap());
                }
                _ => {}
            }
        }
    };
    assert_eq!(held(&started, "reader-1", "a/#").await.len(), most);
    assert_eq!(held(&started, "reader-2", "b/1").await.len(), 1);
    // One's own may be replaced, and one that is cleared makes room for another.
    greedy.retain("a/0", "y").await;
    greedy.retain("a/1", "").await;
    greedy.retain("a/new", "x").await;
    greedy.retain("a/newer", "x").await;
    let topics = held(&started, "reader-3", "a/#").await;
    assert!(topics.len() == most && topics.contains("a/new") && !topics.contains("a/newer"));
    // Another's is not taken over.
    modest.retain("shared", "x").await;
    greedy.retain("shared", "x").await;
    assert_eq!(held(&started, "reader-5", "shared").await.len(), 1);
    drop((greedy, modest));
    started.stop(PATIENCE).await;

    let again = broker(Some(&users), storage.path()).await;
    let mut greedy = Client::connect(again.connect_addr(), "greedy", Some(("greedy", "g"))).await.unwrap();
    greedy.retain("a/after", "x").await;
    let topics = held(&again, "reader-4", "a/#").await;
    assert!(topics.len() == most && !topics.contains("a/after"));
    // Nor by a will.
    let mut options =
        MqttOptions::new("will", again.connect_addr().ip().to_string(), again.connect_addr().port());
    options.set_credentials("greedy", "g");
    options.set_last_will(rumqttc::v5::mqttbytes::v5::LastWill::new(
        "a/will",
        "x",
        QoS::AtLeastOnce,
        true,
        None,
    ));
    let (_requests, mut events) = AsyncClient::new(options, 1);
    let refused = timeout(PATIENCE, events.poll()).await.unwrap();
    assert!(
        matches!(refused, Err(ConnectionError::ConnectionRefused(ConnectReturnCode::QuotaExceeded))),
        "{refused:?}"
    );
    again.stop(PATIENCE).await;
}

#[tokio::test]
async fn what_cannot_be_retained_reaches_its_feed_all_the_same() {
    let storage = TempDir::new().unwrap();
    let town = Town::start(loopback(), None, storage.path()).await.unwrap();
    town.arrange(&[FEED]);
    let mut raw = Raw::connected(town.broker.connect_addr(), "plain").await;
    for (id, qos, acknowledgement) in [(1, 1, [0x40, 2, 0, 1]), (2, 2, [0x50, 2, 0, 2])] {
        let mut message = publish(qos, "kv/1/f/bay/a", id, MAX_BYTES + 1);
        message[0] |= 1; // To be retained.
        raw.send(&message).await;
        let (topics, stored) = town.take().await;
        assert_eq!(topics, ["kv/1/f/bay/a"]);
        stored();
        let mut packet = [0; 4];
        timeout(PATIENCE, raw.0.read_exact(&mut packet)).await.unwrap().unwrap();
        assert_eq!(packet, acknowledgement);
    }
    town.stop().await;
}
