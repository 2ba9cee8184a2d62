//! Which columns, properties and keys each kind of definition has.

/// The fields of one kind of definition, in the order in which they are written; names are separated by blanks.
#[derive(Debug)]
pub(crate) struct Schema {
    /// `a municipality`
    pub what: &'static str,
    pub required: &'static str,
    pub optional: &'static str,
}

impl Schema {
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.required.split_whitespace().chain(self.optional.split_whitespace())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    pub(crate) fn list(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }
}

pub(crate) const MUNICIPALITY: Schema =
    Schema { what: "a municipality", required: "slug name ags", optional: "lat lon tz public_planning" };

pub(crate) const SENSOR: Schema = Schema {
    what: "a sensor",
    required: "id feed",
    optional: "decoder bay site vehicle direction bound_from bound_until heartbeat_s stale_after_s \
               threshold_mm",
};

pub(crate) const VEHICLE: Schema =
    Schema { what: "a vehicle", required: "id", optional: "owner operator label seats standing" };

pub(crate) const CLOSURE: Schema =
    Schema { what: "a closure", required: "place from", optional: "until reason kind" };

pub(crate) const CALENDAR_DAY: Schema =
    Schema { what: "a day of the calendar", required: "municipality date kind name", optional: "until" };

pub(crate) const ON_DEMAND: Schema = Schema {
    what: "a line that runs on request",
    required: "route kind",
    optional: "municipality agency direction hours min_notice_min last_day last_time earliest_day relative_to phone \
               phone_hours booking_url info_url message_de message_en surcharge_eur to_door_m wheelchair \
               wheelchair_notice_min bikes valid_from valid_until source",
};

pub(crate) const TAXI: Schema =
    Schema { what: "a taxi", required: "id municipality name phone", optional: "hours wheelchair" };

pub(crate) const ON_DEMAND_AREA: Schema = Schema {
    what: "an area on demand",
    required: "id municipality name kind hours",
    optional: "agency stops detour_factor offset_s min_notice_min last_day last_time earliest_day relative_to phone \
               phone_hours booking_url info_url message_de message_en surcharge_eur wheelchair wheelchair_notice_min \
               bikes valid_from valid_until source",
};

pub(crate) const FARE: Schema = Schema {
    what: "a fare",
    required: "id kind valid_from source",
    optional: "name agencies routes base_eur per_started_km_eur cap_24h_eur child_factor valid_until",
};

pub(crate) const PASS: Schema = Schema {
    what: "a pass",
    required: "id price_eur valid_from source",
    optional: "name route_types agencies_except valid_until",
};

pub(crate) const SITE: Schema = Schema {
    what: "a site",
    required: "id municipality name kind capacity",
    optional: "purpose zone opening_hours fee max_height_m restriction restrictions publish valid_from \
               valid_until",
};

pub(crate) const BAY: Schema = Schema {
    what: "a bay",
    required: "id municipality",
    optional: "site zone restriction restrictions max_stay_min publish valid_from valid_until",
};

pub(crate) const RESTRICTION: Schema =
    Schema { what: "a restriction", required: "", optional: "for capacity hours max_stay_min" };

pub(crate) const FEE: Schema =
    Schema { what: "a fee", required: "", optional: "de en charge free_min day_max_eur hours" };

pub(crate) const BROKER: Schema = Schema {
    what: "a broker",
    required: "id url",
    optional: "username password_file ca_file cert_file key_file client_id version",
};

pub(crate) const FEED: Schema = Schema {
    what: "a feed",
    required: "id municipality format",
    optional: "topic url every_s headers_file ca_file cert_file key_file stale_after_s systems return_rule geofencing allow_private push storage_url storage_token_file timetable broker qos clock on_bad_clock max_age \
               max_message_bytes max_messages_per_s max_bytes_per_s max_rejections_per_h heartbeat_s \
               use_server_decoder area licence attribution contact",
};

pub(crate) const NOTICE: Schema = Schema {
    what: "a notice",
    required: "id municipality",
    optional: "on quiet_hours digest_at webhook secret_file allow_private broker topic smtp lang",
};

pub(crate) const SMTP: Schema =
    Schema { what: "smtp", required: "url from to", optional: "username password_file tls ca_file" };
