//! What is worth a notice: what began and ended, one cause where many sensors suffer from one.
//!
//! A reason must have held for a while ([`hold_s`]) before it is a cause, and must be over for as long before it has ended:
//! what wavers makes no notice. Silent sensors of a silent feed, of a quiet branch of its topics or behind a gateway that is
//! down are no causes of their own, also not until they had time to be heard again once it is over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::gateway::{self, BY_CHANCE, Reception};
use crate::feed_health::{Drift, FieldChange};
use crate::health::{Code, Health};
use crate::place::wire_enum;
use crate::time::UtcMicros;

wire_enum! {
    /// What kind of thing is not well.
    SubjectKind {
        Sensor = "sensor",
        /// Of a feed that names its bays itself.
        Bay = "bay",
        Gateway = "gateway",
        Feed = "feed",
        /// A branch of a feed's topics.
        Topic = "topic",
    }
}

/// What is not well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its id.
    pub id: String,
}

/// A field of a feed's messages that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangedField {
    /// The kind of message, and the path in it: `up: object.battery`.
    pub path: String,
    /// What happened to it.
    pub change: FieldChange,
    /// Since when it is so.
    pub since: UtcMicros,
}

impl From<&Drift> for ChangedField {
    fn from(drift: &Drift) -> Self {
        ChangedField { path: drift.path.clone(), change: drift.change, since: drift.since }
    }
}

impl ChangedField {
    fn is(&self, other: &ChangedField) -> bool {
        (&self.path, self.change) == (&other.path, other.change)
    }
}

/// A reason that holds now.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenReason {
    /// What is not well.
    pub subject: Subject,
    /// Id of the feed by which it is heard, or which it is.
    pub feed: String,
    /// From which branch of the feed's topics the device was last heard; `None`: that is not known, or it is no device.
    pub branch: Option<String>,
    /// What is wrong.
    pub code: Code,
    /// Since when it is so.
    pub since: UtcMicros,
    /// When it was noticed.
    pub noticed_at: UtcMicros,
    /// What was measured; the unit is that of the code.
    pub value: Option<f64>,
    /// What would be right, in the same unit.
    pub limit: Option<f64>,
    /// Of [`Code::SchemaDrift`] the fields that changed.
    pub fields: Vec<ChangedField>,
}

/// What makes one notice.
#[derive(Debug, Clone, PartialEq)]
pub struct Cause {
    /// What is not well.
    pub subject: Subject,
    /// What is wrong; of a gateway [`Code::Silent`].
    pub code: Code,
    /// Since when it is so.
    pub since: UtcMicros,
    /// See [`OpenReason::value`]; of a gateway the probability that its sensors fell silent by themselves.
    pub value: Option<f64>,
    /// See [`OpenReason::limit`].
    pub limit: Option<f64>,
    /// Of a gateway or feed: how many of its sensors are silent.
    pub sensors: Option<u32>,
    /// Of [`Code::SchemaDrift`] the fields that changed; of one that was found earlier those that were named.
    pub fields: Vec<ChangedField>,
}

/// A cause that was found earlier.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownCause {
    /// Its number.
    pub id: i64,
    /// What it is.
    pub cause: Cause,
    /// Since when it seems to be over.
    pub missing_since: Option<UtcMicros>,
    /// When it was over.
    pub ended_at: Option<UtcMicros>,
    /// Since when there are changed fields that were not named.
    pub news_since: Option<UtcMicros>,
}

/// What is known of a town.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TownHealth {
    /// Reasons that hold.
    pub reasons: Vec<OpenReason>,
    /// Of its gateways.
    pub reception: Reception,
    /// Causes that last, and those of gateways, feeds and topics that ended within [`LONGEST_GRACE_S`].
    pub known: Vec<KnownCause>,
}

/// What has changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// New causes.
    pub began: Vec<Cause>,
    /// Numbers of those that are over.
    pub ended: Vec<i64>,
    /// Numbers of those that seem to be over since now.
    pub missing: Vec<i64>,
    /// Numbers of those that only seemed to be over.
    pub back: Vec<i64>,
    /// Causes that last and of which something new is to be named, with their numbers.
    pub grew: Vec<(i64, Cause)>,
    /// Numbers of those of which there is something new since now.
    pub news: Vec<i64>,
    /// Numbers of those of which there is nothing new any more.
    pub no_news: Vec<i64>,
}

/// How long a sensor may stay silent after its gateway or feed is back, seconds, whatever its heartbeat.
pub const LONGEST_GRACE_S: i64 = 3 * 86_400;
const SHORTEST_GRACE_S: i64 = 3_600;
/// Where its heartbeat is not known.
const USUAL_GRACE_S: i64 = 86_400;

/// Further fields wait so long for others that change with them, seconds: some are found sooner than others.
const GATHER_S: i64 = 3_600;

/// How long a silent sensor waits for others of its gateway, while that hears nothing, seconds.
const UNDECIDED_S: i64 = 3_600;

/// How long a reason must hold before it is worth a notice, and how long it must be over, seconds. Silence is found late
/// enough; what is found by statistics has its own hysteresis; what needs attention some day can wait for an hour.
pub const fn hold_s(kind: SubjectKind, code: Code) -> i64 {
    match (kind, code.level()) {
        (SubjectKind::Gateway | SubjectKind::Feed | SubjectKind::Topic, _) => 300,
        (_, Health::Silent) => 600,
        (_, Health::Faulty) => 900,
        _ => 3_600,
    }
}

/// Finds what changed in a town until `now`.
pub fn changes(town: &TownHealth, now: UtcMicros) -> Changes {
    let covers = Covers::new(town);
    let is_silent = |r: &&OpenReason| r.code == Code::Silent && is_device(r.subject.kind);
    let silent: BTreeMap<&str, UtcMicros> = (town.reasons.iter().filter(is_silent))
        .filter(|r| !covers.feed(r, now))
        .map(|r| (r.subject.id.as_str(), r.noticed_at))
        .collect();
    let radio = gateway::assess(&town.reception, &silent);
    let down: BTreeSet<&str> = radio.down.iter().map(|g| g.id.as_str()).collect();
    let lasts: BTreeSet<(&Subject, Code)> = town
        .known
        .iter()
        .filter(|k| k.ended_at.is_none())
        .map(|k| (&k.cause.subject, k.cause.code))
        .collect();

    let mut found = Changes::default();
    let of_feed =
        |feed: &str| town.reasons.iter().filter(is_silent).filter(|r| r.feed == feed).count() as u32;
    let mut taken: BTreeSet<(&Subject, Code)> = BTreeSet::new();
    for reason in &town.reasons {
        let key = (&reason.subject, reason.code);
        let behind = radio.behind.get(&reason.subject.id).map(String::as_str);
        let is_covered = is_silent(&reason)
            && (covers.feed(reason, now)
                || behind.is_some_and(|g| down.contains(g) || covers.gateway(g, reason, now)));
        let hold_s = match radio.undecided.contains(&reason.subject.id) && is_silent(&reason) {
            true => UNDECIDED_S,
            false => hold_s(reason.subject.kind, reason.code),
        };
        let holds = now >= reason.noticed_at.plus_s(hold_s);
        if !holds || is_covered || lasts.contains(&key) || !taken.insert(key) {
            continue;
        }
        let is_feed = reason.subject.kind == SubjectKind::Feed;
        found.began.push(Cause {
            subject: reason.subject.clone(),
            code: reason.code,
            since: reason.since,
            value: reason.value,
            limit: reason.limit,
            sensors: (is_feed && reason.code == Code::Silent).then(|| of_feed(&reason.feed)),
            fields: reason.fields.clone(),
        });
    }
    for gateway in &radio.down {
        let subject = Subject { kind: SubjectKind::Gateway, id: gateway.id.clone() };
        let holds = now >= gateway.noticed_at.plus_s(hold_s(subject.kind, Code::Silent));
        if holds && !lasts.contains(&(&subject, Code::Silent)) {
            found.began.push(Cause {
                subject,
                code: Code::Silent,
                since: gateway.last_heard,
                value: Some(gateway.by_chance),
                limit: Some(BY_CHANCE),
                sensors: Some(gateway.silent),
                fields: Vec::new(),
            });
        }
    }
    let open: BTreeSet<(&Subject, Code)> = town.reasons.iter().map(|r| (&r.subject, r.code)).collect();
    let is_still_down = |cause: &Cause| {
        let heard = town.reception.last_heard.get(&cause.subject.id);
        heard.is_none_or(|at| *at <= cause.since) && radio.behind.values().any(|g| *g == cause.subject.id)
    };
    for known in town.known.iter().filter(|k| k.ended_at.is_none()) {
        let cause = &known.cause;
        let is_there = match cause.subject.kind {
            SubjectKind::Gateway => is_still_down(cause),
            _ => open.contains(&(&cause.subject, cause.code)),
        };
        match (is_there, known.missing_since) {
            (true, Some(_)) => found.back.push(known.id),
            (false, None) => found.missing.push(known.id),
            (false, Some(since)) if now >= since.plus_s(hold_s(cause.subject.kind, cause.code)) => {
                found.ended.push(known.id);
            }
            _ => {}
        }
    }
    fields(town, now, &mut found);
    found
}

/// Fields that changed after others of their feed were named. What was named once is not named again while the cause lasts,
/// however it comes and goes.
fn fields(town: &TownHealth, now: UtcMicros, found: &mut Changes) {
    for known in town.known.iter().filter(|k| k.ended_at.is_none()) {
        let cause = &known.cause;
        let of_cause = |r: &&OpenReason| (&r.subject, r.code) == (&cause.subject, cause.code);
        let Some(reason) = town.reasons.iter().find(of_cause) else { continue };
        let is_new = |field: &&ChangedField| !cause.fields.iter().any(|named| named.is(field));
        let new: Vec<ChangedField> = reason.fields.iter().filter(is_new).cloned().collect();
        match (new.iter().map(|field| field.since).min(), known.news_since) {
            (None, Some(_)) => found.no_news.push(known.id),
            (Some(_), None) => found.news.push(known.id),
            (Some(since), Some(at)) if now >= at.plus_s(GATHER_S) => {
                let value = Some(new.len() as f64);
                found.grew.push((known.id, Cause { since, value, fields: new, ..cause.clone() }));
            }
            _ => {}
        }
    }
}

const fn is_device(kind: SubjectKind) -> bool {
    matches!(kind, SubjectKind::Sensor | SubjectKind::Bay)
}

/// A branch of a feed's topics that is quiet, or was.
struct Branch<'a> {
    topic: &'a str,
    /// `None`: it speaks again, and of which feed it is is not stored.
    feed: Option<&'a str>,
    since: UtcMicros,
    ended: Option<UtcMicros>,
}

/// Silent feeds, quiet branches and gateways that were found down: silent sensors of theirs are no causes. `None`: they
/// still are.
struct Covers<'a> {
    topics: Vec<Branch<'a>>,
    feeds: BTreeMap<&'a str, Option<UtcMicros>>,
    gateways: BTreeMap<&'a str, Option<UtcMicros>>,
}

impl<'a> Covers<'a> {
    fn new(town: &'a TownHealth) -> Self {
        let (mut feeds, mut gateways) = (BTreeMap::new(), BTreeMap::new());
        for known in town.known.iter().filter(|k| k.cause.code == Code::Silent) {
            let by_id = match known.cause.subject.kind {
                SubjectKind::Feed => &mut feeds,
                SubjectKind::Gateway => &mut gateways,
                _ => continue,
            };
            let ended: &mut Option<UtcMicros> =
                by_id.entry(known.cause.subject.id.as_str()).or_insert(known.ended_at);
            *ended = ended.zip(known.ended_at).map(|(a, b)| a.max(b));
        }
        let quiet = || town.reasons.iter().filter(|r| r.subject.kind == SubjectKind::Topic);
        // Of those that speak again only the id is known.
        let over = town.known.iter().filter(|known| {
            let subject = &known.cause.subject;
            subject.kind == SubjectKind::Topic && quiet().all(|r| r.subject != *subject)
        });
        let open = quiet().map(|r| Branch {
            topic: &r.subject.id,
            feed: Some(&r.feed),
            since: r.since,
            ended: None,
        });
        let over = over.map(|known| Branch {
            topic: &known.cause.subject.id,
            feed: None,
            since: known.cause.since,
            ended: known.ended_at,
        });
        let topics = open.chain(over).collect();
        let is_silent_feed = |r: &&OpenReason| r.subject.kind == SubjectKind::Feed && r.code == Code::Silent;
        feeds.extend(town.reasons.iter().filter(is_silent_feed).map(|r| (r.feed.as_str(), None)));
        Covers { topics, feeds, gateways }
    }

    fn feed(&self, reason: &OpenReason, now: UtcMicros) -> bool {
        let is_covered = || covers(self.feeds.get(reason.feed.as_str()), reason, now);
        is_device(reason.subject.kind) && (is_covered() || self.topic(reason, now))
    }

    /// Whether the device is of a branch that is quiet, and fell silent with it: not before.
    fn topic(&self, reason: &OpenReason, now: UtcMicros) -> bool {
        let before_s = grace_s(reason);
        self.topics.iter().any(|Branch { topic, feed, since, ended }| {
            let is_of_it =
                reason.branch.as_deref() == Some(topic) && feed.is_none_or(|feed| feed == reason.feed);
            let span = since.plus_s(-before_s)..=since.plus_s(TOGETHER_S);
            is_of_it && span.contains(&reason.since) && covers(Some(ended), reason, now)
        })
    }

    fn gateway(&self, gateway: &str, reason: &OpenReason, now: UtcMicros) -> bool {
        covers(self.gateways.get(gateway), reason, now)
    }
}

/// A device may be heard so long after the last message of its branch: what is received late, seconds.
const TOGETHER_S: i64 = 60;

/// How long the silent device may stay silent by itself, seconds.
fn grace_s(reason: &OpenReason) -> i64 {
    let grace_s = reason.limit.map_or(USUAL_GRACE_S, |limit_s| limit_s as i64);
    grace_s.clamp(SHORTEST_GRACE_S, LONGEST_GRACE_S)
}

/// Whether what ended then explains the silence: it began before, and the sensor has had no time yet to be heard.
fn covers(ended: Option<&Option<UtcMicros>>, reason: &OpenReason, now: UtcMicros) -> bool {
    match ended {
        None => false,
        Some(None) => true,
        Some(Some(ended)) => reason.noticed_at <= *ended && now < ended.plus_s(grace_s(reason)),
    }
}

#[cfg(test)]
mod tests;
