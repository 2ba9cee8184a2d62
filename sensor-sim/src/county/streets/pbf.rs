//! A small encoder of the OpenStreetMap PBF format: everything in one block, with dense nodes and zlib.
//!
//! *Source*: <https://wiki.openstreetmap.org/wiki/PBF_Format>, `fileformat.proto`, `osmformat.proto`; the numbers of
//! fields are theirs.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use indexmap::IndexSet;

/// Coordinates are counted in units of 100 nanodegrees, the format's default.
const PER_DEGREE: f64 = 1e7;
/// Types of members.
const NODE: u64 = 0;
const WAY: u64 = 1;

pub(super) type Tags = Vec<(&'static str, String)>;

/// Reads `key=value`, with blanks between them.
pub(super) fn tags(text: &'static str) -> Tags {
    text.split(' ')
        .filter_map(|tag| tag.split_once('='))
        .map(|(key, value)| (key, value.to_owned()))
        .collect()
}

/// A map. Ids are positions in the lists, from 1.
#[derive(Debug, Default)]
pub(super) struct Extract {
    pub(super) nodes: Vec<Node>,
    pub(super) ways: Vec<Way>,
    pub(super) restrictions: Vec<Restriction>,
}

#[derive(Debug)]
pub(super) struct Node {
    /// `[lon, lat]`.
    pub(super) at: [f64; 2],
    pub(super) tags: Tags,
}

#[derive(Debug)]
pub(super) struct Way {
    /// Ids of nodes.
    pub(super) nodes: Vec<i64>,
    pub(super) tags: Tags,
}

/// A relation that forbids to turn left: ids of ways and of the node between them.
#[derive(Debug)]
pub(super) struct Restriction {
    pub(super) from: i64,
    pub(super) via: i64,
    pub(super) to: i64,
}

impl Extract {
    /// The bytes of the file.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut strings = Strings::from([String::new()]);
        let groups =
            [self.dense_nodes(&mut strings), self.ways(&mut strings), self.restrictions(&mut strings)];
        let table = strings.iter().fold(Proto::default(), |table, text| table.bytes(1, text));
        let block =
            groups.iter().fold(Proto::default().bytes(1, table), |block, group| block.bytes(2, group));
        let header = Proto::default()
            .bytes(4, "OsmSchema-V0.6")
            .bytes(4, "DenseNodes")
            .bytes(5, "Sort.Type_then_ID")
            .bytes(16, "kreisverkehr simulate");
        Ok([blob("OSMHeader", header.as_ref())?, blob("OSMData", block.as_ref())?].concat())
    }

    fn dense_nodes(&self, strings: &mut Strings) -> Proto {
        let axis = |axis: usize| {
            deltas(self.nodes.iter().map(move |node| (node.at[axis] * PER_DEGREE).round() as i64))
        };
        let mut tags = Vec::new();
        for node in &self.nodes {
            tags.extend(
                node.tags.iter().flat_map(|(key, value)| [number(strings, key), number(strings, value)]),
            );
            tags.push(0);
        }
        let ids = deltas(1..=self.nodes.len() as i64);
        let dense = Proto::default().packed(1, ids).packed(8, axis(1)).packed(9, axis(0)).packed(10, tags);
        Proto::default().bytes(2, dense)
    }

    fn ways(&self, strings: &mut Strings) -> Proto {
        self.ways.iter().zip(1..).fold(Proto::default(), |group, (way, id)| {
            let tagged = Proto::default().number(1, id).tags(&way.tags, strings);
            group.bytes(3, tagged.packed(8, deltas(way.nodes.iter().copied())))
        })
    }

    fn restrictions(&self, strings: &mut Strings) -> Proto {
        self.restrictions.iter().zip(1..).fold(Proto::default(), |group, (turn, id)| {
            let roles = ["from", "via", "to"].map(|role| number(strings, role));
            let tags = tags("type=restriction restriction=no_left_turn");
            let tagged = Proto::default().number(1, id).tags(&tags, strings).packed(8, roles);
            let members =
                tagged.packed(9, deltas([turn.from, turn.via, turn.to])).packed(10, [WAY, NODE, WAY]);
            group.bytes(4, members)
        })
    }
}

fn deltas(values: impl IntoIterator<Item = i64>) -> impl Iterator<Item = u64> {
    values.into_iter().scan(0, |before, value| Some(zigzag(value - std::mem::replace(before, value))))
}

/// As protobuf's `sint64`.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn blob(kind: &str, content: &[u8]) -> io::Result<Vec<u8>> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(content)?;
    let blob = Proto::default().number(2, content.len() as u64).bytes(3, zlib.finish()?);
    let header = Proto::default().bytes(1, kind).number(3, blob.as_ref().len() as u64);
    let size = u32::try_from(header.as_ref().len()).map_err(io::Error::other)?;
    Ok([&size.to_be_bytes(), header.as_ref(), blob.as_ref()].concat())
}

/// The strings of the block by their numbers; number 0 means none.
type Strings = IndexSet<String>;

fn number(strings: &mut Strings, text: &str) -> u64 {
    strings.insert_full(text.to_owned()).0 as u64
}

/// A protobuf message, as far as it is written.
#[derive(Default)]
struct Proto(Vec<u8>);

impl AsRef<[u8]> for Proto {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Proto {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, content: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(content.as_ref().len() as u64);
        self.0.extend(content.as_ref());
        self
    }

    fn packed(self, field: u64, values: impl IntoIterator<Item = u64>) -> Self {
        let mut content = Proto::default();
        values.into_iter().for_each(|value| content.varint(value));
        self.bytes(field, content)
    }

    /// Keys and values as a way and a relation have them.
    fn tags(self, tags: &Tags, strings: &mut Strings) -> Self {
        let (keys, values): (Vec<u64>, Vec<u64>) =
            tags.iter().map(|(key, value)| (number(strings, key), number(strings, value))).unzip();
        self.packed(2, keys).packed(3, values)
    }
}
