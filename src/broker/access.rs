//! Authorization on the embedded broker.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use mqtt5::broker::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::protocol::v5::reason_codes::ReasonCode;

use super::clients::Connection;
use super::intake::{BoxFuture, Intake};
use super::metrics::{Denial, Refusal};
use super::passwords::{Login, Passwords};
use super::sessions::Sessions;
use super::topic::is_granted;
use super::users::User;

/// Connections of one user.
const MAX_OF_USER: usize = 50;

/// What the broker library asks at each event: may this client do that?
pub struct Access {
    pub intake: Intake,
    /// None: everybody may do everything.
    pub passwords: Option<Passwords>,
    /// Set once the broker exists.
    pub sessions: Arc<OnceLock<Sessions>>,
}

impl Access {
    /// Whether `connect` is allowed.
    async fn admit(&self, connect: &ConnectPacket, connection: &Arc<Connection>) -> Result<(), Denial> {
        const WRONG: Denial = (ReasonCode::BadUsernameOrPassword, Refusal::Password);
        let user = connect.username.as_deref();
        if let Some(passwords) = &self.passwords {
            let (Some(name), password) = (user, connect.password.as_deref().unwrap_or_default()) else {
                return Err(WRONG);
            };
            match passwords.check(name, password, connection.address).await {
                Login::Accepted => {}
                Login::Wrong => return Err(WRONG),
                Login::TooManyFailures => {
                    return Err((ReasonCode::BadUsernameOrPassword, Refusal::TooManyFailures));
                }
                Login::Busy => return Err((ReasonCode::ServerBusy, Refusal::TooManyFailures)),
            }
            if passwords.users.is_anothers(&connect.client_id, name) {
                return Err((ReasonCode::ClientIdentifierNotValid, Refusal::ClientId));
            }
        }
        // Without a users file all clients are one user.
        let user = user.filter(|_| self.passwords.is_some());
        // A will message bypasses the intake.
        if let Some(will) = connect.will.as_ref().filter(|will| will.retain)
            && !self.intake.retained.may_claim(user, &will.topic, will.payload.len()).await
        {
            return Err((ReasonCode::QuotaExceeded, Refusal::TooManyRetained));
        }
        if let Some(sessions) = self.sessions.get() {
            sessions.claim(connect, user).await?;
        }
        self.intake.clients.claim(&connect.client_id, user, connection, MAX_OF_USER)
    }

    fn is_granted(&self, user: Option<&str>, topic: &str, grants: fn(&User) -> &[String]) -> bool {
        let Some(passwords) = &self.passwords else { return true };
        let user = user.and_then(|name| passwords.users.get(name));
        user.is_some_and(|user| is_granted(grants(user), topic))
    }
}

impl AuthProvider for Access {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        client_addr: SocketAddr,
    ) -> BoxFuture<'a, mqtt5::Result<AuthResult>> {
        Box::pin(async move {
            // Past the gate, from this machine.
            let Some(connection) = self.intake.clients.connection(client_addr) else {
                return Ok(AuthResult::fail(ReasonCode::NotAuthorized));
            };
            Ok(match self.admit(connect, &connection).await {
                Ok(()) => match connect.username.as_deref().filter(|_| self.passwords.is_some()) {
                    Some(name) => AuthResult::success_with_user(name),
                    None => AuthResult::success(),
                },
                Err((code, refusal)) => {
                    self.intake.meters.refused(refusal, connection.address);
                    connection.refuse();
                    AuthResult::fail(code)
                }
            })
        })
    }

    fn authorize_publish<'a>(
        &'a self,
        client_id: &str,
        user_id: Option<&'a str>,
        topic: &'a str,
    ) -> BoxFuture<'a, bool> {
        let is_granted = self.is_granted(user_id, topic, |user| &user.publish);
        if !is_granted {
            if let Some(connection) = self.intake.clients.by_id(client_id).last() {
                self.intake.meters.refused(Refusal::NotGranted, connection.address);
            }
            // Granted topics are checked by the intake.
            if self.intake.inlet.reads(topic) == Some(false) {
                (self.intake.on_unread)(topic);
            }
        }
        Box::pin(ready(is_granted))
    }

    fn authorize_subscribe<'a>(
        &'a self,
        _client_id: &str,
        user_id: Option<&'a str>,
        topic_filter: &'a str,
    ) -> BoxFuture<'a, bool> {
        Box::pin(ready(self.is_granted(user_id, topic_filter, |user| &user.subscribe)))
    }
}
