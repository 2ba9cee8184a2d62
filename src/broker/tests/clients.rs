//! Ownership of client ids and sessions.

use super::*;

const TWO_USERS: &str = "[[user]]\nname = \"sensor\"\npassword = \"sends\"\npublish = [\"#\"]\n\
                         [[user]]\nname = \"other\"\npassword = \"asks\"\n";

#[tokio::test]
async fn a_client_id_belongs_to_its_user() {
    let users = UsersFile::parse(TWO_USERS).unwrap();
    let storage = TempDir::new().unwrap();
    let broker = broker(Some(&users), storage.path()).await;
    let addr = broker.connect_addr();
    let (sensor, other) = (Some(("sensor", "sends")), Some(("other", "asks")));
    let mut connected = Client::connect(addr, "id", sensor).await.unwrap();
    let refused = Some(ConnectReturnCode::ClientIdentifierNotValid);
    assert_eq!(Client::connect(addr, "id", other).await.err(), refused);
    assert_eq!(connected.publish("still/here", "").await, PubAckReason::Success);

    // Nor is its session discarded while it is away, or after a restart.
    connected.requests.disconnect().await.unwrap();
    while connected.events.poll().await.is_ok() {}
    assert_eq!(Client::connect(addr, "id", other).await.err(), refused);
    broker.stop(PATIENCE).await;
    let broker = self::broker(Some(&users), storage.path()).await;
    let mut options = MqttOptions::new("id", "127.0.0.1", broker.connect_addr().port());
    options.set_clean_start(true).set_credentials("other", "asks");
    let (_requests, mut events) = AsyncClient::new(options, 10);
    let code = match events.poll().await {
        Err(ConnectionError::ConnectionRefused(code)) => Some(code),
        _ => None,
    };
    assert_eq!(code, refused);
    assert!(Client::connect(broker.connect_addr(), "id", sensor).await.is_ok());
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn sessions_of_one_user_are_bounded() {
    let users = UsersFile::parse(TWO_USERS).unwrap();
    let storage = TempDir::new().unwrap();
    let broker = broker(Some(&users), storage.path()).await;
    let addr = broker.connect_addr();
    for number in 0..20 {
        assert!(Client::connect(addr, &format!("away-{number}"), Some(("sensor", "sends"))).await.is_ok());
    }
    let refused = Client::connect(addr, "one-more", Some(("sensor", "sends"))).await.err();
    assert_eq!(refused, Some(ConnectReturnCode::QuotaExceeded));
    assert!(Client::connect(addr, "away-3", Some(("sensor", "sends"))).await.is_ok());
    assert!(Client::connect(addr, "another", Some(("other", "asks"))).await.is_ok());
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn what_the_users_file_grants_no_longer_ends_with_the_restart() {
    let file = |subscribe: &str| {
        let text = format!(
            "[[user]]\nname = \"sensor\"\npassword = \"s\"\npublish = [\"#\"]\n\
             [[user]]\nname = \"reader\"\npassword = \"r\"\nsubscribe = {subscribe}\n"
        );
        UsersFile::parse(&text).unwrap()
    };
    let storage = TempDir::new().unwrap();
    let broker = broker(Some(&file("[\"a/#\", \"b/#\"]")), storage.path()).await;
    let mut reader = Client::connect(broker.connect_addr(), "reader", Some(("reader", "r"))).await.unwrap();
    for filter in ["a/#", "$share/group/a/x", "b/#"] {
        assert_eq!(reader.subscribe(filter).await, GRANTED);
    }
    drop(reader);
    broker.stop(PATIENCE).await;

    let broker = self::broker(Some(&file("[\"b/#\"]")), storage.path()).await;
    let mut sensor = Client::connect(broker.connect_addr(), "sensor", Some(("sensor", "s"))).await.unwrap();
    for topic in ["a/x", "b/x"] {
        sensor.publish(topic, topic).await;
    }
    let mut reader = Client::connect(broker.connect_addr(), "reader", Some(("reader", "r"))).await.unwrap();
    assert_eq!(reader.next_payload().await, "b/x");
    drop(reader);
    broker.stop(PATIENCE).await;

    // Of a user who is not there any more nothing is kept: another may use the client id.
    let without = "[[user]]\nname = \"sensor\"\npassword = \"s\"\n";
    let broker = self::broker(Some(&UsersFile::parse(without).unwrap()), storage.path()).await;
    assert!(Client::connect(broker.connect_addr(), "reader", Some(("sensor", "s"))).await.is_ok());
    broker.stop(PATIENCE).await;
}

#[tokio::test]
async fn client_ids_of_the_users_file_are_nobody_elses() {
    let reserved = format!("{TWO_USERS}client_ids = [\"gateway-*\", \"exact\"]\n");
    let (plain, reserved) = (UsersFile::parse(TWO_USERS).unwrap(), UsersFile::parse(&reserved).unwrap());
    assert!(UsersFile::parse(&format!("{TWO_USERS}client_ids = [\"*\"]\n")).is_err());
    let (sensor, other) = (Some(("sensor", "sends")), Some(("other", "asks")));
    let storage = TempDir::new().unwrap();
    let broker = broker(Some(&plain), storage.path()).await;
    assert!(Client::connect(broker.connect_addr(), "gateway-1", sensor).await.is_ok());
    broker.stop(PATIENCE).await;

    // Also what was taken before.
    let broker = self::broker(Some(&reserved), storage.path()).await;
    let addr = broker.connect_addr();
    for id in ["gateway-1", "gateway-2", "exact"] {
        let refused = Client::connect(addr, id, sensor).await.err();
        assert_eq!(refused, Some(ConnectReturnCode::ClientIdentifierNotValid), "{id}");
        assert!(Client::connect(addr, id, other).await.is_ok(), "{id}");
    }
    assert!(Client::connect(addr, "exact-not", sensor).await.is_ok());
    broker.stop(PATIENCE).await;
}
