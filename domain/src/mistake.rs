//! What is wrong with a message, and what to do about it, as data: the sentences are in [`crate::words`].

mod remedy;

use std::fmt;
use std::ops::Deref;

use crate::feed::FeedFormat;
use crate::lang::Lang;
use crate::place::wire_enum;
use crate::sensor::{Decoder, Target};
use crate::time::UtcMicros;

pub use remedy::Remedy;

/// A detail quotes what the sender wrote, which may be as long as the message.
pub const MAX_DETAIL_BYTES: usize = 1_000;

/// Which element and field, and what is wrong there. Shown as its English sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Detail {
    /// The element of a list, counted from 1; `None`: the message is no list, or it is about all of it.
    pub element: Option<usize>,
    /// Where in it.
    pub at: Spot,
    /// What is wrong there.
    pub mistake: Mistake,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Lang::En))
    }
}

/// What a detail is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// The message; the sentence names no field.
    Message,
    /// The bytes of the message or of the device, before they are anything else.
    Payload,
    /// The object that the network server's own codec made of the device's bytes.
    Codec,
    /// A field, or several, as the format names them.
    Field(Quoted),
}

impl<T: AsRef<str>> From<T> for Spot {
    fn from(field: T) -> Self {
        Spot::Field(field.into())
    }
}

/// What a sender wrote, of which no more is kept than a detail shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted(String);

impl<T: AsRef<str>> From<T> for Quoted {
    fn from(text: T) -> Self {
        let text = text.as_ref();
        Quoted(text[..text.ceil_char_boundary(MAX_DETAIL_BYTES)].to_owned())
    }
}

impl Deref for Quoted {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Quoted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

wire_enum! {
    /// What a statement is about.
    Subject {
        /// A bay.
        Bay = "bay",
        /// A site.
        Site = "site",
        /// A vehicle.
        Vehicle = "vehicle",
    }
}

impl From<Target> for Subject {
    fn from(target: Target) -> Self {
        match target {
            Target::Bay(_) => Subject::Bay,
            Target::Site(_) => Subject::Site,
            Target::Vehicle(_) => Subject::Vehicle,
        }
    }
}

wire_enum! {
    /// What a device reports beside what it says of itself.
    Reported {
        /// Whether a bay is occupied.
        State = "state",
        /// Who passes in a lane.
        Passages = "passages",
        /// Where a vehicle is.
        Position = "position",
    }
}

/// The topics of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// Of the native feed of this id.
    Native(Quoted),
    /// Of HFP, with these events.
    Hfp(Quoted),
    /// Of a network server, as a pattern.
    Server(Quoted),
}

/// What a value should be.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// One of these words.
    OneOf(String),
    /// A word.
    Word,
    /// A text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// A whole number of 64 bits.
    Whole64,
    /// A number between these two.
    Between(f64, f64),
    /// An object.
    Object,
    /// The message's only object.
    OneObject,
    /// An object of door, in and out.
    Door,
    /// A list.
    List,
    /// A list of sites and spots.
    Places,
    /// An instant, RFC 3339.
    Instant,
    /// A day, as GTFS writes it.
    Day,
    /// An id, whatever its type.
    Id,
    /// An id that is a text of 1 to 128 characters.
    IdText,
    /// An id of 1 to 128 characters.
    IdOfLength,
    /// An id of 1 to 128 characters, none of them a control character.
    CleanId,
    /// The id of a site or bay.
    PlaceId,
    /// Bytes in base64.
    Base64,
    /// Not more bytes than these.
    FrameOf(usize),
    /// A message of GTFS-Realtime.
    FeedMessage,
    /// Another value than the one that the same field has elsewhere in the object.
    OnlyValue,
    /// A GeoJSON polygon or multipolygon.
    Polygon,
    /// A web address.
    WebAddress,
}

/// What is wrong. A mistake that has no sentence in each language does not compile.
#[derive(Debug, Clone, PartialEq)]
pub enum Mistake {
    /// The field is missing.
    Missing(Option<Expected>),
    /// The value, as JSON and shortened, is not what it should be.
    IsNot(Quoted, Expected),
    /// The same of a whole value.
    WholeIsNot(Quoted, Expected),
    /// The value stands where this is expected.
    Instead(Quoted, Expected),
    /// The parser stops at this line and column, and nothing more is known.
    NoJson(usize, usize),
    /// The JSON breaks off after so many bytes.
    BreaksOff(usize),
    /// A comma stands for the decimal point.
    DecimalComma,
    /// A second JSON object follows the first.
    SecondObject,
    /// This follows the JSON.
    Follows(Quoted),
    /// This stands where a comma or the end is expected.
    NoComma(Quoted),
    /// This stands where a field's name is expected.
    NoName(Quoted),
    /// This stands where a colon is expected.
    NoColon(Quoted),
    /// The quotation marks are typographic ones.
    TypographicQuotes,
    /// It stands in single quotation marks.
    SingleQuotes,
    /// This is no JSON value.
    NoValue(Quoted),
    /// Nothing stands where a value must stand.
    NothingThere,
    /// This is no number as JSON writes them.
    NoNumber(Quoted),
    /// This stands there without quotation marks.
    Unquoted(Quoted),
    /// A NUL byte stands in a text.
    Nul,
    /// A line break or control character stands in a text.
    Control,
    /// This is no escape.
    NoEscape(char),
    /// A comma stands before the end.
    TrailingComma,
    /// Nothing was sent.
    Empty,
    /// The payload of the device is empty, on this port.
    EmptyFrame(i32),
    /// UTF-16.
    Utf16,
    /// Compressed.
    Gzip,
    /// XML or HTML.
    Markup,
    /// So many bytes that are no text, which begin so.
    Binary(usize, String),
    /// It cannot be read, and nothing more is known.
    Unreadable,
    /// So many bytes (`None`: more than may be) where so many may be sent by this feed.
    TooLarge(Option<usize>, usize),
    /// The same of any feed of the format.
    TooLargeForFormat(usize, usize),
    /// The topic is none of these.
    NoTopic(Quoted, Topics),
    /// The topic matches no feed of this format.
    NoFeed(Quoted, FeedFormat),
    /// A feed of history receives nothing.
    History,
    /// A feed of shared vehicles is fetched, and what is at fault of a file is not kept.
    NotKept,
    /// Several fields of which one excludes the others.
    OnlyOne,
    /// None of several fields of which one is needed.
    OneNeeded,
    /// One of two fields that are given together only.
    OnlyTogether,
    /// Fields of a wrong type or value, and nothing else is given.
    NothingElse,
    /// Latitude and longitude are no place on the earth.
    NotOnEarth(f64, f64),
    /// The position is that of a receiver without a fix.
    NoFix,
    /// The position lies outside of the feed's area.
    OutsideArea(f64, f64),
    /// A message on a topic of this event must have the field.
    EventMissing(Quoted),
    /// A door that is no object of door and count.
    NoDoor,
    /// One of the two fields is a spot's, the other a site's.
    SpotAndSite,
    /// No message of GTFS-Realtime, for this reason; `None`: it breaks off.
    NoFeedMessage(Option<String>),
    /// What a library says of it.
    Library(String),
    /// So many stops of one trip, of which so many are believed.
    TooManyStops(usize, usize),
    /// So many entities, of which so many are read.
    TooManyEntities(usize, usize),
    /// A trip that nothing names.
    NamelessTrip,
    /// So many parts of one alert, of which so many are believed.
    TooManyOfAlert(usize, usize),
    /// An alert without header and text.
    SilentAlert,
    /// An alert none of whose periods can be.
    NoPeriod,
    /// An alert with the id of one before it.
    SecondAlert,
    /// Alerts that were already read fill what is kept of one message.
    TooManyAlerts(usize),
    /// The message names this device, its topic that one.
    OtherDevice(Quoted, Quoted),
    /// This is no DevEUI.
    NoDevEui(Quoted),
    /// The DevEUI is missing, and the device of this id is not named after it.
    DevEuiMissing(Quoted),
    /// A message on an up topic lacks its uplink.
    UplinkMissing,
    /// A message of ChirpStack v3.
    ChirpstackV3,
    /// These fields of the codec's object contradict each other.
    Contradiction(Quoted),
    /// None of these fields of the codec's object says whether the bay is occupied.
    NoState(Quoted),
    /// The codec made no object.
    NoCodecObject,
    /// No port of the device that this decoder reads.
    ForeignPort(i32, Decoder),
    /// So many bytes on this port: nothing that this decoder reads.
    ForeignPayload(usize, i32, Decoder),
    /// Latitude and longitude, of a device's bytes, are no position.
    NoPosition(f64, f64),
    /// So many millimetres were measured, and nothing says below which distance the bay is occupied.
    NoThreshold(u16),
    /// The feed of this id does not know the device.
    UnknownSensor(Quoted, String),
    /// The sensor has no decoder.
    NoDecoder(String),
    /// The sensor was not bound to a place at that time.
    Unbound(String, UtcMicros),
    /// The sensor reports something else than what it is bound to.
    OtherTarget(String, Reported, Subject),
    /// The place of the sensor is gone.
    PlaceGone,
    /// There is no place of this kind and id.
    UnknownPlace(Subject, Quoted),
    /// The place is none of this town, which is the feed's.
    NotOfTown(Quoted, String),
    /// The message says nothing of its trip.
    NoTrip,
    /// The message does not fit what it is about.
    Unfitting(Subject),
    /// The clock is ahead by so much, of which so much is tolerated, seconds.
    ClockAhead(UtcMicros, i64, i64),
    /// Older than this feed's `max_age`, seconds.
    TooOld(UtcMicros, i64),
    /// Older than a feed's usual `max_age`, seconds.
    UsuallyTooOld(UtcMicros, i64),
    /// The stated capacity is too far above that of the files.
    CapacityAbove(i32, u32),
    /// More spaces are occupied than there are.
    OccupiedAbove(i32, i32),
    /// More spaces are vacant than there are.
    VacantAbove(i32, i32),
    /// More people than the vehicle can hold.
    OnBoardAbove(i32, i32),
    /// More people than these went through a door at one stop.
    ThroughDoor(i32),
    /// An element of this id stands there again, and the first of them holds.
    FirstHolds(Quoted),
    /// The same, and the latest of them holds.
    LatestHolds(Quoted),
    /// A field, or a form of a value, that this version of GBFS does not have.
    OtherVersion(String),
    /// Nothing of this id is in that file of the feed.
    NotDefined(Quoted, &'static str),
    /// The program failed at the message.
    Panicked,
    /// The database refuses it, for this reason.
    Refused(String),
}
