//! Files: a tiny one made by hand, and broken ones.

use std::path::PathBuf;

use super::super::{StreetsError, build, osm};

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number(field: u64, value: u64, out: &mut Vec<u8>) {
    varint(field << 3, out);
    varint(value, out);
}

fn bytes(field: u64, value: &[u8], out: &mut Vec<u8>) {
    varint(field << 3 | 2, out);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn packed(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut out = Vec::new();
    values.into_iter().for_each(|value| varint(value, &mut out));
    out
}

fn blob(kind: &str, data: &[u8]) -> Vec<u8> {
    let (mut body, mut header) = (Vec::new(), Vec::new());
    bytes(1, data, &mut body);
    bytes(1, kind.as_bytes(), &mut header);
    number(3, body.len() as u64, &mut header);
    [&(header.len() as u32).to_be_bytes()[..], &header, &body].concat()
}

/// Two nodes and a residential street between them.
fn street() -> Vec<u8> {
    let (mut strings, mut way, mut ways, mut dense, mut nodes, mut block) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for text in ["", "highway", "residential"] {
        bytes(1, text.as_bytes(), &mut strings);
    }
    number(1, 7, &mut way);
    bytes(2, &packed([1]), &mut way);
    bytes(3, &packed([2]), &mut way);
    bytes(8, &packed([zigzag(1), zigzag(1)]), &mut way);
    bytes(3, &way, &mut ways);
    bytes(1, &packed([zigzag(1), zigzag(1)]), &mut dense);
    bytes(8, &packed([zigzag(486_000_000), zigzag(0)]), &mut dense);
    bytes(9, &packed([zigzag(88_000_000), zigzag(10_000)]), &mut dense);
    bytes(2, &dense, &mut nodes);
    bytes(1, &strings, &mut block);
    bytes(2, &nodes, &mut block);
    bytes(2, &ways, &mut block);
    let mut header = Vec::new();
    bytes(4, b"OsmSchema-V0.6", &mut header);
    [blob("OSMHeader", &header), blob("OSMData", &block)].concat()
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kreisverkehr-{}-{name}.osm.pbf", std::process::id()));
    std::fs::write(&path, content).unwrap();
    path
}

#[test]
fn reads_a_file() {
    let path = file("street", &street());
    let mut data = osm::read(std::slice::from_ref(&path)).unwrap();
    let streets = build(&mut data).unwrap();
    std::fs::remove_file(path).unwrap();
    assert!(data.problems.is_empty(), "{:?}", data.problems);
    assert_eq!((streets.junctions.len(), streets.edges.len()), (2, 1));
    assert!((700..760).contains(&streets.edges[0].length_dm), "{:?}", streets.edges);
}

/// A block of nothing, where a real file has its turn restrictions.
fn with_more() -> (Vec<u8>, usize) {
    let (mut strings, mut block) = (Vec::new(), Vec::new());
    bytes(1, b"", &mut strings);
    bytes(1, &strings, &mut block);
    let street = street();
    let len = street.len();
    ([street, blob("OSMData", &block)].concat(), len)
}

#[test]
fn a_file_that_is_cut_is_refused_wherever_that_is() {
    let (whole, first) = with_more();
    assert!(osm::read(&[file("more", &whole)]).unwrap().problems.is_empty());
    for at in first + 1..whole.len() {
        let path = file("cut", &whole[..at]);
        let error = osm::read(std::slice::from_ref(&path)).unwrap_err();
        assert!(matches!(error, StreetsError::Damaged { .. }), "{at}: {error}");
        assert!(error.to_string().contains("download it again"), "{error}");
        std::fs::remove_file(path).unwrap();
    }
    std::fs::remove_file(file("more", &[])).unwrap();
}

#[test]
fn a_file_with_a_damaged_block_is_refused() {
    let (whole, first) = with_more();
    // The length of what stands before the contents, and the name there.
    for at in [first + 3, first + 6] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        let path = file("damaged-block", &damaged);
        let error = osm::read(std::slice::from_ref(&path)).expect_err(&format!("{at} of {}", whole.len()));
        assert!(matches!(error, StreetsError::Damaged { .. }), "{at}: {error}");
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn broken_files_are_errors_or_problems() {
    for (name, content) in [("empty", &b""[..]), ("text", b"PK\x03\x04 this is no extract at all")] {
        let path = file(name, content);
        let error = osm::read(std::slice::from_ref(&path)).unwrap_err();
        std::fs::remove_file(path).unwrap();
        assert!(matches!(error, StreetsError::Empty { .. } | StreetsError::NotPbf { .. }), "{name}: {error}");
    }
    let whole = street();
    let missing = osm::read(&["/nowhere/at/all.osm.pbf".into()]).unwrap_err();
    assert!(matches!(missing, StreetsError::Open { .. }));
    // Every single byte may be wrong.
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x5a;
        let path = file("damaged", &damaged);
        if let Ok(mut data) = osm::read(std::slice::from_ref(&path)) {
            let _ = build(&mut data);
        }
        std::fs::remove_file(path).unwrap();
    }
}
