//! Small hand-made towns.

mod cut_off;
mod exact;
mod extracts;
mod parking;
mod pbf;
mod rules;
mod steps;
mod times;

use super::osm::{Coord, MemberKind, OsmData, OsmMember, OsmRelation, OsmWay, Tags};
use super::{Budget, Link, Mode, Network, Reach, Workspace, build};

/// Nodes on a grid of about 100 m: node `10 * y + x` lies at column x, row y.
#[derive(Debug)]
pub(crate) struct Town {
    pub data: OsmData,
}

impl Town {
    pub fn new() -> Self {
        let mut data = OsmData::default();
        for y in 0..10 {
            for x in 0..10 {
                let place = Coord { lat: 486_000_000 + y * 9000, lon: 88_000_000 + x * 13_600 };
                data.nodes.insert(i64::from(10 * y + x), place);
            }
        }
        Town { data }
    }

    pub fn way(mut self, nodes: &[i64], tags: &[(&str, &str)]) -> Self {
        let id = self.data.ways.len() as i64 + 1;
        self.data.ways.push(OsmWay { id, nodes: nodes.to_vec(), tags: Tags::new(tags.iter().copied()) });
        self
    }

    pub fn node(mut self, node: i64, tags: &[(&str, &str)]) -> Self {
        self.data.node_tags.insert(node, Tags::new(tags.iter().copied()));
        self
    }

    /// A turn restriction; `via` are ways, or one node.
    pub fn restriction(mut self, kind: &str, from: i64, via: (MemberKind, &[i64]), to: i64) -> Self {
        let member = |kind, id, role: &str| OsmMember { kind, id, role: role.into() };
        let mut members = vec![member(MemberKind::Way, from, "from"), member(MemberKind::Way, to, "to")];
        members.extend(via.1.iter().map(|id| member(via.0.clone(), *id, "via")));
        let tags = Tags::new([("type", "restriction"), ("restriction", kind)]);
        let id = self.data.relations.len() as i64 + 1;
        self.data.relations.push(OsmRelation { id, members, tags });
        self
    }

    pub fn build(mut self) -> Network {
        let streets = build(&mut self.data).expect("the town has streets");
        assert!(streets.is_sound());
        Network::new(streets)
    }
}

/// The street next to a node of the grid, a little off it towards another node.
pub(super) fn link(network: &Network, mode: Mode, node: i64, towards: i64) -> Link {
    let place = |node: i64| {
        let (x, y) = (f64::from(node as i32 % 10), f64::from(node as i32 / 10));
        (48.6 + y * 9e-4, 8.8 + x * 13.6e-4)
    };
    let ((lat, lon), (other_lat, other_lon)) = (place(node), place(towards));
    let point =
        domain::geo::LatLon { lat: lat + 0.2 * (other_lat - lat), lon: lon + 0.2 * (other_lon - lon) };
    *network.snap(mode, point, 30.0, 1).first().expect("a street is there")
}

pub(super) fn reach(network: &Network, mode: Mode, from: Link, to: Link) -> Option<Reach> {
    let mut workspace = Workspace::new();
    network.route(&mut workspace, mode, from, &to, Budget::NONE).reach(&to)
}
