//! What a test rests on: read from the store and the registry, so that it goes on after a restart.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::acceptance::{
    CheckState, Evidence, Frame, Instruction, Limits, Passed, Placement, Subject, TestState, Verdict, judge,
};
use domain::place::Bay;
use domain::registry::Entry;
use domain::{BayId, FeedId, LatLon, MunicipalityId, Registry, SensorId, Target, UtcMicros};
use store::acceptance::{self, Acceptance};
use store::{Pool, StoreError};
use tracing::warn;

use super::out::out;
use crate::App;
use crate::hub::devices::DeviceHub;

/// How often tests are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a running test has come to.
///
/// # Errors
/// The database is not available.
pub async fn verdict(
    pool: &Pool,
    registry: &Registry,
    limits: &Limits,
    test: &Acceptance,
    now: UtcMicros,
) -> Result<Verdict, StoreError> {
    let past = test.started_at.plus_s(-86_400 * i64::from(limits.history_days));
    let sensor = registry.sensor(test.sensor);
    let target = sensor.and_then(|s| s.binding_at(test.started_at)).and_then(|b| b.target);
    let feed = sensor.map_or(FeedId(0), |s| s.feed);
    let bay = match target {
        Some(Target::Bay(id)) => registry.bay(id),
        _ => None,
    };
    let is_lorawan = registry.feed(feed).is_some_and(|f| f.def.format.is_lorawan());
    let device = is_lorawan.then_some(test.sensor);
    let (mut passed, mut fixes) = (Vec::new(), Vec::new());
    let mut frames: Vec<Frame> = match target {
        Some(Target::Bay(bay)) => acceptance::statements(pool, bay, feed, past).await?,
        Some(Target::Site(site)) => {
            let (frames, counts) = acceptance::counts(pool, site, feed, device, past).await?;
            passed = counts;
            frames
        }
        Some(Target::Vehicle(vehicle)) => {
            let (frames, positions) = acceptance::fixes(pool, vehicle, feed, device, past).await?;
            fixes = positions;
            frames
        }
        None => Vec::new(),
    };
    if is_lorawan {
        frames = acceptance::frames(pool, test.municipality, &test.device, past).await?;
    }
    let subject = match target {
        Some(Target::Site(_)) if is_lane(is_lorawan, &passed) => {
            Subject::Lane { passed: &passed, drives: test.drives() }
        }
        Some(Target::Site(_)) => Subject::Site,
        Some(Target::Vehicle(_)) => Subject::Vehicle { fixes: &fixes },
        Some(Target::Bay(_)) | None => Subject::Bay,
    };
    let nearby = bay.map(|bay| nearby(registry, bay, limits.neighbour_m, now)).unwrap_or_default();
    let neighbours = match nearby.is_empty() {
        true => None,
        false => Some(acceptance::changes_of(pool, &nearby, test.started_at).await?),
    };
    let mut placement = bay.map(|bay| placement(registry, bay)).unwrap_or_default();
    if let Some(Target::Site(site)) = target {
        let capacity = registry.capacity(site, None);
        let occupied = acceptance::count_of(pool, site, capacity).await?;
        placement.count =
            occupied.map(|occupied| (occupied, Some(capacity).filter(|capacity| *capacity > 0)));
    }
    if let (Some(Target::Vehicle(vehicle)), Some(newest)) = (target, fixes.last()) {
        placement.from_town_m =
            registry.vehicle(vehicle).and_then(|v| from_town_m(registry, v.municipality, newest.position));
    }
    let evidence = Evidence {
        started_at: test.started_at,
        timeout_s: u32::try_from(test.timeout_s).unwrap_or(limits.timeout_s),
        subject,
        stale_after_s: target.map_or(u32::MAX, |t| registry.stale_after_s(feed, Some(test.sensor), t, now)),
        frames: &frames,
        neighbours: neighbours.as_deref(),
        placement,
    };
    Ok(judge(&evidence, limits, now))
}

/// Whether a source at a site counts who passes: every LoRaWAN device does; others are known by what they have stated.
fn is_lane(is_lorawan: bool, passed: &[Passed]) -> bool {
    is_lorawan || passed.is_empty() || passed.iter().any(|passed| passed.since_last.is_some())
}

/// Metres from `position` to the middle of a municipality or its nearest site or bay; `None`: it has none of them.
fn from_town_m(registry: &Registry, town: MunicipalityId, position: LatLon) -> Option<f64> {
    let of_town = registry.municipality(town)?;
    let middle = of_town.lat.zip(of_town.lon).and_then(|(lat, lon)| LatLon::new(lat, lon));
    let sites = registry.sites().filter(|e| e.municipality == town).map(|e| e.def.position());
    let bays = registry.bays().filter(|e| e.municipality == town).map(|e| e.def.position());
    middle.into_iter().chain(sites).chain(bays).map(|at| at.distance_m(position)).min_by(f64::total_cmp)
}

/// The bays around one that a sensor watches, by their text ids.
fn nearby(
    registry: &Registry,
    bay: &Entry<BayId, Bay>,
    radius_m: f64,
    now: UtcMicros,
) -> HashMap<BayId, String> {
    let at = bay.def.position();
    let around = at.around(radius_m);
    let is_near = |other: &&Entry<BayId, Bay>| {
        let position = other.def.position();
        other.id != bay.id && around.contains(position) && position.distance_m(at) <= radius_m
    };
    // Few are near, and many are watched.
    let mut near: HashMap<BayId, String> =
        registry.bays().filter(is_near).map(|b| (b.id, b.def.id.clone())).collect();
    let bound = registry.sensors().filter_map(|sensor| sensor.binding_at(now)?.target);
    let watched: HashSet<BayId> = bound
        .filter_map(|target| match target {
            Target::Bay(bay) => Some(bay).filter(|bay| near.contains_key(bay)),
            Target::Site(_) | Target::Vehicle(_) => None,
        })
        .collect();
    near.retain(|bay, _| watched.contains(bay));
    near
}

fn placement(registry: &Registry, bay: &Entry<BayId, Bay>) -> Placement {
    let site = bay.def.site.as_deref().and_then(|key| registry.site_by_key(key));
    let audiences = |restrictions: &[domain::Restriction]| -> Vec<domain::Audience> {
        restrictions.iter().filter_map(|r| r.audience).collect()
    };
    let own = audiences(&bay.def.restrictions);
    let of_site = site.map(|site| audiences(&site.def.restrictions)).unwrap_or_default();
    let is_stated = !own.is_empty() && !of_site.is_empty();
    Placement {
        from_site_m: site.map(|site| site.def.geometry.distance_m(bay.def.position())),
        strange_restrictions: is_stated.then(|| own.iter().filter(|a| !of_site.contains(a)).count()),
        ..Placement::default()
    }
}

impl App {
    /// Ends the tests of sensors that are decided or took too long, until shutdown. Several processes may do this at once.
    pub async fn run_acceptance(self) {
        let App { hub: Some(hub), pool: Some(pool), clock, devices, acceptance: limits, shutdown, .. } = self
        else {
            return;
        };
        let mut failing = false;
        let mut shown = Shown::default();
        let mut tick = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = tick.tick() => {}
            }
            let registry = hub.read().map.registry().clone();
            match end_decided(&pool, &registry, &limits, &devices, &mut shown, clock()).await {
                Ok(()) => failing = false,
                Err(error) if !std::mem::replace(&mut failing, true) => {
                    warn!("tests of sensors wait: {error}");
                }
                Err(_) => {}
            }
        }
    }
}

/// What was shown last of each running test: its sensor, and what of it is an event when it changes.
#[derive(Debug, Default)]
pub struct Shown(HashMap<i64, (SensorId, Summary)>);

/// State, instruction and the states of the checks.
type Summary = (TestState, Instruction, Vec<CheckState>);

/// Stores what tests have come to that are over, and sends what is new of all of them.
pub async fn end_decided(
    pool: &Pool,
    registry: &Registry,
    limits: &Limits,
    devices: &DeviceHub,
    shown: &mut Shown,
    now: UtcMicros,
) -> Result<(), StoreError> {
    let mut running = HashSet::new();
    for test in acceptance::running(pool).await? {
        let limits = serde_json::from_value(test.limits.clone()).unwrap_or(*limits);
        let verdict = verdict(pool, registry, &limits, &test, now).await?;
        let summary: Summary =
            (verdict.state, verdict.instruction, verdict.checks.iter().map(|check| check.state).collect());
        let is_new =
            shown.0.insert(test.id, (test.sensor, summary.clone())).is_none_or(|(_, s)| s != summary);
        if verdict.state != TestState::Running {
            acceptance::end(pool, test.id, &serde_json::to_value(&verdict).unwrap_or_default(), now).await?;
        } else {
            running.insert(test.id);
            if is_new {
                let (municipality, device) = (test.municipality, test.device.clone());
                devices.send(municipality, &device, "check", &out(test, Some(verdict)));
            }
        }
    }
    // Ended here, or by somebody else.
    let ended: Vec<(i64, SensorId)> = shown
        .0
        .iter()
        .filter(|(id, _)| !running.contains(id))
        .map(|(id, (sensor, _))| (*id, *sensor))
        .collect();
    for (id, sensor) in ended {
        if let Some(test) = acceptance::latest(pool, sensor).await?.filter(|test| test.id == id) {
            let (municipality, device) = (test.municipality, test.device.clone());
            devices.send(municipality, &device, "check", &out(test, None));
        }
        shown.0.remove(&id);
    }
    Ok(())
}
