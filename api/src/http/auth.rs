//! Authentication: keys and their roles.
//!
//! A key is 32 random bytes ([`crate::http::key`]); it is looked up by its BLAKE3 hash, so that the time
//! of the look-up says nothing about it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::time::Clock;
use domain::{FeedId, MunicipalityId, Registry};
use store::audit::Actor;
use store::keys::StoredKey;

use crate::http::attempts::Attempts;
use crate::http::client::{KnownKey, Tried, TrustedProxies};
use crate::http::key::hashes_of;
use crate::http::permits::Holder;
use crate::http::problem::Problem;

/// Shortest time between two updates of a key's last use, seconds.
const LAST_USE_S: i64 = 60;

domain::wire_enum! {
    /// Role of a key.
    Role {
        Installer = "installer", Planner = "planner", Operator = "operator",
        /// Posts the messages of one feed, and sees what of them was rejected.
        Feed = "feed",
        /// All of them, for the whole county.
        Admin = "admin",
    }
}

/// Someone with a valid key.
#[derive(Debug)]
pub struct Caller {
    /// Number of the key.
    key: i32,
    role: Role,
    municipalities: Vec<MunicipalityId>,
    /// Of the role [`Role::Feed`]: to which it may post.
    feed: Option<FeedId>,
    /// Its address.
    address: Option<IpAddr>,
}

/// What it takes to look up keys.
#[derive(Clone)]
pub struct Keys {
    /// `None`: there is no database, and no key is valid.
    pub pool: Option<store::Pool>,
    pub attempts: Arc<Attempts>,
    pub proxies: TrustedProxies,
    pub clock: Clock,
}

/// The origin of a request.
pub struct Asker {
    pub headers: HeaderMap,
    /// `None`: the request came over no network.
    pub address: Option<IpAddr>,
    tried: Tried,
    /// Set by authentication, read by the layer that counts refusals.
    known: KnownKey,
    keys: Keys,
}

impl<S: Sync> FromRequestParts<S> for Asker
where
    Keys: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let keys = Keys::from_ref(state);
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let address = peer.map(|peer| keys.proxies.client(peer, &parts.headers));
        Ok(Asker {
            headers: parts.headers.clone(),
            address,
            tried: Tried::new(parts, address),
            known: parts.extensions.get().cloned().unwrap_or_default(),
            keys,
        })
    }
}

impl Asker {
    /// The owner of the key in the request; `None` without a key.
    ///
    /// # Errors
    /// 401: the key is not valid; 429: and others before it from the same address were not. 503: the database does not
    /// answer.
    pub async fn caller(&self) -> Result<Option<Caller>, Problem> {
        self.caller_by(|header| bearer(header).map(str::to_owned)).await
    }

    /// The owner of a key that may post to feeds. Webhooks and ParkAPI's clients may send it as the password of Basic
    /// authentication (RFC 7617).
    ///
    /// # Errors
    /// 401 without a valid key, 403 with one of another role.
    pub async fn poster(&self) -> Result<Caller, Problem> {
        let read = |header: &str| bearer(header).map(str::to_owned).or_else(|| basic(header));
        self.caller_by(read).await?.ok_or_else(Problem::key_needed)?.of_roles(&[Role::Feed])
    }

    async fn caller_by(&self, read: fn(&str) -> Option<String>) -> Result<Option<Caller>, Problem> {
        let Asker { address, tried, keys, .. } = self;
        let now = (keys.clock)();
        let Some(header) = self.headers.get(header::AUTHORIZATION) else {
            if tried.is_writing {
                keys.attempts.note_stranger(tried, now);
            }
            return Ok(None);
        };
        let pool = self.pool()?;
        let mut key = None;
        let hashes = header.to_str().ok().and_then(read).map(|key| hashes_of(&key)).unwrap_or_default();
        for hash in hashes {
            if keys.attempts.is_worth_asking(pool, &hash, *address, now).await? {
                key = store::keys::find(pool, &hash).await?;
            }
            if key.is_some() {
                break;
            }
        }
        let key = key.ok_or_else(|| keys.attempts.fail(tried, None, now))?;
        if !key.is_valid {
            return Err(keys.attempts.fail(tried, Some(&key), now));
        }
        self.known.set(&key, tried);
        let role = key.role.parse().map_err(|_| Problem::key_needed())?;
        if key.last_used_at.is_none_or(|at| at > now || now >= at.plus_s(LAST_USE_S))
            && let Err(error) = store::keys::touch(pool, key.id).await
        {
            tracing::warn!("the last use of key {} cannot be noted: {error}", key.id);
        }
        let StoredKey { id, municipalities, feed, .. } = key;
        Ok(Some(Caller { key: id, role, municipalities, feed, address: *address }))
    }

    /// The owner of a key of one of `roles`.
    ///
    /// # Errors
    /// 401 without a valid key, 403 with one of another role.
    pub async fn with(&self, roles: &[Role]) -> Result<Caller, Problem> {
        self.caller().await?.ok_or_else(Problem::key_needed)?.of_roles(roles)
    }

    /// Whether many clients may share the address: it is this machine's, or a trusted proxy's.
    pub fn is_shared(&self) -> bool {
        self.address.is_none_or(|address| address.is_loopback() || self.keys.proxies.contains(address))
    }

    /// The database.
    ///
    /// # Errors
    /// 401: there is none, and so no key is valid.
    pub fn pool(&self) -> Result<&store::Pool, Problem> {
        self.keys.pool.as_ref().ok_or_else(Problem::key_needed)
    }
}

impl Caller {
    fn of_roles(self, roles: &[Role]) -> Result<Self, Problem> {
        if roles.iter().any(|role| self.is(*role)) { Ok(self) } else { Err(Problem::not_allowed()) }
    }

    /// Whether it may post to `feed`.
    pub fn may_post_to(&self, feed: FeedId) -> bool {
        self.is_admin() || self.feed == Some(feed)
    }

    /// The feed that its answers are narrowed to, where it asked for `feed`: of the role [`Role::Feed`] its own.
    ///
    /// # Errors
    /// 403: it asked for another one than its own.
    pub fn narrowed_to(&self, feed: Option<FeedId>) -> Result<Option<FeedId>, Problem> {
        match (self.role, feed) {
            (Role::Feed, Some(asked)) if self.feed != Some(asked) => Err(Problem::not_allowed()),
            // A key without a feed, which no command makes, has none.
            (Role::Feed, _) => self.feed.map(Some).ok_or_else(Problem::not_allowed),
            _ => Ok(feed),
        }
    }

    /// Its name in the audit.
    pub fn actor(&self) -> Actor {
        let role = Some(self.role.as_str().to_owned());
        Actor { name: format!("key {}", self.key), role, address: self.address }
    }

    /// Whose permits its requests take.
    pub fn holder(&self) -> Holder {
        Holder::Key(self.key)
    }

    /// Whether it may see everything.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the key is of `role`, or the county's.
    pub fn is(&self, role: Role) -> bool {
        self.role == role || self.role == Role::Admin
    }

    /// The municipalities that the key is for.
    pub fn municipalities(&self, registry: &Registry) -> Vec<MunicipalityId> {
        match self.role {
            Role::Admin => registry.municipalities().map(|(id, _)| id).collect(),
            _ => self.municipalities.clone(),
        }
    }
}

/// The key of `Bearer KEY`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The password of `Basic USER:PASSWORD`.
fn basic(header: &str) -> Option<String> {
    let (scheme, credentials) = header.split_once(' ')?;
    let decoded = scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(credentials.trim()))?.ok()?;
    let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_the_password_of_any_user() {
        assert_eq!(basic("Basic dXNlcjpzM2M6cmV0").as_deref(), Some("s3c:ret"));
        for wrong in ["Bearer dXNlcjpzM2M6cmV0", "Basic dXNlcg==", "Basic ?", "Basic"] {
            assert_eq!(basic(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_follows_its_scheme() {
        let key = "0a".repeat(32);
        assert_eq!(bearer(&format!("Bearer {key}")), Some(&*key));
        assert_eq!(bearer(&format!("bearer  {key} ")), Some(&*key));
        for wrong in [key.clone(), format!("Basic {key}"), "Bearer".into()] {
            assert_eq!(bearer(&wrong), None, "{wrong}");
        }
        for wrong in [format!("{key}0"), "+1".repeat(32), String::new()] {
            assert!(hashes_of(&wrong).is_empty(), "{wrong}");
        }
    }
}
