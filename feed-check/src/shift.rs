//! Moves the times in a message, where the format's clock is known: so that a capture of last week passes as of today.
//!
//! Moved are the times that the decoders read, and the gateways' beside them: `at` (native), `time`, `nsTime`, `gwTime` (ChirpStack),
//! `received_at`, `time` (The Things Stack), `tst`, `tsi` (HFP). Days and schedules (`oday`, `start`, `start_date`) stay, and so does
//! GTFS-Realtime, whose trips would no longer fit their timetable.

use domain::UtcMicros;
use domain::feed_check::Recognised;
use ingest::decode::json::JsonType;

use crate::formats::recognise;
use crate::json::{self, Edit, Leaf};

/// Microseconds in a second.
const MICROS_PER_S: i64 = 1_000_000;

/// The payload with its times moved by `by_us` microseconds, and how many were moved.
pub fn shifted(topic: &str, payload: &[u8], by_us: i64) -> (Vec<u8>, u64) {
    let names: &[&str] = match recognise(Some(topic), payload) {
        Recognised::Native => &["at"],
        Recognised::Chirpstack => &["time", "nsTime", "gwTime"],
        Recognised::Tts => &["received_at", "time"],
        Recognised::Hfp => &["tst", "tsi"],
        _ => &[],
    };
    let Some(text) = json::of_payload(payload).filter(|_| !names.is_empty()) else {
        return (payload.to_vec(), 0);
    };
    let mut count = 0;
    let edited = json::edit(&text, &mut |leaf| {
        let moved = if names.contains(&leaf.key) { moved(leaf, by_us) } else { None };
        count += u64::from(moved.is_some());
        Some(moved.map_or(Edit::Keep, Edit::Replace))
    });
    if count > 0 { (edited.into_bytes(), count) } else { (payload.to_vec(), 0) }
}

/// The value, moved; `None`: it is no time.
fn moved(leaf: &Leaf<'_>, by_us: i64) -> Option<String> {
    match leaf.json() {
        JsonType::Text(text) => {
            let at = UtcMicros::parse(&text).ok()?;
            Some(format!("\"{}\"", UtcMicros(at.0.checked_add(by_us)?)))
        }
        JsonType::Number(digits) if leaf.key == "tsi" => {
            Some(digits.parse::<i64>().ok()?.checked_add(by_us.div_euclid(MICROS_PER_S))?.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_are_known_are_moved_and_nothing_else() {
        let hour = 3_600 * MICROS_PER_S;
        for (topic, before, after, count) in [
            (
                "kv/1/f/bay/1",
                r#"{"at":"2026-11-28T12:00:00Z","state":"vacant","time":"2026-11-28T12:00:00Z"}"#,
                r#"{"at":"2026-11-28T13:00:00Z","state":"vacant","time":"2026-11-28T12:00:00Z"}"#,
                1,
            ),
            (
                "application/1/device/70b3d57ed0050036/event/up",
                r#"{"time":"2026-11-28T12:00:00+01:00","rxInfo":[{"nsTime":"2026-11-28T11:00:00Z"}],"fCnt":7}"#,
                r#"{"time":"2026-11-28T12:00:00Z","rxInfo":[{"nsTime":"2026-11-28T12:00:00Z"}],"fCnt":7}"#,
                2,
            ),
            (
                "/hfp/v2/journey/ongoing/vp/bus/0018/01029",
                r#"{"VP":{"tst":"2026-11-28T12:00:00Z","tsi":1000,"oday":"2026-11-28"}}"#,
                r#"{"VP":{"tst":"2026-11-28T13:00:00Z","tsi":4600,"oday":"2026-11-28"}}"#,
                2,
            ),
            ("kv/1/f/bay/1", r#"{"at":1000}"#, r#"{"at":1000}"#, 0),
            ("other/topic", r#"{"x":"2026-11-28T12:00:00Z"}"#, r#"{"x":"2026-11-28T12:00:00Z"}"#, 0),
        ] {
            let (moved, n) = shifted(topic, before.as_bytes(), hour);
            assert_eq!((String::from_utf8(moved).unwrap().as_str(), n), (after, count));
        }
        assert_eq!(shifted("kv/1/f/bay/1", b"\xff", hour), (b"\xff".to_vec(), 0));
    }
}
