//! From wire formats to statements. Decoding never fails a stream: it yields statements *and*
//! faults, side by side, and the faults are kept in quarantine.
//!
//! One file per payload family. A decoder knows no places: it returns statements about text
//! ids; `check` binds them to a bay, site or vehicle and accepts or rejects them.

mod faults;
pub mod gtfs_rt;
pub mod hfp;
pub mod json;
pub mod lorawan;
pub mod native;
pub mod parkapi_v3;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod samples;

use domain::alert::AlertSet;
use domain::mistake::{Detail, Mistake, Remedy, Spot};
use domain::observation::{CountValue, DoorCount, SiteStatus, VehicleFix};
use domain::trip_update::Passed;
use domain::{Audience, BayState, Counter, Lang, Reason, TripUpdate, UtcMicros};

pub use self::faults::Faults;
pub use self::json::Dropped;

/// A statement about one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it is about.
    pub subject: Subject,
    /// When it was observed, by the sender's clock.
    pub at: Option<UtcMicros>,
    /// What is stated.
    pub content: Content,
    /// The sender's number of it: a higher one corrects a lower one.
    pub seq: Option<i64>,
    /// Fields that were dropped.
    pub dropped: Vec<Dropped>,
}

/// The subject of a statement, by the supplier's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A bay.
    Bay(String),
    /// A site.
    Site(String),
    /// A vehicle.
    Vehicle(String),
    /// The trip that the update names.
    Trip,
}

impl Subject {
    /// The supplier's id of the place.
    pub fn place(&self) -> Option<&str> {
        match self {
            Subject::Bay(id) | Subject::Site(id) | Subject::Vehicle(id) => Some(id),
            Subject::Trip => None,
        }
    }
}

/// The content of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// The state of a bay.
    Bay {
        /// Whether a vehicle stands there.
        state: BayState,
        /// Voltage of the sensor's battery.
        battery_v: Option<f32>,
        /// Of the best reception.
        rssi_dbm: Option<f32>,
        /// At the sensor.
        temperature_c: Option<f32>,
    },
    /// A count of a site.
    Count {
        /// The number.
        value: CountValue,
        /// Whose spaces were counted; `None`: all.
        audience: Option<Audience>,
        /// Whether the site is open.
        status: Option<SiteStatus>,
        /// Usable spaces.
        capacity: Option<i32>,
        /// The gate or unit that counted.
        source: Option<String>,
        /// Of a device that counts on: see [`domain::SiteCount::counter`].
        counter: Option<Counter>,
    },
    /// Where a vehicle is, and how its trip goes.
    Fix(Box<VehicleFix>),
    /// Who got on and off a vehicle.
    Passengers {
        /// The stop, as in GTFS.
        stop_id: Option<String>,
        /// The trip, as in GTFS.
        trip_id: Option<String>,
        /// By door.
        doors: Vec<DoorCount>,
        /// People on board afterwards.
        on_board: Option<i32>,
        /// The unit that counted.
        source: Option<String>,
    },
    /// A report on a run of a timetable.
    Trip {
        /// The report.
        update: Box<TripUpdate>,
        /// When the message was made, by the sender's clock.
        message_at: Option<UtcMicros>,
        /// Stops that lay behind by then.
        passed: Vec<Passed>,
    },
}

/// What a message states of service alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStatement {
    /// When it was made, by the sender's clock.
    pub at: Option<UtcMicros>,
    /// All of them, in parts; their topics are to follow the message's, which the decoder does not know.
    pub sets: Vec<AlertSet>,
    /// Fields that were dropped.
    pub dropped: Vec<Dropped>,
}

/// Why a message, or one element of it, could not be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// From the closed list.
    pub reason: Reason,
    /// The field, its value and what would be right.
    pub detail: Box<Detail>,
    /// What to do, where more is known than the reason's own remedy.
    pub remedy: Option<Remedy>,
    /// The device or place it is about, as the message or its topic names it.
    pub device: Option<String>,
    /// It is about one element of a message of many.
    pub is_element: bool,
}

impl Fault {
    /// A fault of the whole message.
    pub fn new(reason: Reason, at: impl Into<Spot>, mistake: Mistake) -> Self {
        let detail = Box::new(Detail { element: None, at: at.into(), mistake });
        Fault { reason, detail, remedy: None, device: None, is_element: false }
    }

    /// A payload that cannot be read.
    pub fn malformed(at: impl Into<Spot>, mistake: Mistake) -> Self {
        Fault::new(Reason::Malformed, at, mistake)
    }

    /// With what to do about it.
    pub fn remedy(self, remedy: Remedy) -> Self {
        Fault { remedy: Some(remedy), ..self }
    }

    /// Of the element of this number, counted from 1.
    pub fn of_element(mut self, nth: usize) -> Self {
        self.detail.element = Some(nth);
        Fault { is_element: true, ..self }
    }

    /// What to do: what is known of this fault in particular, else of its reason.
    pub fn advice(&self, lang: Lang) -> String {
        self.remedy.map_or_else(|| self.reason.remedy(lang).to_owned(), |remedy| remedy.sentence(lang))
    }

    /// With the device or place that it is about.
    pub fn about(self, device: impl Into<String>) -> Self {
        Fault { device: Some(device.into()), ..self }
    }
}

/// The result of decoding a message. Empty when it carries nothing for us (a valid event without
/// parking or transit data).
#[derive(Debug, Default, PartialEq)]
pub struct Decoded {
    /// What it states.
    pub statements: Vec<Statement>,
    /// What is wrong with it.
    pub faults: Faults,
    /// Fields that are known and not read, each once: what they say comes from the imported files.
    pub ignored_fields: Vec<&'static str>,
    /// What it states of service alerts; `None`: its format has none.
    pub alerts: Option<AlertStatement>,
}

/// Of a message with one statement.
impl From<Result<Statement, Fault>> for Decoded {
    fn from(read: Result<Statement, Fault>) -> Self {
        match read {
            Ok(statement) => Decoded { statements: vec![statement], ..Decoded::default() },
            Err(fault) => fault.into(),
        }
    }
}

impl From<Fault> for Decoded {
    fn from(fault: Fault) -> Self {
        Decoded { faults: fault.into(), ..Decoded::default() }
    }
}
