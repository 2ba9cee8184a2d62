//! The health of a feed: what is usual of it, how it is, which parts of it are quiet, and how its messages change.
//!
//! [`FeedHealth`] hears of each message and learns; [`FeedHealth::tick`] closes the hours and judges. All of it takes constant time
//! for a message and bounded memory for a feed. What was learned is stored as a whole ([`FeedHealth::stored`]), so that a restart
//! forgets nothing.
//!
//! How busy a feed is now, against what is usual, scales what is expected: on a holiday less comes, and nothing is wrong.

mod branches;
mod schema;
mod state;
mod topics;
mod usual;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::branches::{Branches, LEARNED_S};
pub use self::branches::{MAX_BRANCHES, Quiet};
use self::schema::Schema;
pub use self::schema::{Drift, FieldChange};
pub use self::state::{Evidence, FeedState, Period, Standing};
pub use self::topics::{branch, kind};
use self::usual::{Usual, most_missing};
use crate::feed::Feed;
use crate::health::{Code, WeekHour};
use crate::sensor::stale_after_s;
use crate::time::UtcMicros;

/// Larger messages are not looked at for their fields, bytes.
pub const MAX_SAMPLE: usize = 256 << 10;

/// Between two samples, seconds: at least, and at most so much more.
const SAMPLE_EVERY_S: i64 = 5;
const SAMPLE_JITTER_S: i64 = 10;

/// Longer pauses between two looks are not watched, seconds: the process was suspended, or the clock was set.
const MOST_UNWATCHED_S: f64 = 60.0;

/// Such a share of an hour must have been watched to learn from it.
const LEAST_WATCHED: f64 = 0.75;

/// What an hour of yesterday still counts for how busy a feed is.
const FADES: f64 = 0.9;
/// Messages that speak for the usual.
const PRIOR: f64 = 10.0;
const LEAST_BUSY: f64 = 0.05;

/// The hour that is under way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct OpenHour {
    /// Hours since 1970.
    hour: i64,
    messages: u32,
    watched_s: f64,
}

/// What was learned of a feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Learned {
    usual: Usual,
    open: OpenHour,
    /// Messages that came lately, and those that would have been usual.
    came: f64,
    expected: f64,
    /// Usual messages since the last one.
    missing: f64,
    last_message_at: Option<UtcMicros>,
    branches: Branches,
    schema: Schema,
}

impl Default for Learned {
    fn default() -> Self {
        Learned {
            usual: Usual::of_weeks(),
            open: OpenHour::default(),
            came: 0.0,
            expected: 0.0,
            missing: 0.0,
            last_message_at: None,
            branches: Branches::default(),
            schema: Schema::default(),
        }
    }
}

/// See the module's description.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedHealth {
    learned: Learned,
    standing: Standing,
    ticked_at: Option<UtcMicros>,
    sample_at: UtcMicros,
}

/// What is to be said of a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Its state.
    pub period: Period,
    /// Messages that are usual in the hour until now; `None`: not known yet.
    pub usual_1h: Option<f64>,
    /// Its quiet branches.
    pub quiet: Vec<Quiet>,
    /// Its fields that changed.
    pub drift: Vec<Drift>,
}

/// What is wrong with a feed: an item of its `reasons`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeedReason {
    /// What it is: [`Code::Silent`], [`Code::Rejected`] or [`Code::SchemaDrift`].
    pub code: Code,
    /// Since when it is so.
    pub since: UtcMicros,
    /// Of rejections the share of the last hour's messages, of a field that changed its path.
    pub value: Option<Value>,
    /// Of rejections the share at which it begins to count.
    pub limit: Option<f64>,
    /// What happened to the field.
    pub change: Option<FieldChange>,
    /// The type of its values, as JSON names it; of a changed one the former and the new one.
    pub types: Option<String>,
    /// Which share of messages has the field, or had it before.
    pub share: Option<f64>,
}

impl Report {
    /// What is wrong with the feed as a whole.
    pub fn reasons(&self, evidence: &Evidence) -> Vec<FeedReason> {
        let plain = |code| FeedReason {
            code,
            since: self.period.since,
            value: None,
            limit: None,
            change: None,
            types: None,
            share: None,
        };
        let of_state = match self.period.state {
            FeedState::Silent | FeedState::Disconnected => Some(plain(Code::Silent)),
            FeedState::Rejecting => Some(FeedReason {
                value: Some(evidence.rejected_share().into()),
                limit: Some(state::REJECTING),
                ..plain(Code::Rejected)
            }),
            FeedState::Ok | FeedState::Late | FeedState::Never => None,
        };
        let of_fields = self.drift.iter().map(|drift| FeedReason {
            since: drift.since,
            value: Some(drift.path.as_str().into()),
            change: Some(drift.change),
            types: Some(drift.types.clone()),
            share: Some((drift.share * 1_000.0).round() / 1_000.0),
            ..plain(Code::SchemaDrift)
        });
        of_state.into_iter().chain(of_fields).collect()
    }
}

/// The hour of the week on the town's clock.
pub fn week_hour(at: UtcMicros, tz: &TimeZone) -> WeekHour {
    let local = tz.to_datetime(at.timestamp());
    let weekday = local.weekday().to_monday_zero_offset().unsigned_abs();
    WeekHour { weekday, hour: local.hour().unsigned_abs() }
}

/// The longest silence that a feed's configuration promises, seconds: its sources' heartbeats, or the pause between
/// two polls. Where nothing is written the general heartbeat holds until it is known what is usual.
fn promise_s(feed: &Feed, is_learned: bool) -> Option<u32> {
    match (feed.every_s.filter(|_| feed.url.is_some()), feed.heartbeat_s) {
        (Some(every_s), _) => Some(every_s.saturating_mul(3).max(120)),
        (None, Some(heartbeat_s)) => Some(stale_after_s(heartbeat_s)),
        (None, None) => (!is_learned).then(|| stale_after_s(feed.heartbeat_s())),
    }
}

impl FeedHealth {
    /// Of a feed of which this was learned and stored, which was last heard then, and which was so.
    pub fn new(
        learned: Option<Value>,
        heard_at: Option<UtcMicros>,
        known: Option<Period>,
        now: UtcMicros,
    ) -> Self {
        let learned: Option<Learned> = learned.and_then(|stored| serde_json::from_value(stored).ok());
        let mut learned = learned.unwrap_or_default();
        if !learned.usual.has_shape_of(&Usual::of_weeks()) {
            learned.usual = Usual::of_weeks();
        }
        learned.branches = learned.branches.checked();
        learned.schema = learned.schema.checked();
        learned.last_message_at = learned.last_message_at.max(heard_at).map(|at| at.min(now));
        FeedHealth { learned, standing: Standing::new(known, now), ticked_at: None, sample_at: now }
    }

    /// What was learned, to be stored.
    ///
    /// # Errors
    /// None of it can be written as JSON, which does not happen.
    pub fn stored(&self) -> serde_json::Result<Value> {
        serde_json::to_value(&self.learned)
    }

    /// A message came, of this branch of the topics.
    pub fn message(&mut self, branch: Option<&str>, at: UtcMicros) {
        let learned = &mut self.learned;
        learned.last_message_at = Some(at);
        learned.missing = 0.0;
        learned.open.messages = learned.open.messages.saturating_add(1);
        if let Some(branch) = branch {
            learned.branches.message(branch, at);
        }
    }

    /// Whether the fields of a message of now are to be looked at, which is true for one in some seconds.
    pub fn wants_sample(&mut self, at: UtcMicros) -> bool {
        // A clock that was ahead is waited for no longer than usual.
        let is_due = at >= self.sample_at || self.sample_at > at.plus_s(SAMPLE_EVERY_S + SAMPLE_JITTER_S);
        if is_due {
            // Not in step with who publishes in rounds.
            let jitter_s = at.0.rem_euclid(1_000_003) % (SAMPLE_JITTER_S + 1);
            self.sample_at = at.plus_s(SAMPLE_EVERY_S + jitter_s);
        }
        is_due
    }

    /// Looks at the fields of a message of this kind.
    pub fn sample(&mut self, kind: &str, message: &Value, at: UtcMicros) {
        self.learned.schema.sample(kind, message, at);
    }

    /// How busy the feed is, against the usual; at most 1.
    fn busy(&self) -> f64 {
        let Learned { came, expected, .. } = self.learned;
        ((came + PRIOR) / (expected + PRIOR)).clamp(LEAST_BUSY, 1.0)
    }

    /// Judges the feed at `now`, some seconds after the last time. The new state, if it has changed.
    pub fn tick(&mut self, feed: &Feed, evidence: Evidence, tz: &TimeZone, now: UtcMicros) -> Option<Period> {
        let passed_s = self.ticked_at.replace(now).map_or(0.0, |at| now.seconds_since(at));
        let watched_s = if (0.0..=MOST_UNWATCHED_S).contains(&passed_s) { passed_s } else { 0.0 };
        self.close_hours(tz, now);
        let at = week_hour(now, tz);
        let is_connected = evidence.connected_since.is_some();
        let busy = self.busy();
        let learned = &mut self.learned;
        if is_connected {
            learned.open.watched_s += watched_s;
            learned.missing += learned.usual.per_h(at).unwrap_or(0.0) * busy * watched_s / 3_600.0;
        }
        let is_learned = learned.usual.is_known();
        let limit = most_missing(learned.usual.mean_per_h());
        let evidence = Evidence {
            last_message_at: learned.last_message_at,
            missing: is_learned.then_some((learned.missing, limit)),
            promise_s: promise_s(feed, is_learned),
            ..evidence
        };
        let changed = self.standing.follow(&evidence, now);
        let state = self.standing.period().state;
        if !matches!(state, FeedState::Silent | FeedState::Disconnected | FeedState::Never) {
            self.learned.branches.pass(at, busy * watched_s / 3_600.0);
        }
        changed
    }

    /// Learns from the hour that was under way, if it is over.
    fn close_hours(&mut self, tz: &TimeZone, now: UtcMicros) {
        let hour = now.0.div_euclid(3_600_000_000);
        let learned = &mut self.learned;
        if learned.open.hour == hour {
            return;
        }
        let open = std::mem::replace(&mut learned.open, OpenHour { hour, ..OpenHour::default() });
        let began = UtcMicros(open.hour.saturating_mul(3_600_000_000));
        let share = open.watched_s / 3_600.0;
        let share = (share >= LEAST_WATCHED && began < now).then_some(share.min(1.0));
        let at = week_hour(began, tz);
        if let Some(share) = share {
            let messages = f64::from(open.messages) / share;
            if open.messages > 0
                && let Some(usual) = learned.usual.per_h(at)
            {
                learned.came = learned.came * FADES + messages;
                learned.expected = learned.expected * FADES + usual;
            }
            // Nights are quiet; what is quiet for a day is out of order.
            if learned.last_message_at.is_some_and(|last| now < last.plus_s(LEARNED_S)) {
                learned.usual.learn(at, messages.round() as u32);
            }
        }
        learned.branches.close_hour(at, share, now);
        learned.schema.forget(now);
    }

    /// What is to be said of the feed at `now`.
    pub fn report(&self, tz: &TimeZone, now: UtcMicros) -> Report {
        let per_h = |at: UtcMicros| self.learned.usual.per_h(week_hour(at, tz));
        let of_this = now.0.rem_euclid(3_600_000_000) as f64 / 3.6e9;
        let usual_1h = per_h(now).zip(per_h(now.plus_s(-3_600)));
        Report {
            period: self.standing.period(),
            usual_1h: usual_1h.map(|(this, before)| this * of_this + before * (1.0 - of_this)),
            quiet: self.learned.branches.quiet(),
            drift: self.learned.schema.drift(now),
        }
    }
}

#[cfg(test)]
mod tests;
