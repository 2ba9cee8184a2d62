use super::*;
use crate::feed::FeedFormat;
use crate::mistake::{Expected, Quoted, Remedy, Reported, Subject, Topics};
use crate::time::UtcMicros;

fn q(text: &str) -> Quoted {
    text.into()
}

/// Every mistake with its English sentence, which programs may have stored.
fn all() -> Vec<(Mistake, &'static str)> {
    use Mistake as M;
    let at = UtcMicros::parse("2026-11-28T12:00:00Z").unwrap();
    vec![
        (M::Missing(None), "it is missing"),
        (M::Missing(Some(Expected::Text)), "it is missing; a text is expected"),
        (M::IsNot(q("\"x\""), Expected::Whole), "\"x\" is not a whole number"),
        (M::IsNot(q("{}"), Expected::Number), "an object ({}) is not a number"),
        (M::IsNot(q("[1]"), Expected::Flag), "a list ([1]) is not true or false"),
        (M::WholeIsNot(q("[1]"), Expected::Door), "[1] is not an object of door, in and out"),
        (M::Instead(q("[]"), Expected::OneObject), "a list ([]) where one object is expected"),
        (M::Instead(q("\"a\""), Expected::Object), "the text \"a\" where an object is expected"),
        (M::NoJson(1, 2), "it cannot be read as JSON, line 1, column 2"),
        (M::BreaksOff(9), "the JSON breaks off after 9 bytes"),
        (M::DecimalComma, "a comma stands in the number"),
        (M::SecondObject, "a second JSON object follows the first"),
        (M::Follows(q("}")), "'}' follows the JSON"),
        (M::NoComma(q("b")), "'b' where a comma or the end is expected"),
        (M::NoName(q("b")), "'b' where a field's name is expected"),
        (M::NoColon(q("b")), "'b' where a colon is expected"),
        (M::TypographicQuotes, "typographic quotation marks"),
        (M::SingleQuotes, "it stands in single quotation marks"),
        (M::NoValue(q("nan")), "nan is no JSON value"),
        (M::NothingThere, "no value stands there"),
        (M::NoNumber(q("05")), "05 is no number as JSON writes them"),
        (M::Unquoted(q("full")), "'full' stands there without quotation marks"),
        (M::Nul, "a NUL byte stands in the text"),
        (M::Control, "a line break or control character stands in the text"),
        (M::NoEscape('d'), "\\d is no escape of JSON"),
        (M::TrailingComma, "a comma stands before the end"),
        (M::Empty, "it is empty"),
        (M::EmptyFrame(2), "it is empty, on port 2"),
        (M::Utf16, "its byte order mark says UTF-16"),
        (M::Gzip, "it is compressed (gzip)"),
        (M::Markup, "it is XML or HTML, JSON is expected"),
        (M::Binary(3, "00 01".into()), "3 bytes that are no text (00 01 ...), JSON is expected"),
        (M::Unreadable, "it cannot be read"),
        (M::TooLarge(Some(9), 8), "9 bytes; this feed may send 8"),
        (M::TooLarge(None, 8), "more than 8 bytes; this feed may send 8"),
        (M::TooLargeForFormat(9, 8), "9 bytes; a feed of this format may send 8"),
        (
            M::NoTopic(q("x"), Topics::Native(q("f"))),
            "'x' is not kv/1/f/ followed by bay/ID, site/ID, vehicle/ID, passengers/ID or batch",
        ),
        (
            M::NoTopic(q("x"), Topics::Hfp(q("vp, due"))),
            "'x' is not /hfp/v2/(journey|deadrun|signoff)/(ongoing|upcoming)/EVENT/MODE/OPERATOR/VEHICLE with an EVENT of vp, due",
        ),
        (M::NoFeed(q("x"), FeedFormat::Native), "'x' matches no feed of format \"native\" in feeds.toml"),
        (M::History, "a feed of history receives nothing"),
        (M::NotKept, "the file is not kept: it names single vehicles"),
        (M::OnlyOne, "only one of them may be given"),
        (M::OneNeeded, "one of them is needed"),
        (M::OnlyTogether, "they are only given together"),
        (M::NothingElse, "of a wrong type or value, and nothing else is given"),
        (M::NotOnEarth(95.5, 7.0), "95.5, 7 is not a place on the earth"),
        (M::NoFix, "0, 0 is a receiver without a fix"),
        (M::OutsideArea(51.25, 7.0), "51.25, 7 lies outside the feed's area"),
        (M::EventMissing(q("vp")), "a message on a topic of the event 'vp' must be an object with this key"),
        (M::NoDoor, "an element is not an object of door and count"),
        (M::SpotAndSite, "one is a spot's, the other a site's"),
        (M::NoFeedMessage(None), "it breaks off; a GTFS-Realtime FeedMessage is expected"),
        (M::Library("bad key".into()), "bad key"),
        (M::TooManyStops(9, 8), "9 of one trip; at most 8 are believed"),
        (M::TooManyEntities(9, 8), "9 of them, the first 8 are read"),
        (M::NamelessTrip, "it has neither trip_id nor route_id with start_time"),
        (M::TooManyOfAlert(9, 8), "9 of one alert; at most 8 are believed"),
        (M::SilentAlert, "neither header_text nor description_text says anything"),
        (M::NoPeriod, "no period can be right: each ends before it begins, or begins after 2100"),
        (M::SecondAlert, "an alert before it has the same id"),
        (M::TooManyAlerts(8), "more than 8 alerts; this one is not taken in"),
        (M::OtherDevice(q("a"), q("b")), "'a' is not 'b', the device that the topic names"),
        (M::NoDevEui(q("a")), "'a' does not have 16 hexadecimal digits"),
        (M::DevEuiMissing(q("a")), "it is missing, and 'a' is not named after it"),
        (M::UplinkMissing, "it is missing from a message on an up topic"),
        (M::ChirpstackV3, "this is a message of ChirpStack v3, v4 is read"),
        (M::Contradiction(q("a, b")), "its fields a, b contradict each other"),
        (M::NoState(q("a")), "none of its fields says whether the bay is occupied (a)"),
        (M::NoCodecObject, "it is no object"),
        (M::ForeignPort(7, Decoder::BoschTps110), "7 is not one of a Bosch TPS110 (1 to 6)"),
        (M::ForeignPayload(5, 1, Decoder::Libelium), "5 bytes; a Libelium Smart Parking sends 11"),
        (
            M::ForeignPayload(23, 3, Decoder::DingtekDo200),
            "23 bytes; a Dingtek DO200 reports in 21; set the other model's decoder in sensors.csv",
        ),
        (
            M::ForeignPayload(2, 1, Decoder::TekziPark),
            "2 bytes on port 1; a Tekzitel TekziPark sends 3 or more there",
        ),
        (M::NoPosition(1.0, 200.0), "1.00000, 200.00000 is no position; is it of another device?"),
        (
            M::NoThreshold(9),
            "9 mm were measured, and this sensor's binding does not say below which distance the bay is occupied; set \
             threshold_mm in sensors.csv",
        ),
        (M::UnknownSensor(q("a"), "f".into()), "'a' is not known to feed 'f'"),
        (M::Unbound("a".into(), at), "'a' was not bound to a place at 2026-11-28T12:00:00Z"),
        (
            M::OtherTarget("a".into(), Reported::Passages, Subject::Bay),
            "'a' reports who passes in a lane, and is bound to a bay",
        ),
        (M::PlaceGone, "the sensor's place is gone"),
        (M::UnknownPlace(Subject::Vehicle, q("a")), "'a' is not in vehicles.csv"),
        (M::NotOfTown(q("a"), "town".into()), "'a' is not a place of town, this feed's municipality"),
        (M::NoTrip, "the message says nothing of its trip"),
        (M::Unfitting(Subject::Site), "the message does not fit what it is about, a site"),
        (
            M::ClockAhead(at, 900, 300),
            "2026-11-28T12:00:00Z is 900 s ahead of our clock (300 s are tolerated)",
        ),
        (M::TooOld(at, 60), "2026-11-28T12:00:00Z is older than this feed's max_age of 60 s"),
        (M::UsuallyTooOld(at, 60), "2026-11-28T12:00:00Z is older than a feed's usual max_age of 60 s"),
        (M::CapacityAbove(9, 8), "9 is more than 110 % of the 8 in sites.geojson"),
        (M::OccupiedAbove(9, 8), "9 is more than 110 % of the capacity of 8"),
        (M::VacantAbove(9, 8), "9 is more than the capacity of 8"),
        (M::OnBoardAbove(9, 8), "9 is more than this vehicle can hold (8 are believed)"),
        (M::ThroughDoor(250), "more than 250 people went through one at one stop"),
        (M::FirstHolds(q("a")), "'a' is given more than once, the first holds"),
        (M::LatestHolds(q("a")), "'a' is given more than once, the latest holds"),
        (M::OtherVersion("2.3".into()), "GBFS 2.3 does not write it so; it is read all the same"),
        (M::NotDefined(q("a"), "vehicle_types"), "'a' is not in vehicle_types"),
        (
            M::Panicked,
            "the program failed at this message; please report it, and replay it with a version that holds",
        ),
        (M::Refused("no".into()), "no; replay it once a version that stores it is installed"),
    ]
}

/// No sentence of the other language, and no umlaut that is written in two letters.
fn assert_german(text: &str) {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphabetic()).collect();
    for english in ["the", "is", "it", "of", "and", "not", "expected", "with", "write", "send", "to"] {
        assert!(!words.contains(&english), "'{english}' in: {text}");
    }
    for wrong in ["fuer", "ueber", "aender", "groess", "moeg", "zurueck", "waehl", "koenn", "muess", "loesch"]
    {
        assert!(!lower.contains(wrong), "'{wrong}' in: {text}");
    }
}

#[test]
fn every_mistake_has_the_english_sentence_that_it_always_had_and_a_german_one() {
    for (mistake, english) in all() {
        let detail = Detail { element: None, at: Spot::Message, mistake: mistake.clone() };
        assert_eq!(detail.to_string(), english, "{mistake:?}");
        let german = detail.sentence(Lang::De);
        assert_ne!(german, english);
        assert_german(&german);
    }
    for decoder in Decoder::ALL {
        for mistake in [Mistake::ForeignPort(200, *decoder), Mistake::ForeignPayload(4, 200, *decoder)] {
            assert_german(&mistake.sentence(Lang::De));
            assert_ne!(mistake.sentence(Lang::De), mistake.sentence(Lang::En));
        }
    }
}

#[test]
fn every_value_that_is_expected_has_words() {
    let all = [
        Expected::OneOf("a, b".into()),
        Expected::Word,
        Expected::Text,
        Expected::Flag,
        Expected::Number,
        Expected::Whole,
        Expected::Whole64,
        Expected::Between(-3.5, 1e9),
        Expected::Object,
        Expected::OneObject,
        Expected::Door,
        Expected::List,
        Expected::Places,
        Expected::Instant,
        Expected::Day,
        Expected::Id,
        Expected::IdText,
        Expected::IdOfLength,
        Expected::CleanId,
        Expected::PlaceId,
        Expected::Base64,
        Expected::FrameOf(255),
        Expected::FeedMessage,
        Expected::OnlyValue,
        Expected::Polygon,
        Expected::WebAddress,
    ];
    for expected in all {
        let (de, en) = (expected.words(Lang::De), expected.words(Lang::En));
        assert_ne!(de, en);
        assert_german(&de);
    }
    assert_eq!(Expected::Between(-86_400.0, 86_400.0).words(Lang::En), "between -86400 and 86400");
}

#[test]
fn a_detail_names_its_element_and_field_and_is_bounded() {
    let of = |at: Spot| Detail { element: Some(3), at, mistake: Mistake::Empty };
    assert_eq!(of("state".into()).to_string(), "element 3: state: it is empty");
    assert_eq!(of(Spot::Payload).to_string(), "element 3: payload: it is empty");
    assert_eq!(of(Spot::Payload).sentence(Lang::De), "Element 3: Nutzdaten: leer");
    assert_eq!(of(Spot::Codec).to_string(), "element 3: object of the server's codec: it is empty");
    let long = Mistake::Follows("ä".repeat(5_000).into());
    for lang in Lang::ALL {
        let detail = Detail { element: None, at: "k".repeat(5_000).into(), mistake: long.clone() };
        assert!(detail.sentence(*lang).len() <= MAX_DETAIL_BYTES);
    }
    let quoted = Detail { element: None, at: Spot::Message, mistake: long };
    let whole = format!("'{}' follows the JSON", "ä".repeat(5_000));
    assert_eq!(quoted.to_string(), whole[..whole.floor_char_boundary(MAX_DETAIL_BYTES)]);
}

#[test]
fn what_a_library_says_is_quoted() {
    let said = Mistake::Library("unexpected end of group tag".into());
    assert_eq!(said.sentence(Lang::De), "im Wortlaut der Bibliothek: „unexpected end of group tag“");
}

#[test]
fn remedies_are_sentences_in_both_languages() {
    let at = UtcMicros::parse("2026-11-28T12:00:00Z").unwrap();
    let unix = Remedy::UnixSeconds(at);
    assert_eq!(
        unix.sentence(Lang::En),
        "These are Unix seconds: write the time out, \"2026-11-28T12:00:00Z\"."
    );
    assert_german(&unix.sentence(Lang::De));
    assert_eq!(Remedy::NoLastComma.sentence(Lang::De), "Das letzte Komma weglassen.");
}
