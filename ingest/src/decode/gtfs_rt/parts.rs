//! The outermost message, part by part. A list of its entities is never made: two bytes are enough for an empty
//! one, and what stands for it in memory is many times as large.

use domain::Reason;
use domain::mistake::{Mistake, Remedy};
use prost::Message;
use prost::bytes::Buf;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::proto::FeedHeader;
use crate::decode::Fault;

/// Entities of one message that are read. The largest feeds, of whole countries, have a third of it.
pub const MAX_ENTITIES: usize = 200_000;

/// Stops of one trip update that are read: several times those of the longest line.
pub const MAX_STOPS: usize = 1_000;

const HEADER: u32 = 1;
const ENTITY: u32 = 2;
const TRIP_UPDATE: u32 = 3;
const STOP_TIME_UPDATE: u32 = 2;
const ALERT: u32 = 5;
const ACTIVE_PERIOD: u32 = 1;
const INFORMED_ENTITY: u32 = 5;
/// `url`, `header_text`, `description_text`.
const TEXTS: [u32; 3] = [8, 10, 11];
const TRANSLATION: u32 = 1;

/// What the library says is wrong; `None`: the bytes break off.
type Unread = Option<String>;

fn said(error: prost::DecodeError) -> Unread {
    Some(error.to_string())
}

/// The fields of a message that hold bytes, by their number; others are passed over.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn next_part(&mut self) -> Result<Option<(u32, &'a [u8])>, Unread> {
        let rest = &mut self.0;
        while rest.has_remaining() {
            let (tag, wire_type) = decode_key(rest).map_err(said)?;
            if wire_type != WireType::LengthDelimited {
                skip_field(wire_type, tag, rest, DecodeContext::default()).map_err(said)?;
                continue;
            }
            let length = decode_varint(rest).map_err(said)?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let part;
            (part, *rest) = rest.split_at_checked(length).ok_or(None)?;
            return Ok(Some((tag, part)));
        }
        Ok(None)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u32, &'a [u8]), Unread>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.next_part();
        if part.is_err() {
            self.0 = &[];
        }
        part.transpose()
    }
}

/// A feed message whose outermost level is sound.
#[derive(Debug)]
pub struct Feed<'a> {
    pub header: Option<FeedHeader>,
    /// How many entities it has, read or not.
    pub entities: usize,
    bytes: &'a [u8],
}

impl<'a> Feed<'a> {
    /// Reads the outermost level, from one end to the other.
    ///
    /// # Errors
    /// The bytes are no `FeedMessage`.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Unread> {
        let (mut header, mut entities) = (None::<FeedHeader>, 0);
        for part in Parts(bytes) {
            match part? {
                (HEADER, part) => {
                    header.get_or_insert_default().merge(part).map_err(said)?;
                }
                (ENTITY, _) => entities += 1,
                _ => {}
            }
        }
        Ok(Feed { header, entities, bytes })
    }

    /// The first [`MAX_ENTITIES`] of them, undecoded: a broken one costs no other.
    pub fn entities(&self) -> impl Iterator<Item = &'a [u8]> {
        let parts = Parts(self.bytes).filter_map(Result::ok).filter(|(tag, _)| *tag == ENTITY);
        parts.map(|(_, entity)| entity).take(MAX_ENTITIES)
    }

    /// The fault where there are more than are read.
    pub fn excess(&self) -> Option<Fault> {
        (self.entities > MAX_ENTITIES).then(|| {
            let mistake = Mistake::TooManyEntities(self.entities, MAX_ENTITIES);
            Fault::new(Reason::TooLarge, "entity", mistake).remedy(Remedy::SplitFeed)
        })
    }
}

/// Parts of one alert that are read, of each kind: some ten times the stops of a county.
pub const MAX_SELECTORS: usize = 20_000;
/// See [`MAX_SELECTORS`]: every night of three years.
pub const MAX_PERIODS: usize = 1_000;
/// See [`MAX_SELECTORS`]: more languages than a country has.
pub const MAX_TRANSLATIONS: usize = 50;

/// What the alert of `entity` has too much of: the field, how many, and how many are read. Counted before anything is
/// decoded: an empty part has two bytes, and many times as many in memory.
pub fn alert_excess(entity: &[u8]) -> Option<(&'static str, usize, usize)> {
    let within =
        |bytes, wanted: u32| Parts(bytes).map_while(Result::ok).filter(move |(tag, _)| *tag == wanted);
    let of = |tag: u32| within(entity, ALERT).map(|(_, alert)| within(alert, tag).count()).sum::<usize>();
    let translations = |tag: u32| {
        let texts = within(entity, ALERT).flat_map(|(_, alert)| within(alert, tag));
        texts.map(|(_, text)| within(text, TRANSLATION).count()).sum::<usize>()
    };
    let counts = [
        ("informed_entity", of(INFORMED_ENTITY), MAX_SELECTORS),
        ("active_period", of(ACTIVE_PERIOD), MAX_PERIODS),
        ("translation", TEXTS.map(translations).into_iter().max().unwrap_or_default(), MAX_TRANSLATIONS),
    ];
    counts.into_iter().find(|(_, count, most)| count > most)
}

/// Stops in the trip update of `entity`; of what cannot be read, up to there.
pub fn stops_in(entity: &[u8]) -> usize {
    let within = |bytes, wanted| Parts(bytes).map_while(Result::ok).filter(move |(tag, _)| *tag == wanted);
    within(entity, TRIP_UPDATE).map(|(_, update)| within(update, STOP_TIME_UPDATE).count()).sum()
}
