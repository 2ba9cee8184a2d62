//! Enumerations as schemas, generated from the lists that the code itself uses.

use domain::live::{Basis, Flags};

use super::values::all;

/// Kinds of vehicles in MOTIS's and OTP's words.
pub const VEHICLES: [&str; 11] = [
    "TRAM",
    "SUBWAY",
    "RAIL",
    "FERRY",
    "CABLE_CAR",
    "GONDOLA",
    "FUNICULAR",
    "MONORAIL",
    "COACH",
    "CARPOOL",
    "BUS",
];

/// Declares types that stand for lists of words in the document, and nowhere else.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident = $words:expr;)+) => {
        $crate::contract::values::values! {$(
            $(#[doc = $doc])+
            $name = $crate::contract::values::one_of($words).description(Some(concat!($($doc),+).trim()));
        )+}
    };
}
pub(crate) use words;

words! {
    /// State of a bay. A stale one is `unknown`.
    BayState = all!(domain::BayState);
    /// What kind of parking site it is.
    SiteKind = all!(domain::SiteKind);
    /// Why an alert holds, in GTFS-Realtime's words.
    AlertCause = all!(domain::alert::Cause);
    /// What an alert means for riders, in GTFS-Realtime's words.
    AlertEffect = all!(domain::alert::Effect);
    /// How grave an alert is, in GTFS-Realtime's words.
    AlertSeverity = all!(domain::alert::Severity);
    /// What is parked there.
    Purpose = all!(domain::place::Purpose);
    /// For whom a space is kept.
    Audience = all!(domain::Audience);
    /// Which way a lane sensor counts.
    Direction = all!(domain::Direction);
    /// Codec of a LoRaWAN payload.
    Decoder = all!(domain::Decoder);
    /// How far it is that messages are decoded again.
    RebindingState = all!(store::rebindings::RebindingState);
    /// What one rides.
    RentalForm = all!(domain::rental::FormFactor);
    /// What moves a shared vehicle.
    Propulsion = all!(domain::rental::Propulsion);
    /// Where a shared vehicle may be returned: anywhere that the operator allows, at the station that it was taken from, at
    /// any station, or at any station and anywhere.
    ReturnRule = all!(domain::rental::ReturnRule);
    /// Wire format of a feed.
    FeedFormat = all!(domain::FeedFormat);
    /// How a device is: `watch` works and will want attention, `faulty` sends what cannot be read or believed,
    /// `silent` has sent nothing for longer than its heartbeat allows, `new` sent and is in no file.
    SensorHealth = all!(domain::health::Health);
    /// What a device can be bound to.
    TargetKind = ["bay", "site", "vehicle"];
    /// What is wrong with a device.
    HealthCode = all!(domain::health::Code);
    /// What is judged of a sensor in its test.
    AcceptanceCheck = all!(domain::acceptance::CheckName);
    /// What a check has come to; `skipped`: it cannot be judged of this device, or not in this time.
    CheckState = all!(domain::acceptance::CheckState);
    /// The unit of what a check measured.
    CheckUnit = all!(domain::acceptance::Unit);
    /// Why a check is skipped.
    CheckSkipped = all!(domain::acceptance::Skipped);
    /// What a test has come to.
    TestState = all!(domain::acceptance::TestState);
    /// What the installer is to do next.
    Instruction = all!(domain::acceptance::Instruction);
    /// What to do about a check.
    CheckRemedy = all!(domain::acceptance::Remedy);
    /// Why a message, or an element of it, was not believed.
    RejectionReason = all!(domain::Reason);
    /// What a replayed message is about.
    ReplayedKind = ["bay", "site", "vehicle"];
    /// Kind of a place that was found by name.
    FoundKind = place_search::Kind::ALL.map(place_search::Kind::as_str);
    /// A single bay, or a site.
    PlaceKind = all!(domain::place::PlaceKind);
    /// What a site's numbers rest on: its own fresh count, the states of its bays, or nothing fresh.
    SiteBasis = [Basis::Count, Basis::Bays, Basis::None].map(Basis::as_str);
    /// What a number of vacant spaces rests on: a site's own count, the states of its bays, the state of the one bay,
    /// or nothing fresh.
    VacantBasis = [Basis::Count, Basis::Bays, Basis::Sensor, Basis::None].map(Basis::as_str);
    /// What is remarkable about a number: more are occupied than there are spaces; more left than came in; the supplier
    /// says that the site is closed; spaces kept for others may be among the vacant ones.
    Flag = Flags::WORDS.map(|(_, word)| word);
    /// Whether a place is open.
    OpeningState = ["open", "closed", "unknown"];
    /// What the source of a site's numbers is worth to the forecast.
    SourceHealth = ["ok", "too_little", "always_zero", "zero_when_closed", "stuck", "closed"];
    /// What a forecast rests on: the live state and the site's past; its usual week; the live state and how fast it
    /// changes; nothing.
    ForecastBasis = ["history", "weekly_profile", "live", "unknown"];
    /// Why there is no forecast for a time.
    ForecastGap = [
        "closed", "restricted", "no_data", "too_little", "always_zero", "zero_when_closed", "stuck",
    ];
    /// What is answered at this horizon: the forecast, or the live state where the forecast's error is the larger one.
    Served = ["forecast", "live"];
    /// Mode of a whole itinerary.
    WayMode = journey::plan::Modes::NAMED.map(|(name, _)| name).into_iter().chain(["TAXI"]);
    /// Mode of one leg.
    LegMode = ["WALK", "BIKE", "CAR", "TAXI", "ON_DEMAND", "RENTAL"].into_iter().chain(VEHICLES);
    /// Kind of vehicle.
    VehicleMode = VEHICLES;
    /// How one gets on or off: as usual, not at all, only who has ordered it, or by asking the driver.
    BoardingMode = ["scheduled", "none", "book", "ask_driver"];
    /// A ticket to buy, a pass that the rider has, what is due beside the fare because a ride must be ordered, the rent of a
    /// shared vehicle, or the fee where the car is left.
    ProductKind = ["ticket", "pass", "surcharge", "rental", "parking"];
    /// What the amount of a fee is for: a stay, each day of it, or each unit of time that has begun.
    FeePer = ["stay", "day", "unit"];
    /// What to do at a junction, seen in the direction of travel.
    RelativeDirection = all!(domain::guidance::Turn);
    /// A point of the compass.
    AbsoluteDirection = all!(domain::guidance::Bearing);
    /// What one travels on.
    WayKind = all!(domain::guidance::WayKind);
    /// What stands at the end of a leg.
    EndKind = ["origin", "destination", "via", "stop", "parking", "rental"];
    /// What is not part of the answer: a place to park, a ride of a line, a line on demand, shared vehicles, or a taxi.
    LeftOutKind = ["parking", "line", "area", "rental", "taxi"];
    /// Why a place to park, a ride (`cancelled`, `stop_skipped`), a line on demand (`outside_area`, `not_in_service`), a shared
    /// vehicle (`no_vehicle`, `stale`, `no_dock`, `range`, `no_ride_zone`, `no_return_zone`, `round_trip`) or a taxi
    /// (`not_in_service`, `wheelchair_unknown`) is not part of the answer.
    LeftOutReason = [
        "full", "closed", "restricted", "height", "max_stay", "fee", "unlinked", "out_of_reach", "cancelled",
        "stop_skipped", "booking_closed", "booking_not_open", "wheelchair_unknown", "bikes_not_allowed", "not_in_service", "outside_area",
        "no_vehicle", "stale", "no_dock", "range", "no_ride_zone", "no_return_zone", "round_trip",
    ];
    /// What a notice on journeys is about.
    NoteCode = [
        "outside_timetable", "no_stop_in_reach", "nothing_in_window", "walking_is_faster", "parking_unknown",
    ];
    /// Why an itinerary cannot be made any more.
    BreakCode = ["cancelled", "stop_skipped", "missed_connection", "gone"];
    /// Kind of source: live data, a timetable (GTFS), the street map (OpenStreetMap).
    SourceKind = ["feed", "timetable", "streets"];
    /// How it ended.
    AuditOutcome = all!(store::audit::AuditOutcome);
    /// A sensor; a place that its feed names itself, without a sensor in the files; `place`: one that is in no file.
    SensorKind = ["sensor", "bay", "site", "vehicle", "place"];
    /// One condition of readiness.
    CheckName = ["disk", "tasks", "mqtt", "live_state", "database"];
    /// What became of a message: `stored`, `heard` (it carried no state), `rejected:REASON`; `duplicate` was delivered
    /// again and changed nothing.
    Outcome = ["stored", "heard", "duplicate"].map(str::to_owned).into_iter()
        .chain(domain::Reason::ALL.iter().map(|why| format!("rejected:{why}")));
}
