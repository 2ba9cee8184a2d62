//! Who may do what on the embedded broker.

use std::future::{Future, ready};
use std::net::SocketAddr;
use std::pin::Pin;

use mqtt5::broker::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;

use super::topic::{covers, without_share};
use super::users::{User, UsersFile};

/// No users file can name it. The same at each start, because a session belongs to the user who opened it.
const INTERNAL_USER: &str = "$internal";

/// Full access for our own connection.
#[derive(Clone)]
pub struct InternalCredentials {
    pub username: String,
    pub password: String,
    /// Nobody else may connect by this id: whoever opens a session first keeps it.
    pub client_id: String,
}

impl InternalCredentials {
    pub(super) fn random(client_id: &str) -> Self {
        let password = format!("{:032x}", rand::random::<u128>());
        Self { username: INTERNAL_USER.to_owned(), password, client_id: client_id.to_owned() }
    }
}

/// Learns the topic of every message that somebody publishes, granted or not.
pub type OnPublish = Box<dyn Fn(&str) + Send + Sync>;

pub struct Access {
    on_publish: OnPublish,
    internal_password: blake3::Hash,
    internal_client_id: String,
    /// None: everybody may do everything.
    users: Option<UsersFile>,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Access {
    pub fn new(users: Option<UsersFile>, internal: &InternalCredentials, on_publish: OnPublish) -> Self {
        let internal_password = blake3::hash(internal.password.as_bytes());
        Self { on_publish, internal_password, internal_client_id: internal.client_id.clone(), users }
    }

    async fn is_known(&self, name: &str, password: &[u8]) -> bool {
        if name == INTERNAL_USER {
            return blake3::hash(password) == self.internal_password;
        }
        let Some(users) = self.users.clone() else { return true };
        let (name, password) = (name.to_owned(), password.to_owned());
        // Checking a hashed password would hold up the messages of others.
        tokio::task::spawn_blocking(move || users.get(&name).is_some_and(|user| user.has_password(&password)))
            .await
            .unwrap_or(false)
    }

    fn is_granted(&self, user: Option<&str>, topic: &str, grants: fn(&User) -> &[String]) -> bool {
        match (&self.users, user) {
            (_, Some(INTERNAL_USER)) | (None, _) => true,
            (Some(_), None) => false,
            (Some(users), Some(name)) => {
                users.get(name).is_some_and(|user| grants(user).iter().any(|grant| covers(grant, topic)))
            }
        }
    }
}

impl AuthProvider for Access {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _client_addr: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move {
            let is_internal = connect.username.as_deref() == Some(INTERNAL_USER);
            if !is_internal && connect.client_id == self.internal_client_id {
                tracing::warn!(
                    user = connect.username,
                    client_id = connect.client_id,
                    "MQTT connection refused: this client id is the product's own; choose another"
                );
                return Ok(AuthResult::fail(ReasonCode::ClientIdentifierNotValid));
            }
            let Some(name) = connect.username.as_deref() else {
                return Ok(match self.users {
                    None => AuthResult::success(),
                    Some(_) => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
                });
            };
            let password = connect.password.as_deref().unwrap_or_default();
            Ok(if self.is_known(name, password).await {
                AuthResult::success_with_user(name)
            } else {
                tracing::warn!(
                    user = name,
                    client_id = connect.client_id,
                    "MQTT connection refused: user or password"
                );
                AuthResult::fail(ReasonCode::BadUsernameOrPassword)
            })
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> Answer<'a, bool> {
        (self.on_publish)(topic);
        Box::pin(ready(self.is_granted(user_id, topic, |user| &user.publish)))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> Answer<'a, bool> {
        Box::pin(ready(self.is_granted(user_id, without_share(topic_filter), |user| &user.subscribe)))
    }
}
