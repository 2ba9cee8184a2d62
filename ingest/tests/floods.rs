//! A message of many elements at fault, or of many that say nothing, costs memory and time by its bytes,
//! while it is decoded as afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "it/county/mod.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod county;

use std::fs;
use std::time::{Duration, Instant};

use county::{CS, NOW, TTS, rejection, take};
use domain::rejection::{MAX_DEVICES, MAX_EXAMPLES};

const MIB: usize = 1 << 20;

/// What one byte of a message may cost in memory: a position of a vehicle is the most, its few bytes become a
/// statement with room for all that it might have stated.
const BYTES_PER_BYTE: usize = 60;

/// Far more than is needed without optimization, far less than what grows with the square of the elements.
const WITHIN: Duration = Duration::from_secs(60);

/// A value of `/proc/self/status`, bytes.
fn memory(field: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<usize>().ok().map(|kib| kib << 10)
}

/// What `work` needed at most beyond what was in use before; `None` where the system does not say.
fn peak(work: impl FnOnce()) -> Option<usize> {
    let is_reset = fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory("VmRSS");
    work();
    let most = memory("VmHWM").filter(|_| is_reset);
    most.zip(before).map(|(most, before)| most.saturating_sub(before))
}

/// A list of as many `elements`, in turn, as fill `bytes`.
fn list(elements: &[&str], bytes: usize) -> Vec<u8> {
    let mut text = String::from("[");
    for element in elements.iter().cycle() {
        if text.len() + element.len() + 1 > bytes {
            break;
        }
        text.push_str(element);
        text.push(',');
    }
    text.pop();
    text.push(']');
    text.into_bytes()
}

/// A feed of so many bytes whose entities are these in turn.
fn feed(entities: &[&[u8]], bytes: usize) -> Vec<u8> {
    let mut feed = b"\x0a\x05\x0a\x032.0".to_vec();
    for entity in entities.iter().cycle() {
        if feed.len() + entity.len() + 6 > bytes {
            return feed;
        }
        feed.push(0x12);
        varint(entity.len(), &mut feed);
        feed.extend_from_slice(entity);
    }
    feed
}

fn varint(mut n: usize, into: &mut Vec<u8>) {
    while n > 127 {
        into.push((n & 127) as u8 | 128);
        n >>= 7;
    }
    into.push(n as u8);
}

/// A trip's update with so many stops without content.
fn trip_of_many_stops(stops: usize) -> Vec<u8> {
    let mut update = b"\x0a\x03\x0a\x01t".to_vec();
    update.extend(b"\x12\x00".repeat(stops));
    let mut entity = b"\x0a\x01e\x1a".to_vec();
    varint(update.len(), &mut entity);
    entity.extend(update);
    entity
}

#[test]
fn what_a_message_costs_is_bounded_by_its_bytes() {
    let unknown = format!(r#"{{"topic":"bay/x","at":"{NOW}","state":"vacant"}}"#);
    let ahead = r#"{"topic":"bay/b1","at":"2036-11-22T12:00:00Z","state":"vacant"}"#;
    let batch = "kv/1/native/batch";
    let halves = [list(&["1"], MIB / 2), list(&[r#"{"topic":"x"}"#], MIB / 2)].map(|mut part| {
        part.remove(0);
        part.pop();
        part
    });
    let first_one_then_the_other = [b"[".as_slice(), &halves[0], b",", &halves[1], b"]"].concat();
    let many_stops = trip_of_many_stops(4 * MIB - 1_000);
    let cases: Vec<(&str, &str, &str, Vec<u8>)> = vec![
        ("numbers", "native", batch, list(&["1"], MIB)),
        ("empty objects", "native", batch, list(&["{}"], MIB)),
        ("two faults, one half each", "native", batch, first_one_then_the_other),
        ("no such topic", "native", batch, list(&[r#"{"topic":"\n"}"#], MIB)),
        ("unknown places", "native", batch, list(&[&unknown], MIB)),
        ("a clock ahead", "native", batch, list(&[ahead, &unknown], MIB)),
        ("not closed", "native", batch, list(&["1"], MIB - 1)[..MIB - 2].to_vec()),
        ("deep", "native", batch, b"[".repeat(MIB)),
        ("doors", "native", "kv/1/native/passengers/v", list(&["1"], 64 << 10)),
        ("empty entities", "gtfs", "gtfs", feed(&[b""], 8 * MIB)),
        ("broken entities", "gtfs", "gtfs", feed(&[b"\x0a"], 8 * MIB)),
        ("vehicles without a word", "gtfs", "gtfs", feed(&[b"\x0a\x01x\x22\x00"], 8 * MIB)),
        ("broken, then vehicles", "gtfs", "gtfs", feed(&[b"\x0a", b"\x0a\x01x\x22\x00"], 8 * MIB)),
        ("trips without a name", "gtfs", "gtfs", feed(&[b"\x0a\x01x\x1a\x00"], 8 * MIB)),
        ("stops without a name", "gtfs", "gtfs", feed(&[&many_stops], 8 * MIB)),
        ("stops without a name", "gtfs", "gtfs", feed(&[&trip_of_many_stops(1_000)], 8 * MIB)),
        ("gateways", "chirpstack", CS, format!(r#"{{"rxInfo":[{}]}}"#, "{},".repeat(20_000) + "{}").into()),
        (
            "gateways",
            "tts",
            TTS,
            format!(r#"{{"uplink_message":{{"rx_metadata":[{}]}}}}"#, "{},".repeat(20_000) + "{}").into(),
        ),
    ];
    for (what, feed, topic, payload) in cases {
        let began = Instant::now();
        let mut outcome = None;
        let peak = peak(|| outcome = Some(take(feed, topic, &payload)));
        let (rows, received) = outcome.expect("it was received");
        assert!(began.elapsed() < WITHIN, "{what}: {:?}", began.elapsed());
        match peak {
            Some(peak) => assert!(
                peak < BYTES_PER_BYTE * payload.len().max(MIB),
                "{what}: {peak} bytes for {} bytes",
                payload.len()
            ),
            None => eprintln!("SKIPPED: this system does not say how much memory a process had"),
        }
        eprintln!("{what}: {:?} of {} in {:?}", peak, payload.len(), began.elapsed());
        assert!(rows.rejections.len() <= 1, "{what}");
        if !received.reasons.is_empty() {
            let kept = rejection(&rows);
            assert_eq!(u64::from(kept.count), received.reasons.values().sum::<u64>(), "{what}");
            assert!(kept.examples.len() <= MAX_EXAMPLES && kept.devices.len() <= MAX_DEVICES, "{what}");
        }
    }
}
