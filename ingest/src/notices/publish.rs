//! Publishes a notice to a topic.

use std::time::Duration;

use domain::Registry;

use crate::mqtt::{Event, Login, SessionKind, connect};
use crate::sessions::{BrokerAccess, OwnBroker};

/// What follows the instance's client id: a session of its own, beside those of feeds.
const CLIENT: &str = "-notices";

/// Publishes `payload` with QoS 1 at `broker`, else at the instance's own.
///
/// # Errors
/// The broker has not acknowledged it.
pub(super) async fn publish(
    brokers: &BrokerAccess,
    registry: &Registry,
    broker: Option<&str>,
    topic: &str,
    payload: Vec<u8>,
    patience: Duration,
) -> Result<(), String> {
    let client_id = format!("{}{CLIENT}", brokers.client_id);
    let login = match (broker, &brokers.own_broker) {
        (None, OwnBroker::Embedded { publish, .. }) => {
            publish(topic.to_owned(), payload).await;
            return Ok(());
        }
        (None, OwnBroker::Given(own)) => Login { client_id, ..Login::clone(own) },
        (None, OwnBroker::None) => {
            return Err(
                "broker: there is none of our own; name one of feeds.toml, or give --mqtt-url".to_owned()
            );
        }
        (Some(id), _) => {
            let known = registry.brokers().iter().find(|b| b.id == id).cloned();
            let mut known = known.ok_or_else(|| format!("broker: '{id}' is not in feeds.toml"))?;
            known.client_id = Some(client_id);
            Login::from_broker(&known, "", &brokers.secret_files).map_err(|e| e.to_string())?
        }
    };
    let name = format!("{login:?}");
    match tokio::time::timeout(patience, deliver(login, topic, payload)).await {
        Ok(delivered) => delivered.map_err(|e| format!("broker: {name}: {e}")),
        Err(_) => Err(format!("broker: {name} did not acknowledge it within {patience:.0?}")),
    }
}

async fn deliver(login: Login, topic: &str, payload: Vec<u8>) -> Result<(), String> {
    let (client, mut events) = connect(login, SessionKind::Kept).map_err(|e| e.to_string())?;
    loop {
        match events.poll().await? {
            Event::Connected { .. } if !client.try_publish(topic, payload.clone().into(), 1, false) => {
                return Err("there is no room for the message".to_owned());
            }
            Event::Published { accepted } => {
                accepted?;
                break;
            }
            Event::Dismissed { reason } => return Err(format!("it ended the connection: {reason}")),
            _ => {}
        }
    }
    // It is acknowledged: how the connection ends does not matter.
    client.try_disconnect();
    while let Ok(event) = events.poll().await {
        if matches!(event, Event::Left) {
            break;
        }
    }
    Ok(())
}
