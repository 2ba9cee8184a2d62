//! What the product would make of one message.

use domain::mistake::{Mistake, Remedy, Spot};
use domain::registry::Entry;
use domain::{Decoder, Feed, FeedFormat, FeedId, Reason, UtcMicros, feed::MAX_AHEAD_S};
use ingest::decode::json::text;
use ingest::decode::lorawan::{self, Event};
use ingest::decode::{Decoded, Dropped, Fault, Faults, Statement, gtfs_rt, hfp, native, parkapi_v3};
use ingest::receive::examine;

use crate::County;

/// A device's uplink as the network server passes it on.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// DevEUI.
    pub device: String,
    /// Its own payload and port; `None`: not one of the application's.
    pub payload: Option<(i32, Vec<u8>)>,
    /// Its counter.
    pub f_cnt: Option<i64>,
    /// Which event of the server it is.
    pub event: &'static str,
    /// The network's clock.
    pub at: Option<UtcMicros>,
    /// That clock is impossible: the state would stand at its receipt.
    pub is_clock_impossible: bool,
    /// The server's own codec says whether the bay is occupied.
    pub has_codec: bool,
}

/// What became of a message.
#[derive(Debug, Default, PartialEq)]
pub struct Judged {
    /// What is wrong with it.
    pub faults: Faults,
    /// Fields without which it is accepted.
    pub dropped: Vec<Dropped>,
    /// What it states.
    pub statements: Vec<Statement>,
    /// Of a LoRaWAN server's message.
    pub frame: Option<Frame>,
    /// The feed of the county's files that it belongs to.
    pub feed: Option<FeedId>,
}

impl Judged {
    /// Devices and places that speak in it, with the times of what they say.
    pub fn speakers(&self) -> impl Iterator<Item = (&str, Option<UtcMicros>)> {
        let stated = self.statements.iter().filter_map(|s| Some((s.subject.place()?, s.at)));
        stated.chain(self.frame.as_ref().map(|frame| (frame.device.as_str(), frame.at)))
    }
}

/// Judges a message of `format`. With a county: as the ingest would with these places; else by its form and clock alone.
/// Without a time of receipt clocks are not judged.
pub fn judge(
    format: FeedFormat,
    topic: &str,
    payload: &[u8],
    received_at: Option<UtcMicros>,
    county: Option<&County>,
) -> Judged {
    let feed = county.and_then(|county| county.feed_of(topic)).filter(|feed| feed.def.format == format);
    let bare = bare_feed(format, topic);
    let def = feed.map_or(&bare, |feed| &feed.def);
    let limit = def.max_message_bytes(format == FeedFormat::Native && native::is_batch(topic));
    if payload.len() > limit {
        let mistake = Mistake::TooLargeForFormat(payload.len(), limit);
        let fault = Fault::new(Reason::TooLarge, Spot::Payload, mistake);
        return Judged { faults: fault.into(), ..Judged::default() };
    }
    let mut judged = decoded(def, topic, payload, received_at);
    if let (Some(county), Some(feed)) = (county, feed) {
        judged.feed = Some(feed.id);
        with_places(&mut judged, county, feed, topic, payload, received_at);
    } else if county.is_some() {
        let fault = no_feed(topic, format);
        judged.faults.push(fault);
    } else if let Some(received_at) = received_at.filter(|_| !format.is_lorawan()) {
        clocks(&mut judged, def, received_at);
    }
    judged
}

fn with_places(
    judged: &mut Judged,
    county: &County,
    feed: &Entry<FeedId, Feed>,
    topic: &str,
    payload: &[u8],
    received_at: Option<UtcMicros>,
) {
    // As if it were received when it says.
    let newest = || judged.speakers().filter_map(|(_, at)| at).max();
    let received_at = received_at.or_else(newest).unwrap_or(UtcMicros::EPOCH);
    let message = ingest::message::Message { topic, payload, qos: 1, received_at };
    (judged.faults, judged.dropped) = examine(county.registry(), feed, message);
}

fn no_feed(topic: &str, format: FeedFormat) -> Fault {
    Fault::new(Reason::UnknownTopic, "topic", Mistake::NoFeed(topic.into(), format))
        .remedy(Remedy::NobodyReceives)
}

/// A feed of which nothing but its format is known.
fn bare_feed(format: FeedFormat, topic: &str) -> Feed {
    let id = match format {
        FeedFormat::Native => topic.trim_start_matches('/').split('/').nth(2).unwrap_or_default(),
        _ => "",
    };
    Feed {
        id: id.to_owned(),
        municipality: String::new(),
        format,
        topic: topic.to_owned(),
        broker: None,
        qos: 1,
        clock: None,
        on_bad_clock: None,
        max_age_s: None,
        max_message_bytes: None,
        max_messages_per_s: None,
        max_bytes_per_s: None,
        max_rejections_per_h: None,
        heartbeat_s: None,
        use_server_decoder: false,
        area: None,
        licence: None,
        attribution: None,
        contact: None,
        url: None,
        every_s: None,
        credentials: domain::feed::WebCredentials::default(),
        rental: domain::feed::RentalSettings::default(),
        allow_private: false,
        timetable: None,
        push: false,
        storage_url: None,
        storage_token_file: None,
    }
}

/// Reads the message by its form alone.
fn decoded(feed: &Feed, topic: &str, payload: &[u8], received_at: Option<UtcMicros>) -> Judged {
    let read = match feed.format {
        FeedFormat::GtfsRt => gtfs_rt::decode(payload),
        FeedFormat::Native => {
            text(payload).map_or_else(Decoded::from, |text| native::decode(&feed.id, topic, &text))
        }
        FeedFormat::Hfp => text(payload).map_or_else(Decoded::from, |text| hfp::decode(topic, &text)),
        FeedFormat::Chirpstack | FeedFormat::Tts => {
            return frame(feed, topic, payload, received_at).unwrap_or_else(|fault| {
                let device = lorawan::topic(feed.format, topic).ok().map(lorawan::device_of);
                let fault = match device {
                    Some(device) => fault.about(device),
                    None => fault,
                };
                Judged { faults: fault.into(), ..Judged::default() }
            });
        }
        FeedFormat::ParkapiV3 => text(payload).map_or_else(Decoded::from, |text| parkapi_v3::decode(&text)),
        FeedFormat::History | FeedFormat::Gbfs => Decoded::default(),
    };
    let mut statements = read.statements;
    let of_alerts = read.alerts.map(|alerts| alerts.dropped).unwrap_or_default();
    let dropped =
        statements.iter_mut().flat_map(|s| std::mem::take(&mut s.dropped)).chain(of_alerts).collect();
    Judged { faults: read.faults, dropped, statements, ..Judged::default() }
}

fn frame(feed: &Feed, on: &str, payload: &[u8], received_at: Option<UtcMicros>) -> Result<Judged, Fault> {
    let topic = lorawan::topic(feed.format, on)?;
    if topic.event == Event::Ignored {
        return Ok(Judged::default());
    }
    let text = lorawan::text(feed.format, feed.push, payload)?;
    let read = lorawan::decode(feed.format, topic, &text)?;
    let is_application = read.event == "up" && read.is_applications();
    let port = read.f_port.filter(|_| is_application);
    let is_wrong = |at| received_at.is_some_and(|received_at| clock_fault(feed, at, received_at).is_some());
    let codec = read.codec.and_then(|object| lorawan::server_object::read(object).ok().flatten());
    let frame = Frame {
        is_clock_impossible: read.network_at.map_or(read.bad_clock.is_some(), is_wrong),
        has_codec: codec.is_some_and(|codec| codec.state.is_some()),
        payload: port.map(|port| (port, read.payload)),
        device: read.device,
        f_cnt: read.f_cnt.filter(|_| read.event == "up"),
        event: read.event,
        at: read.network_at,
    };
    Ok(Judged { dropped: read.dropped, frame: Some(frame), ..Judged::default() })
}

/// Clocks that the ingest would not accept.
fn clocks(judged: &mut Judged, feed: &Feed, received_at: UtcMicros) {
    let is_element = judged.statements.len() > 1;
    for statement in &judged.statements {
        let Some(fault) = statement.at.and_then(|at| clock_fault(feed, at, received_at)) else { continue };
        let device = statement.subject.place().map(str::to_owned);
        judged.faults.push(Fault { is_element, device, ..fault });
    }
}

/// What is wrong with a clock that says `at`.
fn clock_fault(feed: &Feed, at: UtcMicros, received_at: UtcMicros) -> Option<Fault> {
    let ahead_s = at.seconds_since(received_at);
    if ahead_s > MAX_AHEAD_S as f64 {
        let ahead_s = ahead_s.round_ties_even() as i64;
        Some(Fault::new(Reason::ClockAhead, "at", Mistake::ClockAhead(at, ahead_s, MAX_AHEAD_S)))
    } else if -ahead_s > feed.max_age_s() as f64 || at < UtcMicros::EPOCH {
        Some(Fault::new(Reason::TooOld, "at", Mistake::UsuallyTooOld(at, feed.max_age_s())))
    } else {
        None
    }
}

/// The decoders that accept a payload, whatever the threshold.
pub fn accepting(port: i32, payload: &[u8]) -> impl Iterator<Item = Decoder> + '_ {
    let accepts = move |decoder: &Decoder| lorawan::read_as(*decoder, port, payload, None).is_ok();
    Decoder::ALL.iter().copied().filter(accepts)
}
