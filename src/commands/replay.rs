//! `kreisverkehr replay`: publishes a capture again, or writes what it decodes to.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::UtcMicros;
use feed_check::capture::{DamageKind, ReadError, Reader, Record};
use feed_check::results::result;
use feed_check::shift::shifted;
use indicatif::ProgressBar;
use ingest::mqtt::visit::Publisher;
use tokio::time::{Instant, sleep_until};

use super::feed::{county, login};
use crate::cli::{ReplayArgs, Speed};
use crate::shutdown::{Stop, StopRequested, cut_short_when_requested};
use crate::terminal;

/// Nobody waits longer for a message: thirty years.
const LONGEST: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Runs the command.
///
/// # Errors
/// The file is no capture, or is of a later version; there is no connection, or the broker refuses a message.
pub async fn run(args: &ReplayArgs) -> Result<ExitCode> {
    match &args.results {
        Some(to) => {
            let write = async { results(args, to) };
            cut_short_when_requested(write).await
        }
        None => publish(args).await,
    }
}

/// The messages of a capture, whose damaged parts are reported.
struct Messages<'a> {
    path: &'a Path,
    reader: Reader<BufReader<File>>,
    count: u64,
    damages: u64,
    newer: Option<String>,
}

impl<'a> Messages<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let file = places::open_regular(path).with_context(|| path.display().to_string())?;
        let reader = Reader::new(BufReader::new(file));
        Ok(Messages { path, reader, count: 0, damages: 0, newer: None })
    }

    fn next(&mut self, bar: &ProgressBar) -> Result<Option<Record>> {
        loop {
            match self.reader.next() {
                Some(Ok(record)) => {
                    self.count += 1;
                    return Ok(Some(record));
                }
                Some(Err(ReadError::Damaged(damage))) => {
                    self.damages += 1;
                    if matches!(damage.kind, DamageKind::Newer(_)) {
                        self.newer = Some(damage.to_string());
                    }
                    bar.suspend(|| errln!("{}: {damage}", self.path.display()));
                }
                Some(Err(ReadError::Io(error))) => {
                    return Err(error).context(self.path.display().to_string());
                }
                None => break,
            }
        }
        let path = self.path.display();
        if let (Some(newer), 0) = (&self.newer, self.count) {
            anyhow::bail!("{path}: {newer}");
        }
        ensure!(self.count > 0, "{path} holds no message of a capture");
        Ok(None)
    }
}

fn results(args: &ReplayArgs, to: &Path) -> Result<ExitCode> {
    let county = county(args.places.as_deref())?;
    let mut messages = Messages::open(&args.file)?;
    let bar = terminal::bar(None, "{spinner} {msg}");
    let to_terminal = to == Path::new("-");
    let failed = || format!("--results {} cannot be written", to.display());
    let mut out: Option<BufWriter<File>> = None;
    while let Some(record) = messages.next(&bar)? {
        let line = result(&record.into(), county.as_ref()).to_string();
        if to_terminal {
            outln!("{line}");
        } else {
            if out.is_none() {
                out = Some(BufWriter::new(File::create(to).with_context(failed)?));
            }
            if let Some(out) = &mut out {
                writeln!(out, "{line}").with_context(failed)?;
            }
        }
        bar.set_message(format!("{} messages", messages.count));
    }
    if let Some(mut out) = out {
        out.flush().with_context(failed)?;
    }
    bar.finish_and_clear();
    errln!("{} messages; {} damaged parts of the capture", messages.count, messages.damages);
    Ok(ExitCode::SUCCESS)
}

async fn publish(args: &ReplayArgs) -> Result<ExitCode> {
    let stop = Stop::listen()?;
    let broker = args.broker.broker().context("--url is missing: give the address of the broker")?;
    let mut messages = Messages::open(&args.file)?;
    let bar = terminal::bar(None, "{spinner} {msg}");
    // Before anything is published it is known that there is something.
    let mut next = messages.next(&bar)?;
    let mut publisher = stop.unless_requested(async { Ok(Publisher::open(login(&broker)?).await?) }).await?;
    let (began, first) = (Instant::now(), next.as_ref().map(|record| record.at));
    let (mut sent, mut unmoved) = (0_u64, 0_u64);
    while let Some(record) = next {
        if let (Speed::Times(times), Some(first)) = (args.speed, first) {
            let after_s = (record.at.seconds_since(first) / times).max(0.0);
            let due = began + Duration::try_from_secs_f64(after_s).unwrap_or(LONGEST).min(LONGEST);
            let wait = async {
                sleep_until(due).await;
                Ok(())
            };
            match stop.unless_requested(wait).await {
                Err(error) if error.is::<StopRequested>() => break,
                waited => waited?,
            }
        }
        let Record { at, topic, qos, payload, .. } = record;
        let payload = if args.shift_to_now {
            let UtcMicros(now_us) = ingest::now_utc();
            let (payload, moved) = shifted(&topic, &payload, now_us.saturating_sub(at.0));
            unmoved += u64::from(moved == 0);
            payload
        } else {
            payload
        };
        // What a broker had kept is sent as any other: it would be kept again, in place of what is there.
        publisher
            .publish(&topic, payload.into(), qos, false)
            .await
            .with_context(|| format!("after {sent} messages"))?;
        sent += 1;
        bar.set_message(format!("{sent} messages"));
        next = messages.next(&bar)?;
        if stop.is_requested() {
            break;
        }
    }
    publisher
        .finish()
        .await
        .with_context(|| format!("{sent} messages sent, not all of them acknowledged"))?;
    bar.finish_and_clear();
    errln!("{sent} messages sent and acknowledged; {} damaged parts of the capture", messages.damages);
    if unmoved > 0 {
        errln!("{unmoved} of them hold no time that could be moved, and were sent as they are");
    }
    Ok(ExitCode::SUCCESS)
}
