//! The limit of the client library: a subscriber that only acknowledges. Runs as a process of its
//! own, so that its CPU is measured apart.

use std::time::Instant;

use anyhow::Result;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

pub const ARG: &str = "bare-subscriber";

/// `PORT CLIENT_ID N`: subscribes, receives N messages, prints the seconds from first to last and
/// the CPU seconds used. `N = 0`: only makes the session.
pub async fn run(args: &[String]) -> Result<()> {
    let [port, id, n] = args else { anyhow::bail!("bare-subscriber PORT CLIENT_ID N") };
    let n: u64 = n.parse()?;
    let mut options = MqttOptions::new(id, "127.0.0.1", port.parse()?);
    options.set_clean_start(false).set_connect_properties(ConnectProperties {
        session_expiry_interval: Some(86_400),
        receive_maximum: Some(20_000),
        max_packet_size: Some(16 << 20),
        ..ConnectProperties::new()
    });
    let (client, mut events) = AsyncClient::new(options, 100_000);
    client.subscribe("kv/1/load/#", QoS::AtLeastOnce).await?;
    let (mut seen, mut first) = (0u64, None);
    loop {
        match events.poll().await? {
            Event::Incoming(Packet::Publish(_)) => {
                first.get_or_insert_with(Instant::now);
                seen += 1;
                if seen == n {
                    break;
                }
            }
            Event::Incoming(Packet::SubAck(_)) if n == 0 => break,
            _ => {}
        }
    }
    let seconds = first.map_or(0.0, |t: Instant| t.elapsed().as_secs_f64());
    println!("{} {}", seconds, super::cpu::seconds(std::process::id()));
    client.disconnect().await?;
    while events.poll().await.is_ok() {}
    Ok(())
}
