//! What a look at a supplier's feed ends in: codes, which the crate `feed-check` finds.

use serde::Serialize;

use crate::feed::FeedFormat;
use crate::place::wire_enum;

wire_enum! {
    /// The outcome.
    Verdict {
        /// The product would take all that arrived.
        Good = "good",
        /// Something must be changed.
        Faults = "faults",
        /// Nothing could be checked: nothing arrived, or nothing that the product reads.
        NotChecked = "not_checked",
    }
}

impl Verdict {
    /// The exit code for scripts.
    pub const fn exit_code(self) -> u8 {
        match self {
            Verdict::Good => 0,
            Verdict::Faults => 1,
            Verdict::NotChecked => 2,
        }
    }
}

wire_enum! {
    /// How much a finding weighs.
    Weight {
        /// Makes the verdict `faults`, or `not_checked`.
        Fault = "fault",
        /// Should be looked at.
        Warning = "warning",
        /// Worth knowing.
        Note = "note",
    }
}

wire_enum! {
    /// A format, as far as a single message shows it.
    Recognised {
        /// The product's own.
        Native = "native",
        /// ChirpStack v4.
        Chirpstack = "chirpstack",
        /// ChirpStack v3, whose fields have other names.
        ChirpstackV3 = "chirpstack-v3",
        /// The Things Stack v3.
        Tts = "tts",
        /// The Things Network v2, which was switched off in 2021.
        TtnV2 = "ttn-v2",
        /// HSL's HFP v2.
        Hfp = "hfp",
        /// GTFS-Realtime, protobuf.
        GtfsRt = "gtfs-rt",
        /// ParkAPI v1 and v2: `lots`.
        Parkapi = "parkapi",
        /// ParkAPI v3: sites and spots with `uid`.
        ParkapiV3 = "parkapi-v3",
        /// DATEX II, XML or JSON.
        Datex2 = "datex2",
        /// GBFS: shared bikes, scooters and cars.
        Gbfs = "gbfs",
        /// OGC SensorThings.
        Sensorthings = "sensorthings",
        /// NGSI-LD or NGSIv2: FIWARE.
        Ngsi = "ngsi",
        /// SIRI.
        Siri = "siri",
        /// GeoJSON.
        Geojson = "geojson",
        /// A web page.
        Html = "html",
        /// XML of another kind.
        Xml = "xml",
        /// JSON of another kind.
        Json = "json",
        /// Text that is no JSON.
        Text = "text",
        /// No text.
        Binary = "binary",
        /// Nothing.
        Empty = "empty",
    }
}

impl Recognised {
    /// The format with which such a message is read; `None`: with none.
    pub const fn read_as(self) -> Option<FeedFormat> {
        match self {
            Recognised::Native => Some(FeedFormat::Native),
            // Read so that the fault names the version.
            Recognised::Chirpstack | Recognised::ChirpstackV3 => Some(FeedFormat::Chirpstack),
            Recognised::Tts => Some(FeedFormat::Tts),
            Recognised::Hfp => Some(FeedFormat::Hfp),
            Recognised::GtfsRt => Some(FeedFormat::GtfsRt),
            Recognised::ParkapiV3 => Some(FeedFormat::ParkapiV3),
            _ => None,
        }
    }
}

wire_enum! {
    /// What a value reveals of a person.
    Personal {
        /// A number plate.
        Plate = "plate",
        /// Somebody's name.
        Name = "name",
        /// A telephone number.
        Phone = "phone",
        /// An e-mail address.
        Email = "email",
        /// The address of a radio that somebody carries, or of its beacon.
        RadioAddress = "radio_address",
        /// The number of a telephone or of its card (IMEI, IMSI, ICCID).
        Imei = "imei",
        /// The number of a card, permit or account.
        Card = "card",
        /// A day of birth.
        Birth = "birth",
    }
}

/// The version of captures that is written, and the newest that is read.
pub const CAPTURE_VERSION: u32 = 1;

/// What is wrong with a part of a capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// Bytes that belong to no frame.
    Foreign,
    /// The frame breaks off.
    Cut,
    /// The frame is not as it was written: its checksum or its compression is wrong.
    Corrupt,
    /// A line of the frame is no message.
    Line,
    /// Of a later version of the format.
    Newer(u32),
    /// The frame is larger than any that is written.
    TooLarge,
}

/// Something worth a sentence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Finding {
    /// Nothing arrived.
    NothingArrived,
    /// Of a format that the product does not read.
    Unread {
        /// Which.
        format: Recognised,
        /// How many messages.
        count: u64,
    },
    /// Would be rejected.
    Rejected {
        /// Messages.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// Personal fields.
    Personal {
        /// What they reveal.
        what: Personal,
        /// Where it stands.
        field: String,
        /// How often.
        count: u64,
    },
    /// Payloads of LoRaWAN devices that no decoder accepts.
    NoDecoder {
        /// How many.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// Devices or places that should have spoken and did not.
    Silent {
        /// How many.
        count: u64,
        /// Of how many.
        of: u64,
    },
    /// Accepted without some of their fields.
    DroppedFields {
        /// How often.
        count: u64,
    },
    /// Delivered with QoS 0.
    Qos0 {
        /// Messages.
        count: u64,
    },
    /// Kept by the broker from before the subscription.
    Retained {
        /// Messages.
        count: u64,
    },
    /// The same message again.
    Duplicates {
        /// How many.
        count: u64,
    },
    /// Older than the newest of the same device or place.
    OutOfOrder {
        /// How many.
        count: u64,
    },
    /// Network clocks that cannot be true.
    ImpossibleClocks {
        /// Messages.
        count: u64,
    },
    /// The senders' clocks differ from ours.
    ClockOffset {
        /// The median; positive is ahead of us, seconds.
        median_s: f64,
    },
    /// Several decoders accept the payloads: whoever installs chooses.
    ChooseDecoder {
        /// How many decoders accept all of them.
        count: u64,
    },
    /// The connection was lost while listening.
    ConnectionLost {
        /// How often.
        count: u64,
    },
    /// Parts of the capture are damaged.
    DamagedCapture {
        /// How many.
        count: u64,
    },
    /// The county's places were not asked: files do not say on which topic a message came.
    WithoutTopic {
        /// Messages.
        count: u64,
    },
    /// Of a file the time of receipt is not known: clocks, rate and delivery were not judged.
    NoReceiptTimes,
}

impl Finding {
    /// How much it weighs.
    pub const fn weight(&self) -> Weight {
        match self {
            Finding::NothingArrived
            | Finding::Unread { .. }
            | Finding::Rejected { .. }
            | Finding::Personal { .. }
            | Finding::NoDecoder { .. } => Weight::Fault,
            Finding::Silent { .. }
            | Finding::DroppedFields { .. }
            | Finding::Qos0 { .. }
            | Finding::ImpossibleClocks { .. }
            | Finding::ClockOffset { .. }
            | Finding::ConnectionLost { .. }
            | Finding::WithoutTopic { .. }
            | Finding::DamagedCapture { .. } => Weight::Warning,
            Finding::Duplicates { .. }
            | Finding::Retained { .. }
            | Finding::OutOfOrder { .. }
            | Finding::ChooseDecoder { .. }
            | Finding::NoReceiptTimes => Weight::Note,
        }
    }
}
