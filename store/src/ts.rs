//! `timestamptz` for [`UtcMicros`], exact in both directions.

use crate::Result;
use domain::UtcMicros;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Encode, Type};

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const PG_EPOCH_US: i64 = 946_684_800_000_000;

/// A `timestamptz` value, as prepared statements send and return it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ts(pub UtcMicros);

impl Ts {
    /// PostgreSQL's own number: microseconds since 2000 (its infinities are kept).
    pub fn pg(at: UtcMicros) -> i64 {
        match at.0 {
            i64::MIN | i64::MAX => at.0,
            us => us - PG_EPOCH_US,
        }
    }
}

impl Type<Postgres> for Ts {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl PgHasArrayType for Ts {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("_timestamptz")
    }
}

impl Encode<'_, Postgres> for Ts {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(Ts::pg(self.0), buffer)
    }
}

impl Decode<'_, Postgres> for Ts {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let us: i64 = Decode::<Postgres>::decode(value)?;
        Ok(Ts(UtcMicros(match us {
            i64::MIN | i64::MAX => us,
            us => us.saturating_add(PG_EPOCH_US),
        })))
    }
}
