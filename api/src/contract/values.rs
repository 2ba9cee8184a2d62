//! Schemas of parameter values.

use serde_json::{Value, json};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// Decimal degrees, latitude first.
const POINT: &str = r"^-?([0-8]?[0-9](\.[0-9]{1,12})?|90),-?((1[0-7]|[0-9])?[0-9](\.[0-9]{1,12})?|180)$";

/// Decimal degrees: west, south, east, north.
const BBOX: &str = concat!(
    r"^-?((1[0-7]|[0-9])?[0-9](\.[0-9]{1,12})?|180),-?([0-8]?[0-9](\.[0-9]{1,12})?|90),",
    r"-?((1[0-7]|[0-9])?[0-9](\.[0-9]{1,12})?|180),-?([0-8]?[0-9](\.[0-9]{1,12})?|90)$"
);

const DAY_OR_INSTANT: &str =
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?$";

/// Default number of items in a list.
pub const DEFAULT_LIMIT: usize = 100;

/// Declares types that stand for schemas in the document, and nowhere else.
macro_rules! values {
    ($($(#[doc = $doc:literal])+ $name:ident = $schema:expr;)+) => {$(
        $(#[doc = $doc])+
        pub enum $name {}

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $schema.into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}
pub(crate) use values;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn pattern(pattern: &str, example: &str) -> ObjectBuilder {
    text().pattern(Some(pattern)).examples([example])
}

fn instant() -> ObjectBuilder {
    let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
    text().format(Some(format)).examples(["2026-11-22T12:00:00Z"])
}

fn integer() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
}

fn number(minimum: f64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Number).minimum(Some(minimum))
}

fn limit(default: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1usize)).default(Some(json!(default)))
}

/// A text that is one of `words`.
pub fn one_of<W: Into<Value>>(words: impl IntoIterator<Item = W>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// A text that is one of `words`, with the one that holds when none is given.
pub fn choice<'w>(words: impl IntoIterator<Item = &'w str>, default: Option<&str>) -> ObjectBuilder {
    one_of(words).default(default.map(Value::from))
}

/// Some of `words`.
pub fn choices<'w>(words: impl IntoIterator<Item = &'w str>) -> ArrayBuilder {
    ArrayBuilder::new().items(one_of(words).build())
}

/// All wire names of an enumeration.
macro_rules! all {
    ($name:ty) => {
        <$name>::ALL.iter().map(|word| word.as_str())
    };
}
pub(crate) use all;

values! {
    /// `LAT,LON`
    Point = pattern(POINT, "51.95,7.17");
    /// The destination of a journey.
    Goal = pattern(POINT, "51.93,7.19");
    /// Points and stops in between.
    ViaPlaces = text().min_length(Some(1)).examples(["51.94,7.18"]);
    /// `W,S,E,N`
    Bbox = pattern(BBOX, "7.10,51.90,7.20,52.00");
    /// An instant.
    Instant = instant();
    /// A date, which is the town's midnight, or an instant.
    DayOrInstant = pattern(DAY_OR_INSTANT, "2026-11-22");
    /// The same, for the end of a period.
    End = pattern(DAY_OR_INSTANT, "2026-11-29");
    /// A span of the day.
    Hours = pattern(r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$", "09:00-18:00");
    /// A length of time.
    Step = pattern(r"^[0-9]+[mhd]$", "15m").default(Some(json!("15m")));
    /// Slug of a municipality.
    Municipality = text().examples(["steverstadt"]);
    /// Any id.
    Id = text().min_length(Some(1));
    /// A cursor.
    Cursor = text().pattern(Some("^[A-Za-z0-9_-]*$"));
    /// Length of a page.
    Limit = limit(DEFAULT_LIMIT);
    /// Length of a short list.
    ShortLimit = limit(20);
    /// Length of a list of suggestions.
    FewLimit = limit(8);
    /// What was typed.
    Name = text().min_length(Some(1)).max_length(Some(200)).examples(["Rathaus"]);
    /// Kinds of places that are found by name.
    FoundKinds = choices(place_search::Kind::ALL.map(place_search::Kind::as_str));
    /// Length of a page of open data.
    OpenLimit = limit(10_000);
    /// Search radius.
    Radius = number(1.0).default(Some(json!(800)));
    /// Longest walk.
    MaxWalk = number(0.0).default(Some(json!(1_500)));
    /// Height of a car, or how long it stays.
    Positive = number(0.1);
    /// Changes between vehicles.
    Transfers = integer().minimum(Some(0usize)).maximum(Some(255usize));
    /// Time to change.
    ChangeTime = number(0.0).default(Some(json!(0)));
    /// A day.
    Date = pattern(r"^\d{4}-\d{2}-\d{2}$", "2026-11-24");
    /// Window of departures.
    WindowLength = number(0.0).default(Some(json!(3_600)));
    /// Itineraries of a page.
    JourneyLimit = limit(5);
    /// What someone in a wheelchair can use.
    Wheelchair = choice(["false", "true", "prefer"], Some("false"));
    /// Ids of passes.
    Passes = ArrayBuilder::new().items(text().min_length(Some(1)).build()).examples([json!(["deutschlandticket"])]);
    /// Who pays.
    Rider = choice(["adult", "child"], Some("adult"));
    /// Shortest stay.
    MinStay = number(0.0).default(Some(json!(60)));
    /// Audiences.
    Audiences = choices(all!(domain::Audience)).examples([json!(["disabled", "charging"])]);
    /// What is parked.
    Purpose = choice(all!(domain::place::Purpose), Some("car"));
    /// Bays, sites.
    PlaceKinds = choices(all!(domain::place::PlaceKind));
    /// What else is listed.
    Includes = choices(["full", "stale", "static"]);
    /// What one rides.
    Forms = choices(all!(domain::rental::FormFactor)).examples([json!(["bicycle", "scooter"])]);
    /// Modes of a journey.
    Modes = choices(journey::plan::Modes::all_named().map(|(name, _)| name));
    /// A span of time.
    Seconds = integer().minimum(Some(1usize)).maximum(Some(u32::MAX));
    /// How often somebody drives through a lane.
    Drives = integer().minimum(Some(0usize)).maximum(Some(20usize));
    /// States of devices.
    Healths = choices(all!(domain::health::Health));
    /// JSON, a table, or a page.
    Print = choice(["json", "csv", "html"], Some("json"));
    /// A language.
    Language = choice(all!(domain::Lang), Some("de"));
    /// A language that need not be given.
    Preferred = choice(all!(domain::Lang), None);
    /// Whether rides that must be booked count.
    BookingWanted = choice(["any", "none"], Some("any"));
    /// Kinds of days.
    Days = choices(all!(domain::day_kind::DayKind));
    /// Why a message was not believed.
    Reason = choice(all!(domain::Reason), None);
    /// What became of a notice.
    NoticeState = choice(all!(store::notices::DeliveryState), None);
    /// Numbers of rejections.
    Numbers = ArrayBuilder::new().items(integer().build());
    /// Yes or no.
    Flag = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(json!(false)));
    /// How a list is written.
    ListFormat = choice(["json", "geojson"], Some("json"));
    /// How CSV writes numbers.
    Locale = choice(["en", "de"], Some("en"));
    /// What figures of parking are for.
    Bucket = choice(all!(domain::occupancy::Bucket), Some("1d"));
    /// What makes a group of places.
    PlaceGroup = choice(["bay", "site", "zone", "restriction", "municipality"], None);
    /// What figures of transit are for.
    TransitBucket = choice(["1h", "1d", "1w", "1mo", "hour_of_week", "all"], Some("all"));
    /// A table as CSV.
    Csv = text().description(Some(
        "RFC 4180, UTF-8: a line of names, then a line for each row. Columns are the fields of the JSON rows, those of an \
         object as `object_field`; an empty cell is null. With `locale=de` as a German Excel reads it: byte order mark, \
         semicolons, decimal commas, times of the town with `_weekday` and `_offset` beside them, names beside ids.",
    ));
    /// A table as Parquet.
    Parquet = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).description(Some(
        "Apache Parquet with the columns of the CSV; `attribution` stands in the file's metadata.",
    ));
    /// What makes groups of runs.
    TransitGroups = choices(["route", "stop", "municipality"]).default(Some(json!(["route"])));
}
