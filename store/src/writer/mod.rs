//! Stores batches: one transaction each, at most one at a time per writer.
//!
//! Within the transaction: append new rows, skip duplicates, move the latest states
//! forward (see `bay_states`: those of a large batch follow later), append to the change log.
//! Duplicates are rare, so bays are stored by COPY directly. On a duplicate (SQLSTATE 23505) the batch
//! is stored again through a temporary table, with the same result, and so
//! are the batches after it: a supplier that repeats itself must not cost two attempts per batch.

mod alerts;
pub(crate) mod bay_states;
mod bays;
mod bounds;
mod counters;
mod gateways;
mod heard;
mod idempotency;
pub(crate) mod observation;
mod parts;
pub(crate) mod passages;
mod quarantine;
mod rebound;
mod rejections;
pub(crate) mod sites;
mod text;
mod trips;
mod uplinks;
pub(crate) mod vehicles;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::alert::AlertObservation;
use domain::live::Change;
use domain::observation::IdempotencyKey;
use domain::{
    BayObservation, FeedId, PassengerCount, Registry, Rejection, SiteCount, TripObservation, Uplink,
    UtcMicros, VehiclePosition,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use self::bay_states::Deferred;
pub use self::bay_states::FLUSH_AFTER;
pub use self::bounds::Bounds;
use self::parts::NewRows;
pub use self::parts::Part;
pub use self::rejections::Replayed;
use crate::changes::{self, Committed, WriterId};
use crate::migrate::{self, Partitioning};
use crate::partitions::{Partitions, Table};
use crate::{Result, StoreError, rebindings};

/// An observation with its idempotency key.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyed<T> {
    /// The observation.
    pub observation: T,
    /// Set when `observed_at` is our receipt: without it a redelivery would look like a new observation.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Declares [`Batch`], so that its kinds of rows are listed once.
macro_rules! batch {
    ($($(#[$doc:meta])* $kind:ident: $row:ty,)+) => {
        /// Numbers of rows of each kind, in the order of [`Batch`]'s fields.
        pub type Lens = [usize; [$(stringify!($kind)),+].len()];

        /// What is stored in one transaction.
        #[derive(Debug, Default, Clone, PartialEq)]
        pub struct Batch {
            $($(#[$doc])* pub $kind: Vec<$row>,)+
        }

        impl Batch {
            /// How many rows there are of each kind.
            pub fn lens(&self) -> Lens {
                [$(self.$kind.len()),+]
            }

            /// Takes what comes after the first `at` rows of each kind.
            pub fn split_off(&mut self, at: Lens) -> Batch {
                let [$($kind),+] = at;
                Batch { $($kind: self.$kind.split_off($kind)),+ }
            }

            /// Takes over the rows of `other`.
            pub fn append(&mut self, other: &mut Batch) {
                $(self.$kind.append(&mut other.$kind);)+
            }
        }
    };
}

batch! {
    /// Statements about bays.
    bays: Keyed<BayObservation>,
    /// Counts of sites.
    sites: Keyed<SiteCount>,
    /// Positions of vehicles.
    vehicles: Keyed<VehiclePosition>,
    /// Passengers counted at doors.
    passengers: Keyed<PassengerCount>,
    /// Reports of trips; only the latest of each run is kept.
    trips: TripObservation,
    /// LoRaWAN messages.
    uplinks: Uplink,
    /// Rejected messages.
    rejections: Rejection,
    /// What feeds state of their alerts; only the latest statement of each part is kept.
    alerts: AlertObservation,
}

impl Batch {
    /// Rows of all kinds.
    pub fn len(&self) -> usize {
        self.lens().iter().sum()
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Observations of all kinds.
    pub fn observations(&self) -> usize {
        self.len() - self.uplinks.len() - self.rejections.len()
    }

    /// The feeds of observations of which duplicates are recognized for ever.
    fn feeds(&self) -> impl Iterator<Item = FeedId> {
        (self.bays.iter().map(|g| g.observation.provenance.feed))
            .chain(self.sites.iter().map(|g| g.observation.provenance.feed))
            .chain(self.vehicles.iter().map(|g| g.observation.provenance.feed))
            .chain(self.passengers.iter().map(|g| g.observation.provenance.feed))
    }
}

/// The result of storing a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The transaction, for readers in this process.
    pub committed: Committed,
    /// Observations that were new.
    pub new: usize,
    /// Duplicates, by feed.
    pub duplicates: BTreeMap<FeedId, usize>,
    /// How much was new of each part that was asked for.
    pub new_of_parts: Vec<usize>,
}

fn by_feed(feeds: impl Iterator<Item = FeedId>) -> BTreeMap<FeedId, usize> {
    feeds.fold(BTreeMap::new(), |mut counts, feed| {
        *counts.entry(feed).or_default() += 1;
        counts
    })
}

/// What is to be stored.
#[derive(Clone, Copy)]
struct Request<'a> {
    batch: &'a Batch,
    replayed: &'a [Replayed],
    /// Of which parts it is counted how much was new.
    parts: &'a [Part],
    registry: &'a Registry,
    stored_at: UtcMicros,
}

/// One connection that stores. See the module's description.
#[derive(Debug)]
pub struct Writer {
    conn: PgConnection,
    id: WriterId,
    seq: i64,
    partitioning: Partitioning,
    partitions: Partitions,
    deferred: Deferred,
    bounds: Bounds,
    notes_health: bool,
    passages: passages::Days,
    /// Batches that are still to be staged.
    staged: u32,
    has_stage: bool,
}

/// How bays are appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InsertMode {
    /// COPY into the table; fails on a duplicate.
    Copy,
    /// COPY into a temporary table, then insert what is new.
    Staged,
}

/// The number of batches that are staged after a duplicate; each further duplicate restarts the count.
/// Staging costs about a third more, a failed attempt twice as much.
const STAGED_BATCHES: u32 = 64;

impl Writer {
    /// Opens a connection under a new writer's id.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self> {
        let mut conn = crate::pool::own(options).await?;
        let partitioning = migrate::partitioning(&mut conn).await?;
        bay_states::flush_left_over(&mut conn).await?;
        let id = changes::new_writer(&mut conn).await?;
        Ok(Writer {
            conn,
            id,
            seq: 0,
            partitioning,
            partitions: Partitions::default(),
            deferred: Deferred::default(),
            bounds: Bounds::default(),
            notes_health: true,
            passages: passages::Days::default(),
            staged: 0,
            has_stage: false,
        })
    }

    /// The same with other bounds.
    pub fn within(self, bounds: Bounds) -> Self {
        Writer { bounds, ..self }
    }

    /// The same; `notes_health`: what the health of devices is judged by goes into the change log.
    pub fn noting_health(self, notes_health: bool) -> Self {
        Writer { notes_health, ..self }
    }

    /// How long the latest states of large batches have been pending; `None`: none
    /// is.
    pub fn deferred_for(&self) -> Option<Duration> {
        self.deferred.age()
    }

    /// Writes the latest states of large batches to `bay_state`; call it every
    /// [`FLUSH_AFTER`], and at the end.
    ///
    /// # Errors
    /// The database is not available. Nothing is lost: the next writer that connects does it.
    pub async fn flush(&mut self) -> Result<()> {
        self.deferred.flush(&mut self.conn, self.id).await
    }

    /// Stores `batch`. When this returns, it is durable and its messages may be acknowledged.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: nothing or everything is stored; reconnect and store the
    /// same batch again. [`StoreError::Data`]: nothing is stored, and never will be.
    pub async fn write(
        &mut self,
        batch: &Batch,
        registry: &Registry,
        stored_at: UtcMicros,
    ) -> Result<Stored> {
        self.write_counted(batch, &[], registry, stored_at).await
    }

    /// The same, and says how much of each of `parts` was new.
    ///
    /// # Errors
    /// See [`Writer::write`].
    pub async fn write_counted(
        &mut self,
        batch: &Batch,
        parts: &[Part],
        registry: &Registry,
        stored_at: UtcMicros,
    ) -> Result<Stored> {
        self.store(Request { batch, replayed: &[], parts, registry, stored_at }).await
    }

    /// Stores the result of a replay: `batch` holds what is accepted now.
    ///
    /// # Errors
    /// See [`Writer::write`].
    pub async fn write_replay(
        &mut self,
        batch: &Batch,
        replayed: &[Replayed],
        registry: &Registry,
        stored_at: UtcMicros,
    ) -> Result<Stored> {
        self.store(Request { batch, replayed, parts: &[], registry, stored_at }).await
    }

    async fn store(&mut self, request: Request<'_>) -> Result<Stored> {
        self.ensure_partitions(request.batch).await?;
        if self.staged == 0 {
            match self.transact(request, InsertMode::Copy).await {
                Err(StoreError::Duplicate(_)) => {}
                done => return done,
            }
        }
        // It lives as long as the connection: one per transaction would bloat the catalogue.
        if !self.has_stage {
            bays::make_stage(&mut self.conn).await?;
            self.has_stage = true;
        }
        self.transact(request, InsertMode::Staged).await
    }

    async fn transact(&mut self, request: Request<'_>, mode: InsertMode) -> Result<Stored> {
        let Request { batch, replayed, parts, registry, stored_at } = request;
        let mut tx = self.conn.begin().await?;
        if !batch.uplinks.is_empty() {
            rebindings::store_messages(&mut tx).await?;
        }
        let known = idempotency::register(&mut tx, batch).await?;
        let (bays, vehicles) = (known.select(&batch.bays), known.select(&batch.vehicles));
        let defer = bays.len() > bay_states::DEFER_ROWS;
        let mut changes = Vec::with_capacity(batch.observations());
        let counts = known.select(&batch.sites);
        let new_bays = bays::write(&mut tx, &bays, stored_at, mode, &mut changes).await?;
        let new_counts = sites::write(&mut tx, &counts, &[], stored_at, registry, &mut changes).await?;
        let new_fixes = vehicles::write_positions(&mut tx, &vehicles, stored_at, &mut changes).await?;
        let passengers = known.select(&batch.passengers);
        let new_passengers = vehicles::write_passengers(&mut tx, &passengers, stored_at).await?;
        bounds::lock(&mut tx, batch, !replayed.is_empty()).await?;
        let moved_trips = trips::write(&mut tx, &batch.trips, &mut changes).await?;
        bounds::runs(&mut tx, batch, &self.bounds).await?;
        let moved_alerts = alerts::write(&mut tx, &batch.alerts, &mut changes).await?;
        bounds::alerts(&mut tx, batch, &self.bounds).await?;
        let passages =
            self.passages.write(&mut tx, &vehicles, &batch.trips, self.bounds.passages_a_day).await?;
        if !defer && !bays.is_empty() {
            let mut latest = bay_states::Latest::default();
            latest.extend(&bays);
            latest.write(&mut tx).await?;
        }
        let new_uplinks = if replayed.is_empty() {
            let new = uplinks::write(&mut tx, &batch.uplinks).await?;
            changes.extend(new.iter().map(|uplink| Change::Heard {
                municipality: uplink.municipality,
                device: uplink.device.clone(),
                message: uplink.dedup_id.clone(),
            }));
            if !batch.uplinks.is_empty() {
                rebindings::reopen(&mut tx, &batch.uplinks).await?;
            }
            new
        } else {
            uplinks::reread(&mut tx, &batch.uplinks).await?;
            rejections::replace(&mut tx, replayed, stored_at).await?;
            Vec::new()
        };
        bounds::strangers(&mut tx, batch, &self.bounds).await?;
        rejections::write(&mut tx, &batch.rejections).await?;
        let again = replayed.iter().filter_map(|r| r.rejection.as_ref());
        let feeds = batch.rejections.iter().chain(again).map(|r| r.feed).collect();
        quarantine::bound(&mut tx, feeds, &self.bounds).await?;
        let heard = match self.notes_health && replayed.is_empty() {
            true => heard::of(&new_uplinks, &new_bays, &new_counts, &batch.rejections, registry),
            false => Vec::new(),
        };
        let has_news = !changes.is_empty() || !heard.is_empty();
        let seq = self.seq + i64::from(has_news);
        if has_news {
            changes::append_heard(&mut tx, self.id, seq, &changes, &heard, defer).await?;
        }
        tx.commit().await?;
        self.passages.committed(passages, self.bounds.passages_a_day);
        if new_bays.len() < bays.len() {
            self.staged = STAGED_BATCHES;
        } else if !bays.is_empty() {
            self.staged = self.staged.saturating_sub(1);
        }
        self.seq = seq;
        if defer {
            self.deferred.committed(bays, seq);
        }
        let new_of_feeds = by_feed(
            (new_bays.iter().map(|o| o.provenance.feed))
                .chain(new_counts.iter().map(|o| o.provenance.feed))
                .chain(new_fixes.iter().map(|o| o.provenance.feed))
                .chain(new_passengers.iter().map(|o| o.provenance.feed)),
        );
        let mut duplicates = by_feed(batch.feeds());
        for (feed, n) in &new_of_feeds {
            if let Some(rest) = duplicates.get_mut(feed) {
                *rest -= n;
            }
        }
        duplicates.retain(|_, n| *n > 0);
        let mut rows = NewRows::default();
        if !parts.is_empty() {
            rows.note(&new_bays);
            rows.note(&new_counts);
            rows.note(&new_fixes);
            rows.note(&new_passengers);
            rows.note(&moved_trips);
            rows.note(&moved_alerts);
            rows.note(&new_uplinks);
        }
        let new_of_parts = parts.iter().map(|part| rows.of(batch, part)).collect();
        let new = new_of_feeds.values().sum::<usize>() + moved_trips.len() + moved_alerts.len();
        Ok(Stored { committed: Committed { writer: self.id, seq, changes }, new, duplicates, new_of_parts })
    }

    async fn ensure_partitions(&mut self, batch: &Batch) -> Result<()> {
        for table in Table::ALL {
            let times: Vec<UtcMicros> = match table {
                Table::BayObservation => batch.bays.iter().map(|g| g.observation.observed_at).collect(),
                Table::SiteCount => batch.sites.iter().map(|g| g.observation.observed_at).collect(),
                Table::VehiclePosition => batch.vehicles.iter().map(|g| g.observation.observed_at).collect(),
                Table::PassengerCount => batch.passengers.iter().map(|g| g.observation.observed_at).collect(),
            };
            self.partitions.ensure(&mut self.conn, self.partitioning, table, times.into_iter()).await?;
        }
        Ok(())
    }
}
