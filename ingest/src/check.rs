//! Accepts or rejects a statement: binds it to a place *at that time*, and checks its
//! clock and its plausibility.

use domain::observation::{Provenance, idempotency_key_of};
use domain::registry::Entry;
use domain::trip_update::Passed;
use domain::{
    BayObservation, ClockPolicy, Feed, FeedId, MunicipalityId, OnBadClock, PassengerCount, Reason, Registry,
    Sensor, SensorId, SiteCount, Target, TripObservation, TripReport, TripUpdate, UtcMicros, VehiclePosition,
    feed::MAX_AHEAD_S,
};
use store::writer::{Batch, Keyed};

use crate::decode::{Content, Dropped, Fault, Statement, Subject};
use crate::plausible;

/// The context of a message: places, feed and time of receipt.
#[derive(Debug, Clone, Copy)]
pub struct MessageContext<'a> {
    pub registry: &'a Registry,
    pub feed: &'a Entry<FeedId, Feed>,
    pub received_at: UtcMicros,
}

/// The time of an observation, after the clock was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
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
    pub fn judge(&self, sent_at: Option<UtcMicros>) -> Result<Judged, Fault> {
        let receipt = |corrected| Judged { observed_at: self.received_at, corrected, is_receipt: true };
        let at = match (self.feed.def.clock(), sent_at) {
            (ClockPolicy::Receipt, _) => return Ok(receipt(false)),
            (_, None) => return Ok(receipt(true)),
            (_, Some(at)) => at,
        };
        let ahead_s = at.seconds_since(self.received_at);
        let max_age_s = self.feed.def.max_age_s();
        let fault = if ahead_s > MAX_AHEAD_S as f64 {
            let what =
                format!("at: {at} is {ahead_s:.0} s ahead of our clock ({MAX_AHEAD_S} s are tolerated)");
            Fault::new(Reason::ClockAhead, what)
        } else if -ahead_s > max_age_s as f64 || at < UtcMicros::EPOCH {
            let what = format!("at: {at} is older than this feed's max_age of {max_age_s} s");
            Fault::new(Reason::TooOld, what)
        } else {
            return Ok(Judged { observed_at: at, corrected: false, is_receipt: false });
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
    pub fn admit(
        &self,
        statement: Statement<'_>,
        dropped: &mut Vec<Dropped>,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let Statement { subject, at, content, seq, .. } = statement;
        self.admit_content(&subject, at, content, seq, dropped, batch)
            .map_err(|fault| Fault { device: subject.place().map(str::to_owned), ..fault })
    }

    fn admit_content(
        &self,
        subject: &Subject<'_>,
        sent_at: Option<UtcMicros>,
        content: Content<'_>,
        seq: Option<i64>,
        dropped: &mut Vec<Dropped>,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let judged = self.judge(sent_at)?;
        if let Content::Trip { update, message_at, passed } = content {
            batch.trips.push(self.trip(update, judged, message_at, passed)?);
            return Ok(());
        }
        let (target, owner) = self.resolve(subject)?;
        let origin = StatementOrigin { sensor: None, sent_at, judged, seq, name: 0 };
        let content = plausible::checked(self.registry, target, content, dropped)?;
        self.add(target, owner, origin, content, batch)
    }

    /// A trip update, which belongs to the feed's municipality.
    ///
    /// Where our receipt replaces a clock, a redelivered message counts as a
    /// confirmation; the feed's next message corrects that.
    fn trip(
        &self,
        update: Box<TripUpdate>,
        judged: Judged,
        message_at: Option<UtcMicros>,
        passed: Vec<Passed>,
    ) -> Result<TripObservation, Fault> {
        let confirmed_at = match message_at {
            Some(_) => self.judge(message_at)?.observed_at.max(judged.observed_at),
            None => judged.observed_at,
        };
        let provenance = Provenance {
            municipality: self.feed.municipality,
            feed: self.feed.id,
            sensor: None,
            received_at: self.received_at,
            clock_corrected: judged.corrected,
        };
        let digest = update.digest_of();
        let report = TripReport { observed_at: judged.observed_at, confirmed_at, digest, update };
        // Times of an impossible clock are dropped.
        let passed = if judged.is_receipt { Vec::new() } else { passed };
        Ok(TripObservation { provenance, report, passed })
    }

    /// Adds a statement of a bound sensor. `name` identifies the message at the network server.
    ///
    /// # Errors
    /// Why it is rejected.
    pub fn admit_from_sensor(
        &self,
        sensor: &Sensor,
        target: Target,
        judged: Judged,
        name: i64,
        statement: (Content<'_>, Option<i64>),
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let owner = match target {
            Target::Bay(id) => self.registry.bay(id).map(|e| e.municipality),
            Target::Site(id) => self.registry.site(id).map(|e| e.municipality),
            Target::Vehicle(id) => self.registry.vehicle(id).map(|e| e.municipality),
        };
        let owner = owner.ok_or_else(|| Fault::new(Reason::UnknownPlace, "the sensor's place is gone"))?;
        self.may_name(owner, &sensor.key)?;
        let (content, seq) = statement;
        let origin = StatementOrigin { sensor: Some(sensor.id), sent_at: None, judged, seq, name };
        self.add(target, owner, origin, content, batch)
    }

    fn resolve(&self, subject: &Subject<'_>) -> Result<(Target, MunicipalityId), Fault> {
        let (target, owner, key) = match subject {
            Subject::Bay(key) => {
                let e = self.registry.bay_by_key(key).ok_or_else(|| unknown("bay", key, "bays.geojson"))?;
                (Target::Bay(e.id), e.municipality, key)
            }
            Subject::Site(key) => {
                let e =
                    self.registry.site_by_key(key).ok_or_else(|| unknown("site", key, "sites.geojson"))?;
                (Target::Site(e.id), e.municipality, key)
            }
            Subject::Vehicle(key) => {
                let e = self
                    .registry
                    .vehicle_by_key(key)
                    .ok_or_else(|| unknown("vehicle", key, "vehicles.csv"))?;
                (Target::Vehicle(e.id), e.municipality, key)
            }
            Subject::Trip => return Err(Fault::malformed("the message says nothing of its trip")),
        };
        self.may_name(owner, key)?;
        Ok((target, owner))
    }

    fn may_name(&self, owner: MunicipalityId, key: &str) -> Result<(), Fault> {
        if self.registry.may_name(self.feed, owner) {
            return Ok(());
        }
        // Does not name the owner: a feed learns nothing about another town.
        let town = &self.feed.def.municipality;
        Err(Fault::new(
            Reason::UnknownPlace,
            format!("'{key}' is not a place of {town}, this feed's municipality"),
        ))
    }

    fn add(
        &self,
        target: Target,
        municipality: MunicipalityId,
        origin: StatementOrigin,
        content: Content<'_>,
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        let provenance = Provenance {
            municipality,
            feed: self.feed.id,
            sensor: origin.sensor,
            received_at: self.received_at,
            clock_corrected: origin.judged.corrected,
        };
        let observed_at = origin.judged.observed_at;
        match (target, content) {
            (Target::Bay(bay), Content::Bay { state, battery_v, rssi_dbm, temperature_c }) => {
                let source = domain::bay_state::source_key(provenance.feed, provenance.sensor);
                let digest = BayObservation::digest_of(source, origin.seq, state);
                let observation = BayObservation {
                    provenance,
                    bay,
                    observed_at,
                    digest,
                    state,
                    seq: origin.seq,
                    battery_v,
                    rssi_dbm,
                    temperature_c,
                };
                batch.bays.push(Keyed {
                    idempotency_key: origin.idempotency_key(self.feed.id, bay.0, digest),
                    observation,
                });
            }
            (Target::Site(site), Content::Count { value, audience, status, capacity, source }) => {
                let mut observation = SiteCount {
                    provenance,
                    site,
                    observed_at,
                    digest: 0,
                    audience,
                    value,
                    status,
                    capacity,
                    source: source.map(|s| s.into_owned()),
                    seq: origin.seq,
                };
                observation.digest = observation.digest_of();
                let idempotency_key = origin.idempotency_key(self.feed.id, site.0, observation.digest);
                batch.sites.push(Keyed { idempotency_key, observation });
            }
            (Target::Vehicle(vehicle), Content::Fix(fix)) => {
                if let (Some(area), Some(p)) = (self.feed.def.area, fix.position)
                    && !area.contains(p)
                {
                    let what = format!("lat, lon: {}, {} lies outside the feed's area", p.lat, p.lon);
                    return Err(Fault::new(Reason::Implausible, what));
                }
                if fix.position.is_some_and(|p| p.lat == 0.0 && p.lon == 0.0) {
                    return Err(Fault::new(
                        Reason::Implausible,
                        "lat, lon: 0, 0 is a receiver without a fix",
                    ));
                }
                let digest = fix.digest_of(self.feed.id);
                let idempotency_key = origin.idempotency_key(self.feed.id, vehicle.0, digest);
                let observation = VehiclePosition { provenance, vehicle, observed_at, digest, fix: *fix };
                batch.vehicles.push(Keyed { idempotency_key, observation });
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
                    seq: origin.seq,
                };
                observation.digest = observation.digest_of();
                let idempotency_key = origin.idempotency_key(self.feed.id, vehicle.0, observation.digest);
                batch.passengers.push(Keyed { idempotency_key, observation });
            }
            (target, _) => {
                let what = match target {
                    Target::Bay(_) => "a bay",
                    Target::Site(_) => "a site",
                    Target::Vehicle(_) => "a vehicle",
                };
                return Err(Fault::malformed(format!("the message does not fit what it is about, {what}")));
            }
        }
        Ok(())
    }
}

/// What a statement comes from, when, and its sequence number.
#[derive(Clone, Copy)]
struct StatementOrigin {
    sensor: Option<SensorId>,
    sent_at: Option<UtcMicros>,
    judged: Judged,
    seq: Option<i64>,
    name: i64,
}

impl StatementOrigin {
    fn idempotency_key(&self, feed: FeedId, place: i32, digest: i64) -> Option<i64> {
        self.judged.is_receipt.then(|| idempotency_key_of(feed, place, self.sent_at, digest ^ self.name))
    }
}

fn unknown(kind: &str, key: &str, file: &str) -> Fault {
    Fault::new(Reason::UnknownPlace, format!("{kind}: '{key}' is not in {file}"))
}
