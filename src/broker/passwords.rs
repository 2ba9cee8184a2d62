//! Password checks, which cost memory and time on purpose (Argon2): one at a time and with pauses, and an address with
//! too many failures is refused for a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use domain::address::network_of;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::users::UsersFile;

/// Wrong passwords that one address may try in [`FAILURES_FORGOTTEN`]. This machine may try as many as it likes.
const MAX_FAILURES: u32 = 20;
const FAILURES_FORGOTTEN: Duration = Duration::from_secs(60);
/// Most addresses whose failures are remembered; beyond it the oldest are dropped.
const MAX_ADDRESSES: usize = 10_000;
/// Most logins that wait for a check.
const MAX_WAITING: usize = 100;
/// Pause after a check, as a multiple of its duration: guesses must not starve connected clients.
const REST: u32 = 3;

/// The result of a login.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    Accepted,
    Wrong,
    /// Not checked: too many failures from this address.
    TooManyFailures,
    /// Not checked: too many others wait.
    Busy,
}

/// A login that waits to be checked.
struct Check {
    name: String,
    password: Vec<u8>,
    is_right: oneshot::Sender<bool>,
}

/// See the module's description.
pub struct Passwords {
    pub users: UsersFile,
    checks: SyncSender<Check>,
    /// Accepted logins, by user: a client that reconnects costs nothing. Keyed, so that what is in
    /// memory is no hash of a password.
    accepted: Mutex<HashMap<String, blake3::Hash>>,
    key: [u8; 32],
    failures: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Passwords {
    /// Starts the thread that checks.
    ///
    /// # Errors
    /// The system gives none.
    pub fn new(users: UsersFile) -> std::io::Result<Self> {
        let (checks, waiting) = sync_channel(MAX_WAITING);
        let known = users.clone();
        // One thread: what Argon2 takes is given back to the allocator of the thread that took it, so many would keep
        // as much each.
        std::thread::Builder::new()
            .name("passwords".to_owned())
            .spawn(move || check_all(&known, &waiting))?;
        let (accepted, failures) = (Mutex::default(), Mutex::default());
        Ok(Self { users, checks, accepted, key: rand::random(), failures })
    }

    /// Whether `password` is that of the user `name`, who connects from `address`. Failures count for its network: who has one
    /// address of IPv6 has a /64.
    pub async fn check(&self, name: &str, password: &[u8], address: IpAddr) -> Login {
        let digest = blake3::keyed_hash(&self.key, password);
        if self.accepted.lock().get(name) == Some(&digest) {
            return Login::Accepted;
        }
        if self.has_failed_too_often(address) {
            return Login::TooManyFailures;
        }
        let (is_right, answer) = oneshot::channel();
        let check = Check { name: name.to_owned(), password: password.to_owned(), is_right };
        if self.checks.try_send(check).is_err() {
            return Login::Busy;
        }
        match answer.await {
            Ok(true) => {
                self.accepted.lock().insert(name.to_owned(), digest);
                Login::Accepted
            }
            Ok(false) => {
                self.note_failure(address);
                Login::Wrong
            }
            Err(_) => Login::Busy,
        }
    }

    fn has_failed_too_often(&self, address: IpAddr) -> bool {
        let failures = self.failures.lock();
        let known =
            failures.get(&network_of(address)).filter(|(since, _)| since.elapsed() < FAILURES_FORGOTTEN);
        known.is_some_and(|(_, failures)| *failures >= MAX_FAILURES)
    }

    fn note_failure(&self, address: IpAddr) {
        if address.is_loopback() {
            return;
        }
        let address = network_of(address);
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

/// Runs until all senders are gone.
fn check_all(users: &UsersFile, waiting: &Receiver<Check>) {
    while let Ok(check) = waiting.recv() {
        if check.is_right.is_closed() {
            continue;
        }
        let began = Instant::now();
        // The client may have gone meanwhile.
        let _ = check.is_right.send(users.has_password(&check.name, &check.password));
        #[expect(clippy::disallowed_methods, reason = "a thread of its own that rests")]
        std::thread::sleep(began.elapsed() * REST);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn who_guesses_is_not_listened_to_and_locks_nobody_else_out() {
        let users = "[[user]]\nname = \"sensor\"\npassword = \"sends\"\n[[user]]\nname = \"late\"\npassword = \"comes\"\n";
        let passwords = Passwords::new(UsersFile::parse(users).unwrap()).unwrap();
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
        for guess in 0..MAX_FAILURES {
            let elsewhere = IpAddr::from(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, guess as u16));
            assert_eq!(passwords.check("nobody", b"", elsewhere).await, Login::Wrong);
        }
        let same_network = "2001:db8:0:1:ffff::".parse().unwrap();
        assert_eq!(passwords.check("nobody", b"", same_network).await, Login::TooManyFailures);
        let next_network = "2001:db8:0:2::".parse().unwrap();
        assert_eq!(passwords.check("nobody", b"", next_network).await, Login::Wrong);
        for address in ["127.0.0.1", "::1"].map(|address| address.parse().unwrap()) {
            for _ in 0..=MAX_FAILURES {
                assert_eq!(passwords.check("nobody", b"", address).await, Login::Wrong);
            }
        }
    }

    #[tokio::test]
    async fn more_than_so_many_do_not_wait() {
        let hash = mqtt5::broker::PasswordAuthProvider::hash_password("sends").unwrap();
        let users = format!("[[user]]\nname = \"sensor\"\npassword_hash = \"{hash}\"\n");
        let passwords = Passwords::new(UsersFile::parse(&users).unwrap()).unwrap();
        let mut logins: Vec<_> = (0..2 * MAX_WAITING)
            .map(|_| Box::pin(passwords.check("sensor", b"guess", Ipv4Addr::LOCALHOST.into())))
            .collect();
        let answers: Vec<_> = logins.iter_mut().filter_map(futures_util::FutureExt::now_or_never).collect();
        assert!(answers.len() > MAX_WAITING / 2, "{}", answers.len());
        assert!(answers.iter().all(|answer| *answer == Login::Busy));
        // Nobody waits for the rest.
        drop(logins);
        let mut login = Login::Busy;
        while login == Login::Busy {
            login = passwords.check("sensor", b"sends", Ipv4Addr::LOCALHOST.into()).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(login, Login::Accepted);
    }
}
