//! Partitions and chunks: dropped whole, so that nothing has to be looked for or cleaned up.

use domain::UtcMicros;
use sqlx::{AssertSqlSafe, Connection, FromRow, PgConnection};

use super::{Class, Due, coarse};
use crate::migrate::Partitioning;
use crate::partitions::Table;
use crate::{Result, Ts};

/// A partition or chunk whose last instant is too old.
#[derive(Debug, FromRow)]
pub(super) struct Slice {
    /// Quoted where that is needed, with the schema where it is another one.
    name: String,
    rows: i64,
    bytes: i64,
    state: SliceState,
    /// Of a chunk.
    from_utc: Option<Ts>,
    until_utc: Option<Ts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
enum SliceState {
    Attached,
    /// An earlier run was interrupted while it detached the partition.
    Detaching,
    /// An earlier run was interrupted before it dropped the partition.
    Detached,
    Chunk,
}

/// What is too old of `table`.
pub(super) async fn old(
    conn: &mut PgConnection,
    partitioning: Partitioning,
    table: Table,
    before: UtcMicros,
) -> Result<Vec<Slice>> {
    let sql = match partitioning {
        Partitioning::Plain => {
            "SELECT c.oid::regclass::text AS name, greatest(c.reltuples::bigint, s.n_live_tup, 0) AS rows,
                    pg_total_relation_size(c.oid) AS bytes,
                    CASE WHEN i.inhdetachpending THEN 'detaching' WHEN i.inhrelid IS NULL THEN 'detached'
                         ELSE 'attached' END AS state,
                    NULL::timestamptz AS from_utc, NULL::timestamptz AS until_utc
             FROM pg_class c
             JOIN pg_class parent ON parent.oid = to_regclass($1) AND parent.relnamespace = c.relnamespace
             LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
             LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
             WHERE c.relkind = 'r' AND c.relname ~ ('^' || $1 || '_[0-9]{8}$')
               AND (i.inhrelid IS NULL
                    OR substring(pg_get_expr(c.relpartbound, c.oid) FROM $re$TO \\('([^']+)'\\)$re$)::timestamptz <= $2)
             ORDER BY 1"
        }
        Partitioning::Hypertables => {
            "SELECT format('%I.%I', c.chunk_schema, c.chunk_name) AS name,
                    approximate_row_count(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass) AS rows,
                    d.total_bytes AS bytes, 'chunk' AS state,
                    c.range_start AS from_utc, c.range_end AS until_utc
             FROM timescaledb_information.chunks c
             JOIN chunks_detailed_size($1::regclass) d USING (chunk_schema, chunk_name)
             WHERE format('%I.%I', c.hypertable_schema, c.hypertable_name)::regclass = $1::regclass
               AND c.range_end <= $2
             ORDER BY c.range_start"
        }
    };
    Ok(sqlx::query_as(sql).bind(table.name()).bind(Ts(before)).fetch_all(conn).await?)
}

impl Slice {
    pub(super) fn due(&self, table: Table, before: UtcMicros) -> Due {
        let (rows, bytes) = (self.rows, Some(self.bytes));
        Due { class: Class::of(table), what: self.name.clone(), rows, bytes, before }
    }

    /// Drops it; positions are made coarse in the same transaction, so that each counts once.
    pub(super) async fn drop(&self, conn: &mut PgConnection, table: Table) -> Result<()> {
        let Slice { name, state, .. } = self;
        // CONCURRENTLY: those who read and write other partitions are not held up.
        let detach = match state {
            SliceState::Attached => Some("CONCURRENTLY"),
            SliceState::Detaching => Some("FINALIZE"),
            SliceState::Detached | SliceState::Chunk => None,
        };
        if let Some(how) = detach {
            let sql = format!("ALTER TABLE {} DETACH PARTITION {name} {how}", table.name());
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *conn).await?;
        }
        let mut tx = conn.begin().await?;
        if table == Table::VehiclePosition {
            // Nothing is stored in it between counting and dropping.
            let lock = format!("LOCK TABLE {name} IN EXCLUSIVE MODE");
            sqlx::query(AssertSqlSafe(lock)).execute(&mut *tx).await?;
            coarse::keep(&mut tx, name).await?;
        }
        if *state == SliceState::Chunk {
            sqlx::query("SELECT drop_chunks($1::regclass, older_than => $2, newer_than => $3)")
                .bind(table.name())
                .bind(self.until_utc)
                .bind(self.from_utc)
                .execute(&mut *tx)
                .await?;
        } else {
            sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}"))).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
