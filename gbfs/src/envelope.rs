//! What all files of GBFS have in common: version, time, how long they hold, and `data`.

use std::borrow::Cow;

use domain::feed::{MAX_AHEAD_S, is_ahead};
use domain::mistake::{Expected, Mistake, Remedy};
use domain::{Reason, UtcMicros};
use serde_json::Value;

use crate::fault::{Effect, Fault, Faults};
use crate::json::{self, Context, Element};
use crate::version::{Raw, Version};
use crate::{FileKind, Options};

/// A file says that it holds for a week at most: beyond, `ttl` is milliseconds or nonsense.
const MAX_TTL_S: i64 = 7 * 86_400;

/// A file that was opened.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub version: Version,
    /// When the operator knew what is in it: at the receipt where it does not say, or its clock is ahead.
    pub updated_at: UtcMicros,
    /// For how long it holds, seconds.
    pub ttl_s: Option<u32>,
    pub data: Raw<'a>,
}

/// The text of a file. Bytes that are no UTF-8 become U+FFFD: they cost the name that they stand in, not the file.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

impl<'a> Envelope<'a> {
    /// Opens a file; `None`: it is none, and `faults` say why.
    pub fn open(file: FileKind, text: &'a str, options: &Options, faults: &mut Faults) -> Option<Self> {
        let mut refuse = |path: &str, mistake, remedy: Option<Remedy>| {
            faults.push(Fault { remedy, ..Fault::new(file, path, Effect::File, Reason::Malformed, mistake) });
        };
        let fields: Raw<'a> = match serde_json::from_str(text) {
            Ok(fields) => fields,
            Err(error) => {
                let (mistake, remedy) = json::unreadable(text, &error);
                refuse("", mistake, remedy);
                return None;
            }
        };
        let Some(data) = fields.get("data") else {
            refuse("data", Mistake::Missing(Some(Expected::Object)), None);
            return None;
        };
        let Ok(data) = serde_json::from_str::<Raw<'a>>(data.get()) else {
            refuse("data", Mistake::IsNot(json::shown_raw(data.get()), Expected::Object), None);
            return None;
        };
        let head = ["version", "last_updated", "ttl"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), serde_json::from_str(fields.get(name)?.get()).ok()?)));
        let head: serde_json::Map<String, Value> = head.collect();
        let head = Element { map: &head, path: String::new() };
        let mut ctx = Context { file, version: Version::FIRST, now: options.now, faults };
        let stated = head.optional(&mut ctx, "version", json::text);
        ctx.version = match stated.as_deref().map(|text| (text, Version::parse(text))) {
            None => Version::FIRST,
            Some((_, Some(version))) => version,
            Some((text, None)) => {
                let known = Expected::OneOf("1.1, 2.0, 2.1, 2.2, 2.3, 3.0".to_owned());
                let mistake = Mistake::IsNot(text.into(), known);
                ctx.fault("version", Effect::Field, Reason::Malformed, mistake, None);
                Version::FIRST
            }
        };
        let ttl_s =
            head.optional(&mut ctx, "ttl", |value, version| json::whole_in(value, version, 0..=MAX_TTL_S));
        let stated = head.optional(&mut ctx, "last_updated", json::instant);
        let updated_at =
            stated.map_or(options.now, |at| ctx.not_ahead("last_updated", at).unwrap_or(options.now));
        let ttl_s = ttl_s.and_then(|ttl| u32::try_from(ttl).ok());
        Some(Envelope { version: ctx.version, updated_at, ttl_s, data })
    }
}

impl Context<'_> {
    /// `at`, unless it is ahead of our clock: that is a fault.
    pub fn not_ahead(&mut self, path: &str, at: UtcMicros) -> Option<UtcMicros> {
        if !is_ahead(at, self.now) {
            return Some(at);
        }
        let mistake = Mistake::ClockAhead(at, at.age_s(self.now), MAX_AHEAD_S);
        self.fault(path, Effect::Field, Reason::ClockAhead, mistake, Some(Remedy::SetClock));
        None
    }
}
