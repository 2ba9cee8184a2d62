//! Lists as GeoJSON feature collections (RFC 7946).

use domain::geo::Geometry;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::wire::Source;

/// Places as a GeoJSON FeatureCollection.
#[derive(Serialize, ToSchema)]
pub struct Collection<'a, P> {
    /// Always `FeatureCollection`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The places of this page.
    features: Vec<Feature<'a, P>>,
    /// Give it as `cursor` for the next page; null: this is the last one.
    cursor: Option<String>,
    /// Whose data it is.
    attribution: Vec<Source<'a>>,
}

/// A place as a GeoJSON Feature.
#[derive(Serialize, ToSchema)]
pub struct Feature<'a, P> {
    /// Always `Feature`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Id of the place.
    id: &'a str,
    /// Where the place is: a Point or Polygon of GeoJSON, positions as `[lon, lat]` (WGS 84).
    #[schema(value_type = Object)]
    geometry: &'a Geometry,
    /// The place as it is without `format=geojson`.
    properties: P,
}

impl<'a, P> Collection<'a, P> {
    /// Of places by id.
    pub fn new(
        items: impl Iterator<Item = (&'a str, &'a Geometry, P)>,
        cursor: Option<String>,
        attribution: Vec<Source<'a>>,
    ) -> Self {
        let feature = |(id, geometry, properties)| Feature { kind: "Feature", id, geometry, properties };
        Collection { kind: "FeatureCollection", features: items.map(feature).collect(), cursor, attribution }
    }
}
