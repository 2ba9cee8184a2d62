//! Notices by the whole product: what is found reaches a webhook and a topic, and is visible.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;
use std::time::Duration;

use domain::UtcMicros;
use domain::ids::SourceKey;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use serde_json::Value;
use store::health::Reason;

use crate::support::{Instance, Mosquitto, eventually, port_of, town};

/// A web server that takes what is posted.
fn webhook() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (taken, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).is_ok() && line.trim_end() != "" {
                head.push_str(&std::mem::take(&mut line).to_lowercase());
            }
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap()];
            reader.read_exact(&mut body).unwrap();
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            taken.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
        }
    });
    (url, received)
}

/// Subscribes to `topic`; what comes.
pub async fn subscribed(port: u16, topic: &str) -> tokio::sync::mpsc::UnboundedReceiver<Value> {
    let (client, mut events) = AsyncClient::new(MqttOptions::new("listener", "127.0.0.1", port), 10);
    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
    let (came, coming) = tokio::sync::mpsc::unbounded_channel();
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (_client, mut ready) = (client, Some(ready));
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::SubAck(_)) => drop(ready.take().map(|ready| ready.send(()))),
                Event::Incoming(Packet::Publish(p)) => {
                    came.send(serde_json::from_slice(&p.payload).unwrap()).unwrap()
                }
                _ => {}
            }
        }
    });
    is_ready.await.unwrap();
    coming
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_sensor_reaches_a_webhook_and_both_kinds_of_brokers_and_is_visible() {
    let (instance, mosquitto) = (Instance::serve(&[]).await, Mosquitto::start());
    let folder = town(instance.dir.path());
    std::fs::write(folder.join("key"), "a long random text\n").unwrap();
    let (url, posted) = webhook();
    let rule =
        |id: &str, lines: String| format!("[[notice]]\nid = '{id}'\nmunicipality = 'neudorf'\n{lines}\n");
    let rules = [
        rule("hook", format!("webhook = '{url}'\nsecret_file = 'key'")),
        rule("own", "topic = 'notices/own'".to_owned()),
        rule("far", "broker = 'far'\ntopic = 'notices/far'".to_owned()),
    ];
    std::fs::write(folder.join("notices.toml"), rules.concat()).unwrap();
    let feeds = std::fs::read_to_string(folder.join("feeds.toml")).unwrap();
    let broker = format!("[[broker]]\nid = 'far'\nurl = '{}'\n{feeds}", mosquitto.url());
    std::fs::write(folder.join("feeds.toml"), broker).unwrap();
    instance.import(&folder);
    let mut own = subscribed(port_of(&instance.text("mqtt")), "notices/#").await;
    let mut far = subscribed(mosquitto.port, "notices/#").await;

    let pool = instance.pool().await;
    let (sensor, municipality): (i32, i32) =
        sqlx::query_as("SELECT id, municipality FROM sensor WHERE key = '70b3d57ed0000001'")
            .fetch_one(&pool)
            .await
            .unwrap();
    // It was noticed an hour ago.
    let noticed_at = UtcMicros::from(jiff::Timestamp::now()).plus_s(-3_600);
    let reason = Reason {
        municipality: domain::MunicipalityId(municipality),
        source: SourceKey(sensor),
        bay: None,
        code: "stuck",
        hides: false,
        since: noticed_at.plus_s(-7_200),
        until: None,
        value: None,
        limit: None,
    };
    let mut tx = pool.begin().await.unwrap();
    store::health::record(&mut tx, &[reason], noticed_at).await.unwrap();
    tx.commit().await.unwrap();

    let patience = Duration::from_secs(30);
    let (head, body) =
        tokio::task::spawn_blocking(move || posted.recv_timeout(patience)).await.unwrap().unwrap();
    assert!(head.contains("kv-signature: sha256=") && head.contains("kv-notice-id: "), "{head}");
    let [of_own, of_far] = [&mut own, &mut far].map(|coming| tokio::time::timeout(patience, coming.recv()));
    let (of_own, of_far) = (of_own.await.unwrap().unwrap(), of_far.await.unwrap().unwrap());
    for (notice, rule) in [(&body, "hook"), (&of_own, "own"), (&of_far, "far")] {
        assert_eq!(
            (&notice["notice"], &notice["items"][0]["code"]),
            (&rule.into(), &"stuck".into()),
            "{notice}"
        );
    }
    let key = instance.admin_key();
    let listed = eventually("all are delivered", || async {
        let listed = instance.get_with("/v1/notices?state=delivered", &key).await;
        (listed["items"].as_array()?.len() == 3).then_some(listed)
    })
    .await;
    assert!(listed["items"].as_array().unwrap().iter().any(|n| n["id"] == body["id"]), "{listed}");
    instance.counted("kv_notices_delivered_total{target=\"mqtt\"} 2").await;
    let log = instance.log();
    assert!(!log.contains("a long random text"), "{log}");
    instance.stop().await;
}
