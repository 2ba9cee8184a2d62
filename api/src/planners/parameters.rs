//! Query parameters of planners' routes.

use crate::contract::parameters::parameters;
use crate::contract::values::*;
use crate::http::table;

values! {
    /// How a table is written.
    TableFormat = choice(table::TableFormat::ALL.iter().map(|format| format.as_str()), Some("json"));
}

parameters! {
    /// What every question of a planner says beside its places or lines.
    Figures {
        /// Beginning of the period: a date, which is the town's midnight, or an instant of RFC 3339.
        from: DayOrInstant,
        /// End of the period, which does not belong to it, at most ten years after `from`.
        to: End,
        /// Only days of these kinds, separated by commas; a holiday is neither mo-fr nor sa.
        days: Option<Days>,
        /// Format of the answer; it goes before `Accept`.
        format: Option<TableFormat>,
        /// Spelling of CSV: `de` is as a German Excel reads it, with semicolons, decimal commas, the town's own times, names beside ids.
        locale: Option<Locale>,
    }

    /// Places, and what divides them.
    Places {
        /// Slug of a municipality: all its places, or with `zone` and `bbox` those of it. Left out, with `group_by=municipality`:
        /// all that the caller may see.
        municipality: Option<Municipality>,
        /// Id of one bay.
        bay: Option<Id>,
        /// Id of one site.
        site: Option<Id>,
        /// Id of a zone.
        zone: Option<Id>,
        /// Places that lie in this box now: `W,S,E,N` in decimal degrees (WGS 84), west and south first.
        bbox: Option<Bbox>,
        /// What is parked in the places of `zone`, `municipality` and `bbox`, at the time that the figures are of; with `site` and
        /// `bay` it is what the place is for.
        purpose: Option<Purpose>,
        /// What the rows are divided by; one row of all places when left out.
        group_by: Option<PlaceGroup>,
        /// Only these hours of the day, `HH:MM-HH:MM` in the town's time and in quarters of an hour; over midnight
        /// `22:00-06:00`.
        hours: Option<Hours>,
    }

    /// Lines and stops, and what divides them.
    Lines {
        /// Slug of a municipality; all that the caller may see when left out.
        municipality: Option<Municipality>,
        /// Only the line with this id.
        route: Option<Id>,
        /// Only the stop with this id.
        stop: Option<Id>,
        /// What each row is for, in the town's time; weeks begin on Monday.
        bucket: Option<TransitBucket>,
        /// What the rows are divided by, separated by commas.
        group_by: Option<TransitGroups>,
        /// Only these hours of the day, `HH:MM-HH:MM` in the town's time; over midnight `22:00-06:00`.
        hours: Option<Hours>,
    }

    /// Time resolution of figures about parking.
    Buckets {
        /// What each row is for, in the town's time; weeks begin on Monday.
        bucket: Option<Bucket>,
    }

    /// What counts as a stay.
    ShortestStay {
        /// Shorter stays are not counted, seconds; more than 86400 is taken as 86400.
        min_stay_s: Option<MinStay>,
    }
}
