//! Query parameters. Unknown, repeated, empty or malformed ones are a 400 that names the parameter and the remedy.

use std::borrow::Cow;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::place::Purpose;
use domain::{Bbox, LatLon, MunicipalityId, Registry, UtcMicros};

pub use crate::contract::values::DEFAULT_LIMIT;
use crate::http::problem::Problem;

/// The most items in one answer; more is clamped.
pub const MAX_LIMIT: usize = 1_000;

/// Cursor of a page; empty is the first page, for clients that always send the parameter.
const FROM_THE_START: [&str; 2] = ["cursor", "start"];

/// Flags that may be given by their name alone.
const FLAGS: [&str; 2] = ["dry_run", "unbound"];

/// The raw query string.
pub struct RawQuery(String);

impl<S: Sync> FromRequestParts<S> for RawQuery {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(RawQuery(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

/// The id in a path. One that is not UTF-8 is answered like any other unknown id.
pub struct PathId(Result<String, Problem>);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let id = Path::<String>::from_request_parts(parts, state).await.map(|Path(id)| id);
        let id = id.unwrap_or_else(|_| parts.uri.path().to_owned());
        Ok(PathId(if has_control(&id) { Err(control("id", &id)) } else { Ok(id) }))
    }
}

impl PathId {
    /// The id.
    ///
    /// # Errors
    /// 400: there is a control character in it.
    pub fn text(self) -> Result<String, Problem> {
        self.0
    }
}

/// Whether there is a control character, which no id, name or number has and no database or log should see.
fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn control(name: &str, value: &str) -> Problem {
    Problem::bad_parameter(name, value, format!("'{name}' has a control character in it."))
        .remedy("Leave out NUL, line breaks and the like: no id or name has them.")
}

/// See the module's description.
pub struct Params<'q>(Vec<(Cow<'q, str>, Cow<'q, str>)>);

impl RawQuery {
    #[cfg(test)]
    /// Of a query.
    pub fn new(query: &str) -> Self {
        RawQuery(query.to_owned())
    }

    /// This query after another one.
    #[must_use]
    pub fn after(&self, other: &str) -> Self {
        RawQuery(if self.0.is_empty() { other.to_owned() } else { format!("{other}&{}", self.0) })
    }

    /// The parameters, if all of them are in `known`.
    ///
    /// # Errors
    /// One is unknown (the nearest known one is named), given twice, without a value, or has a control character in it.
    pub fn params(&self, known: &[&[&str]]) -> Result<Params<'_>, Problem> {
        let known = &known.concat()[..];
        let mut params: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(self.0.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                return Err(unknown(&name, &value, known));
            }
            if params.iter().any(|(n, _)| *n == name) {
                let detail = format!("'{name}' is given more than once.");
                return Err(Problem::bad_parameter(&name, &value, detail)
                    .remedy("Give it once; several values are separated by commas."));
            }
            if has_control(&value) {
                return Err(control(&name, &value));
            }
            let is_empty = value.trim().is_empty();
            if is_empty && FROM_THE_START.contains(&name.as_ref()) {
                continue;
            }
            if is_empty && FLAGS.contains(&name.as_ref()) {
                params.push((name, Cow::Borrowed("true")));
                continue;
            }
            // An empty filter would match everything.
            if is_empty {
                let detail = format!("'{name}' has no value.");
                return Err(Problem::bad_parameter(&name, &value, detail)
                    .remedy(format!("Give it one, or leave '{name}' out.")));
            }
            params.push((name, value));
        }
        Ok(Params(params))
    }
}

fn unknown(name: &str, value: &str, known: &[&str]) -> Problem {
    let nearest = known.iter().min_by_key(|k| strsim::osa_distance(k, name));
    let near_enough = nearest.filter(|k| strsim::osa_distance(k, name) <= 1 + k.len() / 3);
    let remedy = match (near_enough, known) {
        (Some(k), _) => format!("Do you mean '{k}'? Known are: {}.", known.join(", ")),
        (None, []) => "There are no parameters here.".to_owned(),
        (None, _) => format!("Known are: {}.", known.join(", ")),
    };
    Problem::bad_parameter(name, value, format!("There is no parameter '{name}' here.")).remedy(remedy)
}

impl Params<'_> {
    /// All but some of them, as a query.
    pub fn without(&self, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.0.iter().filter(|(name, _)| !names.contains(&name.as_ref())));
        query.finish()
    }

    /// The value as given, never empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim())
    }

    /// The value as `read` reads it; one that it cannot read is refused as what it "is not", with the remedy.
    pub fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
        is_not: &str,
        remedy: &str,
    ) -> Result<Option<T>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let wrong =
            || Problem::bad_parameter(name, value, format!("'{name}' is not {is_not}.")).remedy(remedy);
        read(value).ok_or_else(wrong).map(Some)
    }

    /// `LAT,LON`, decimal degrees.
    pub fn lat_lon(&self, name: &str) -> Result<Option<LatLon>, Problem> {
        let remedy = "Write LAT,LON in decimal degrees with points, latitude first, e.g. 51.95,7.17.";
        self.read(name, parse_lat_lon, "a point", remedy)
    }

    /// `W,S,E,N`, decimal degrees.
    pub fn bbox(&self) -> Result<Option<Bbox>, Problem> {
        let read = |value: &str| match numbers(value).as_deref() {
            Some([west, south, east, north]) => Bbox::new(*west, *south, *east, *north),
            _ => None,
        };
        let remedy = "Write W,S,E,N in decimal degrees, longitude first, W <= E and S <= N, e.g. 7.10,51.90,7.20,52.00.";
        self.read("bbox", read, "a box", remedy)
    }

    /// A number within `range`; what lies above is clamped.
    pub fn number(&self, name: &str, default: f64, min: f64, max: f64) -> Result<f64, Problem> {
        let read = |value: &str| {
            value.parse().ok().filter(|n: &f64| n.is_finite() && *n >= min).map(|number| number.min(max))
        };
        let remedy = format!("Give a number from {min} to {max}.");
        Ok(self.read(name, read, &format!("a number from {min} on"), &remedy)?.unwrap_or(default))
    }

    /// How many items; clamped to `max`.
    pub fn limit(&self, default: usize, max: usize) -> Result<usize, Problem> {
        let read = |value: &str| match value.parse::<u64>() {
            Ok(n) => (n > 0).then(|| usize::try_from(n).unwrap_or(max).min(max)),
            // More digits than a number has.
            Err(_) => value.bytes().all(|digit| digit.is_ascii_digit()).then_some(max),
        };
        let remedy = format!("Give a number from 1 to {max}.");
        Ok(self.read("limit", read, "a whole number from 1 on", &remedy)?.unwrap_or(default))
    }

    /// An RFC 3339 instant.
    pub fn time(&self, name: &str) -> Result<Option<UtcMicros>, Problem> {
        // A plus sign that was not encoded arrives as a space.
        let read = |value: &str| {
            UtcMicros::parse(value).or_else(|_| UtcMicros::parse(&value.replace(' ', "+"))).ok()
        };
        let remedy = "Write an instant of RFC 3339 with its zone, e.g. 2026-11-22T12:00:00Z or \
                      2026-11-22T13:00:00%2B01:00; a plain date is not enough.";
        self.read(name, read, "an instant", remedy)
    }

    /// `from` and `to`, each of which may be left out.
    ///
    /// # Errors
    /// 400: one cannot be read, or nothing lies between them.
    pub fn between(&self) -> Result<[Option<UtcMicros>; 2], Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        match from.zip(to) {
            Some((from, to)) if to <= from => {
                let day = "a day is from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z";
                Err(Problem::empty_period(self.text("to").unwrap_or_default(), day))
            }
            _ => Ok([from, to]),
        }
    }

    /// One of `choices`.
    pub fn one<T: FromStr>(&self, name: &str, choices: &str) -> Result<Option<T>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| Problem::no_such(name, value, choices))
    }

    /// Values separated by commas, each one of `choices`.
    pub fn list<T: FromStr>(&self, name: &str, choices: &str) -> Result<Option<Vec<T>>, Problem> {
        self.list_of(name, choices, |item| item.parse().ok())
    }

    /// Values separated by commas, each parsed by `parse`; `choices` are for the error.
    pub fn list_of<T>(
        &self,
        name: &str,
        choices: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<Vec<T>>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let items = value.split(',').map(str::trim).map(|item| {
            parse(item).ok_or_else(|| {
                Problem::bad_parameter(name, value, format!("'{name}' has no value '{item}'."))
                    .remedy(format!("One or more of {choices}, separated by commas."))
            })
        });
        items.collect::<Result<_, _>>().map(Some)
    }

    /// What is parked: cars unless given otherwise.
    ///
    /// # Errors
    /// 400: there is no such purpose.
    pub fn purpose(&self) -> Result<Purpose, Problem> {
        Ok(self.one("purpose", &Purpose::choices())?.unwrap_or(Purpose::Car))
    }

    /// A municipality by its slug.
    ///
    /// # Errors
    /// 400: there is none.
    pub fn municipality(&self, registry: &Registry) -> Result<Option<MunicipalityId>, Problem> {
        self.municipality_named("municipality", registry)
    }

    /// A municipality by its slug, in a parameter of another name.
    pub fn municipality_named(
        &self,
        name: &str,
        registry: &Registry,
    ) -> Result<Option<MunicipalityId>, Problem> {
        let Some(slug) = self.text(name) else { return Ok(None) };
        let id = registry.municipality_id(slug).ok_or_else(|| {
            Problem::bad_parameter(name, slug, format!("There is no municipality '{slug}'."))
                .remedy(format!("Known are: {}.", registry.slugs()))
        })?;
        Ok(Some(id))
    }

    /// The text id after which the next page begins.
    pub fn cursor(&self) -> Result<Option<String>, Problem> {
        self.cursor_named("cursor")
    }

    /// The number after which the next page begins.
    pub fn cursor_of_numbers(&self) -> Result<Option<i64>, Problem> {
        let number = |cursor: String| cursor.parse().map_err(|_| Problem::bad_cursor("cursor", &cursor));
        self.cursor()?.map(number).transpose()
    }

    /// The same under another name.
    pub fn cursor_named(&self, name: &str) -> Result<Option<String>, Problem> {
        self.cursor_with(name, |key| !has_control(key))
    }

    /// The same for cursors that hold a device's own id, whose characters are unchecked.
    pub fn cursor_of_devices(&self) -> Result<Option<String>, Problem> {
        self.cursor_with("cursor", |key| !key.contains('\0'))
    }

    fn cursor_with(&self, name: &str, is_key: impl FnOnce(&str) -> bool) -> Result<Option<String>, Problem> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let decoded = URL_SAFE_NO_PAD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let key = decoded.filter(|key| !key.is_empty() && is_key(key));
        key.ok_or_else(|| Problem::bad_cursor(name, value)).map(Some)
    }
}

/// The cursor of a page that ends with `key`.
pub fn cursor_after(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// Parses `LAT,LON`.
pub fn parse_lat_lon(text: &str) -> Option<LatLon> {
    match numbers(text).as_deref() {
        Some([lat, lon]) => LatLon::new(*lat, *lon),
        _ => None,
    }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split(',').map(|n| n.trim().parse::<f64>().ok().filter(|n| n.is_finite())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(query: &str, known: &[&str]) -> String {
        let query = RawQuery(query.into());
        let problem = query.params(&[known]).err().expect("a problem");
        serde_json::to_string(&problem).expect("json")
    }

    #[test]
    fn an_unknown_parameter_names_the_nearest_known_one() {
        let shown = problem("naer=51,7", &["near", "radius_m"]);
        assert!(shown.contains("Do you mean 'near'?"), "{shown}");
        assert!(!problem("quux=1", &["near", "radius_m"]).contains("Do you mean"));
    }

    #[test]
    fn a_parameter_is_given_once() {
        assert!(problem("kind=bay&kind=site", &["kind"]).contains("more than once"));
    }

    #[test]
    fn what_says_nothing_is_no_filter() {
        for value in
            ["", "%20", "+", "%C2%A0", "%E2%80%83+", "%0A", "%09", "+%0D%0A", "%C2%85", "a%0A", "%09a"]
        {
            let answer = problem(&format!("municipality={value}"), &["municipality"]);
            assert!(
                answer.contains(r#""field":"municipality""#) && answer.contains("remedy"),
                "{value}: {answer}"
            );
        }
        assert!(problem("municipality", &["municipality"]).contains("has no value"));
        for first in ["cursor=", "start=", "cursor=+"] {
            let query = RawQuery(first.into());
            let params = query.params(&[&["cursor", "start"]]).ok().unwrap();
            assert!(
                matches!((params.cursor(), params.cursor_named("start")), (Ok(None), Ok(None))),
                "{first}"
            );
        }
        assert!(problem("cursor=%0A", &["cursor"]).contains("control character"));
        let query = RawQuery("zone=+a+".into());
        assert_eq!(query.params(&[&["zone"]]).ok().unwrap().text("zone"), Some("a"));
    }

    proptest! {
        #[test]
        fn cursors_are_of_ids_and_nothing_else(key in "[^\\pC]{1,40}", at in 0usize..40, control in 0u8..32) {
            let read = |key: &str| {
                let query = RawQuery(format!("start={}", cursor_after(key)));
                query.params(&[&["start"]]).ok().unwrap().cursor_named("start")
            };
            prop_assert_eq!(read(&key).ok().flatten(), Some(key.clone()));
            let mut damaged: Vec<char> = key.chars().collect();
            damaged.insert(at.min(damaged.len()), control.into());
            prop_assert!(read(&damaged.into_iter().collect::<String>()).is_err());
        }
    }

    #[test]
    fn bad_values_name_field_and_remedy() {
        let query = RawQuery("near=51.9&bbox=8,1,7,2&limit=0&radius_m=-5&arrive=noon&cursor=%FF".into());
        let params =
            query.params(&[&["near", "bbox", "limit", "radius_m", "arrive", "cursor"]]).ok().unwrap();
        assert!(params.lat_lon("near").is_err());
        assert!(params.bbox().is_err());
        assert!(params.limit(100, 1000).is_err());
        assert!(params.number("radius_m", 800.0, 1.0, 5000.0).is_err());
        assert!(params.time("arrive").is_err());
        assert!(params.cursor().is_err());
    }

    #[test]
    fn whoever_writes_no_instant_learns_how_to_write_one() {
        for name in ["at", "until", "depart", "arrive", "before"] {
            for value in ["2026-11-22", "12:00", "tomorrow", "2026-11-22T12:00:00", "1795435200"] {
                let query = RawQuery(format!("{name}={value}"));
                let error = query.params(&[&[name]]).ok().unwrap().time(name).expect_err(value);
                let problem = serde_json::to_value(&error).unwrap();
                assert_eq!((&problem["field"], &problem["value"]), (&name.into(), &value.into()));
                let remedy = problem["remedy"].as_str().unwrap();
                assert!(remedy.contains("2026-11-22T12:00:00Z") && remedy.contains("plain date"), "{remedy}");
            }
        }
    }

    #[test]
    fn a_period_ends_after_it_begins_and_is_open_where_nothing_is_said() {
        let read = |query: &str| {
            let query = RawQuery(query.into());
            query.params(&[&["from", "to"]]).ok().unwrap().between().ok()
        };
        let at = |text| UtcMicros::parse(text).ok();
        let (first, second) = (at("2026-11-22T12:00:00Z"), at("2026-11-22T12:00:01Z"));
        assert_eq!(read(""), Some([None, None]));
        assert_eq!(read("to=2026-11-22T12:00:00Z"), Some([None, first]));
        assert_eq!(read("from=2026-11-22T12:00:00Z&to=2026-11-22T12:00:01Z"), Some([first, second]));
        for to in ["2026-11-22T12:00:00Z", "2026-11-22T11:59:59Z", "tomorrow"] {
            assert_eq!(read(&format!("from=2026-11-22T12:00:00Z&to={to}")), None, "{to}");
        }
    }

    #[test]
    fn too_much_is_clamped_and_a_bare_plus_is_a_plus() {
        let query =
            RawQuery("limit=99999999999999999999999999&radius_m=1e9&arrive=2026-11-22T13:00:00+01:00".into());
        let params = query.params(&[&["limit", "radius_m", "arrive"]]).ok().unwrap();
        assert_eq!(params.limit(100, 1000).ok(), Some(1000));
        assert_eq!(params.number("radius_m", 800.0, 1.0, 5000.0).ok(), Some(5000.0));
        let noon = UtcMicros::parse("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(params.time("arrive").ok().flatten(), Some(noon));
    }
}
