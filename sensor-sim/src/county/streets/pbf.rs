//! A small encoder of the OpenStreetMap PBF format: dense nodes, zlib, everything in a few blocks.
//!
//! *Source*: <https://wiki.openstreetmap.org/wiki/PBF_Format>, `fileformat.proto`, `osmformat.proto`.

use std::collections::HashMap;
use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use prost::Message;

/// Elements in one block, as other writers have it.
const BLOCK: usize = 8_000;
/// Coordinates are counted in units of 100 nanodegrees, the format's default.
const PER_DEGREE: f64 = 1e7;

pub(super) type Tags = Vec<(String, String)>;

/// A map. Ids are positions in the lists, from 1.
#[derive(Debug, Default)]
pub(super) struct Extract {
    pub(super) nodes: Vec<Node>,
    pub(super) ways: Vec<Way>,
    pub(super) relations: Vec<Relation>,
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

/// What a relation names: a node or a way by its id.
#[derive(Debug, Clone, Copy)]
pub(super) enum Member {
    Node(i64),
    Way(i64),
}

#[derive(Debug)]
pub(super) struct Relation {
    pub(super) members: Vec<(Member, &'static str)>,
    pub(super) tags: Tags,
}

impl Extract {
    /// The bytes of the file.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        put_blob(&mut file, "OSMHeader", &self.header().encode_to_vec())?;
        for (number, nodes) in self.nodes.chunks(BLOCK).enumerate() {
            let mut strings = Strings::new();
            let group = Group { dense: Some(dense(number * BLOCK, nodes, &mut strings)), ..Group::default() };
            put_block(&mut file, strings, group)?;
        }
        for (number, ways) in self.ways.chunks(BLOCK).enumerate() {
            let mut strings = Strings::new();
            let ways = ways.iter().zip(number * BLOCK + 1..).map(|(way, id)| pbf_way(id, way, &mut strings));
            let group = Group { ways: ways.collect(), ..Group::default() };
            put_block(&mut file, strings, group)?;
        }
        for (number, relations) in self.relations.chunks(BLOCK).enumerate() {
            let mut strings = Strings::new();
            let relations = relations.iter().zip(number * BLOCK + 1..);
            let relations = relations.map(|(relation, id)| pbf_relation(id, relation, &mut strings));
            let group = Group { relations: relations.collect(), ..Group::default() };
            put_block(&mut file, strings, group)?;
        }
        Ok(file)
    }

    fn header(&self) -> HeaderBlock {
        let nano = |axis: usize, pick: fn(f64, f64) -> f64| {
            let edge = self.nodes.iter().map(|node| node.at[axis]).reduce(pick).unwrap_or(0.0);
            (edge * 1e9).round() as i64
        };
        HeaderBlock {
            bbox: Some(HeaderBBox {
                left: nano(0, f64::min),
                right: nano(0, f64::max),
                top: nano(1, f64::max),
                bottom: nano(1, f64::min),
            }),
            required_features: vec!["OsmSchema-V0.6".into(), "DenseNodes".into()],
            optional_features: vec!["Sort.Type_then_ID".into()],
            writingprogram: Some("kreisverkehr simulate".into()),
            source: Some("an invented county".into()),
        }
    }
}

fn dense(first: usize, nodes: &[Node], strings: &mut Strings) -> DenseNodes {
    let mut dense = DenseNodes::default();
    let mut before = [0, 0];
    for (number, node) in nodes.iter().enumerate() {
        // Ids follow each other; the first is written in full.
        dense.id.push(if number == 0 { first as i64 + 1 } else { 1 });
        let at = node.at.map(|degrees| (degrees * PER_DEGREE).round() as i64);
        dense.lon.push(at[0] - before[0]);
        dense.lat.push(at[1] - before[1]);
        before = at;
        for (key, value) in &node.tags {
            dense.keys_vals.extend([strings.number(key) as i32, strings.number(value) as i32]);
        }
        dense.keys_vals.push(0);
    }
    dense
}

fn pbf_way(id: usize, way: &Way, strings: &mut Strings) -> PbfWay {
    let (keys, vals) = strings.tags(&way.tags);
    PbfWay { id: id as i64, keys, vals, refs: deltas(way.nodes.iter().copied()) }
}

fn pbf_relation(id: usize, relation: &Relation, strings: &mut Strings) -> PbfRelation {
    let (keys, vals) = strings.tags(&relation.tags);
    let (mut ids, mut types) = (Vec::new(), Vec::new());
    for (member, _) in &relation.members {
        let (kind, id) = match member {
            Member::Node(id) => (0, *id),
            Member::Way(id) => (1, *id),
        };
        ids.push(id);
        types.push(kind);
    }
    PbfRelation {
        id: id as i64,
        keys,
        vals,
        roles_sid: relation.members.iter().map(|(_, role)| strings.number(role) as i32).collect(),
        memids: deltas(ids.into_iter()),
        types,
    }
}

fn deltas(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    ids.scan(0, |before, id| Some(id - std::mem::replace(before, id))).collect()
}

fn put_block(file: &mut Vec<u8>, strings: Strings, group: Group) -> io::Result<()> {
    let table = StringTable { s: strings.list.into_iter().map(String::into_bytes).collect() };
    let block = PrimitiveBlock { stringtable: table, primitivegroup: vec![group] };
    put_blob(file, "OSMData", &block.encode_to_vec())
}

fn put_blob(file: &mut Vec<u8>, kind: &str, content: &[u8]) -> io::Result<()> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(content)?;
    let size = |bytes: usize| i32::try_from(bytes).map_err(io::Error::other);
    let blob = Blob { raw_size: Some(size(content.len())?), zlib_data: Some(zlib.finish()?) }.encode_to_vec();
    let header = BlobHeader { r#type: kind.to_owned(), datasize: size(blob.len())? }.encode_to_vec();
    file.extend(size(header.len())?.to_be_bytes());
    file.extend(header);
    file.extend(blob);
    Ok(())
}

/// The strings of a block; number 0 means none.
struct Strings {
    list: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Strings {
    fn new() -> Self {
        Self { list: vec![String::new()], numbers: HashMap::new() }
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn tags(&mut self, tags: &Tags) -> (Vec<u32>, Vec<u32>) {
        tags.iter().map(|(key, value)| (self.number(key), self.number(value))).unzip()
    }
}

#[derive(Message)]
struct BlobHeader {
    #[prost(string, required, tag = "1")]
    r#type: String,
    #[prost(int32, required, tag = "3")]
    datasize: i32,
}

#[derive(Message)]
struct Blob {
    #[prost(int32, optional, tag = "2")]
    raw_size: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "3")]
    zlib_data: Option<Vec<u8>>,
}

#[derive(Message)]
struct HeaderBBox {
    #[prost(sint64, required, tag = "1")]
    left: i64,
    #[prost(sint64, required, tag = "2")]
    right: i64,
    #[prost(sint64, required, tag = "3")]
    top: i64,
    #[prost(sint64, required, tag = "4")]
    bottom: i64,
}

#[derive(Message)]
struct HeaderBlock {
    #[prost(message, optional, tag = "1")]
    bbox: Option<HeaderBBox>,
    #[prost(string, repeated, tag = "4")]
    required_features: Vec<String>,
    #[prost(string, repeated, tag = "5")]
    optional_features: Vec<String>,
    #[prost(string, optional, tag = "16")]
    writingprogram: Option<String>,
    #[prost(string, optional, tag = "17")]
    source: Option<String>,
}

#[derive(Message)]
struct PrimitiveBlock {
    #[prost(message, required, tag = "1")]
    stringtable: StringTable,
    #[prost(message, repeated, tag = "2")]
    primitivegroup: Vec<Group>,
}

#[derive(Message)]
struct StringTable {
    #[prost(bytes = "vec", repeated, tag = "1")]
    s: Vec<Vec<u8>>,
}

#[derive(Message)]
struct Group {
    #[prost(message, optional, tag = "2")]
    dense: Option<DenseNodes>,
    #[prost(message, repeated, tag = "3")]
    ways: Vec<PbfWay>,
    #[prost(message, repeated, tag = "4")]
    relations: Vec<PbfRelation>,
}

#[derive(Message)]
struct DenseNodes {
    #[prost(sint64, repeated, tag = "1")]
    id: Vec<i64>,
    #[prost(sint64, repeated, tag = "8")]
    lat: Vec<i64>,
    #[prost(sint64, repeated, tag = "9")]
    lon: Vec<i64>,
    #[prost(int32, repeated, tag = "10")]
    keys_vals: Vec<i32>,
}

#[derive(Message)]
struct PbfWay {
    #[prost(int64, required, tag = "1")]
    id: i64,
    #[prost(uint32, repeated, tag = "2")]
    keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    vals: Vec<u32>,
    #[prost(sint64, repeated, tag = "8")]
    refs: Vec<i64>,
}

#[derive(Message)]
struct PbfRelation {
    #[prost(int64, required, tag = "1")]
    id: i64,
    #[prost(uint32, repeated, tag = "2")]
    keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    vals: Vec<u32>,
    #[prost(int32, repeated, tag = "8")]
    roles_sid: Vec<i32>,
    #[prost(sint64, repeated, tag = "9")]
    memids: Vec<i64>,
    #[prost(int32, repeated, tag = "10")]
    types: Vec<i32>,
}
