//! Where vehicles are left, and how that ties to the streets.

use serde::{Deserialize, Serialize};
use super::osm::OsmData;
use super::{Coord, Streets};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OsmParking { pub id: String }
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OsmEntrance { pub at: Coord }
pub(super) fn extract(_data: &OsmData, _streets: &mut Streets) {}
