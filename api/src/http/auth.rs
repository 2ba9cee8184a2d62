//! Authentication: keys and their roles.
//!
//! A key is 32 random bytes ([`crate::http::key`]); it is looked up by its BLAKE3 hash, so that the time
//! of the look-up says nothing about it.

use std::net::IpAddr;

use axum::http::header;
use domain::place::UnknownName;
use domain::{MunicipalityId, Registry};
use store::audit::Actor;

use crate::app::Shared;
use crate::http::client::Asker;
use crate::http::key::hashes_of;
use crate::http::permits::Holder;
use crate::http::problem::Problem;

/// Shortest time between two updates of a key's last use, seconds.
const LAST_USE_S: i64 = 60;

/// Role of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Installer,
    Planner,
    Operator,
    /// All of them, for the whole county.
    Admin,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 4] = [Role::Installer, Role::Planner, Role::Operator, Role::Admin];

    /// The name in commands and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Installer => "installer",
            Role::Planner => "planner",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownName {
            value: text.to_owned(),
            choices: Role::ALL.map(Role::as_str).join(", "),
        })
    }
}

/// Someone with a valid key.
#[derive(Debug)]
pub struct Caller {
    /// Number of the key.
    key: i32,
    role: Role,
    municipalities: Vec<MunicipalityId>,
    /// Its address.
    address: Option<IpAddr>,
}

impl Caller {
    /// The owner of the key in the request; `None` without a key.
    ///
    /// # Errors
    /// 401: the key is not valid; 429: and others before it from the same address were not. 503: the database does not
    /// answer.
    pub async fn of(shared: &Shared, asker: &Asker) -> Result<Option<Self>, Problem> {
        let now = shared.now();
        let Some(header) = asker.headers.get(header::AUTHORIZATION) else {
            if asker.tried.is_writing {
                shared.attempts.note_stranger(&asker.tried, now);
            }
            return Ok(None);
        };
        let pool = shared.pool.as_ref().ok_or_else(Problem::key_needed)?;
        let mut key = None;
        for hash in header.to_str().ok().and_then(bearer).map(hashes_of).unwrap_or_default() {
            if shared.attempts.is_worth_asking(pool, &hash, asker.address, now).await? {
                key = store::keys::find(pool, &hash).await?;
            }
            if key.is_some() {
                break;
            }
        }
        let (key, holds) = key.ok_or_else(|| shared.attempts.fail(&asker.tried, None, now))?;
        if !holds {
            return Err(shared.attempts.fail(&asker.tried, Some(&key), now));
        }
        asker.known.set(&key, &asker.tried);
        let role = key.role.parse().map_err(|_| Problem::key_needed())?;
        if key.last_used_at.is_none_or(|at| at > now || now >= at.plus_s(LAST_USE_S))
            && let Err(error) = store::keys::touch(pool, key.id).await
        {
            tracing::warn!("the last use of key {} cannot be noted: {error}", key.id);
        }
        Ok(Some(Caller { key: key.id, role, municipalities: key.municipalities, address: asker.address }))
    }

    /// The owner of a key of `role`.
    ///
    /// # Errors
    /// 401 without a valid key, 403 with one of another role.
    pub async fn with(shared: &Shared, asker: &Asker, role: Role) -> Result<Self, Problem> {
        Self::with_any(shared, asker, &[role]).await
    }

    /// The owner of a key of one of `roles`.
    ///
    /// # Errors
    /// 401 without a valid key, 403 with one of another role.
    pub async fn with_any(shared: &Shared, asker: &Asker, roles: &[Role]) -> Result<Self, Problem> {
        let caller = Self::of(shared, asker).await?.ok_or_else(Problem::key_needed)?;
        if roles.iter().any(|role| caller.is(*role)) { Ok(caller) } else { Err(Problem::not_allowed()) }
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

/// The database, where there is one.
///
/// # Errors
/// 401: without a database there are no keys.
pub fn pool(shared: &Shared) -> Result<&store::Pool, Problem> {
    shared.pool.as_ref().ok_or_else(Problem::key_needed)
}

/// The key of `Bearer KEY`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

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
