//! Checking passwords costs memory and time on purpose (Argon2): one at a time, and an address that guesses is not
//! listened to for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::users::{User, UsersFile};

/// Wrong passwords that one address may try in [`FAILURES_FORGOTTEN`]. This machine may try as many as it likes.
const MAX_FAILURES: u32 = 20;
const FAILURES_FORGOTTEN: Duration = Duration::from_secs(60);
/// Addresses whose failures are remembered; of more the oldest are forgotten.
const MAX_ADDRESSES: usize = 10_000;
/// Logins that may wait for the one that is being checked.
const MAX_WAITING: usize = 100;

/// What became of a login.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    Accepted,
    Wrong,
    /// Not looked at: there were too many failures from this address.
    TooManyFailures,
    /// Not looked at: too many others wait.
    Busy,
}

/// See the module's description.
pub struct Passwords {
    users: UsersFile,
    one_at_a_time: Semaphore,
    waiting: Semaphore,
    /// Logins that were accepted before, by user: a client that comes again costs nothing. Keyed, so that what is in
    /// memory is no hash of a password.
    accepted: Mutex<HashMap<String, blake3::Hash>>,
    key: [u8; 32],
    failures: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Passwords {
    pub fn new(users: UsersFile) -> Self {
        Self {
            users,
            one_at_a_time: Semaphore::new(1),
            waiting: Semaphore::new(MAX_WAITING),
            accepted: Mutex::default(),
            key: rand::random(),
            failures: Mutex::default(),
        }
    }

    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    /// Whether `password` is that of the user `name`, who connects from `address`.
    pub async fn check(&self, name: &str, password: &[u8], address: IpAddr) -> Login {
        let digest = blake3::keyed_hash(&self.key, password);
        if self.accepted.lock().get(name) == Some(&digest) {
            return Login::Accepted;
        }
        if self.has_failed_too_often(address) {
            return Login::TooManyFailures;
        }
        let Ok(_waiting) = self.waiting.try_acquire() else { return Login::Busy };
        let Ok(_turn) = self.one_at_a_time.acquire().await else { return Login::Busy };
        let (users, owned_name, owned_password) = (self.users.clone(), name.to_owned(), password.to_owned());
        // On a thread of its own: it would hold up the messages of others.
        let checked =
            tokio::task::spawn_blocking(move || users.has_password(&owned_name, &owned_password)).await;
        if !checked.unwrap_or(false) {
            self.note_failure(address);
            return Login::Wrong;
        }
        self.accepted.lock().insert(name.to_owned(), digest);
        Login::Accepted
    }

    fn has_failed_too_often(&self, address: IpAddr) -> bool {
        let failures = self.failures.lock();
        let known = failures.get(&address).filter(|(since, _)| since.elapsed() < FAILURES_FORGOTTEN);
        known.is_some_and(|(_, failures)| *failures >= MAX_FAILURES)
    }

    fn note_failure(&self, address: IpAddr) {
        if address.is_loopback() {
            return;
        }
        let mut failures = self.failures.lock();
        if failures.len() >= MAX_ADDRESSES && !failures.contains_key(&address) {
            failures.retain(|_, (since, _)| since.elapsed() < FAILURES_FORGOTTEN);
            let oldest = failures.iter().min_by_key(|(_, (since, _))| *since).map(|(address, _)| *address);
            if let Some(oldest) = oldest.filter(|_| failures.len() >= MAX_ADDRESSES) {
                failures.remove(&oldest);
            }
        }
        let (since, count) = failures.entry(address).or_insert((Instant::now(), 0));
        if since.elapsed() >= FAILURES_FORGOTTEN {
            (*since, *count) = (Instant::now(), 0);
        }
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn who_guesses_is_not_listened_to_and_locks_nobody_else_out() {
        let users = "[[user]]\nname = \"sensor\"\npassword = \"sends\"\n[[user]]\nname = \"late\"\npassword = \"comes\"\n";
        let passwords = Passwords::new(UsersFile::parse(users).unwrap());
        let (guesser, other) =
            (IpAddr::from(Ipv4Addr::new(192, 0, 2, 7)), IpAddr::from(Ipv4Addr::new(192, 0, 2, 8)));
        assert_eq!(passwords.check("sensor", b"sends", guesser).await, Login::Accepted);
        for guess in 0..MAX_FAILURES {
            let guess = guess.to_string();
            assert_eq!(passwords.check("sensor", guess.as_bytes(), guesser).await, Login::Wrong);
        }
        assert_eq!(passwords.check("late", b"comes", guesser).await, Login::TooManyFailures);
        // Whoever was accepted before, and whoever is elsewhere.
        assert_eq!(passwords.check("sensor", b"sends", guesser).await, Login::Accepted);
        assert_eq!(passwords.check("late", b"comes", other).await, Login::Accepted);
        for _ in 0..=MAX_FAILURES {
            assert_eq!(passwords.check("nobody", b"", Ipv4Addr::LOCALHOST.into()).await, Login::Wrong);
        }
    }

    #[tokio::test]
    async fn passwords_are_checked_one_at_a_time() {
        let hash = mqtt5::broker::PasswordAuthProvider::hash_password("sends").unwrap();
        let users = format!("[[user]]\nname = \"sensor\"\npassword_hash = \"{hash}\"\n");
        let passwords = Passwords::new(UsersFile::parse(&users).unwrap());
        let logins =
            (0..2 * MAX_WAITING).map(|_| passwords.check("sensor", b"guess", Ipv4Addr::LOCALHOST.into()));
        let _first = passwords.one_at_a_time.acquire().await.unwrap();
        let mut logins: Vec<_> = logins.map(Box::pin).collect();
        let answers: Vec<_> = logins.iter_mut().filter_map(futures_util::FutureExt::now_or_never).collect();
        assert_eq!(answers.len(), MAX_WAITING);
        assert!(answers.iter().all(|answer| *answer == Login::Busy));
    }
}
