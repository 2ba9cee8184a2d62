//! Accepts or rejects a statement: binds it to a place *at that time*, and checks its
//! clock and its plausibility.

use domain::alert::{AlertObservation, AlertReport};
use domain::ids::SourceKey;
use domain::mistake::{Mistake, Spot, Subject as Kind};
use domain::observation::{Digest, IdempotencyKey, Provenance, idempotency_key_of};
use domain::registry::Entry;
use domain::trip_update::Passed;
use domain::{
    BayObservation, ClockPolicy, Feed, FeedId, MunicipalityId, OnBadClock, PassengerCount, Reason, Registry,
    SensorId, SiteCount, Target, TripObservation, TripReport, TripUpdate, UtcMicros, VehiclePosition,
    feed::MAX_AHEAD_S,
};
use store::writer::{Batch, Keyed};
use xxhash_rust::xxh3::xxh3_128;

use crate::decode::{AlertStatement, Content, Dropped, Fault, Statement, Subject};
use crate::plausible;

/// Bytes of a topic that are kept with alerts, of which it is a key: an index holds no longer one than some 2,700 bytes.
const MAX_TOPIC_BYTES: usize = 500;

/// The context of a message: places, feed and time of receipt.
#[derive(Debug, Clone, Copy)]
pub struct MessageContext<'a> {
    pub registry: &'a Registry,
    pub feed: &'a Entry<FeedId, Feed>,
    pub received_at: UtcMicros,
}

/// The time of an observation, after the clock was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedTime {
    pub observed_at: UtcMicros,
    /// The sender's clock was impossible.
    pub corrected: bool,
    /// Our receipt stands in for the sender's time: a redelivery is recognised by its idempotency key.
    pub is_receipt: bool,
}

impl MessageContext<'_> {
    /// Judges the clock: ahead by more than 5 minutes, or older than the feed allows, is
    /// impossible.
    ///
    /// # Errors
    /// `clock_ahead` or `too_old`, where the feed says that a bad clock is rejected.
    pub fn check_time(&self, sent_at: Option<UtcMicros>) -> Result<CheckedTime, Fault> {
        let receipt = |corrected| CheckedTime { observed_at: self.received_at, corrected, is_receipt: true };
        let at = match (self.feed.def.clock(), sent_at) {
            (ClockPolicy::Receipt, _) => return Ok(receipt(false)),
            (_, None) => return Ok(receipt(true)),
            (_, Some(at)) => at,
        };
        let ahead_s = at.seconds_since(self.received_at);
        let max_age_s = self.feed.def.max_age_s();
        let fault = if ahead_s > MAX_AHEAD_S as f64 {
            let ahead_s = ahead_s.round_ties_even() as i64;
            Fault::new(Reason::ClockAhead, "at", Mistake::ClockAhead(at, ahead_s, MAX_AHEAD_S))
        } else if -ahead_s > max_age_s as f64 || at < UtcMicros::EPOCH {
            Fault::new(Reason::TooOld, "at", Mistake::TooOld(at, max_age_s))
        } else {
            return Ok(CheckedTime { observed_at: at, corrected: false, is_receipt: false });
        };
        match self.feed.def.on_bad_clock() {
            OnBadClock::Receipt => Ok(receipt(true)),
            OnBadClock::Reject => Err(fault),
        }
    }

    /// Binds a statement that names its place itself, and adds it to `batch`. Fields that cannot be
    /// true are noted in `dropped`, and cost nothing else.
    ///
    /// # Errors
    /// Why it is rejected.
    pub(crate) fn admit(
        &self,
        statement: Statement,
        dropped: &mut Vec<Dropped>,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let Statement { subject, at: sent_at, mut content, seq, .. } = statement;
        let admit = || {
            let time = self.check_time(sent_at)?;
            if let Content::Trip { update, message_at, passed } = content {
                batch.trips.push(self.trip(update, time, message_at, passed)?);
                return Ok(());
            }
            let (target, owner) = self.resolve(&subject)?;
            plausible::check(self.registry, target, &mut content, dropped)?;
            let origin = Origin { sensor: None, sent_at, time, seq, name: 0 };
            self.add(target, owner, origin, content, batch)
        };
        admit().map_err(|fault: Fault| Fault { device: subject.place().map(str::to_owned), ..fault })
    }

    /// A trip update, which belongs to the feed's municipality.
    ///
    /// Where our receipt replaces a clock, a redelivered message counts as a
    /// confirmation; the feed's next message corrects that.
    fn trip(
        &self,
        update: Box<TripUpdate>,
        time: CheckedTime,
        message_at: Option<UtcMicros>,
        passed: Vec<Passed>,
    ) -> Result<TripObservation, Fault> {
        let confirmed_at = match message_at {
            Some(_) => self.check_time(message_at)?.observed_at.max(time.observed_at),
            None => time.observed_at,
        };
        let provenance = self.provenance(self.feed.municipality, None, time);
        let digest = update.digest_of();
        let report = TripReport { observed_at: time.observed_at, confirmed_at, digest, update };
        // Times of an impossible clock are dropped.
        let passed = if time.is_receipt { Vec::new() } else { passed };
        Ok(TripObservation { provenance, report, passed })
    }

    /// Adds alerts of a message from `topic` to `batch`; they belong to the feed's municipality.
    ///
    /// # Errors
    /// The message's clock is impossible.
    pub(crate) fn admit_alerts(
        &self,
        topic: &str,
        stated: AlertStatement,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let time = self.check_time(stated.at)?;
        let provenance = self.provenance(self.feed.municipality, None, time);
        batch.alerts.extend(stated.sets.into_iter().map(|mut set| {
            set.topic.insert_str(0, topic);
            if set.topic.len() > MAX_TOPIC_BYTES {
                let name = xxh3_128(set.topic.as_bytes());
                set.topic.truncate(set.topic.floor_char_boundary(MAX_TOPIC_BYTES));
                set.topic.push_str(&format!("…{name:032x}"));
            }
            let (confirmed_at, digest) = (time.observed_at, set.digest_of());
            AlertObservation { provenance, report: AlertReport { confirmed_at, digest, set: Box::new(set) } }
        }));
        Ok(())
    }

    /// Adds a statement of the bound sensor `key`.
    ///
    /// # Errors
    /// Why it is rejected.
    pub(crate) fn admit_from_sensor(
        &self,
        key: &str,
        target: Target,
        origin: Origin,
        content: Content,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let owner = match target {
            Target::Bay(id) => self.registry.bay(id).map(|e| e.municipality),
            Target::Site(id) => self.registry.site(id).map(|e| e.municipality),
            Target::Vehicle(id) => self.registry.vehicle(id).map(|e| e.municipality),
        };
        let owner =
            owner.ok_or_else(|| Fault::new(Reason::UnknownPlace, Spot::Message, Mistake::PlaceGone))?;
        self.may_name(owner, key)?;
        self.add(target, owner, origin, content, batch)
    }

    fn resolve(&self, subject: &Subject) -> Result<(Target, MunicipalityId), Fault> {
        let registry = self.registry;
        let (found, key, kind) = match subject {
            Subject::Bay(key) => {
                let bay = registry.bay_by_key(key).map(|e| (Target::Bay(e.id), e.municipality));
                (bay, key, Kind::Bay)
            }
            Subject::Site(key) => {
                let site = registry.site_by_key(key).map(|e| (Target::Site(e.id), e.municipality));
                (site, key, Kind::Site)
            }
            Subject::Vehicle(key) => {
                let vehicle = registry.vehicle_by_key(key).map(|e| (Target::Vehicle(e.id), e.municipality));
                (vehicle, key, Kind::Vehicle)
            }
            Subject::Trip => return Err(Fault::malformed(Spot::Message, Mistake::NoTrip)),
        };
        let mistake = || Mistake::UnknownPlace(kind, key.into());
        let unknown = || Fault::new(Reason::UnknownPlace, kind.as_str(), mistake());
        let (target, owner) = found.ok_or_else(unknown)?;
        self.may_name(owner, key)?;
        Ok((target, owner))
    }

    fn may_name(&self, owner: MunicipalityId, key: &str) -> Result<(), Fault> {
        if self.registry.may_name(self.feed, owner) {
            return Ok(());
        }
        // Does not name the owner: a feed learns nothing about another town.
        let mistake = Mistake::NotOfTown(key.into(), self.feed.def.municipality.clone());
        Err(Fault::new(Reason::UnknownPlace, Spot::Message, mistake))
    }

    fn add(
        &self,
        target: Target,
        municipality: MunicipalityId,
        origin: Origin,
        content: Content,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let provenance = self.provenance(municipality, origin.sensor, origin.time);
        let (observed_at, seq) = (origin.time.observed_at, origin.seq);
        let key = |place: i32, digest: Digest| origin.idempotency_key(self.feed.id, place, digest);
        match (target, content) {
            (Target::Bay(bay), Content::Bay { state, battery_v, rssi_dbm, temperature_c }) => {
                let source = SourceKey::of(provenance.feed, provenance.sensor);
                let digest = BayObservation::digest_of(source, seq, state);
                let observation = BayObservation {
                    provenance,
                    bay,
                    observed_at,
                    digest,
                    state,
                    seq,
                    battery_v,
                    rssi_dbm,
                    temperature_c,
                };
                batch.bays.push(Keyed { idempotency_key: key(bay.0, digest), observation });
            }
            (Target::Site(site), Content::Count { value, audience, status, capacity, source, counter }) => {
                let count = SiteCount::new(provenance, site, observed_at, value);
                let observation =
                    SiteCount { audience, status, capacity, source, seq, counter, ..count }.digested();
                batch.sites.push(Keyed { idempotency_key: key(site.0, observation.digest), observation });
            }
            (Target::Vehicle(vehicle), Content::Fix(fix)) => {
                let implausible = |mistake| Err(Fault::new(Reason::Implausible, "lat, lon", mistake));
                if let (Some(area), Some(p)) = (self.feed.def.area, fix.position)
                    && !area.contains(p)
                {
                    return implausible(Mistake::OutsideArea(p.lat, p.lon));
                }
                if fix.position.is_some_and(|p| p.lat == 0.0 && p.lon == 0.0) {
                    return implausible(Mistake::NoFix);
                }
                let digest = fix.digest_of(self.feed.id);
                let observation = VehiclePosition { provenance, vehicle, observed_at, digest, fix: *fix };
                batch.vehicles.push(Keyed { idempotency_key: key(vehicle.0, digest), observation });
            }
            (Target::Vehicle(vehicle), Content::Passengers { stop_id, trip_id, doors, on_board, source }) => {
                let mut observation = PassengerCount {
                    provenance,
                    vehicle,
                    observed_at,
                    digest: 0,
                    stop_id,
                    trip_id,
                    doors,
                    on_board,
                    source,
                    seq,
                };
                observation.digest = observation.digest_of();
                let idempotency_key = key(vehicle.0, observation.digest);
                batch.passengers.push(Keyed { idempotency_key, observation });
            }
            (target, _) => {
                return Err(Fault::malformed(Spot::Message, Mistake::Unfitting(target.into())));
            }
        }
        Ok(())
    }

    fn provenance(
        &self,
        municipality: MunicipalityId,
        sensor: Option<SensorId>,
        time: CheckedTime,
    ) -> Provenance {
        let (feed, received_at) = (self.feed.id, self.received_at);
        Provenance { municipality, feed, sensor, received_at, clock_corrected: time.corrected }
    }
}

/// What a statement comes from, and when.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub sensor: Option<SensorId>,
    /// By the sender's clock.
    pub sent_at: Option<UtcMicros>,
    pub time: CheckedTime,
    pub seq: Option<i64>,
    /// Identifies the message at the network server; 0: there is none.
    pub name: i64,
}

impl Origin {
    fn idempotency_key(&self, feed: FeedId, place: i32, digest: Digest) -> Option<IdempotencyKey> {
        self.time.is_receipt.then(|| idempotency_key_of(feed, place, self.sent_at, digest ^ self.name))
    }
}
