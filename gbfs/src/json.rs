//! Fields of elements, one by one, each fault with its path.

use domain::mistake::{Expected, Mistake, Quoted, Remedy};
use domain::rental::Localized;
use domain::{Reason, UtcMicros};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::fault::{Effect, Fault, Faults, shown};
use crate::version::{Raw, Version};
use crate::{FileKind, MAX_ELEMENTS};

/// Characters of a name that are kept.
const MAX_TEXT_CHARS: usize = 200;
/// Languages of one name that are kept.
const MAX_LANGUAGES: usize = 12;
/// The largest id; the database's is no larger.
const MAX_ID_BYTES: usize = 128;
/// Characters of an address.
const MAX_URL_CHARS: usize = 1_000;
/// Milliseconds since 1970 are larger; as seconds it is the year 5138.
const MAX_UNIX_S: f64 = 1e11;

/// Where faults go.
#[derive(Debug)]
pub(crate) struct Context<'f> {
    pub file: FileKind,
    pub version: Version,
    pub now: UtcMicros,
    pub faults: &'f mut Faults,
}

impl Context<'_> {
    pub fn fault(
        &mut self,
        path: &str,
        effect: Effect,
        reason: Reason,
        mistake: Mistake,
        remedy: Option<Remedy>,
    ) {
        self.faults.push(Fault { remedy, ..Fault::new(self.file, path, effect, reason, mistake) });
    }

    /// A field or value of another version, which is read all the same.
    pub fn other_version(&mut self, path: &str) {
        let mistake = Mistake::OtherVersion(self.version.to_string());
        self.fault(path, Effect::Taken, Reason::Malformed, mistake, Some(Remedy::FieldsOfVersion));
    }

    /// Calls `each` with each object of a list of the data; `names`: how the versions call the list, the third first.
    ///
    /// Returns how many elements there were.
    pub fn each_element(
        &mut self,
        data: &Raw<'_>,
        names: [&str; 2],
        mut each: impl FnMut(&mut Self, Element<'_>),
    ) -> usize {
        let order = if self.version.is_third() { names } else { [names[1], names[0]] };
        let Some((name, raw)) = order.iter().find_map(|name| Some((*name, data.get(*name)?))) else {
            let mistake = Mistake::Missing(Some(Expected::List));
            self.fault(&format!("data.{}", order[0]), Effect::File, Reason::Malformed, mistake, None);
            return 0;
        };
        let path = format!("data.{name}");
        if name != order[0] {
            self.other_version(&path);
        }
        self.list(raw.get(), &path, Effect::File, &mut each)
    }

    /// Calls `each` with each object of the list that `raw` is; `effect`: what is lost if it is none.
    pub fn list(
        &mut self,
        raw: &str,
        path: &str,
        effect: Effect,
        each: &mut impl FnMut(&mut Self, Element<'_>),
    ) -> usize {
        let mut count = 0;
        let read = elements(raw, |text| {
            count += 1;
            if count > MAX_ELEMENTS {
                return;
            }
            let path = format!("{path}[{}]", count - 1);
            match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(map)) => each(self, Element { map: &map, path }),
                _ => {
                    let mistake = Mistake::IsNot(shown_raw(text), Expected::Object);
                    self.fault(&path, Effect::Element, Reason::Malformed, mistake, None);
                }
            }
        });
        if read.is_err() {
            let mistake = Mistake::IsNot(shown_raw(raw), Expected::List);
            self.fault(path, effect, Reason::Malformed, mistake, None);
        }
        if count > MAX_ELEMENTS {
            let mistake = Mistake::TooManyEntities(count, MAX_ELEMENTS);
            self.fault(path, Effect::Element, Reason::TooLarge, mistake, Some(Remedy::Fewer));
        }
        count
    }
}

/// Calls `each` with each element of a list, none parsed.
fn elements<'a>(text: &'a str, each: impl FnMut(&'a str)) -> serde_json::Result<()> {
    struct Each<F>(F);
    impl<'de, F: FnMut(&'de str)> Visitor<'de> for Each<F> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
            while let Some(raw) = list.next_element::<&RawValue>()? {
                (self.0)(raw.get());
            }
            Ok(())
        }
    }
    serde_json::Deserializer::from_str(text).deserialize_seq(Each(each))
}

/// Why a text is no JSON object.
pub(crate) fn unreadable(text: &str, error: &serde_json::Error) -> (Mistake, Option<Remedy>) {
    let start = text.trim_start();
    match start.as_bytes().first() {
        None => (Mistake::Empty, None),
        Some(b'<') => (Mistake::Markup, Some(Remedy::WebPage)),
        Some(0x1f) => (Mistake::Gzip, Some(Remedy::Unpack)),
        Some(b'{') if error.is_eof() => (Mistake::BreaksOff(text.len()), Some(Remedy::SendWhole)),
        Some(b'{') => (Mistake::NoJson(error.line(), error.column()), Some(Remedy::Validate)),
        // Whether it is JSON of another type matters to nobody who looks at its beginning.
        Some(_) => (Mistake::Instead(shown_raw(start), Expected::Object), Some(Remedy::SendAnObject)),
    }
}

/// As much of what stands there as a fault shows.
pub(crate) fn shown_raw(raw: &str) -> Quoted {
    shown(
        &serde_json::from_str(raw)
            .unwrap_or_else(|_| Value::String(raw.chars().take(MAX_TEXT_CHARS).collect())),
    )
}

/// An object with its path.
#[derive(Debug)]
pub(crate) struct Element<'a> {
    pub map: &'a Map<String, Value>,
    pub path: String,
}

/// Why a value is not what it should be.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub reason: Reason,
    pub expected: Expected,
    pub remedy: Option<Remedy>,
}

/// What a value says, and whether another version would write it so.
pub(crate) type Reading<T> = Result<(T, bool), Wrong>;

fn malformed<T>(expected: Expected) -> Reading<T> {
    Err(Wrong { reason: Reason::Malformed, expected, remedy: None })
}

fn implausible<T>(expected: Expected) -> Reading<T> {
    Err(Wrong { reason: Reason::Implausible, expected, remedy: None })
}

impl<'a> Element<'a> {
    /// The path of a field.
    pub fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// The value of a field; `null` is none.
    pub fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn read<T>(
        &self,
        ctx: &mut Context<'_>,
        name: &str,
        effect: Effect,
        read: impl FnOnce(&'a Value, Version) -> Reading<T>,
    ) -> Option<T> {
        let value = self.value(name)?;
        match read(value, ctx.version) {
            Ok((value, false)) => Some(value),
            Ok((value, true)) => {
                ctx.other_version(&self.at(name));
                Some(value)
            }
            Err(Wrong { reason, expected, remedy }) => {
                ctx.fault(&self.at(name), effect, reason, Mistake::IsNot(shown(value), expected), remedy);
                None
            }
        }
    }

    /// A field that may be missing; a wrong one is a fault, and not known.
    pub fn optional<T>(
        &self,
        ctx: &mut Context<'_>,
        name: &str,
        read: impl FnOnce(&'a Value, Version) -> Reading<T>,
    ) -> Option<T> {
        self.read(ctx, name, Effect::Field, read)
    }

    /// A field without which the element is nothing.
    pub fn required<T>(
        &self,
        ctx: &mut Context<'_>,
        name: &str,
        read: impl Fn(&'a Value, Version) -> Reading<T>,
    ) -> Option<T> {
        if self.value(name).is_none() {
            let expected = read(&Value::Null, ctx.version).err().map(|wrong| wrong.expected);
            ctx.fault(&self.at(name), Effect::Element, Reason::Malformed, Mistake::Missing(expected), None);
            return None;
        }
        self.read(ctx, name, Effect::Element, read)
    }

    /// How this element calls a field whose name the third version changed: the name of the file's version, else the other one,
    /// which is a fault.
    pub fn renamed(&self, ctx: &mut Context<'_>, third: &'static str, before: &'static str) -> &'static str {
        let [own, other] = if ctx.version.is_third() { [third, before] } else { [before, third] };
        if self.value(own).is_none() && self.value(other).is_some() {
            ctx.other_version(&self.at(other));
            return other;
        }
        own
    }

    /// The objects of a list in this element; none where it is missing.
    pub fn objects(&self, ctx: &mut Context<'_>, name: &str) -> Vec<Element<'a>> {
        let Some(list) = self.optional(ctx, name, list) else { return Vec::new() };
        let mut objects = Vec::with_capacity(list.len());
        for (i, value) in list.iter().enumerate() {
            let path = format!("{}[{i}]", self.at(name));
            match value {
                Value::Object(map) => objects.push(Element { map, path }),
                _ => {
                    let mistake = Mistake::IsNot(shown(value), Expected::Object);
                    ctx.fault(&path, Effect::Element, Reason::Malformed, mistake, None);
                }
            }
        }
        objects
    }

    /// An object in this element.
    pub fn object(&self, ctx: &mut Context<'_>, name: &str) -> Option<Element<'a>> {
        let map = self.optional(ctx, name, |value, _| match value {
            Value::Object(map) => Ok((map, false)),
            _ => malformed(Expected::Object),
        })?;
        Some(Element { map, path: self.at(name) })
    }
}

/// A list.
pub(crate) fn list(value: &Value, _: Version) -> Reading<&[Value]> {
    value.as_array().map_or_else(|| malformed(Expected::List), |list| Ok((list.as_slice(), false)))
}

/// A text that is not empty, without white space around it and shortened.
pub(crate) fn text(value: &Value, _: Version) -> Reading<String> {
    match value.as_str().map(str::trim) {
        Some(text) if !text.is_empty() => {
            Ok((text.chars().filter(|c| !c.is_control()).take(MAX_TEXT_CHARS).collect(), false))
        }
        _ => malformed(Expected::Text),
    }
}

/// An id. Some operators write numbers.
pub(crate) fn id(value: &Value, _: Version) -> Reading<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => return malformed(Expected::IdText),
    };
    if text.is_empty() || text.len() > MAX_ID_BYTES || text.chars().any(char::is_control) {
        return malformed(Expected::CleanId);
    }
    Ok((text, value.is_number()))
}

/// Ids.
pub(crate) fn ids(value: &Value, version: Version) -> Reading<Vec<String>> {
    let Some(list) = value.as_array() else { return malformed(Expected::List) };
    let mut ids = Vec::with_capacity(list.len());
    for value in list {
        ids.push(id(value, version)?.0);
    }
    Ok((ids, false))
}

/// `true` or `false`; before the second version 1 or 0.
pub(crate) fn flag(value: &Value, version: Version) -> Reading<bool> {
    match (value.as_bool(), value.as_u64()) {
        (Some(flag), _) => Ok((flag, false)),
        (_, Some(number @ 0..=1)) => Ok((number == 1, version.major > 1)),
        _ => malformed(Expected::Flag),
    }
}

/// A number; also one in quotation marks, which the first versions had here and there.
pub(crate) fn number(value: &Value, version: Version) -> Reading<f64> {
    let parsed = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        _ => None,
    };
    parsed.map_or_else(|| malformed(Expected::Number), |n| Ok((n, value.is_string() && version.is_third())))
}

/// A number between these two.
pub(crate) fn number_in(
    value: &Value,
    version: Version,
    range: std::ops::RangeInclusive<f64>,
) -> Reading<f64> {
    match number(value, version)? {
        (n, _) if !range.contains(&n) => implausible(Expected::Between(*range.start(), *range.end())),
        taken => Ok(taken),
    }
}

/// A whole number between these two; `3.0` is one.
pub(crate) fn whole_in(
    value: &Value,
    version: Version,
    range: std::ops::RangeInclusive<i64>,
) -> Reading<i64> {
    match number(value, version)? {
        (n, _) if n.fract() != 0.0 => malformed(Expected::Whole),
        (n, _) if !range.contains(&(n as i64)) => {
            implausible(Expected::Between(*range.start() as f64, *range.end() as f64))
        }
        (n, is_other) => Ok((n as i64, is_other)),
    }
}

/// How many: of vehicles or docks at one place.
pub(crate) fn count(value: &Value, version: Version) -> Reading<u32> {
    let (n, is_other) = whole_in(value, version, 0..=10_000)?;
    Ok((n as u32, is_other))
}

/// An instant after 1970: a text in the third version, seconds before it.
pub(crate) fn instant(value: &Value, version: Version) -> Reading<UtcMicros> {
    let (at, is_text) = match value {
        Value::String(text) => match (UtcMicros::parse(text), text.trim().parse::<f64>()) {
            (Ok(at), _) => (at, true),
            (_, Ok(number)) => return instant(&Value::from(number), version),
            _ => return malformed(Expected::Instant),
        },
        Value::Number(number) => match number.as_f64() {
            Some(n) if n > MAX_UNIX_S => {
                let remedy = Some(Remedy::UnixMilliseconds(UtcMicros::from_unix_s((n / 1e3) as i64)));
                return Err(Wrong { reason: Reason::Malformed, expected: Expected::Instant, remedy });
            }
            Some(n) => (UtcMicros::from_unix_s(n as i64), false),
            None => return malformed(Expected::Instant),
        },
        _ => return malformed(Expected::Instant),
    };
    if at <= UtcMicros::EPOCH {
        return implausible(Expected::Instant);
    }
    Ok((at, is_text != version.is_third()))
}

/// A web address.
pub(crate) fn web_address(value: &Value, _: Version) -> Reading<String> {
    let text = value
        .as_str()
        .map(str::trim)
        .filter(|text| text.starts_with("https://") || text.starts_with("http://"));
    match text {
        Some(text) if text.len() <= MAX_URL_CHARS && !text.contains(|c: char| c.is_control() || c == ' ') => {
            Ok((text.to_owned(), false))
        }
        _ => malformed(Expected::WebAddress),
    }
}

/// A text in several languages: a list in the third version, before it a text in the `language` of the feed.
pub(crate) fn localized<'l>(language: &'l str) -> impl Fn(&Value, Version) -> Reading<Localized> + 'l {
    move |value, version| {
        let text = |value: &Value| text(value, version).ok().map(|(text, _)| text);
        let texts: Vec<(String, String)> = match value {
            Value::String(_) => text(value).map(|text| (language.to_owned(), text)).into_iter().collect(),
            Value::Array(list) => list
                .iter()
                .take(MAX_LANGUAGES)
                .filter_map(|entry| Some((text(entry.get("language")?)?, text(entry.get("text")?)?)))
                .collect(),
            _ => Vec::new(),
        };
        let is_other = value.is_string() == version.is_third();
        Localized::new(texts).map_or_else(|| malformed(Expected::Text), |name| Ok((name, is_other)))
    }
}
