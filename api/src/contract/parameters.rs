//! Query parameters, each declared once: handlers know their names, and the document describes them.

use super::values::{self, *};

/// Declares groups of query parameters: their names, and for the document their schemas.
macro_rules! parameters {
    ($($(#[doc = $doc:literal])+ $group:ident { $($(#[doc = $about:literal])+ $name:ident: $value:ty,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(utoipa::IntoParams)]
        #[into_params(parameter_in = Query)]
        #[expect(dead_code, reason = "for the document only")]
        pub struct $group {
            $($(#[doc = $about])+ #[param(inline)] $name: $value,)+
        }

        impl $group {
            /// Names of the parameters.
            pub const NAMES: &[&str] = &[$($crate::contract::parameters::bare(stringify!($name))),+];
        }
    )+};
}
pub(crate) use parameters;

/// A name that is a keyword of Rust without what makes it an identifier.
pub const fn bare(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(rest) => rest,
            Err(_) => name,
        },
        _ => name,
    }
}

parameters! {
    /// Part of a list of places or vehicles.
    Within {
        /// Only what lies within this box: `W,S,E,N` in decimal degrees (WGS 84), west and south first.
        bbox: Option<Bbox>,
        /// Only what belongs to the municipality with this slug.
        municipality: Option<Municipality>,
    }

    /// Pages of a list.
    Paging {
        /// How many items at most; more than 1000 is taken as 1000.
        limit: Option<Limit>,
        /// `cursor` of the page before; left out for the first page.
        cursor: Option<Cursor>,
    }

    /// How a list is written.
    ListFormat {
        /// `geojson` for a GeoJSON FeatureCollection; it goes before `Accept`.
        format: Option<values::ListFormat>,
    }

    /// A driver's question.
    Parking {
        /// Where the driver wants to go: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        near: Point,
        /// Search radius, metres as the crow flies; more than 5000 is taken as 5000.
        radius_m: Option<Radius>,
        /// How many items at most; more than 100 is taken as 100.
        limit: Option<ShortLimit>,
        /// Time of arrival, for which opening hours, restrictions and chances are answered; now when left out.
        arrive: Option<Instant>,
        /// Audiences that the driver belongs to, separated by commas; their spaces are offered as well.
        r#for: Option<Audiences>,
        /// What is offered, separated by commas; sites, and bays without a site, when left out.
        kind: Option<PlaceKinds>,
        /// What is listed beside vacant places, separated by commas; `static` stands for sites without live data.
        include: Option<Includes>,
        /// What is parked.
        purpose: Option<Purpose>,
    }

    /// From where to where, when and how.
    Journeys {
        /// Where the journey begins: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        from: Point,
        /// Where it ends: `LAT,LON`, at least 10 m from the beginning.
        to: Goal,
        /// Earliest departure; now when neither this nor `arrive` is given.
        depart: Option<Instant>,
        /// Latest arrival, instead of `depart`.
        arrive: Option<Instant>,
        /// Up to two places to go through, in this order and separated by semicolons, each `LAT,LON` or the id of a stop or
        /// station, through which one may ride without getting off. Only on foot, by bike and by transit.
        via: Option<ViaPlaces>,
        /// Means that may be used, separated by commas; when left out all but `TAXI`, and that too where nothing which needs no vehicle
        /// of one's own arrives within three hours. `RENTAL` are shared vehicles, alone or to or from a stop; `BIKE_ON_BOARD` is by bicycle to a
        /// stop and on with it. `CARPOOL` lets journeys by transit ride with people who take others along. Carpools
        /// and taxis come last, and hide nothing that one can count on.
        modes: Option<Modes>,
        /// Longest walk in a row, metres, at most 20000; when left out 1500, and 5000 where nothing but walking is done.
        max_walk_m: Option<MaxWalk>,
        /// Audiences that the driver belongs to, separated by commas; their spaces are offered as well.
        r#for: Option<Audiences>,
        /// `true`: no steps, and only vehicles that are known to take wheelchairs; `prefer`: those as well of which that is not
        /// known, named as such (`wheelchair` of a leg is null).
        wheelchair: Option<Wheelchair>,
        /// Most changes between vehicles, at most 255; when left out as many as make sense.
        max_transfers: Option<Transfers>,
        /// Shortest time to change, seconds, where the timetable takes less for enough. More than 3600 is taken as 3600.
        min_transfer_s: Option<ChangeTime>,
        /// Length of the window of departures (with `arrive`: arrivals) that a page is about, seconds; 3600 when left out, more
        /// than 86400 is taken as 86400. Where it holds no connection it ends after the next one.
        window_s: Option<WindowLength>,
        /// Most itineraries of each combination of modes on a page; 5 when left out, more than 50 is taken as 50.
        limit: Option<JourneyLimit>,
        /// `next_cursor` or `previous_cursor` of another page of the same question; left out for the first page.
        cursor: Option<Cursor>,
        /// Forms of shared vehicles that may be used, separated by commas; all when left out.
        rental: Option<Forms>,
        /// Height of the car, metres: lower car parks are left out. More than 10 is taken as 10.
        height_m: Option<Positive>,
        /// How long the car is to stay, minutes: places with a shorter limit are left out, and `fare` has what the stay costs. More
        /// than 100000 is taken as 100000, and more than 10080 has no known price. When left out no limit is too short, and `fare`
        /// is for 120.
        stay_min: Option<Positive>,
        /// `true`: only parking without a fee, or that costs nothing for this stay.
        free: Option<Flag>,
        /// When a ride that runs on request is to be booked; now when left out. What cannot be booked then is left out.
        book_at: Option<Instant>,
        /// `none`: no rides that must be booked.
        booking: Option<BookingWanted>,
        /// Ids of the passes that the rider has, separated by commas: what they cover costs nothing more.
        pass: Option<Passes>,
        /// Who is to pay: `fare` of an itinerary is for an adult when left out.
        rider: Option<Rider>,
        /// `true`: legs over streets have turn-by-turn `steps`.
        steps: Option<Flag>,
        /// Language of messages to riders and of `steps`; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// How a chosen itinerary is asked for again.
    JourneyAgain {
        /// When its rides that run on request are to be booked; now when left out.
        book_at: Option<Instant>,
        /// Language of messages to riders; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
        /// `true`: legs over streets have turn-by-turn `steps`.
        steps: Option<Flag>,
    }

    /// Which run of a trip.
    Trip {
        /// The day on which the run began, `YYYY-MM-DD`; the one nearest to now when left out.
        date: Option<Date>,
        /// Language of messages to riders; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Where stops are looked for.
    Stops {
        /// Around which point: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        near: Point,
        /// Search radius, metres as the crow flies; more than 5000 is taken as 5000.
        radius_m: Option<Radius>,
        /// How many items at most; more than 200 is taken as 200.
        limit: Option<ShortLimit>,
    }

    /// Where what runs on demand is looked for.
    OnDemand {
        /// Which point: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        near: Point,
        /// Search radius for stops, metres as the crow flies; more than 5000 is taken as 5000.
        radius_m: Option<Radius>,
        /// When it is to be booked; now when left out. Hours and bookings are those from then on.
        book_at: Option<Instant>,
        /// Language of messages to riders; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Where shared vehicles are looked for: around a point, or within a box.
    Rentals {
        /// Around which point: `LAT,LON` in decimal degrees (WGS 84), latitude first; either this or `bbox` is required.
        near: Option<Point>,
        /// Search radius, metres as the crow flies; more than 5000 is taken as 5000.
        radius_m: Option<Radius>,
        /// Within this box: `W,S,E,N` in decimal degrees (WGS 84), west and south first.
        bbox: Option<Bbox>,
        /// What one rides, separated by commas; all when left out.
        form: Option<Forms>,
        /// When one comes, which chances are about, at most 24 hours ahead; now when left out.
        arrive_at: Option<Instant>,
        /// How many stations, and how many vehicles, at most; more than 1000 is taken as 1000.
        limit: Option<Limit>,
        /// Language of names; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Which departures.
    Departures {
        /// Earliest departure; now when left out.
        from: Option<Instant>,
        /// How many items at most; more than 200 is taken as 200.
        limit: Option<ShortLimit>,
        /// `cursor` of the page before, which goes before `from`; left out for the first page.
        cursor: Option<Cursor>,
        /// Language of messages to riders; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Which service alerts.
    Alerts {
        /// How many items at most; more than 1000 is taken as 1000.
        limit: Option<Limit>,
        /// `cursor` of the page before; left out for the first page.
        cursor: Option<Cursor>,
        /// Language of the texts; that of `Accept-Language`, else English, when left out. A text that is not in it comes as it is.
        lang: Option<Preferred>,
    }

    /// What somebody types, looking for a place.
    Search {
        /// What was typed, at most 200 letters: a name, or a street with house number and town.
        q: Name,
        /// Where the place is likely to be: `LAT,LON`; of hits that fit as well the nearer one comes first.
        near: Option<Point>,
        /// What is looked for, separated by commas; all when left out.
        kind: Option<FoundKinds>,
        /// How many items at most; more than 50 is taken as 50.
        limit: Option<FewLimit>,
        /// Language of `detail`; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Around which point.
    SearchAt {
        /// The point: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        point: Point,
        /// What is looked for, separated by commas; all when left out.
        kind: Option<FoundKinds>,
        /// How many items at most; more than 50 is taken as 50.
        limit: Option<FewLimit>,
        /// Language of `detail`; that of `Accept-Language`, else English, when left out.
        lang: Option<Preferred>,
    }

    /// Of what, and for which times.
    Forecast {
        /// Id of a site; either this or `bay` is required.
        site: Option<Id>,
        /// Id of a bay.
        bay: Option<Id>,
        /// The one time, at most seven days ahead; either this or `until` is required.
        at: Option<Instant>,
        /// The last of several times from now on, at most seven days ahead.
        until: Option<Instant>,
        /// With `until`: from one time to the next, `5m` to `1d`, counted on the clock.
        step: Option<Step>,
        /// Changes nothing here: a site or bay is for what it is for.
        purpose: Option<Purpose>,
    }

    /// Whose forecasts.
    Quality {
        /// Only the site with this id.
        site: Option<Id>,
        /// Only the municipality with this slug; all that the caller may see when left out.
        municipality: Option<Municipality>,
        /// Only sites for this; with `site` it is what the site is for.
        purpose: Option<Purpose>,
    }

    /// What a device could be bound to.
    BindingTargets {
        /// Around which point, nearest first: `LAT,LON` in decimal degrees (WGS 84), latitude first.
        near: Option<Point>,
        /// Only what has this in its id or name, or in those of its site.
        q: Option<Id>,
        /// `true`: only what no sensor is bound to.
        unbound: Option<Flag>,
    }

    /// How a test is written.
    Acceptance {
        /// `csv` for a table, `html` for a page to print.
        format: Option<values::Print>,
        /// Language of the table or page; German when left out.
        lang: Option<values::Language>,
    }

    /// Which sensors were handed over.
    HandOver {
        /// Only tests that began at this instant or later.
        from: Option<Instant>,
        /// Only tests that began before this instant.
        to: Option<Instant>,
    }

    /// Which rejections.
    Rejections {
        /// Only those of the feed with this id.
        feed: Option<Id>,
        /// Only those for this reason.
        reason: Option<Reason>,
        /// Only those about this device: a DevEUI in any spelling, or the id of a place or of the supplier.
        device: Option<Id>,
    }

    /// Of which feed.
    OfFeed {
        /// Only those of the feed with this id.
        feed: Option<Id>,
    }

    /// How far back.
    History {
        /// How many days back; 14 when left out, more than 400 is taken as 400.
        days: Option<Positive>,
    }

    /// Which notices.
    Notices {
        /// Only those of which this became.
        state: Option<NoticeState>,
    }

    /// Part of the audit.
    Audit {
        /// Only what was done at this instant or later.
        from: Option<Instant>,
        /// Only what was done before this instant.
        to: Option<Instant>,
        /// Only what this one did, e.g. `key 3`.
        actor: Option<Id>,
        /// Only what was done by this action, e.g. `import`.
        action: Option<Id>,
        /// Only what was done to this, e.g. `site w-market`.
        subject: Option<Id>,
    }

    /// Which rejected messages are taken in again; all that is given must hold.
    Replay {
        /// Only those of the feed with this id.
        feed: Option<Id>,
        /// Only those for this reason.
        reason: Option<Reason>,
        /// Only those with these numbers (`id` of `/v1/rejections`), separated by commas.
        ids: Option<Numbers>,
        /// Only those received before this instant.
        before: Option<Instant>,
        /// Changes nothing, and answers what would happen.
        dry_run: Option<Flag>,
    }

    /// Which message it is that is posted.
    Posted {
        /// Of `chirpstack`: the event, such as `up`; its HTTP integration adds it.
        event: Option<Id>,
        /// Of `native`: `bay/ID`, `site/ID`, `vehicle/ID`, `passengers/ID` or `batch`; of `hfp`: the topic.
        topic: Option<Id>,
    }

    /// A trial.
    Trial {
        /// Changes nothing, and answers what would change.
        dry_run: Option<Flag>,
    }

    /// Pages of open data.
    OpenData {
        /// Only what belongs to the municipality with this slug.
        source_uid: Option<Municipality>,
        /// How many items at most; more than 10000 is taken as 10000.
        limit: Option<OpenLimit>,
        /// Where the page begins: taken from `next_path` of the page before.
        start: Option<Cursor>,
    }
}
