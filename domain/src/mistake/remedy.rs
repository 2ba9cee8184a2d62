//! What to do about what is wrong with a message.

use crate::time::UtcMicros;

/// What to do, where more is known than what the reason says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Of an alert without text.
    NameAlert,
    /// Of periods that cannot be.
    PeriodInSeconds,
    /// Of an id that is used twice.
    OwnId,
    /// Of an alert that is about too much.
    NameLines,
    /// Of a list where one object is expected.
    SendEach,
    /// Of a text that contains the JSON.
    SendTheJson,
    /// Of what is no object.
    SendAnObject,
    /// Of an object where a list is expected.
    SendAList,
    /// Of JSON with a mistake that is not known.
    Validate,
    /// Of what breaks off.
    SendWhole,
    /// Of a decimal comma in JSON.
    DecimalPoint,
    /// Of a second object.
    OneObjectEach,
    /// Of what follows the JSON.
    NothingElse,
    /// Of a name without quotation marks.
    QuoteNames,
    /// Of a name without a colon.
    Colon,
    /// Of typographic quotation marks.
    PlainQuotes,
    /// Of single quotation marks.
    DoubleQuotes,
    /// Of NaN and infinity.
    NoNan,
    /// Of `True`, `None`, `undefined`.
    SmallLetters,
    /// Of a missing value.
    WriteNull,
    /// Of a number that is not written as JSON writes them.
    PlainNumber,
    /// Of a text without quotation marks.
    QuoteTexts,
    /// Of a control character.
    Escape,
    /// Of a single backslash.
    Backslash,
    /// Of a comma before the end.
    NoLastComma,
    /// Of a number that is too large.
    SmallerNumber,
    /// Of a fraction.
    NoFraction,
    /// Of an empty text.
    LeaveOut,
    /// Of a number in quotation marks.
    UnquoteNumber,
    /// Of a decimal comma in a text.
    PointUnquoted,
    /// Of the text NaN.
    NoNumber,
    /// Of a number with a unit, or in words.
    Digits,
    /// Of a number where a word is expected.
    QuoteWord,
    /// Of a number where a text is expected.
    QuoteIt,
    /// Of seconds since 1970, which are this.
    UnixSeconds(UtcMicros),
    /// Of milliseconds since 1970, which are this.
    UnixMilliseconds(UtcMicros),
    /// Of a local time.
    Offset,
    /// Of an empty message.
    SendPayload,
    /// Of UTF-16.
    Utf8,
    /// Of compressed JSON.
    Unpack,
    /// Of XML or HTML.
    SendJson,
    /// Of bytes.
    NoBinary,
    /// Of ChirpStack's protobuf over MQTT.
    ChirpstackJson,
    /// Of ChirpStack's protobuf over HTTP.
    ChirpstackEncoding,
    /// Of an impossible position.
    Swapped,
    /// Of a topic that begins with a slash.
    LeadingSlash,
    /// Of a flag where a bay's state is expected.
    StateNotFlag,
    /// Of another word where a bay's state is expected.
    StateWord,
    /// Of several counts in one message.
    OneCountEach,
    /// Of a site or spot without an id.
    SendUid,
    /// Of a spot's and a site's fields in one element.
    SitesAndSpots,
    /// Of JSON where protobuf is expected.
    ProtobufNotJson,
    /// Of a web page.
    WebPage,
    /// Of what is no `FeedMessage`.
    WholeFeedMessage,
    /// Of too many stops.
    OneRun,
    /// Of too many entities.
    SplitFeed,
    /// Of a trip without a name.
    NameTrip,
    /// Of a message of ChirpStack v3.
    UpdateChirpstack,
    /// Of a message about another device than its topic's.
    OwnTopic,
    /// Of a codec that says nothing of the bay.
    CodecOccupied,
    /// Of a device of The Things Stack without a DevEUI.
    EnterDevEui,
    /// Of an empty payload.
    PayloadKeptBack,
    /// Of a device that reports something else than what it is bound to.
    BindElsewhere,
    /// Of too many people on board.
    SignOfNumber,
    /// Of a topic that no feed matches.
    NobodyReceives,
    /// Of an element that stands there again.
    EachIdOnce,
    /// Of a field of another version of GBFS.
    FieldsOfVersion,
    /// Of an id that another file does not have.
    SameIds,
    /// Of what is too much.
    Fewer,
    /// Of a clock that is ahead.
    SetClock,
    /// Of counts above the capacity.
    CheckCapacity,
}
