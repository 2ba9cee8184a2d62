//! How rides that run on request are booked.

use domain::locality::Locality;
use domain::{Lang, Registry, UtcMicros};
use journey::booking::{Bookings, RideBooking};
use journey::timetable::{Boarding, Timetable};
use serde::Serialize;
use utoipa::ToSchema;

/// How a ride is booked; null: in none of the files.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct BookingOut<'a> {
    /// Whether it runs on request only.
    required: bool,
    /// Whether it can be booked at `book_at`; null: not known. False as well while only a number can be called that is not
    /// answered yet.
    open_now: Option<bool>,
    /// From when it can be booked; null: not known, or however long before.
    from: Option<UtcMicros>,
    /// Until when it can be booked; null: not known.
    pub by: Option<UtcMicros>,
    /// How long before the ride it must be booked, seconds; null: not known, or until a time of a day.
    notice_s: Option<i32>,
    /// Number to call; null: not known.
    pub phone: Option<&'a str>,
    /// Whether the number is answered at `book_at`; null: not known.
    phone_open_now: Option<bool>,
    /// When the number is answered, as opening hours of OpenStreetMap; null: not known.
    phone_hours: Option<&'a str>,
    /// Where it is booked on the web; null: not known.
    url: Option<&'a str>,
    /// Address with more information; null: not known.
    info_url: Option<&'a str>,
    /// Message to riders; null: none.
    message: Option<&'a str>,
    /// Surcharge, euros; null: not known.
    surcharge_eur: Option<f64>,
    /// How far from a stop riders are set down at their door, metres; null: not known.
    to_door_m: Option<u32>,
    /// Source of this information; null: none.
    source: Option<&'a str>,
}

/// Everything that the booking of a ride is written from.
#[derive(Clone, Copy)]
pub struct BookingWriter<'a> {
    pub bookings: &'a Bookings,
    pub timetable: &'a Timetable,
    /// When it is to be booked.
    pub book_at: UtcMicros,
    /// Of messages.
    pub lang: Lang,
}

impl<'a> BookingWriter<'a> {
    /// How a ride is booked.
    pub fn write(&self, ride: &RideBooking) -> BookingOut<'a> {
        let required = BookingOut { required: true, notice_s: ride.notice_s, ..BookingOut::default() };
        let Some(rule) = ride.rule.and_then(|number| self.bookings.rule(self.timetable, number)) else {
            return required;
        };
        let desk = rule.desk;
        let now = self.book_at;
        let phone_open_now = rule.phone_hours.and_then(|hours| hours.is_open_at(now));
        let is_answered = desk.url.is_some() || phone_open_now != Some(false);
        let message = match self.lang {
            Lang::De => desk.message_de.as_ref().or(desk.message_en.as_ref()),
            Lang::En => desk.message_en.as_ref().or(desk.message_de.as_ref()),
        };
        BookingOut {
            open_now: Some(is_answered && ride.window.is_some_and(|window| window.is_open(now, now))),
            from: ride.window.and_then(|window| window.from),
            by: ride.window.map(|window| window.by),
            phone: desk.phone.as_deref(),
            phone_open_now,
            phone_hours: desk.phone_hours.as_deref(),
            url: desk.url.as_deref(),
            info_url: desk.info_url.as_deref(),
            message: message.map(String::as_str),
            surcharge_eur: desk.surcharge_eur,
            to_door_m: rule.listed.and_then(|listed| listed.to_door_m),
            source: match (rule.listed, rule.drawn) {
                (Some(listed), _) => listed.source.as_deref(),
                (_, drawn) => drawn.and_then(|area| area.source.as_deref()),
            },
            ..required
        }
    }
}

/// Joins the rules and areas of a registry to a timetable.
pub fn bookings(timetable: &Timetable, registry: &Registry) -> Bookings {
    // The towns of a county lie in one Land: its holidays are those of any of them.
    let county = registry.municipalities().map(|(id, _)| id).min();
    let locality = |slug: Option<&str>| {
        let town = slug.map_or(county, |slug| registry.municipality_id(slug));
        town.map_or_else(Locality::default, |town| Locality::clone(registry.locality(town)))
    };
    let bookings = Bookings::new(timetable, registry.on_demand(), &locality, &mut |rule, problem| {
        tracing::error!("on_demand.csv: route '{}': its hours are ignored: {problem}", rule.route);
    });
    bookings.with_areas(timetable, registry.on_demand_areas(), &locality, &mut |sentence| {
        tracing::error!("on_demand_areas.geojson: {sentence}");
    })
}

/// The name of a boarding on the wire.
pub fn boarding_word(boarding: Boarding) -> &'static str {
    match boarding {
        Boarding::Scheduled => "scheduled",
        Boarding::None => "none",
        Boarding::Book => "book",
        Boarding::AskDriver => "ask_driver",
    }
}
