//! Sessions that outlive a connection: their owners and their bounds. The broker library stores them and their queues.

use std::collections::HashMap;
use std::sync::Arc;

use mqtt5::broker::{DynamicStorage, StorageBackend};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;
use tokio::sync::Mutex;

use super::metrics::{Denial, Refusal};
use super::topic::is_granted;
use super::users::UsersFile;

/// Sessions of one user that outlive their connection; each may hold messages on disk.
const MAX_OF_USER: usize = 20;
/// The same where there is no users file: everybody is one.
const MAX_OF_ALL: usize = 200;

/// By client id: the user, `None` where there is no users file.
type Owners = HashMap<String, Option<String>>;

/// See the module's description.
pub struct Sessions {
    storage: Arc<DynamicStorage>,
    /// As far as known: what has expired since stands here until it matters.
    owners: Mutex<Owners>,
}

impl Sessions {
    /// Those that are stored. What the users file grants no longer ends before anything is published: subscriptions, and
    /// sessions of users that it does not name, or under client ids of others. To be called before the broker runs.
    ///
    /// # Errors
    /// They cannot be read or changed.
    pub async fn load(storage: Arc<DynamicStorage>, users: Option<&UsersFile>) -> mqtt5::Result<Self> {
        let mut owners = Owners::new();
        for id in storage.session_client_ids().await? {
            let Some(mut session) = storage.get_session(&id).await? else { continue };
            if let Some(users) = users {
                let name = session.user_id.as_deref().filter(|name| !users.is_anothers(&id, name));
                let Some(user) = name.and_then(|name| users.get(name)) else {
                    storage.remove_session(&id).await?;
                    storage.remove_queued_messages(&id).await?;
                    continue;
                };
                let before = session.subscriptions.len();
                session.subscriptions.retain(|filter, _| is_granted(&user.subscribe, filter));
                if session.subscriptions.len() < before {
                    storage.store_session(session.clone()).await?;
                }
            }
            owners.insert(id, session.user_id);
        }
        Ok(Self { storage, owners: Mutex::new(owners) })
    }

    /// `user` connects: a session belongs to whoever opened it, also when the new connection would only discard it.
    pub async fn claim(&self, connect: &ConnectPacket, user: Option<&str>) -> Result<(), Denial> {
        let id = &connect.client_id;
        let mut owners = self.owners.lock().await;
        if owners.get(id).is_some_and(|owner| owner.as_deref() != user) {
            self.forget_expired(&mut owners, |_, known| known == id).await;
            if owners.contains_key(id) {
                return Err((ReasonCode::ClientIdentifierNotValid, Refusal::ClientId));
            }
        }
        if !outlives_its_connection(connect) {
            return Ok(());
        }
        let most = if user.is_some() { MAX_OF_USER } else { MAX_OF_ALL };
        if !owners.contains_key(id) && of(&owners, user) >= most {
            self.forget_expired(&mut owners, |owner, _| owner == user).await;
            if of(&owners, user) >= most {
                return Err((ReasonCode::QuotaExceeded, Refusal::TooManySessions));
            }
        }
        owners.insert(id.clone(), user.map(str::to_owned));
        Ok(())
    }

    async fn forget_expired(&self, owners: &mut Owners, which: impl Fn(Option<&str>, &str) -> bool) {
        let ids: Vec<String> =
            owners.iter().filter(|(id, user)| which(user.as_deref(), id)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let stored = self.storage.get_session(&id).await.ok().flatten();
            if stored.is_none_or(|session| session.is_expired() || session.expiry_interval == Some(0)) {
                owners.remove(&id);
            }
        }
    }
}

fn of(owners: &Owners, user: Option<&str>) -> usize {
    owners.values().filter(|owner| owner.as_deref() == user).count()
}

/// MQTT 5.0, 3.1.2.11.2; in 3.1.1 a session that is not clean has no end.
fn outlives_its_connection(connect: &ConnectPacket) -> bool {
    match connect.protocol_version {
        4 => !connect.clean_start,
        _ => connect.properties.get_session_expiry_interval().is_some_and(|seconds| seconds > 0),
    }
}
