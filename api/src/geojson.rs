//! Lists as GeoJSON feature collections (RFC 7946).

use domain::geo::Geometry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::Source;

#[derive(Serialize, ToSchema)]
pub struct Collection<'a, P> {
    /// `FeatureCollection`
    #[serde(rename = "type")]
    kind: &'static str,
    features: Vec<Feature<'a, P>>,
    cursor: Option<String>,
    attribution: Vec<Source<'a>>,
}

#[derive(Serialize, ToSchema)]
pub struct Feature<'a, P> {
    /// `Feature`
    #[serde(rename = "type")]
    kind: &'static str,
    id: &'a str,
    /// Point or Polygon, `[lon, lat]`.
    #[schema(value_type = Object)]
    geometry: &'a Geometry,
    properties: P,
}

impl<'a, P> Collection<'a, P> {
    pub fn new(
        items: impl Iterator<Item = (&'a str, &'a Geometry, P)>,
        cursor: Option<String>,
        attribution: Vec<Source<'a>>,
    ) -> Self {
        let feature = |(id, geometry, properties)| Feature { kind: "Feature", id, geometry, properties };
        Collection { kind: "FeatureCollection", features: items.map(feature).collect(), cursor, attribution }
    }
}
