//! The users file of the embedded broker.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use mqtt5::broker::PasswordAuthProvider;
use serde::Deserialize;
use toml::Spanned;

use super::toml_file;

/// Users of the embedded broker, and their topics:
/// ```toml
/// [[user]]
/// name = "chirpstack"
/// password = "..."                    # or password_hash = "$argon2id$..."
/// publish = ["application/+/device/#"]
/// subscribe = []
/// client_ids = ["chirpstack-*"]      # nobody else may use these
/// ```
/// Everything else is refused; nobody connects without a name.
#[derive(Clone)]
pub struct UsersFile {
    users: Arc<HashMap<String, User>>,
}

/// Somebody who may connect: how, and to what.
pub struct User {
    secret: Secret,
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
    /// Client ids that are this user's alone; `*` at the end stands for any rest.
    client_ids: Vec<String>,
}

enum Secret {
    /// Hashes are compared, so that the time reveals nothing about the password.
    Plain(blake3::Hash),
    /// A PHC string.
    Argon2(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    user: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    password: Option<String>,
    password_hash: Option<String>,
    #[serde(default)]
    publish: Vec<String>,
    #[serde(default)]
    subscribe: Vec<String>,
    #[serde(default)]
    client_ids: Vec<String>,
}

impl UsersFile {
    /// # Errors
    /// Name the file, the line and the remedy, and never show a password.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text =
            places::read_regular(path).with_context(|| format!("cannot read the MQTT users file {name}"))?;
        Self::parse(&text).with_context(|| format!("in the MQTT users file {name}"))
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let file: File = toml_file::parse(text)?;
        let mut users = HashMap::new();
        for entry in file.user {
            let line = toml_file::line_at(text, entry.span().start);
            let (name, user) = entry.into_inner().check().with_context(|| format!("line {line}"))?;
            if users.contains_key(&name) {
                bail!("line {line}: user `{name}` stands here twice: keep one of them");
            }
            users.insert(name, user);
        }
        Ok(Self { users: Arc::new(users) })
    }

    /// The user of that name.
    pub fn get(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// Whether the client id is another's than that of the user `name`.
    pub fn is_anothers(&self, client_id: &str, name: &str) -> bool {
        let is_of = |user: &User| {
            user.client_ids.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => client_id.starts_with(prefix),
                None => client_id == pattern,
            })
        };
        !self.get(name).is_some_and(is_of) && self.users.values().any(is_of)
    }

    /// Whether `given` is the password of the user `name`. Where the file has a hashed password, an answer of `false`
    /// takes as long for any name: some 20 ms of computing. So the time does not reveal which names exist.
    pub fn has_password(&self, name: &str, given: &[u8]) -> bool {
        let user = self.get(name);
        let is_right = user.is_some_and(|user| user.has_password(given));
        let has_computed = user.is_some_and(|user| matches!(user.secret, Secret::Argon2(_)));
        if !is_right && !has_computed {
            let any = self.users.values().find_map(|user| match &user.secret {
                Secret::Argon2(hash) => Some(hash),
                Secret::Plain(_) => None,
            });
            any.map(|hash| is_password_of(given, hash));
        }
        is_right
    }
}

impl Entry {
    fn check(self) -> Result<(String, User)> {
        let name = self.name;
        if name.is_empty() || name.starts_with('$') {
            bail!("name `{name}`: a name must not be empty or begin with `$`");
        }
        let secret = match (self.password, self.password_hash) {
            (Some(password), None) if !password.is_empty() => {
                Secret::Plain(blake3::hash(password.as_bytes()))
            }
            (None, Some(hash)) if hash.starts_with("$argon2") => Secret::Argon2(hash),
            (None, Some(_)) => {
                bail!("user `{name}`: password_hash must be an Argon2 hash, `$argon2id$v=19$...`")
            }
            _ => bail!("user `{name}` needs either a password or a password_hash"),
        };
        for filter in self.publish.iter().chain(&self.subscribe) {
            mqtt5::validate_topic_filter(filter)
                .map_err(|error| anyhow!("user `{name}`: `{filter}` is no MQTT topic filter: {error}"))?;
        }
        if let Some(pattern) = self.client_ids.iter().find(|id| id.trim_end_matches('*').is_empty()) {
            bail!(
                "user `{name}`: client_ids: `{pattern}` would take all of them: write how they begin, `chirpstack-*`"
            );
        }
        let user =
            User { secret, publish: self.publish, subscribe: self.subscribe, client_ids: self.client_ids };
        Ok((name, user))
    }
}

impl User {
    fn has_password(&self, given: &[u8]) -> bool {
        match &self.secret {
            Secret::Plain(hash) => *hash == blake3::hash(given),
            Secret::Argon2(hash) => is_password_of(given, hash),
        }
    }
}

fn is_password_of(given: &[u8], hash: &str) -> bool {
    std::str::from_utf8(given).is_ok_and(|given| PasswordAuthProvider::verify_password(given, hash))
}
