//! Bounds on retained messages, in size and number, per user and in all, so that one user cannot take everybody's share. The broker library keeps the messages, each with the user who published it. It could bound them as well, but
//! would then refuse the message itself, before a feed has had it.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use mqtt5::broker::router::MessageRouter;
use tokio::sync::Mutex;

/// Retained messages of all.
const MAX_OF_ALL: usize = 5_000;
/// Of one user.
pub const MAX_OF_USER: usize = MAX_OF_ALL / 5;
/// The size of one.
pub const MAX_BYTES: usize = 16 << 10;

/// How often it is looked which of them have expired, of a user who has as many as one may have.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Under which the library notes who published a message; a client's own word for it is dropped.
const SENDER: &str = "x-mqtt-sender";

/// See the module's description. Without a users file nobody has a name, and the bound on all holds alone.
#[derive(Default)]
pub struct Retained {
    /// Known once the broker has been made. The router holds the intake, and that holds us.
    router: OnceLock<Weak<MessageRouter>>,
    owners: Mutex<Owners>,
}

#[derive(Default)]
struct Owners {
    by_topic: HashMap<String, Arc<str>>,
    counts: HashMap<Arc<str>, usize>,
    looked: HashMap<Arc<str>, Instant>,
}

impl Owners {
    fn set(&mut self, topic: &str, user: &str) {
        self.remove(topic);
        let user: Arc<str> = user.into();
        *self.counts.entry(user.clone()).or_default() += 1;
        self.by_topic.insert(topic.to_owned(), user);
    }

    fn remove(&mut self, topic: &str) {
        let Some(user) = self.by_topic.remove(topic) else { return };
        if let Some(count) = self.counts.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&user);
                self.looked.remove(&user);
            }
        }
    }

    fn may(&self, user: &str, topic: &str) -> bool {
        self.by_topic.get(topic).is_some_and(|owner| **owner == *user)
            || self.counts.get(user).is_none_or(|count| *count < MAX_OF_USER)
    }
}

impl Retained {
    /// Takes in what the broker has stored.
    pub async fn load(&self, router: &Arc<MessageRouter>) {
        let mut owners = self.owners.lock().await;
        for message in router.get_retained_messages("#").await {
            if let Some(user) = message.properties.get_user_property_value(SENDER) {
                owners.set(&message.topic_name, user);
            }
        }
        let _ = self.router.set(Arc::downgrade(router));
    }

    /// Whether `user` may retain a message of `bytes` on `topic`; if so it is counted.
    pub async fn claim(&self, user: Option<&str>, topic: &str, bytes: usize) -> bool {
        let mut owners = self.owners.lock().await;
        let may = self.may(&mut owners, user, topic, bytes).await;
        if let Some(user) = user.filter(|_| may) {
            owners.set(topic, user);
        }
        may
    }

    /// The same for a message that may never be published: a will.
    pub async fn may_claim(&self, user: Option<&str>, topic: &str, bytes: usize) -> bool {
        self.may(&mut *self.owners.lock().await, user, topic, bytes).await
    }

    async fn may(&self, owners: &mut Owners, user: Option<&str>, topic: &str, bytes: usize) -> bool {
        bytes <= MAX_BYTES
            && self.has_room(topic).await
            && match user {
                Some(user) => self.may_user(owners, user, topic).await,
                None => true,
            }
    }

    async fn has_room(&self, topic: &str) -> bool {
        let Some(router) = self.router() else { return false };
        router.retained_count().await < MAX_OF_ALL || !router.get_retained_messages(topic).await.is_empty()
    }

    async fn may_user(&self, owners: &mut Owners, user: &str, topic: &str) -> bool {
        if owners.may(user, topic) {
            return true;
        }
        let now = Instant::now();
        let is_due = owners.looked.get(user).is_none_or(|at| now.duration_since(*at) >= LOOK_EVERY);
        let (true, Some(router)) = (is_due, self.router()) else { return false };
        owners.looked.insert(user.into(), now);
        let own = owners.by_topic.iter().filter(|(_, owner)| ***owner == *user);
        let topics: Vec<String> = own.map(|(topic, _)| topic.clone()).collect();
        for topic in topics {
            if router.get_retained_messages(&topic).await.is_empty() {
                owners.remove(&topic);
            }
        }
        owners.may(user, topic)
    }

    fn router(&self) -> Option<Arc<MessageRouter>> {
        self.router.get()?.upgrade()
    }

    /// A message was retained, or with `cleared` is no more.
    pub async fn noted(&self, topic: &str, cleared: bool) {
        let mut owners = self.owners.lock().await;
        if cleared {
            owners.remove(topic);
        } else if !owners.by_topic.contains_key(topic)
            && let Some(router) = self.router()
        {
            // Nobody claimed it: a will.
            for message in router.get_retained_messages(topic).await {
                if let Some(user) = message.properties.get_user_property_value(SENDER) {
                    owners.set(topic, user);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is retained and cleared, no user exceeds the bound, and the counters equal what is stored.
        #[test]
        fn nobody_has_more_than_one_may_have(steps in proptest::collection::vec((0..3u8, 0..5_000u32, 0..9u8), 0..6_000)) {
            let mut owners = Owners::default();
            for (user, topic, what) in steps {
                let (user, topic) = (format!("user-{}", user / 2), format!("t/{topic}"));
                match what {
                    0 => owners.remove(&topic),
                    _ if owners.may(&user, &topic) => owners.set(&topic, &user),
                    _ => {}
                }
            }
            for (user, count) in &owners.counts {
                prop_assert!(*count <= MAX_OF_USER);
                prop_assert_eq!(*count, owners.by_topic.values().filter(|owner| *owner == user).count());
            }
        }
    }
}
