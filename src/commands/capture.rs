//! `kreisverkehr capture`: records what a broker delivers on a topic.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use domain::feed::shown_address;
use feed_check::capture::{DamageKind, ReadError, Reader, Record, Writer, is_capture};
use feed_check::{County, redact};
use ingest::mqtt::visit::{Heard, Incident, Listener};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::feed::{county, login};
use crate::cli::CaptureArgs;
use crate::shutdown::Stop;
use crate::terminal;

/// A message is in the file after so long, also when the process is killed later.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Longer than anybody records: thirty years.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Runs the command until its time, size or a stop signal ends it.
///
/// # Errors
/// There is no connection, or the file cannot be written. What was recorded before is in the file.
pub async fn run(args: &CaptureArgs) -> Result<ExitCode> {
    let stop = Stop::listen()?;
    let broker = args.broker.broker().context("--url is missing: give the address of the broker")?;
    let county = county(args.places.as_deref())?;
    let (file, before_bytes) = opened(&args.file)?;
    let address = shown_address(&broker.url);
    let listener =
        stop.unless_requested(async { Ok(Listener::open(login(&broker)?, &args.topic).await?) }).await?;
    let mut recording = Recording {
        writer: Writer::new(file),
        messages: 0,
        dropped: 0,
        keeps_all: args.keep_everything,
        county,
    };
    let bar = terminal::bar(None, "{spinner} {msg}");
    bar.suspend(|| {
        errln!("recording {} from {address} into {}; Ctrl-C ends it", args.topic, args.file.display())
    });
    let until = Instant::now() + args.seconds.map_or(FOR_EVER, Duration::from_secs).min(FOR_EVER);
    let mut flush = interval(FLUSH_EVERY);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lost = 0_u64;
    let failed = || format!("{} cannot be written; what was recorded before is in it", args.file.display());
    loop {
        tokio::select! {
            () = stop.requested() => break,
            () = sleep_until(until) => break,
            _ = flush.tick() => {
                recording.writer.flush().with_context(failed)?;
                let bytes = before_bytes + recording.writer.written_bytes();
                bar.set_message(format!("{} messages, {bytes} bytes in {}", recording.messages, args.file.display()));
            }
            incident = listener.next() => match incident {
                Incident::Message(heard) => {
                    let record = recording.record(heard);
                    let left_bytes = args.max_bytes.saturating_sub(before_bytes);
                    if !recording.writer.has_room(&record, left_bytes).with_context(failed)? {
                        bar.suspend(|| errln!("--max-bytes {} is reached", args.max_bytes));
                        break;
                    }
                    recording.messages += 1;
                    recording.writer.push(&record).with_context(failed)?;
                }
                Incident::Lost(reason) => {
                    lost += 1;
                    bar.suspend(|| errln!("connection lost: {reason}; what is sent meanwhile is not recorded"));
                }
            },
        }
    }
    bar.finish_and_clear();
    recording.writer.flush().with_context(failed)?;
    let bytes = before_bytes + recording.writer.written_bytes();
    errln!("{} messages recorded; {} has {bytes} bytes", recording.messages, args.file.display());
    if recording.dropped > 0 {
        errln!("{} personal values were left out (--keep-everything keeps them)", recording.dropped);
    }
    if lost > 0 {
        errln!("the connection was lost {lost} times: messages may be missing");
    }
    Ok(ExitCode::SUCCESS)
}

struct Recording {
    writer: Writer<File>,
    messages: u64,
    dropped: u64,
    keeps_all: bool,
    county: Option<County>,
}

impl Recording {
    /// What is recorded of a message.
    fn record(&mut self, heard: Heard) -> Record {
        let topic = String::from_utf8_lossy(&heard.topic).into_owned();
        let payload = if self.keeps_all {
            heard.payload.to_vec()
        } else {
            let decoder_of = |device: &str| self.county.as_ref()?.decoder_of(device);
            let (kept, dropped) = redact(&topic, &heard.payload, decoder_of);
            self.dropped += dropped;
            kept
        };
        Record { at: ingest::now_utc(), topic, qos: heard.qos, retain: heard.retain, payload }
    }
}

/// The file, at its end, and how large it is. Nobody else may write it meanwhile; other users of the machine cannot read it.
fn opened(path: &Path) -> Result<(File, u64)> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("{} cannot be written", path.display()))?;
    ensure!(file.metadata()?.is_file(), "{} is no regular file", path.display());
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!("{} is being written by another capture", path.display()),
        Err(TryLockError::Error(error)) => return Err(error).context(format!("{}", path.display())),
    }
    let mut head = Vec::new();
    file.by_ref().take(64).read_to_end(&mut head)?;
    ensure!(
        head.is_empty() || is_capture(&head),
        "{} is no capture; nothing is appended to it: choose another name",
        path.display()
    );
    file.seek(SeekFrom::Start(0))?;
    if let Some(Err(ReadError::Damaged(damage))) = Reader::new(&file).next()
        && let DamageKind::Newer(_) = damage.kind
    {
        bail!("{}: {damage}", path.display());
    }
    let bytes = file.seek(SeekFrom::End(0))?;
    Ok((file, bytes))
}
