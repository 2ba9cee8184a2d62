//! `kreisverkehr feed check`: looks at a feed and says what is wrong with it.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use domain::Lang;
use domain::feed::shown_address;
use domain::feed_check::Verdict;
use domain::{Broker, FeedFormat};
use feed_check::payloads::{self, Found};
use feed_check::{Check, County, Message, Options, render};
use indicatif::ProgressBar;
use ingest::mqtt::visit::{Incident, Listener};
use tokio::time::sleep;

use super::{county, login};
use crate::cli::{FeedCheckArgs, LangArg};
use crate::shutdown::{Stop, cut_short_when_requested};
use crate::terminal;

/// Messages between two looks at the progress.
const SHOWN_EVERY: u64 = 500;

/// Where messages come from.
enum Source<'a> {
    Path(&'a Path),
    Broker(Broker),
}

/// Runs the command: the report goes to standard output, progress to standard error.
///
/// # Errors
/// A stop was requested.
pub async fn run(args: &FeedCheckArgs) -> Result<ExitCode> {
    let lang = match args.lang {
        LangArg::De => Lang::De,
        LangArg::En => Lang::En,
    };
    // Whatever prevents a check is not the feed's fault: it has an exit code of its own.
    let (county, source, topic, format) = match prepared(args) {
        Ok(prepared) => prepared,
        Err(error) => {
            errln!("error: {error:#}");
            return Ok(ExitCode::from(Verdict::NotChecked.exit_code()));
        }
    };
    let mut check = Check::new(Options { format, county });
    let name = match &source {
        Source::Path(path) => path.display().to_string(),
        Source::Broker(broker) => {
            format!("{} {}", shown_address(&broker.url), topic.as_deref().unwrap_or("#"))
        }
    };
    let bar = terminal::bar(None, "{spinner} {msg}");
    let looked = match source {
        Source::Path(path) => {
            let topic = topic.as_deref();
            let read = async { read(path, topic, &mut check, &bar).map(|()| ExitCode::SUCCESS) };
            match cut_short_when_requested(read).await {
                Ok(code) if code != ExitCode::SUCCESS => return Ok(code),
                read => read.map(drop),
            }
        }
        Source::Broker(broker) => {
            let filter = topic.as_deref().unwrap_or("#");
            let limits = Limits {
                time: Duration::from_secs(args.seconds),
                messages: args.max_messages.unwrap_or(u64::MAX),
            };
            listen(&broker, filter, &limits, &mut check, &bar).await
        }
    };
    bar.finish_and_clear();
    if let Err(error) = looked {
        check.failed(format!("{error:#}"));
    }
    let report = check.finish(&name);
    if args.json {
        outln!("{}", render::json(&report, lang));
    } else {
        terminal::out_part(&render::text(&report, lang));
    }
    if let Some(file) = &args.html
        && let Err(error) = std::fs::write(file, render::page(&report, lang))
    {
        errln!("error: --html {} cannot be written: {error}", file.display());
        return Ok(ExitCode::from(Verdict::NotChecked.exit_code()));
    }
    Ok(ExitCode::from(report.verdict.exit_code()))
}

type Prepared<'a> = (Option<County>, Source<'a>, Option<String>, Option<FeedFormat>);

/// What is to be looked at, and how.
fn prepared(args: &FeedCheckArgs) -> Result<Prepared<'_>> {
    ensure!(args.format != Some(FeedFormat::History), "--format history: a feed of history receives nothing");
    ensure!(
        args.format != Some(FeedFormat::Gbfs),
        "--format gbfs: such a feed is fetched, and what is wrong with it stands in /v1/rejections"
    );
    let county = county(args.places.as_deref())?;
    if let Some(path) = &args.path {
        ensure!(
            args.topic.as_deref().is_none_or(|topic| !topic.contains(['#', '+'])),
            "--topic {}: of a PATH it is the topic itself, without wildcards",
            args.topic.as_deref().unwrap_or_default()
        );
        return Ok((county, Source::Path(path), args.topic.clone(), args.format));
    }
    let (mut topic, mut format, mut broker) = (args.topic.clone(), args.format, args.broker.broker());
    if let (Some(id), Some(county)) = (&args.feed, &county) {
        let Some((feed, its_broker)) = county.feed(id) else {
            bail!("--feed {id}: feeds.toml has no feed of this id");
        };
        if !feed.is_subscribed() {
            bail!(
                "--feed {id}: it is fetched from an address, and has no topic; download it and check the file"
            );
        }
        topic = topic.or_else(|| Some(feed.topic.clone()));
        format = format.or(Some(feed.format));
        broker = broker.or_else(|| its_broker.cloned());
    }
    let Some(broker) = broker else {
        bail!("--url is missing: the feed names no broker, so nobody knows where it is");
    };
    Ok((county, Source::Broker(broker), topic, format))
}

fn read(path: &Path, topic: Option<&str>, check: &mut Check, bar: &ProgressBar) -> Result<()> {
    let each = |found| match found {
        Found::Message(message) => note(check, &message, bar),
        Found::Damage(damage) => check.damaged(damage),
    };
    if path == Path::new("-") {
        payloads::of_stream(std::io::stdin().lock(), topic, each).context("standard input")
    } else {
        Ok(payloads::of_path(path, topic, each)?)
    }
}

/// When a check ends by itself.
struct Limits {
    time: Duration,
    messages: u64,
}

/// Listens until a limit is reached or a stop signal comes; what arrived until then is reported.
async fn listen(
    broker: &Broker,
    filter: &str,
    limits: &Limits,
    check: &mut Check,
    bar: &ProgressBar,
) -> Result<()> {
    let stop = Stop::listen()?;
    let open = async { Ok(Listener::open(login(broker)?, filter).await?) };
    let listener = stop.unless_requested(open).await?;
    bar.suspend(|| {
        errln!("listening on {filter} for {} s; Ctrl-C ends it with the report", limits.time.as_secs())
    });
    let over = sleep(limits.time);
    tokio::pin!(over);
    while check.progress()[0] < limits.messages {
        tokio::select! {
            () = &mut over => return Ok(()),
            () = stop.requested() => return Ok(()),
            incident = listener.next() => match incident {
                Incident::Message(heard) => note(check, &Message {
                    received_at: Some(ingest::now_utc()),
                    topic: Some(String::from_utf8_lossy(&heard.topic).into_owned()),
                    qos: Some(heard.qos),
                    retain: heard.retain,
                    payload: heard.payload.to_vec(),
                }, bar),
                Incident::Lost(reason) => {
                    bar.suspend(|| errln!("connection lost: {reason}"));
                    check.connection_lost();
                }
            },
        }
    }
    Ok(())
}

fn note(check: &mut Check, message: &Message, bar: &ProgressBar) {
    check.note(message);
    let [messages, rejected] = check.progress();
    if messages < SHOWN_EVERY || messages.is_multiple_of(SHOWN_EVERY) {
        bar.set_message(format!("{messages} messages, {rejected} would be rejected"));
    }
}
