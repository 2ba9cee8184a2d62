//! Reading `.osm.pbf` files.
//!
//! Two passes: ways and relations first, then the nodes they need. So the file's order does not
//! matter, and the nodes of houses and trees take no memory.

use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use osmpbf::{BlobDecode, BlobReader, Element, PrimitiveBlock};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{Coord, OsmData, OsmMember, OsmRelation, OsmWay, Tags, places};
use super::{is_parking, relation_matters, way_matters};
use crate::files::{self, Watched};
use crate::streets::StreetsError;

/// Keys that this crate uses. Those of access and speed also hold for a direction, and at times.
const USED_KEYS: &str = "
    access access:backward access:conditional access:forward
    bicycle bicycle:backward bicycle:backward:conditional bicycle:conditional bicycle:forward bicycle:forward:conditional
    foot foot:backward foot:conditional foot:forward
    motor_vehicle motor_vehicle:backward motor_vehicle:backward:conditional motor_vehicle:conditional
    motor_vehicle:forward motor_vehicle:forward:conditional
    motorcar motorcar:backward motorcar:backward:conditional motorcar:conditional motorcar:forward
    motorcar:forward:conditional
    vehicle vehicle:backward vehicle:backward:conditional vehicle:conditional vehicle:forward vehicle:forward:conditional
    maxspeed maxspeed:backward maxspeed:backward:conditional maxspeed:conditional maxspeed:forward
    maxspeed:forward:conditional maxspeed:type source:maxspeed zone:maxspeed zone:traffic
    oneway oneway:bicycle oneway:bicycle:conditional oneway:conditional oneway:foot oneway:motor_vehicle oneway:motorcar
    oneway:vehicle
    cycleway cycleway:both cycleway:left cycleway:left:oneway cycleway:right cycleway:right:oneway
    type except restriction restriction:conditional restriction:motor_vehicle restriction:motor_vehicle:conditional
    restriction:motorcar restriction:motorcar:conditional
    area barrier bridge conveying duration highway impassable incline junction kerb kerb:height layer locked man_made
    motorroad public_transport railway route sac_scale seamark:type service smoothness surface tracktype tunnel wheelchair
    amenity bus capacity capacity:disabled fee hgv maxheight name opening_hours operator park_ride parking ref site
";

/// Keys that make a node worth remembering beyond its position.
const NODE_KEYS: &[&str] = &["barrier", "amenity", "kerb", "highway", "access", "motor_vehicle", "park_ride"];

/// Reads and joins `paths`. An element that is in several files counts once.
///
/// # Errors
/// A file cannot be opened, is not a `.osm.pbf` file, is cut off or damaged, or holds no data. The format has no mark of its
/// end: one that is cut exactly between two blocks looks whole.
pub fn read(paths: &[PathBuf]) -> Result<OsmData, StreetsError> {
    let used: FxHashSet<&str> = USED_KEYS.split_whitespace().collect();
    let mut data = OsmData::default();
    let mut places = Places::default();
    let mut named = places::Reader::default();
    for path in paths {
        let blocks = each_block(path, |block| places.read_block(block, &used, &mut named))?;
        if blocks == 0 {
            return Err(StreetsError::Empty { path: path.clone() });
        }
    }
    let needed: FxHashSet<i64> = (places.ways.values().flat_map(|way| way.nodes.iter().copied()))
        .chain(places.relations.values().flat_map(|relation| relation.members.iter().map(|m| m.id)))
        .collect();
    named.look_for_nodes(&places.ways);
    for path in paths {
        each_block(path, |block| read_nodes(block, &used, &needed, &mut data, &mut named))?;
    }
    data.places = named.finish(&places.ways);
    data.ways = places.ways.into_values().collect();
    data.ways.sort_by_key(|way| way.id);
    data.relations = places.relations.into_values().collect();
    data.relations.sort_by_key(|relation| relation.id);
    Ok(data)
}

/// Looks whether [`read`] can read `path`: whether it is a `.osm.pbf` file, whole, and holds data.
///
/// # Errors
/// It is not.
pub fn check(path: &Path) -> Result<(), StreetsError> {
    match each_block(path, |_| ())? {
        0 => Err(StreetsError::Empty { path: path.to_owned() }),
        _ => Ok(()),
    }
}

/// Calls `use_block` with each block; says how many there were.
fn each_block(path: &Path, mut use_block: impl FnMut(&PrimitiveBlock)) -> Result<usize, StreetsError> {
    let opened = files::open(path);
    let file = opened.map_err(|error| StreetsError::Open { path: path.into(), reason: error.to_string() })?;
    let read = AtomicU64::new(0);
    let count = |bytes| {
        read.fetch_add(bytes, Relaxed);
        Ok(())
    };
    let mut reader = BlobReader::new(Watched { inner: BufReader::new(file), watch: count });
    let (mut blocks, mut is_extract, mut whole) = (0, false, 0);
    loop {
        // The reader indexes by what the file says; a damaged block must not take the process down.
        let next = catch_unwind(AssertUnwindSafe(|| match reader.next() {
            None => Ok(None),
            Some(Err(error)) => Err(error.to_string()),
            Some(Ok(blob)) => match blob.decode() {
                Err(error) => Err(error.to_string()),
                Ok(BlobDecode::OsmHeader(_)) => Ok(Some(0)),
                // The format lets programs skip what they do not know, and nobody writes anything else: it is a
                // damaged name.
                Ok(BlobDecode::Unknown(_)) => Err("a block of no known kind".into()),
                Ok(BlobDecode::OsmData(block)) => {
                    use_block(&block);
                    Ok(Some(1))
                }
            },
        }))
        .unwrap_or_else(|_| Err("its contents contradict each other".into()));
        let reason = match next {
            Ok(Some(data)) => {
                is_extract = true;
                blocks += data;
                whole = read.load(Relaxed);
                continue;
            }
            // The reader takes one to three bytes of a length for the end.
            Ok(None) if read.load(Relaxed) > whole => "it ends within a block".to_owned(),
            Ok(None) => return Ok(blocks),
            Err(reason) => format!("behind {whole} bytes: {reason}"),
        };
        let path = path.to_owned();
        return Err(if is_extract {
            StreetsError::Damaged { path, reason }
        } else {
            StreetsError::NotPbf { path }
        });
    }
}

/// Ways and relations by id: neighbouring extracts share those on their border.
#[derive(Default)]
struct Places {
    ways: FxHashMap<i64, OsmWay>,
    relations: FxHashMap<i64, OsmRelation>,
}

impl Places {
    fn read_block(&mut self, block: &PrimitiveBlock, used: &FxHashSet<&str>, named: &mut places::Reader) {
        block.for_each_element(|element| match element {
            Element::Way(way) => {
                named.way(&way);
                let tags = used_tags(way.tags(), used);
                // A way without any tag may be the ring of a multipolygon.
                if way_matters(&tags) || way.tags().next().is_none() {
                    let way = OsmWay { id: way.id(), nodes: way.refs().collect(), tags };
                    // Of two versions the longer one: an extract may have cut the other.
                    if self.ways.get(&way.id).is_none_or(|known| known.nodes.len() < way.nodes.len()) {
                        self.ways.insert(way.id, way);
                    }
                }
            }
            Element::Relation(relation) => {
                named.relation(&relation);
                let tags = used_tags(relation.tags(), used);
                if relation_matters(&tags) {
                    let members = relation.members().map(|member| OsmMember {
                        id: member.member_id,
                        role: member.role().unwrap_or_default().into(),
                        kind: member.member_type,
                    });
                    let relation = OsmRelation { id: relation.id(), members: members.collect(), tags };
                    self.relations.insert(relation.id, relation);
                }
            }
            Element::Node(_) | Element::DenseNode(_) => {}
        });
    }
}

fn read_nodes(
    block: &PrimitiveBlock,
    used: &FxHashSet<&str>,
    needed: &FxHashSet<i64>,
    data: &mut OsmData,
    named: &mut places::Reader,
) {
    let mut take = |id: i64, nano_lat: i64, nano_lon: i64, tags: Tags| {
        let parking = is_parking(&tags) || tags.is("amenity", "parking_entrance");
        let Some(coord) = coord(nano_lat, nano_lon) else {
            if needed.contains(&id) || parking {
                data.problems.push(format!("node {id}: its position is outside the earth"));
            }
            return;
        };
        if needed.contains(&id) || parking {
            data.nodes.insert(id, coord);
            if NODE_KEYS.iter().any(|key| tags.get(key).is_some()) {
                data.node_tags.insert(id, tags);
            }
        }
    };
    block.for_each_element(|element| match element {
        Element::Node(node) => {
            named.node(node.id(), coord(node.nano_lat(), node.nano_lon()), node.tags());
            take(node.id(), node.nano_lat(), node.nano_lon(), used_tags(node.tags(), used))
        }
        Element::DenseNode(node) => {
            named.node(node.id(), coord(node.nano_lat(), node.nano_lon()), node.tags());
            take(node.id(), node.nano_lat(), node.nano_lon(), used_tags(node.tags(), used));
        }
        Element::Way(_) | Element::Relation(_) => {}
    });
}

fn coord(nano_lat: i64, nano_lon: i64) -> Option<Coord> {
    const NANO_PER_UNIT: i64 = 100;
    const MAX_LAT: i64 = 90_000_000_000;
    const MAX_LON: i64 = 180_000_000_000;
    ((-MAX_LAT..=MAX_LAT).contains(&nano_lat) && (-MAX_LON..=MAX_LON).contains(&nano_lon))
        .then_some(Coord { lat: (nano_lat / NANO_PER_UNIT) as i32, lon: (nano_lon / NANO_PER_UNIT) as i32 })
}

fn used_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>, used: &FxHashSet<&str>) -> Tags {
    Tags::new(tags.filter(|(key, _)| used.contains(key)))
}
