//! Query parameters in the OpenAPI document. Handlers parse the query themselves ([`crate::http::params`]); a test
//! compares both lists.
#![expect(dead_code, reason = "for the document only")]

use utoipa::IntoParams;

use super::values;

/// Part of a list of places or vehicles.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Within {
    /// Only what lies within this box: `W,S,E,N` in decimal degrees (WGS 84), west and south first.
    #[param(inline)]
    bbox: Option<values::Bbox>,
    /// Only what belongs to the municipality with this slug.
    #[param(inline)]
    municipality: Option<values::Municipality>,
}

/// Pages of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many items at most; more than 1000 is taken as 1000.
    #[param(inline)]
    limit: Option<values::Limit>,
    /// `cursor` of the page before; left out for the first page.
    #[param(inline)]
    cursor: Option<values::Cursor>,
}

/// How a list is written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListFormat {
    /// `geojson` for a GeoJSON FeatureCollection; it goes before `Accept`.
    #[param(inline)]
    format: Option<values::ListFormat>,
}

/// A driver's question.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Parking {
    /// Where the driver wants to go: `LAT,LON` in decimal degrees (WGS 84), latitude first.
    #[param(inline)]
    near: values::Point,
    /// Search radius, metres as the crow flies; more than 5000 is taken as 5000.
    #[param(inline)]
    radius_m: Option<values::Radius>,
    /// How many items at most; more than 100 is taken as 100.
    #[param(inline)]
    limit: Option<values::ShortLimit>,
    /// Time of arrival, for which opening hours, restrictions and chances are answered; now when left out.
    #[param(inline)]
    arrive: Option<values::Instant>,
    /// Audiences that the driver belongs to, separated by commas; their spaces are offered as well.
    #[param(inline, rename = "for")]
    audiences: Option<values::Audiences>,
    /// What is offered, separated by commas; sites, and bays without a site, when left out.
    #[param(inline)]
    kind: Option<values::PlaceKinds>,
    /// What is listed beside vacant places, separated by commas; `static` stands for sites without live data.
    #[param(inline)]
    include: Option<values::Includes>,
    /// What is parked.
    #[param(inline)]
    purpose: Option<values::Purpose>,
}

/// What is followed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Changes {
    /// Only this site and its bays.
    #[param(inline)]
    site: Option<values::Id>,
    /// What is followed, separated by commas.
    #[param(inline)]
    kind: Option<values::ThingKinds>,
}

/// Where a stream of events goes on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Resume {
    /// `id` of the last event that was received: the stream goes on after it, or begins with a snapshot when that is too
    /// long ago.
    #[param(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

/// What every question of a planner says beside its places or lines.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Figures {
    /// Beginning of the period: a date, which is the town's midnight, or an instant of RFC 3339.
    #[param(inline)]
    from: values::DayOrInstant,
    /// End of the period, which does not belong to it, at most ten years after `from`.
    #[param(inline)]
    to: values::End,
    /// Only days of these kinds, separated by commas; a holiday is neither mo-fr nor sa.
    #[param(inline)]
    days: Option<values::Days>,
    /// Format of the answer; it goes before `Accept`.
    #[param(inline)]
    format: Option<values::TableFormat>,
    /// Spelling of CSV: `de` is as a German Excel reads it, with semicolons, decimal commas, the town's own times, names beside ids.
    #[param(inline)]
    locale: Option<values::Locale>,
}

/// From where to where, when and how.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Journeys {
    /// Where the journey begins: `LAT,LON` in decimal degrees (WGS 84), latitude first.
    #[param(inline)]
    from: values::Point,
    /// Where it ends: `LAT,LON`, at least 10 m from the beginning.
    #[param(inline)]
    to: values::Goal,
    /// Earliest departure; now when neither this nor `arrive` is given.
    #[param(inline)]
    depart: Option<values::Instant>,
    /// Latest arrival, instead of `depart`.
    #[param(inline)]
    arrive: Option<values::Instant>,
    /// Means that may be used, separated by commas; all when left out.
    #[param(inline)]
    modes: Option<values::Modes>,
    /// Longest walk in a row, metres, at most 20000; when left out 1500, and 5000 where nothing but walking is done.
    #[param(inline)]
    max_walk_m: Option<values::MaxWalk>,
    /// Audiences that the driver belongs to, separated by commas; their spaces are offered as well.
    #[param(inline, rename = "for")]
    audiences: Option<values::Audiences>,
    /// `true`: no steps, and accessible vehicles and stops only.
    #[param(inline)]
    wheelchair: Option<values::Flag>,
    /// Height of the car, metres: lower car parks are left out. More than 10 is taken as 10.
    #[param(inline)]
    height_m: Option<values::Positive>,
    /// How long the car is to stay, minutes: places with a shorter limit are left out. More than 100000 is taken as
    /// 100000.
    #[param(inline)]
    stay_min: Option<values::Positive>,
    /// `true`: only parking without a fee.
    #[param(inline)]
    free: Option<values::Flag>,
}

/// Where stops are looked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Stops {
    /// Around which point: `LAT,LON` in decimal degrees (WGS 84), latitude first.
    #[param(inline)]
    near: values::Point,
    /// Search radius, metres as the crow flies; more than 5000 is taken as 5000.
    #[param(inline)]
    radius_m: Option<values::Radius>,
    /// How many items at most; more than 200 is taken as 200.
    #[param(inline)]
    limit: Option<values::ShortLimit>,
}

/// Which departures.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Departures {
    /// Earliest departure; now when left out.
    #[param(inline)]
    from: Option<values::Instant>,
    /// How many items at most; more than 200 is taken as 200.
    #[param(inline)]
    limit: Option<values::ShortLimit>,
}

/// Of what, and for which times.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Forecast {
    /// Id of a site; either this or `bay` is required.
    #[param(inline)]
    site: Option<values::Id>,
    /// Id of a bay.
    #[param(inline)]
    bay: Option<values::Id>,
    /// The one time, at most seven days ahead; either this or `until` is required.
    #[param(inline)]
    at: Option<values::Instant>,
    /// The last of several times from now on, at most seven days ahead.
    #[param(inline)]
    until: Option<values::Instant>,
    /// With `until`: from one time to the next, `5m` to `1d`, counted on the clock.
    #[param(inline)]
    step: Option<values::Step>,
    /// Changes nothing here: a site or bay is for what it is for.
    #[param(inline)]
    purpose: Option<values::Purpose>,
}

/// Whose forecasts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Quality {
    /// Only the site with this id.
    #[param(inline)]
    site: Option<values::Id>,
    /// Only the municipality with this slug; all that the caller may see when left out.
    #[param(inline)]
    municipality: Option<values::Municipality>,
    /// Only sites for this; with `site` it is what the site is for.
    #[param(inline)]
    purpose: Option<values::Purpose>,
}

/// Which devices.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Sensors {
    /// Only devices that are so, separated by commas.
    #[param(inline)]
    health: Option<values::Healths>,
}

/// Which rejections.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Rejections {
    /// Only those of the feed with this id.
    #[param(inline)]
    feed: Option<values::Id>,
    /// Only those for this reason.
    #[param(inline)]
    reason: Option<values::Reason>,
    /// Only those about this device: a DevEUI in any spelling, or the id of a place or of the supplier.
    #[param(inline)]
    device: Option<values::Id>,
}

/// Part of the audit.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Audit {
    /// Only what was done at this instant or later.
    #[param(inline)]
    from: Option<values::Instant>,
    /// Only what was done before this instant.
    #[param(inline)]
    to: Option<values::Instant>,
    /// Only what this one did, e.g. `key 3`.
    #[param(inline)]
    actor: Option<values::Id>,
    /// Only what was done by this action, e.g. `import`.
    #[param(inline)]
    action: Option<values::Id>,
    /// Only what was done to this, e.g. `site w-market`.
    #[param(inline)]
    subject: Option<values::Id>,
}

/// Which rejected messages are taken in again; all that is given must hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Replay {
    /// Only those of the feed with this id.
    #[param(inline)]
    feed: Option<values::Id>,
    /// Only those for this reason.
    #[param(inline)]
    reason: Option<values::Reason>,
    /// Only those with these numbers (`id` of `/v1/rejections`), separated by commas.
    #[param(inline)]
    ids: Option<values::Numbers>,
    /// Only those received before this instant.
    #[param(inline)]
    before: Option<values::Instant>,
}

/// Pages of open data.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OpenData {
    /// Only what belongs to the municipality with this slug.
    #[param(inline)]
    source_uid: Option<values::Municipality>,
    /// How many items at most; more than 10000 is taken as 10000.
    #[param(inline)]
    limit: Option<values::OpenLimit>,
    /// Where the page begins: taken from `next_path` of the page before.
    #[param(inline)]
    start: Option<values::Cursor>,
}

/// Time resolution of figures about parking.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Bucket {
    /// What each row is for, in the town's time; weeks begin on Monday.
    #[param(inline)]
    bucket: Option<values::Bucket>,
}

/// What counts as a stay.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MinStay {
    /// Shorter stays are not counted, seconds; more than 86400 is taken as 86400.
    #[param(inline)]
    min_stay_s: Option<values::MinStay>,
}
