//! JSON as suppliers send it: fields are read one by one, and faults name the field.
//!
//! A message becomes `Fields`: the requested fields, not parsed yet. Other fields
//! may be of any type and depth. `null` is an absent field. A wrong value is an `Invalid`, which
//! either costs the message (a required field) or only the field (an optional one: [`Dropped`]).

mod fields;
mod json_type;
mod mistakes;
mod number;
mod text;
mod value;

pub use self::fields::Dropped;
pub(crate) use self::fields::Fields;
pub(super) use self::fields::for_each_element;
pub use self::fields::{elements, entries};
pub(super) use self::json_type::Invalid;
pub use self::json_type::JsonType;
pub(crate) use self::json_type::text_of;
pub(super) use self::number::{count, loose, measurement, number, whole, whole_in};
pub use self::text::text;
pub(super) use self::value::{check_id, id, instant, list, position, start_date, word};
pub(crate) use self::value::{label, object};

/// What a sensor in a road can feel, degrees Celsius; anything else is a broken reading.
pub(super) const CELSIUS: std::ops::RangeInclusive<f64> = -60.0..=100.0;
/// Any number that can be kept.
pub(super) const ANY: std::ops::RangeInclusive<f64> = f32::MIN as f64..=f32::MAX as f64;
/// No bus and no train is faster, metres a second.
pub(super) const SPEED_MPS: std::ops::RangeInclusive<f64> = 0.0..=150.0;
/// Clockwise from north.
pub(super) const BEARING_DEG: std::ops::RangeInclusive<f64> = 0.0..=360.0;
/// Three times what a vehicle is made for, percent.
pub(super) const OCCUPANCY_PCT: std::ops::RangeInclusive<f64> = 0.0..=300.0;
/// A day, either way: seconds.
pub(super) const DELAY_S: std::ops::RangeInclusive<i64> = -86_400..=86_400;
/// Percent of a battery.
pub(super) const PERCENT: std::ops::RangeInclusive<f64> = 0.0..=100.0;
