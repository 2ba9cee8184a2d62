use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn record(n: u8, payload: &[u8]) -> Record {
    let at = UtcMicros(1_795_348_800_000_000 + i64::from(n) * 1_500_000);
    Record {
        at,
        topic: format!("kv/1/f/bay/{n}"),
        qos: n % 3,
        retain: n.is_multiple_of(2),
        payload: payload.to_vec(),
    }
}

/// One frame for each group.
fn written(groups: &[Vec<Record>]) -> (Vec<u8>, Vec<usize>) {
    let mut file = Vec::new();
    let mut ends = Vec::new();
    for group in groups {
        let mut writer = Writer::new(&mut file);
        group.iter().for_each(|r| writer.push(r).unwrap());
        writer.finish().unwrap();
        ends.push(file.len());
    }
    (file, ends)
}

fn read(file: &[u8]) -> (Vec<Record>, Vec<Damage>) {
    let (mut records, mut damages) = (Vec::new(), Vec::new());
    for item in Reader::new(file) {
        match item {
            Ok(record) => records.push(record),
            Err(ReadError::Damaged(damage)) => damages.push(damage),
            Err(ReadError::Io(error)) => panic!("{error}"),
        }
    }
    (records, damages)
}

fn groups() -> impl Strategy<Value = Vec<Vec<Record>>> {
    let payload = prop_oneof![
        vec(any::<u8>(), 0..60),
        "\\PC{0,40}".prop_map(String::into_bytes),
        Just(BEGINNING.to_vec()),
    ];
    vec(vec((any::<u8>(), payload).prop_map(|(n, payload)| record(n, &payload)), 1..4), 1..5)
}

proptest! {
    #[test]
    fn what_is_written_is_read(groups in groups()) {
        let (file, _) = written(&groups);
        let (records, damages) = read(&file);
        prop_assert_eq!(records, groups.concat());
        prop_assert_eq!(damages, []);
    }

    #[test]
    fn a_cut_loses_its_own_frame_and_what_comes_after(groups in groups(), at in any::<prop::sample::Index>()) {
        let (file, ends) = written(&groups);
        let cut = at.index(file.len());
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (records, damages) = read(&file[..cut]);
        prop_assert_eq!(records, groups[..whole].concat());
        let from = whole.checked_sub(1).map_or(0, |last| ends[last]);
        prop_assert_eq!(damages.len(), usize::from(cut > from));
        prop_assert!(damages.iter().all(|d| d.offset_bytes == from as u64 && d.length_bytes == (cut - from) as u64));
    }

    #[test]
    fn what_is_appended_to_a_cut_file_is_read(groups in groups(), at in any::<prop::sample::Index>()) {
        let (file, ends) = written(&groups);
        let cut = at.index(file.len());
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let (more, _) = written(&groups);
        let (records, _) = read(&[&file[..cut], &more].concat());
        prop_assert_eq!(records, [groups[..whole].concat(), groups.concat()].concat());
    }

    #[test]
    fn a_flipped_bit_costs_its_own_frame_alone(
        groups in groups(), at in any::<prop::sample::Index>(), bit in 0..8_u32,
    ) {
        let (mut file, ends) = written(&groups);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        let hit = ends.iter().filter(|end| **end <= at).count();
        let (records, damages) = read(&file);
        let others = [groups[..hit].concat(), groups[hit + 1..].concat()].concat();
        // gzip does not protect the flags of its own header that change nothing.
        prop_assert!(records == others || records == groups.concat(), "{damages:?}");
        if records == others {
            let from = hit.checked_sub(1).map_or(0, |last| ends[last]) as u64;
            prop_assert!(!damages.is_empty());
            prop_assert!(damages.iter().all(|d| (from..ends[hit] as u64).contains(&d.offset_bytes)), "{damages:?}");
        }
    }

    #[test]
    fn anything_is_survived(file in vec(any::<u8>(), 0..400), groups in groups(), at in any::<prop::sample::Index>()) {
        read(&file);
        let (capture, _) = written(&groups);
        let at = at.index(capture.len());
        read(&[&capture[..at], &file, &capture[at..]].concat());
    }
}

#[test]
fn tools_of_everyday_life_read_it() {
    let (file, _) = written(&[vec![record(1, b"{}")], vec![record(2, b"\xff\0")]]);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(&file[..]), &mut text).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["text"], "{}");
    assert_eq!(lines[0]["topic"], "kv/1/f/bay/1");
    assert_eq!(lines[1]["base64"], "/wA=");
}

fn frame(comment: &str, text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().comment(comment).write(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_future_version_is_named_and_what_is_known_is_read() {
    let (known, _) = written(&[vec![record(1, b"x")]]);
    let (records, damages) = read(&[&known[..], &frame("kreisverkehr capture 2", b"?"), &known].concat());
    assert_eq!(records.len(), 2);
    assert_eq!(damages[0].kind, DamageKind::Newer(2));
    assert!(damages[0].to_string().contains("version 2") && damages[0].to_string().contains("update"));
}

#[test]
fn what_is_no_capture_is_named_where_it_stands() {
    let (known, ends) = written(&[vec![record(1, b"x")]]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"notes").unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(is_capture(&known) && !is_capture(&gzip) && !is_capture(b""));
    let (records, damages) = read(&[&known[..], &gzip, b"trailing"].concat());
    assert_eq!(records.len(), 1);
    assert_eq!((damages[0].kind, damages[0].offset_bytes), (DamageKind::Foreign, ends[0] as u64));
    let (records, damages) = read(&frame("kreisverkehr capture 1", b"{\"at\":1}\nno\n"));
    assert_eq!((records.len(), damages.len(), damages[0].kind), (0, 2, DamageKind::Line));
}

#[test]
fn a_frame_that_unpacks_to_more_than_any_that_is_written_takes_no_more_memory_than_allowed() {
    let zeros = vec![b' '; MAX_TEXT_BYTES as usize + 2];
    let (records, damages) = read(&frame("kreisverkehr capture 1", &zeros));
    assert_eq!((records.len(), damages[0].kind), (0, DamageKind::TooLarge));
}
