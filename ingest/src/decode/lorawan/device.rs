//! Decodes device payloads, whatever the make.

use domain::mistake::{Mistake, Reported, Spot};
use domain::observation::VehicleFix;
use domain::{BayState, BothWays, Decoder};
use serde_json::Value;

use super::{
    bosch_tps110, digital_matter_oyster, dingtek, libelium, milesight_em400_udl, parametric_pcr2,
    pni_placepod, tekzitel_tekzipark,
};
use crate::decode::Fault;
use crate::decode::json::CELSIUS;

/// A decoded payload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Of a bay. Where this, `passed` and `fix` are `None`, the frame is about the device alone: joins, status and parameter
    /// frames renew the sensor's last sign of life, not the state of its place.
    pub state: Option<BayState>,
    /// Who passed since its last message: from left to right (`entries`), and back.
    pub passed: Option<BothWays>,
    /// The same since it was switched on, from devices that say so.
    pub total: Option<BothWays>,
    /// Where a vehicle is.
    pub fix: Option<Box<VehicleFix>>,
    /// The device's own frame kind, e.g. `heartbeat`.
    pub kind: &'static str,
    /// Voltage of the battery.
    pub battery_v: Option<f32>,
    /// Charge of the battery.
    pub battery_pct: Option<f32>,
    /// `None` also when the value is implausible.
    pub temperature_c: Option<f32>,
    /// Device-specific fields, kept beside the message.
    pub fields: serde_json::Map<String, Value>,
}

impl Report {
    /// What is kept of it beside the message.
    pub fn kept(&self) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("kind".into(), self.kind.into());
        if let Some(state) = self.state {
            fields.insert("state".into(), state.as_str().into());
        }
        Value::Object(fields)
    }

    /// What it is about but the device itself; `None`: nothing.
    pub fn subject(&self) -> Option<Reported> {
        (self.state.map(|_| Reported::State))
            .or(self.passed.map(|_| Reported::Passages))
            .or(self.fix.as_ref().map(|_| Reported::Position))
    }

    /// What the device says of its battery.
    pub fn battery_low(&self) -> Option<bool> {
        self.fields.get("battery_low").and_then(Value::as_bool)
    }

    /// Adds a device-specific field.
    pub(super) fn note(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }
}

/// A port on which the device does not send.
pub(super) fn foreign_port(f_port: i32, decoder: Decoder) -> Fault {
    Fault::malformed("f_port", Mistake::ForeignPort(f_port, decoder))
}

/// Bytes that the device does not send on that port.
pub(super) fn foreign_payload(payload: &[u8], f_port: i32, decoder: Decoder) -> Fault {
    Fault::malformed(Spot::Payload, Mistake::ForeignPayload(payload.len(), f_port, decoder))
}

/// Version of each decoder, kept with every message: raise it when a decoder reads differently.
pub const fn version(_decoder: Decoder) -> i16 {
    1
}

/// Decodes `payload` of a device. Each decoder's file documents which frames renew the state of its
/// place.
///
/// # Errors
/// A fault: the payload is not one of this device, or the binding lacks what it needs.
pub fn decode_device(
    decoder: Decoder,
    f_port: i32,
    payload: &[u8],
    threshold_mm: Option<u32>,
) -> Result<Report, Fault> {
    let mut report = match decoder {
        Decoder::BoschTps110 => bosch_tps110::decode(f_port, payload),
        Decoder::Libelium => libelium::decode(f_port, payload),
        Decoder::Placepod => pni_placepod::decode(f_port, payload),
        Decoder::DingtekDo200 => dingtek::decode(&dingtek::DO200, f_port, payload),
        Decoder::DingtekDo202 => dingtek::decode(&dingtek::DO202, f_port, payload),
        Decoder::MilesightEm400Udl => milesight_em400_udl::decode(f_port, payload, threshold_mm),
        Decoder::TekziPark => tekzitel_tekzipark::decode(f_port, payload),
        Decoder::ParametricPcr2 => parametric_pcr2::decode(f_port, payload),
        Decoder::Oyster => digital_matter_oyster::decode(f_port, payload),
    }?;
    report.temperature_c = report.temperature_c.filter(|t| CELSIUS.contains(&f64::from(*t)));
    Ok(report)
}

/// Decodes what was read with no binding in mind: without a threshold, a device that needs one states nothing.
///
/// # Errors
/// See [`decode_device`]; never for want of a threshold.
pub fn read_as(
    decoder: Decoder,
    f_port: i32,
    payload: &[u8],
    threshold_mm: Option<u32>,
) -> Result<Report, Fault> {
    const ANY_THRESHOLD_MM: Option<u32> = Some(1_000);
    match decode_device(decoder, f_port, payload, threshold_mm) {
        Err(_) if threshold_mm.is_none() => {
            Ok(Report { state: None, ..decode_device(decoder, f_port, payload, ANY_THRESHOLD_MM)? })
        }
        read => read,
    }
}

/// What a payload would be kept as, with what it says of the device: [`domain::sensor::ReadPayload`].
///
/// # Errors
/// Why it cannot be read.
pub fn read_payload(
    decoder: Decoder,
    f_port: i32,
    payload: &[u8],
    threshold_mm: Option<u32>,
) -> Result<String, String> {
    let report = read_as(decoder, f_port, payload, threshold_mm).map_err(|fault| fault.detail.to_string())?;
    let mut read = report.kept();
    let of_device = [
        ("battery_v", report.battery_v),
        ("battery_pct", report.battery_pct),
        ("temperature_c", report.temperature_c),
    ];
    for (name, value) in of_device {
        // As the number that it was sent as: 3.6, not the nearest of twice as many digits.
        if let Some(number) = value.and_then(|v| v.to_string().parse::<f64>().ok()) {
            read[name] = number.into();
        }
    }
    Ok(read.to_string())
}

/// `payload` without bytes that name a person, for whoever keeps it; it still decodes to the same
/// [`Report`].
pub fn redact(decoder: Decoder, f_port: i32, payload: &[u8]) -> Vec<u8> {
    match decoder {
        Decoder::TekziPark => tekzitel_tekzipark::redact(f_port, payload),
        Decoder::Oyster => digital_matter_oyster::redact(f_port, payload),
        _ => payload.to_vec(),
    }
}
