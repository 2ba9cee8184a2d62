//! What really happened, and what was sent about it: one JSON object per line.
//!
//! ```text
//! {"what":"change","kind":"bay","id":"...","at":"...","state":"occupied","cause":"start|change"}
//! {"what":"change","kind":"site","id":"...","at":"...","occupied":131,"passage":"in","gate":1,"open":true,"cause":"change"}
//! {"what":"change","kind":"passengers","id":"...","at":"...","boarded":3,"alighted":1,"on_board":17,"cause":"change"}
//! {"what":"sent","topic":"...","intended":"...","sent":"...","faults":[],"bytes":61,
//!  "says":[{"kind":"bay","id":"...","at":"...","state":"occupied","sensor":"0e01..."}]}
//! {"what":"fault","fault":"stuck","kind":"bay","id":"...","at":"..."}
//! {"what":"fault","fault":"device_swap","kind":"bay","id":"...","at":"...","devices":["OLD","NEW"]}
//! {"what":"fault","fault":"wrong_clock","kind":"site","id":"...","at":"...","clock_off_s":3600}
//! {"what":"end","at":"..."}
//! ```
//!
//! `change` lines are the truth: how things stood at the start (`cause: start`) and every change at
//! its exact instant (microseconds, UTC). Heartbeats and positions change nothing and have none.
//! `sent` lines follow in the order of sending: `intended` is when the message should have gone out,
//! `sent` when it was given to the connection (`null`: it was lost on the way), `faults` what was done
//! to it, `says` what it claims with the times it gives. `fault` lines say what is wrong with whom
//! since when; `end` comes last: every change until then is listed, so how long each bay was
//! occupied follows from the `change` lines alone, whichever device reported it. A `wrong_clock` without `clock_off_s` was reset to 1970. `occupied` of a site is the count after the passage.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::county::County;
use crate::faults::{Note, Sending};
use crate::message::Statement;
use crate::world::{Cause, Event, Passage};

/// Writes the truth, or nothing when there is no file.
#[derive(Debug)]
pub struct Truth {
    out: Option<BufWriter<File>>,
}

#[derive(Serialize)]
struct Change<'a> {
    what: &'static str,
    kind: &'static str,
    id: &'a str,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occupied: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boarded: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alighted: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_board: Option<u32>,
    cause: &'static str,
}

fn nothing_changed(at: Timestamp) -> Change<'static> {
    Change {
        what: "change",
        kind: "",
        id: "",
        at,
        state: None,
        occupied: None,
        passage: None,
        gate: None,
        open: None,
        boarded: None,
        alighted: None,
        on_board: None,
        cause: "change",
    }
}

#[derive(Serialize)]
struct End {
    what: &'static str,
    at: Timestamp,
}

#[derive(Serialize)]
struct Sent<'a> {
    what: &'static str,
    topic: &'a str,
    intended: Timestamp,
    sent: Option<Timestamp>,
    faults: &'a [&'static str],
    bytes: usize,
    says: &'a [Statement],
}

#[derive(Serialize)]
struct Fault<'a> {
    what: &'static str,
    #[serde(flatten)]
    note: &'a Note,
}

impl Truth {
    /// Begins a new file; with `None` everything is dropped.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        Ok(Self { out: path.map(File::create).transpose()?.map(BufWriter::new) })
    }

    /// Notes what happened, when it changed something.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn happened(&mut self, county: &County, at: Timestamp, event: &Event) -> io::Result<()> {
        if self.out.is_none() {
            return Ok(());
        }
        let change = nothing_changed(at);
        let change = match event {
            Event::Site { cause: Cause::Heartbeat, .. } => return Ok(()),
            Event::Bay { bay, occupied, cause } => {
                return self.bay(&county.bays[*bay].id, at, *occupied, *cause);
            }
            Event::Site { site, occupied, open, cause } => Change {
                kind: "site",
                id: &county.sites[*site].id,
                occupied: Some(*occupied),
                open: Some(*open),
                cause: cause_name(*cause),
                ..change
            },
            Event::Gate { site, gate, passage, occupied, open } => Change {
                kind: "site",
                id: &county.sites[*site].id,
                occupied: Some(*occupied),
                passage: Some(if *passage == Passage::In { "in" } else { "out" }),
                gate: Some(*gate),
                open: Some(*open),
                ..change
            },
            Event::Passengers { report, doors } => Change {
                kind: "passengers",
                id: &county.vehicles[report.vehicle].id,
                boarded: Some(doors.iter().map(|d| d.boarded).sum()),
                alighted: Some(doors.iter().map(|d| d.alighted).sum()),
                on_board: Some(report.on_board),
                ..change
            },
            Event::Vehicle(_) | Event::Device { .. } => return Ok(()),
        };
        self.line(&change)
    }

    /// Notes a message that is being sent, or was lost (`None`).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn sent(&mut self, sending: &Sending, sent_utc: Option<Timestamp>) -> io::Result<()> {
        let message = &sending.message;
        self.line(&Sent {
            what: "sent",
            topic: &message.topic,
            intended: message.intended_utc,
            sent: sent_utc,
            faults: &sending.faults,
            bytes: message.payload.len(),
            says: &message.says,
        })
    }

    /// Notes a fault that begins.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn fault(&mut self, note: &Note) -> io::Result<()> {
        self.line(&Fault { what: "fault", note })
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    /// Notes how a bay stands since `at`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn bay(&mut self, id: &str, at: Timestamp, occupied: bool, cause: Cause) -> io::Result<()> {
        if self.out.is_none() || cause == Cause::Heartbeat {
            return Ok(());
        }
        let state = Some(if occupied { "occupied" } else { "vacant" });
        self.line(&Change { kind: "bay", id, state, cause: cause_name(cause), ..nothing_changed(at) })
    }

    /// Notes that everything until `at` has been written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn end(&mut self, at: Timestamp) -> io::Result<()> {
        self.line(&End { what: "end", at })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        serde_json::to_writer(&mut *out, value)?;
        out.write_all(b"\n")
    }
}

fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Start => "start",
        Cause::Change => "change",
        Cause::Heartbeat => "heartbeat",
    }
}
