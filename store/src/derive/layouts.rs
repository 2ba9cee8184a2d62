//! Under which timeline each place was derived: its layout, as it is stored.

use domain::ids::ScopeId;
use domain::intervals::{Piece, Span, Timeline};
use domain::place::PlaceKind;
use domain::{BayId, MunicipalityId, PlaceId, SiteId};
use smallvec::SmallVec;
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Type};

use super::{CountKey, DerivedPlace};
use crate::bind::BindRows;
use crate::places::kind::KindCode;
use crate::{Result, StoreError, codec};

/// Format of a stored timeline.
const VERSION: u8 = 3;
/// The one before, under which hidden bays counted wherever their sites did. It did not store which bays were shown: none
/// counts as shown until timelines are compared.
const WITHOUT_SHOWN: u8 = 2;
/// The one before, without capacities: those of counted sites differ, so they are derived again.
const WITHOUT_CAPACITIES: u8 = 1;

pub(super) fn encode(timeline: &Timeline) -> Result<Vec<u8>> {
    codec::encode(VERSION, timeline)
}

type FormerPiece = (Span, SmallVec<[ScopeId; 6]>);

/// An encoded timeline.
#[derive(Debug, Type)]
#[sqlx(transparent, no_pg_array)]
pub(crate) struct Encoded(Vec<u8>);

impl TryFrom<Encoded> for Timeline {
    type Error = StoreError;

    fn try_from(Encoded(body): Encoded) -> Result<Self> {
        let former = |(holds, pieces, capacities): (_, Vec<FormerPiece>, _)| {
            let pieces =
                pieces.into_iter().map(|(span, scopes)| Piece { span, scopes, is_shown: false }).collect();
            Timeline { holds, pieces, capacities }
        };
        match codec::version("layout", &body)? {
            (VERSION, rest) => codec::decode_rest("layout", rest),
            (WITHOUT_SHOWN, rest) => codec::decode_rest("layout", rest).map(former),
            (WITHOUT_CAPACITIES, rest) => {
                codec::decode_rest("layout", rest).map(|(holds, pieces)| former((holds, pieces, Vec::new())))
            }
            _ => Err(codec::unknown("layout")),
        }
    }
}

#[derive(FromRow)]
struct StoredRow {
    #[sqlx(try_from = "i32")]
    municipality: MunicipalityId,
    place: i32,
    #[sqlx(try_from = "KindCode")]
    kind: PlaceKind,
    audience: String,
    by_feed: bool,
    #[sqlx(rename = "layout", try_from = "Encoded")]
    timeline: Timeline,
}

/// Places as they were derived.
#[derive(Default)]
pub(crate) struct Layouts {
    pub(crate) bays: Vec<(BayId, DerivedPlace)>,
    pub(crate) sites: Vec<(CountKey, DerivedPlace)>,
}

/// The layouts of all places, or of those of one municipality.
pub(crate) async fn stored(conn: &mut PgConnection, municipality: Option<MunicipalityId>) -> Result<Layouts> {
    let of_which = if municipality.is_some() { "WHERE d.municipality = $1" } else { "WHERE $1::int IS NULL" };
    let sql = format!(
        "SELECT d.municipality, d.place, p.kind, d.audience, d.by_feed, d.layout
         FROM derived_place d JOIN place p ON p.id = d.place {of_which}"
    );
    let rows: Vec<StoredRow> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(municipality.map(|m| m.0)).fetch_all(conn).await?;
    let mut layouts = Layouts::default();
    for StoredRow { municipality, place, kind, audience, by_feed, timeline } in rows {
        let placed = DerivedPlace { municipality, by_feed, timeline };
        match kind {
            PlaceKind::Bay => layouts.bays.push((BayId(place), placed)),
            PlaceKind::Site => layouts.sites.push(((SiteId(place), audience), placed)),
        }
    }
    Ok(layouts)
}

/// Under which timeline a place, or one audience's spaces in a site, is derived.
pub(super) struct LayoutRow<'a> {
    pub(super) municipality: MunicipalityId,
    pub(super) place: PlaceId,
    /// `""`: all spaces.
    pub(super) audience: &'a str,
    pub(super) by_feed: bool,
    pub(super) timeline: &'a Timeline,
}

impl<'a> LayoutRow<'a> {
    pub(super) fn of(place: PlaceId, audience: &'a str, derived: &'a DerivedPlace) -> Self {
        let DerivedPlace { municipality, by_feed, timeline } = derived;
        LayoutRow { municipality: *municipality, place, audience, by_feed: *by_feed, timeline }
    }
}

/// Stores under which timelines places are derived.
pub(super) async fn write(conn: &mut PgConnection, rows: Vec<LayoutRow<'_>>) -> Result<()> {
    let timelines = rows.iter().map(|row| encode(row.timeline)).collect::<Result<Vec<_>, _>>()?;
    sqlx::query(
        "INSERT INTO derived_place (municipality, place, audience, by_feed, layout)
         SELECT * FROM unnest($1, $2, $3, $4, $5)
         ON CONFLICT (municipality, place, audience) DO UPDATE
         SET by_feed = excluded.by_feed, layout = excluded.layout",
    )
    .bind_rows(rows.iter().map(|row| (row.municipality.0, row.place.0, row.audience, row.by_feed)))
    .bind(timelines)
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::UtcMicros;
    use domain::intervals::Hold;

    use super::*;

    #[test]
    fn timelines_of_earlier_versions_are_read() {
        let holds = vec![Hold { source: domain::ids::SourceKey(-3), span: Span::EVER, hold_us: 7 }];
        let scopes: SmallVec<[ScopeId; 6]> = [ScopeId(5)].into_iter().collect();
        let pieces: Vec<FormerPiece> = vec![(Span::EVER, scopes.clone())];
        let read = vec![Piece { span: Span::EVER, scopes, is_shown: false }];
        let old = postcard::to_extend(&(&holds, &pieces), vec![WITHOUT_CAPACITIES]).unwrap();
        let former = Timeline { holds: holds.clone(), pieces: read, capacities: Vec::new() };
        assert_eq!(Timeline::try_from(Encoded(old)).unwrap(), former);
        let capacities = vec![(UtcMicros(4), 9)];
        let old = postcard::to_extend(&(&holds, &pieces, &capacities), vec![WITHOUT_SHOWN]).unwrap();
        assert_eq!(Timeline::try_from(Encoded(old)).unwrap(), Timeline { capacities, ..former });
    }
}
