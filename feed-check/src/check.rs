//! Takes messages one by one and ends in a report. Whatever arrives, memory is bounded: each table has its limit, and what is beyond
//! is counted.

use std::collections::{BTreeMap, BTreeSet};

use domain::feed_check::{Finding, Recognised, Verdict};
use domain::{FeedFormat, FeedId, UtcMicros};
use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::Xxh3;

use crate::capture::Damage;
use crate::decoders::Decoders;
use crate::faults::Groups;
use crate::fields::Fields;
use crate::formats::recognise;
use crate::judge::{Frame, Judged, judge};
use crate::report::{Clocks, Coverage, DamagedPart, Lorawan, Pace, Report, TopicCount};
use crate::sample::Sample;
use crate::{County, Message, findings, json, short, topics};

/// Messages whose content is remembered to know a duplicate.
const MAX_DIGESTS: usize = 200_000;
/// Devices and places that are remembered: some times those of a large county.
const MAX_SPEAKERS: usize = 50_000;
/// Topics that are counted one by one.
const MAX_TOPICS: usize = 5_000;
/// Topics and silent places that are listed.
const LISTED: usize = 50;
/// Damaged parts that are listed.
const MAX_DAMAGED: usize = 100;
/// Below this span a rate says nothing, seconds.
const MIN_SPAN_S: f64 = 1.0;

/// What a check is to assume.
#[derive(Default)]
pub struct Options {
    /// The format; `None`: guessed of each message.
    pub format: Option<FeedFormat>,
    /// The places that should speak.
    pub county: Option<County>,
}

/// What is remembered of a device or place.
struct Speaker {
    newest: Option<UtcMicros>,
    heard: Option<UtcMicros>,
    f_cnt: Option<i64>,
}

/// See the module's description.
#[derive(Default)]
pub struct Check {
    options: Options,
    messages: u64,
    bytes: u64,
    rejected: u64,
    judged: u64,
    formats: BTreeMap<Recognised, u64>,
    unread: BTreeMap<Recognised, u64>,
    pace: Pace,
    last_receipt: Option<UtcMicros>,
    intervals: Sample,
    offsets: Sample,
    ahead: u64,
    groups: Groups,
    fields: Fields,
    digests: FxHashSet<u64>,
    duplicates: u64,
    out_of_order: u64,
    qos0: u64,
    retained: u64,
    without_receipt: u64,
    without_topic: u64,
    speakers: FxHashMap<String, Speaker>,
    feeds: BTreeSet<FeedId>,
    lorawan: Option<Lorawan>,
    decoders: Decoders,
    topics: BTreeMap<String, u64>,
    damaged: Vec<DamagedPart>,
    damages: u64,
    connection_lost: u64,
    error: Option<String>,
}

impl Check {
    /// Nothing has arrived yet.
    pub fn new(options: Options) -> Self {
        Check { options, ..Check::default() }
    }

    /// How many messages arrived so far, and how many of them would be rejected.
    pub fn progress(&self) -> [u64; 2] {
        [self.messages, self.rejected]
    }

    /// The connection was lost while listening.
    pub fn connection_lost(&mut self) {
        self.connection_lost += 1;
    }

    /// The check could not be finished, for this reason.
    pub fn failed(&mut self, reason: String) {
        self.error = Some(reason);
    }

    /// A part of the capture is damaged.
    pub fn damaged(&mut self, damage: Damage) {
        self.damages += 1;
        if self.damaged.len() < MAX_DAMAGED {
            self.damaged.push(DamagedPart {
                offset: damage.offset_bytes,
                length: damage.length_bytes,
                detail: damage.to_string(),
                kind: damage.kind,
            });
        }
    }

    /// Takes in a message.
    pub fn note(&mut self, message: &Message) {
        let format = recognise(message.topic.as_deref(), &message.payload);
        self.delivery(message);
        *self.formats.entry(format).or_default() += 1;
        if let Some(text) = json::of_payload(&message.payload) {
            self.fields.note(&text);
        }
        // What is posted only is not read from a topic.
        let is_read = |read_as: &FeedFormat| *read_as != FeedFormat::ParkapiV3 || message.topic.is_none();
        let Some(read_as) = self.options.format.or(format.read_as().filter(is_read)) else {
            *self.unread.entry(format).or_default() += 1;
            return;
        };
        let made_up;
        let topic = match &message.topic {
            Some(topic) => topic,
            None => {
                made_up = topics::made_up(format, &message.payload);
                &made_up
            }
        };
        let county = self.options.county.as_ref().filter(|_| message.topic.is_some());
        let judged = judge(read_as, topic, &message.payload, message.received_at, county);
        self.judged += 1;
        self.rejected += u64::from(!judged.faults.is_empty());
        self.groups.note(&judged.faults, topic, &message.payload);
        self.groups.note_dropped(&judged.dropped);
        self.feeds.extend(judged.feed);
        self.speak(&judged, message.received_at);
        if let Some(frame) = &judged.frame {
            self.frame(frame, judged.feed.is_some());
        }
    }

    /// What is known without looking into it.
    fn delivery(&mut self, message: &Message) {
        self.messages += 1;
        self.bytes += message.payload.len() as u64;
        self.qos0 += u64::from(message.qos == Some(0));
        self.retained += u64::from(message.retain);
        let mut digest = Xxh3::new();
        digest.update(message.topic.as_deref().unwrap_or_default().as_bytes());
        digest.update(b"\0");
        digest.update(&message.payload);
        if self.digests.len() >= MAX_DIGESTS {
            self.digests.clear();
        }
        self.duplicates += u64::from(!self.digests.insert(digest.digest()));
        match message.topic.as_deref().map(short) {
            Some(topic) => {
                let has_room = self.topics.len() < MAX_TOPICS || self.topics.contains_key(topic);
                *self.topics.entry(if has_room { topic } else { "..." }.to_owned()).or_default() += 1;
            }
            None => self.without_topic += 1,
        }
        let Some(at) = message.received_at else {
            self.without_receipt += 1;
            return;
        };
        let pace = &mut self.pace;
        pace.from = Some(pace.from.map_or(at, |from| from.min(at)));
        pace.until = Some(pace.until.map_or(at, |until| until.max(at)));
        // What the broker had kept comes all at once.
        if let Some(last) = self.last_receipt.filter(|_| !message.retain) {
            let gap_s = at.seconds_since(last);
            if pace.longest_gap_s.is_none_or(|longest| gap_s > longest) {
                (pace.longest_gap_s, pace.longest_gap_from) = (Some(gap_s), Some(last));
            }
        }
        self.last_receipt = Some(at);
    }

    fn speak(&mut self, judged: &Judged, received_at: Option<UtcMicros>) {
        for (id, at) in judged.speakers() {
            let id = short(id);
            if let (Some(at), Some(received_at)) = (at, received_at) {
                let offset_s = at.seconds_since(received_at);
                self.offsets.push(offset_s);
                self.ahead += u64::from(offset_s > 0.0);
            }
            if !self.speakers.contains_key(id) {
                if self.speakers.len() >= MAX_SPEAKERS {
                    continue;
                }
                self.speakers.insert(id.to_owned(), Speaker { newest: None, heard: None, f_cnt: None });
            }
            let Some(speaker) = self.speakers.get_mut(id) else { continue };
            if let Some(at) = at {
                // Files lie in the order of their names.
                let is_older = received_at.is_some() && speaker.newest.is_some_and(|newest| at < newest);
                self.out_of_order += u64::from(is_older);
                speaker.newest = speaker.newest.max(Some(at));
            }
            if let (Some(received_at), Some(last)) = (received_at, speaker.heard) {
                self.intervals.push(received_at.seconds_since(last));
            }
            speaker.heard = received_at.or(speaker.heard);
        }
    }

    /// `is_judged`: by the decoder of the county's files, so that it need not be found out.
    fn frame(&mut self, frame: &Frame, is_judged: bool) {
        let lorawan = self.lorawan.get_or_insert_default();
        *lorawan.events.entry(frame.event).or_default() += 1;
        lorawan.impossible_clocks += u64::from(frame.is_clock_impossible);
        if let Some((port, payload)) = &frame.payload {
            let is_read = is_judged || frame.has_codec;
            self.decoders.note(&frame.device, *port, payload, is_read);
        }
        if let (Some(f_cnt), Some(speaker)) = (frame.f_cnt, self.speakers.get_mut(short(&frame.device))) {
            // A counter that falls was started again.
            let missing = speaker.f_cnt.map_or(0, |last| f_cnt - last - 1);
            lorawan.missing_frames += u64::try_from(missing).unwrap_or(0);
            speaker.f_cnt = Some(f_cnt);
        }
    }

    /// The report on what arrived from `source`.
    pub fn finish(mut self, source: &str) -> Report {
        let coverage = self.coverage();
        let lorawan = self.lorawan.take().map(|lorawan| Lorawan {
            uplinks: self.decoders.seen(),
            unread: self.decoders.unread(),
            unread_examples: self.decoders.unread_examples().to_vec(),
            decoders: self.decoders.accepted(),
            ..lorawan
        });
        let span_s =
            self.pace.until.zip(self.pace.from).map_or(0.0, |(until, from)| until.seconds_since(from));
        let per_hour = (self.messages - self.without_receipt).saturating_sub(1) as f64 / span_s * 3_600.0;
        self.pace.per_hour = (span_s >= MIN_SPAN_S).then_some(per_hour);
        self.pace.interval_median_s = self.intervals.quantile(0.5);
        let clocks = Clocks {
            count: self.offsets.count(),
            ahead: self.ahead,
            min_s: self.offsets.range().map(|(min, _)| min),
            p05_s: self.offsets.quantile(0.05),
            median_s: self.offsets.quantile(0.5),
            p95_s: self.offsets.quantile(0.95),
            max_s: self.offsets.range().map(|(_, max)| max),
        };
        let mut topics: Vec<TopicCount> =
            self.topics.into_iter().map(|(topic, count)| TopicCount { topic, count }).collect();
        topics.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.topic.cmp(&b.topic)));
        topics.truncate(LISTED);
        let (faults, other_faults, dropped_fields) = self.groups.finish();
        let (fields, other_fields) = self.fields.finish();
        let mut report = Report {
            source: source.to_owned(),
            verdict: Verdict::Good,
            findings: Vec::new(),
            messages: self.messages,
            bytes: self.bytes,
            format: self.options.format.map(FeedFormat::as_str),
            formats: self.formats,
            pace: self.pace,
            faults,
            other_faults,
            dropped_fields,
            fields,
            other_fields,
            clocks,
            duplicates: self.duplicates,
            out_of_order: self.out_of_order,
            qos0: self.qos0,
            retained: self.retained,
            coverage,
            lorawan,
            topics,
            damaged: self.damaged,
            connection_lost: self.connection_lost,
            error: self.error,
        };
        let count = |finding: fn(u64) -> Finding, n: u64| (n > 0).then(|| finding(n));
        let mut found: Vec<Finding> = Vec::new();
        let is_silent = report.messages == 0 && report.error.is_none() && self.damages == 0;
        found.extend(is_silent.then_some(Finding::NothingArrived));
        found.extend(self.unread.iter().map(|(format, n)| Finding::Unread { format: *format, count: *n }));
        found.extend(
            (self.rejected > 0).then_some(Finding::Rejected { count: self.rejected, of: self.judged }),
        );
        found.extend(findings::of_figures(&report));
        found.extend(count(|count| Finding::ConnectionLost { count }, report.connection_lost));
        found.extend(count(|count| Finding::DamagedCapture { count }, self.damages));
        found.extend((self.without_receipt > 0).then_some(Finding::NoReceiptTimes));
        let is_unplaced = self.without_topic > 0 && self.options.county.is_some();
        found.extend(is_unplaced.then_some(Finding::WithoutTopic { count: self.without_topic }));
        found.sort_by_key(Finding::weight);
        let is_whole = report.error.is_none();
        report.verdict = if is_whole { findings::verdict(&found, self.judged) } else { Verdict::NotChecked };
        report.findings = found;
        report
    }

    fn coverage(&self) -> Coverage {
        let heard = self.speakers.len() as u64;
        let Some(county) = &self.options.county else { return Coverage { heard, ..Coverage::default() } };
        let expected = county.expected(&self.feeds);
        let silent: Vec<&String> = expected.iter().filter(|id| !self.speakers.contains_key(*id)).collect();
        Coverage {
            heard,
            expected: Some(expected.len() as u64),
            silent: silent.len() as u64,
            silent_ids: silent.into_iter().take(LISTED).cloned().collect(),
        }
    }
}
