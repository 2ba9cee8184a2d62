//! The files of one system as they were last read, and the system that they are together.

use std::collections::HashMap;

use domain::mistake::{Mistake, Remedy};
use domain::rental::{
    FormFactor, Geofencing, Plan, Rule, Station, StationStatus, System, TypeIndex, Vehicle, VehicleType, Zone,
};
use domain::{Reason, UtcMicros};

use crate::envelope::{Envelope, text};
use crate::fault::{Effect, Fault, Faults};
use crate::json::Context;
use crate::read::information::{self, Information};
use crate::read::status::{self, Status};
use crate::read::zones::{self, RuleOfIds, Zones};
use crate::read::{plans, stations, types, vehicles};
use crate::version::Version;
use crate::{FileKind, Options};

/// See the module's description. What was read stays until it is read again.
#[derive(Debug, Clone, Default)]
pub struct Files {
    information: Option<Information>,
    types: Option<Vec<VehicleType>>,
    stations: Vec<Station>,
    statuses: Vec<Status>,
    vehicles: Vec<vehicles::Vehicle>,
    vehicles_at: Option<UtcMicros>,
    zones: Zones,
    plans: Vec<Plan>,
}

/// What became of a file.
#[derive(Debug)]
pub struct FileRead {
    /// The version that it says it has; `None`: it could not be read at all.
    pub version: Option<Version>,
    /// For how long it holds, seconds; `None`: it does not say.
    pub ttl_s: Option<u32>,
    /// When the operator knew what is in it.
    pub updated_at: Option<UtcMicros>,
    /// Stations, states, vehicles, types, zones or plans that were taken; of a system 1.
    pub taken: usize,
    /// What is wrong with it.
    pub faults: Faults,
}

impl Files {
    /// Reads a file, in place of what was read of it before. A file that cannot be read changes nothing.
    pub fn read(&mut self, file: FileKind, body: &[u8], options: &Options) -> FileRead {
        let mut faults = Faults::default();
        let text = text(body);
        let Some(envelope) = Envelope::open(file, &text, options, &mut faults) else {
            return FileRead { version: None, ttl_s: None, updated_at: None, taken: 0, faults };
        };
        let mut ctx = Context { file, version: envelope.version, now: options.now, faults: &mut faults };
        let taken = self.take(&mut ctx, file, &envelope, options);
        let Envelope { version, ttl_s, updated_at, .. } = envelope;
        FileRead { version: Some(version), ttl_s, updated_at: Some(updated_at), taken, faults }
    }

    fn take(
        &mut self,
        ctx: &mut Context<'_>,
        file: FileKind,
        envelope: &Envelope<'_>,
        options: &Options,
    ) -> usize {
        let data = &envelope.data;
        let language =
            self.information.as_ref().map_or("und", |information| &information.language).to_owned();
        match file {
            FileKind::Discovery | FileKind::Manifest => 0,
            FileKind::SystemInformation => {
                let read = information::read(ctx, data);
                let taken = read.is_some().into();
                self.information = read.or(self.information.take());
                taken
            }
            FileKind::VehicleTypes => self.types.insert(types::read(ctx, data, &language)).len(),
            FileKind::StationInformation => {
                replaced(&mut self.stations, stations::read(ctx, data, &language, options))
            }
            FileKind::StationStatus => replaced(&mut self.statuses, status::read(ctx, envelope)),
            FileKind::VehicleStatus => {
                self.vehicles_at = Some(envelope.updated_at);
                replaced(&mut self.vehicles, vehicles::read(ctx, envelope, options))
            }
            FileKind::GeofencingZones => {
                self.zones = zones::read(ctx, data);
                self.zones.zones.len() + self.zones.global_rules.len()
            }
            FileKind::SystemPricingPlans => replaced(&mut self.plans, plans::read(ctx, data)),
        }
    }

    /// Forgets what was read of a file that the feed no longer has.
    pub fn forget(&mut self, file: FileKind) {
        let Files { information, types, stations, statuses, vehicles, vehicles_at, zones, plans } = self;
        match file {
            FileKind::Discovery | FileKind::Manifest => {}
            FileKind::SystemInformation => *information = None,
            FileKind::VehicleTypes => *types = None,
            FileKind::StationInformation => stations.clear(),
            FileKind::StationStatus => statuses.clear(),
            FileKind::VehicleStatus => (*vehicles, *vehicles_at) = (Vec::new(), None),
            FileKind::GeofencingZones => *zones = Zones::default(),
            FileKind::SystemPricingPlans => plans.clear(),
        }
    }

    /// Whether it is known what is rented, where the feed says it at all: before, all would be plain bicycles.
    pub fn knows_types(&self) -> bool {
        self.types.is_some()
    }

    /// The system that the files are together, and what does not fit between them; `None`: it is not known whose it is.
    pub fn system(&self) -> Option<(System, Faults)> {
        let Information { id, name, operator, url, .. } = self.information.clone()?;
        let mut join = Join::new(self.types.as_deref());
        let stations = join.stations(self.stations.clone(), &self.statuses);
        let vehicles = self.vehicles.iter().map(|vehicle| join.vehicle(vehicle)).collect();
        let geofencing = join.geofencing(&self.zones);
        let Join { types, faults, .. } = join;
        let vehicles_at = self.vehicles_at.unwrap_or(UtcMicros::EPOCH);
        let plans = self.plans.clone();
        Some((
            System { id, name, operator, url, types, stations, vehicles, vehicles_at, geofencing, plans },
            faults,
        ))
    }
}

fn replaced<T>(held: &mut Vec<T>, read: Vec<T>) -> usize {
    *held = read;
    held.len()
}

/// Replaces ids by what they stand for.
struct Join {
    types: Vec<VehicleType>,
    index: HashMap<String, TypeIndex>,
    /// The system has no types: whatever its files call a type is a plain bicycle.
    is_plain: bool,
    /// Of vehicles whose type is in no file; made when it is needed.
    unknown: Option<TypeIndex>,
    faults: Faults,
}

impl Join {
    fn new(types: Option<&[VehicleType]>) -> Self {
        let is_plain = types.is_none_or(<[_]>::is_empty);
        let types = if is_plain { vec![VehicleType::bicycle()] } else { types.unwrap_or_default().to_vec() };
        let index = types.iter().zip(0..).map(|(t, i)| (t.id.clone(), TypeIndex(i))).collect();
        Join { types, index, is_plain, unknown: None, faults: Faults::default() }
    }

    /// Which type an id stands for; `None`: it is in no file, which is a fault.
    fn of(&mut self, id: &str, file: FileKind, path: &str) -> Option<TypeIndex> {
        if self.is_plain {
            return Some(TypeIndex(0));
        }
        if let Some(index) = self.index.get(id) {
            return Some(*index);
        }
        let mistake = Mistake::NotDefined(id.into(), FileKind::VehicleTypes.as_str());
        self.fault(file, path, Effect::Field, mistake, Remedy::SameIds);
        None
    }

    fn fault(&mut self, file: FileKind, path: &str, effect: Effect, mistake: Mistake, remedy: Remedy) {
        let fault = Fault::new(file, path, effect, Reason::Implausible, mistake);
        self.faults.push(Fault { remedy: Some(remedy), ..fault });
    }

    /// The type of vehicles of which nothing is known: the only one there is, else one of unknown form.
    fn unknown(&mut self) -> TypeIndex {
        if self.types.len() == 1 {
            return TypeIndex(0);
        }
        let types = &mut self.types;
        *self.unknown.get_or_insert_with(|| {
            types.push(VehicleType { form: FormFactor::Other, propulsion: None, ..VehicleType::bicycle() });
            TypeIndex(types.len() as u16 - 1)
        })
    }

    fn stations(&mut self, mut stations: Vec<Station>, statuses: &[Status]) -> Vec<Station> {
        let index: HashMap<String, usize> =
            stations.iter().enumerate().map(|(i, s)| (s.id.clone(), i)).collect();
        let file = FileKind::StationStatus;
        for status in statuses {
            let Some(station) = index.get(&status.station).and_then(|i| stations.get_mut(*i)) else {
                let mistake = Mistake::NotDefined(
                    status.station.as_str().into(),
                    FileKind::StationInformation.as_str(),
                );
                self.fault(
                    file,
                    &format!("{}.station_id", status.path),
                    Effect::Element,
                    mistake,
                    Remedy::SameIds,
                );
                continue;
            };
            if let Some(capacity) = station.capacity
                && let Some(count) =
                    [status.vehicles, status.docks].into_iter().flatten().find(|n| *n > capacity)
            {
                // One of the two is wrong; the count is of today.
                let mistake = Mistake::VacantAbove(count as i32, capacity as i32);
                self.fault(file, &status.path, Effect::Field, mistake, Remedy::CheckCapacity);
                station.capacity = None;
            }
            station.status = Some(self.status(status));
        }
        stations
    }

    fn status(&mut self, status: &Status) -> StationStatus {
        let file = FileKind::StationStatus;
        let path = |name: &str| format!("{}.{name}", status.path);
        let by_type = status
            .by_type
            .iter()
            .filter_map(|(id, count)| Some((self.of(id, file, &path("vehicle_types_available"))?, *count)));
        let by_type = by_type.collect();
        let docks_by_type = status.docks_by_type.iter().map(|(ids, count)| {
            let fit = ids.iter().filter_map(|id| self.of(id, file, &path("vehicle_docks_available")));
            (fit.collect(), *count)
        });
        let docks_by_type = docks_by_type.collect();
        let Status { vehicles, docks, is_installed, is_renting, is_returning, at, .. } = *status;
        StationStatus { vehicles, by_type, docks, docks_by_type, is_installed, is_renting, is_returning, at }
    }

    fn vehicle(&mut self, vehicle: &vehicles::Vehicle) -> Vehicle {
        let path = || format!("{}.vehicle_type_id", vehicle.path);
        let known =
            vehicle.vehicle_type.as_ref().and_then(|id| self.of(id, FileKind::VehicleStatus, &path()));
        let vehicle_type = known.unwrap_or_else(|| self.unknown());
        let full_m = self.types.get(usize::from(vehicle_type.0)).and_then(|t| t.max_range_m);
        let range_m = vehicle.range_m.or_else(|| Some(vehicle.charge? * full_m?));
        let vehicles::Vehicle { at, is_reserved, is_disabled, .. } = *vehicle;
        Vehicle { at, vehicle_type, is_reserved, is_disabled, range_m }
    }

    fn geofencing(&mut self, zones: &Zones) -> Geofencing {
        let zone = |zone: &zones::ZoneOfIds| Zone {
            shape: zone.shape.clone(),
            from: zone.from,
            until: zone.until,
            rules: zone.rules.iter().map(|rule| self.rule(rule)).collect(),
        };
        let zones_joined = zones.zones.iter().map(zone).collect();
        let global_rules = zones.global_rules.iter().map(|rule| self.rule(rule)).collect();
        Geofencing { zones: zones_joined, global_rules }
    }

    /// A rule for types of which none is known is for nobody.
    fn rule(&mut self, rule: &RuleOfIds) -> Rule {
        let of = |ids: &Vec<String>| {
            ids.iter().filter_map(|id| self.of(id, FileKind::GeofencingZones, &rule.path)).collect()
        };
        Rule { types: rule.types.as_ref().map(of), ..rule.rule.clone() }
    }
}
