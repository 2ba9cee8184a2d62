//! Brings the downloads up to date, and says what is to be built of them. Each source stands for itself: one that fails
//! keeps its file from before.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use jiff::SignedDuration;

use super::fetch::{Failure, Question};
use super::file::{self, Kind, Remote, Source};
use super::folder::{Built, Folder, Outcome, Served, State};

/// Pause after a failure, seconds: twice as long after each further one.
const AFTER_FAILURE_S: i64 = 60;

/// The same where a whole file has come that cannot be used: to ask again costs its supplier the file.
const AFTER_REFUSAL_S: i64 = 3_600;

/// A build that fails is tried at least so often, seconds.
const LONGEST_PAUSE_S: i64 = 86_400;

/// What to bring up to date.
#[derive(Debug, Clone)]
pub struct Update {
    /// The file of sources.
    pub sources: PathBuf,
    /// The file that is built.
    pub out: PathBuf,
    /// Leaves alone what is not due.
    pub only_due: bool,
    /// Also takes what holds far less than before.
    pub accepts_smaller: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Updated {
    /// Messages of the sources that stay as they were.
    pub failures: usize,
    /// `None`: what is built is up to date, or has failed of late.
    pub build: Option<Build>,
}

/// What is to be built. While it is held, no other process builds from the same folder.
#[derive(Debug)]
pub struct Build {
    pub sources: Vec<(Source, PathBuf)>,
    folder: Folder,
    built: Built,
    _lock: File,
}

impl Update {
    /// Asks the servers, and reports on the terminal.
    ///
    /// # Errors
    /// The file of sources is wrong, a source has no file yet, or the folder of downloads cannot be used.
    pub fn run(&self, now_s: impl Fn() -> i64) -> Result<Updated> {
        let sources = file::read(&self.sources)?;
        let folder = Folder::beside(&self.out);
        let lock = folder.lock()?;
        let mut failures = 0;
        for source in &sources {
            let Some(remote) = source.remote() else { continue };
            let mut state = folder.state(source);
            if !self.only_due || state.is_due(now_s()) {
                failures += usize::from(!self.ask(source, remote, &folder, &mut state, &now_s));
                folder.keep(source, &state)?;
            }
        }
        let Some(from) = folder.fingerprint(&sources) else {
            bail!("of a source there is no file yet, so that nothing can be built");
        };
        let mut built = folder.built();
        let is_built = built.from.as_ref() == Some(&from) && self.out.exists();
        if is_built || (self.only_due && !built.is_due(&from, now_s())) {
            return Ok(Updated { failures, build: None });
        }
        // Noted before: a build that ends the process (memory) must not be tried without a pause.
        built.failures = if built.tried.as_ref() == Some(&from) { built.failures + 1 } else { 1 };
        built.tried = Some(from);
        built.attempted_at_s = now_s();
        let shortest_s = shortest_s(&sources);
        built.due_at_s = built.attempted_at_s + pause_s(AFTER_FAILURE_S, built.failures, shortest_s);
        folder.keep_built(&built)?;
        let sources = sources.into_iter().map(|source| (source.clone(), folder.file(&source))).collect();
        Ok(Updated { failures, build: Some(Build { sources, folder, built, _lock: lock }) })
    }

    /// Whether the source is as its server has it.
    fn ask(
        &self,
        source: &Source,
        remote: &Remote,
        folder: &Folder,
        state: &mut State,
        now_s: &impl Fn() -> i64,
    ) -> bool {
        let called = format!("{} '{}'", source.kind.word(), source.name);
        let accepts_smaller = self.accepts_smaller;
        let asked = Question { source, remote, folder, accepts_smaller, now_s: now_s() }.ask(state);
        state.attempted_at_s = now_s();
        match asked {
            Ok(outcome) => {
                (state.outcome, state.failures) = (outcome, 0);
                state.succeeded_at_s = Some(state.attempted_at_s);
                state.due_at_s = state.attempted_at_s + remote.every_s;
                match outcome {
                    Outcome::Fetched => outln!("{called}: a new file, {}", holds(source.kind, state)),
                    _ => errln!("  {called}: nothing new"),
                }
                true
            }
            Err(Failure { outcome, reason, pause }) => {
                state.outcome = outcome;
                state.failures = state.failures.saturating_add(1);
                let first_s = if outcome == Outcome::Refused { AFTER_REFUSAL_S } else { AFTER_FAILURE_S };
                let pause_s = pause_s(first_s, state.failures, remote.every_s).max(pause.as_secs() as i64);
                state.due_at_s = state.attempted_at_s + pause_s;
                let stays =
                    if folder.file(source).exists() { "the one from before stays" } else { "there is none" };
                let verb = if outcome == Outcome::Refused { "is not taken" } else { "cannot be fetched" };
                let next = SignedDuration::from_secs(pause_s);
                errln!("warning: {called} {verb}: {reason}; {stays}; next attempt of `serve` in {next:#}");
                false
            }
        }
    }
}

impl Build {
    /// How much of the county the last build served.
    pub fn served_before(&self) -> Option<Served> {
        self.built.served
    }

    /// It has been built, and the file is in its place.
    ///
    /// # Errors
    /// That cannot be noted.
    pub fn has_succeeded(mut self, served: Served, now_s: i64) -> Result<()> {
        self.built.from = self.built.tried.take();
        self.built.served = Some(served);
        self.built.succeeded_at_s = Some(now_s);
        self.built.failures = 0;
        self.folder.keep_built(&self.built)
    }
}

/// What is known of the sources, and whether there is something to do.
#[derive(Debug)]
pub struct Look {
    pub is_due: bool,
    /// Names and states of what is fetched.
    pub states: Vec<(String, State)>,
    pub built: Built,
    /// The shortest `every`, seconds.
    pub shortest_s: i64,
}

/// Looks without asking anybody.
///
/// # Errors
/// The file of sources is wrong.
pub fn look(sources: &Path, out: &Path, now_s: i64) -> Result<Look> {
    let sources = file::read(sources)?;
    let folder = Folder::beside(out);
    let fetched = sources.iter().filter(|source| source.remote().is_some());
    let states: Vec<(String, State)> =
        fetched.map(|source| (source.name.clone(), folder.state(source))).collect();
    let built = folder.built();
    let is_unbuilt = folder.fingerprint(&sources).is_some_and(|from| {
        (built.from.as_ref() != Some(&from) || !out.exists()) && built.is_due(&from, now_s)
    });
    let is_due = is_unbuilt || states.iter().any(|(_, state)| state.is_due(now_s));
    Ok(Look { is_due, states, built, shortest_s: shortest_s(&sources) })
}

fn shortest_s(sources: &[Source]) -> i64 {
    let every = sources.iter().filter_map(Source::remote).map(|remote| remote.every_s);
    every.min().unwrap_or(LONGEST_PAUSE_S).min(LONGEST_PAUSE_S)
}

fn pause_s(first_s: i64, failures: u32, longest_s: i64) -> i64 {
    /// Twenty doublings of a minute are two years.
    const DOUBLINGS: u32 = 20;
    first_s.saturating_mul(1 << failures.saturating_sub(1).min(DOUBLINGS)).min(longest_s)
}

fn holds(kind: Kind, state: &State) -> String {
    let size = &state.size;
    let mb = size.bytes as f64 / 1e6;
    match (kind, size.last_day) {
        (Kind::Timetable, Some(day)) => {
            format!("{mb:.1} MB, {} stops, {} trips, until {day}", size.stops, size.trips)
        }
        _ => format!("{mb:.1} MB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_usual_time() {
        let pauses = [1, 2, 3, 4, 40].map(|failures| pause_s(60, failures, 86_400));
        assert_eq!(pauses, [60, 120, 240, 480, 86_400]);
        assert_eq!(pause_s(3_600, 1, 600), 600);
    }
}
