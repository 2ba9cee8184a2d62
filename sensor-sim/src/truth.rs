//! What really happened, and what was sent about it: one JSON object per line.
//!
//! ```text
//! {"what":"change","kind":"bay","id":"...","at":"...","state":"occupied","cause":"start|change"}
//! {"what":"change","kind":"site","id":"...","at":"...","occupied":131,"passage":"in","gate":1,"open":true,"cause":"change"}
//! {"what":"change","kind":"passengers","id":"...","at":"...","boarded":3,"alighted":1,"on_board":17,"cause":"change"}
//! {"what":"change","kind":"station","id":"...","at":"...","vehicles":5,"docks":3,"scooters":3,"bicycles":2,"cargo_bicycles":0,"cause":"change"}
//! {"what":"change","kind":"shared_vehicle","id":"free-7","at":"...","place":[7.17,51.94],"cause":"change"}
//! {"what":"change","kind":"trip","id":"...","at":"...","date":"2026-11-29","cancelled":true,"cause":"change"}
//! {"what":"change","kind":"alert","id":"works-59991002","at":"...","active":true,"cause":"change"}
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
//! `place` of a shared vehicle that belongs to no station is `null` while somebody rides it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::county::County;
use crate::faults::{Note, Sending};
use crate::message::{Statement, state_name};
use crate::world::{Cause, Event, Passage};

/// Writes the truth, or nothing when there is no file.
#[derive(Debug)]
pub(crate) struct Truth {
    out: Option<BufWriter<File>>,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum Line<'a> {
    Change(Change<'a>),
    Sent {
        topic: &'a str,
        intended: Timestamp,
        sent: Option<Timestamp>,
        faults: &'a [&'static str],
        bytes: usize,
        says: &'a [Statement],
    },
    Fault(&'a Note),
    End {
        at: Timestamp,
    },
}

#[derive(Serialize)]
struct Change<'a> {
    kind: &'static str,
    id: &'a str,
    at: Timestamp,
    #[serde(flatten)]
    state: State,
    cause: Cause,
}

/// How a thing stands after a change.
#[derive(Serialize)]
#[serde(untagged)]
enum State {
    Bay { state: &'static str },
    Site { occupied: u32, open: bool },
    Gate { occupied: u32, passage: Passage, gate: u8, open: bool },
    Passengers { boarded: u32, alighted: u32, on_board: u32 },
    Station { vehicles: u32, docks: u32, scooters: u32, bicycles: u32, cargo_bicycles: u32 },
    Free { place: Option<[f64; 2]> },
    Run { date: Date, cancelled: bool },
    Alert { active: bool },
}

impl Truth {
    /// Begins a new file; with `None` everything is dropped.
    ///
    /// # Errors
    /// The file cannot be created; so it is with the others: the file cannot be written.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        Ok(Self { out: path.map(File::create).transpose()?.map(BufWriter::new) })
    }

    /// Notes what happened, when it changed something.
    pub(crate) fn happened(&mut self, county: &County, at: Timestamp, event: &Event) -> io::Result<()> {
        let (kind, id, state, cause) = match *event {
            Event::Bay { bay, occupied, cause } => {
                return self.bay(&county.bays[bay].id, at, occupied, cause);
            }
            Event::Site { cause: Cause::Heartbeat, .. } | Event::Vehicle(_) | Event::Device { .. } => {
                return Ok(());
            }
            Event::Station { station, vehicles, cause } => {
                let station = &county.rentals.stations[station];
                let [scooters, bicycles, cargo_bicycles] = vehicles;
                let vehicles = vehicles.iter().sum();
                let docks = station.capacity.saturating_sub(vehicles);
                let state = State::Station { vehicles, docks, scooters, bicycles, cargo_bicycles };
                return self.line(&Line::Change(Change {
                    kind: "station",
                    id: station.id,
                    at,
                    state,
                    cause,
                }));
            }
            Event::Free { vehicle, place, cause } => {
                let (id, place) = (format!("free-{}", vehicle + 1), place.map(|p| [p.lon, p.lat]));
                let state = State::Free { place };
                return self.line(&Line::Change(Change {
                    kind: "shared_vehicle",
                    id: &id,
                    at,
                    state,
                    cause,
                }));
            }
            Event::Cancelled { trip, date, on } => {
                let state = State::Run { date, cancelled: on };
                ("trip", &county.timetable.trips[trip].id, state, Cause::Change)
            }
            Event::Notice { notice, on } => {
                let (id, state) = (notice.id(county), State::Alert { active: on });
                let cause = Cause::Change;
                return self.line(&Line::Change(Change { kind: "alert", id: &id, at, state, cause }));
            }
            Event::Site { site, occupied, open, cause } => {
                ("site", &county.sites[site].id, State::Site { occupied, open }, cause)
            }
            Event::Gate { site, gate, passage, occupied, open } => {
                let state = State::Gate { occupied, passage, gate, open };
                ("site", &county.sites[site].id, state, Cause::Change)
            }
            Event::Passengers { ref report, ref doors } => {
                let boarded = doors.iter().map(|d| d.boarded).sum();
                let alighted = doors.iter().map(|d| d.alighted).sum();
                let state = State::Passengers { boarded, alighted, on_board: report.on_board };
                ("passengers", &county.vehicles[report.vehicle].id, state, Cause::Change)
            }
        };
        self.line(&Line::Change(Change { kind, id, at, state, cause }))
    }

    /// Notes a message that is being sent, or was lost (`None`).
    pub(crate) fn sent(&mut self, sending: &Sending, sent_utc: Option<Timestamp>) -> io::Result<()> {
        let message = &sending.message;
        self.line(&Line::Sent {
            topic: &message.topic,
            intended: message.intended_utc,
            sent: sent_utc,
            faults: &sending.faults,
            bytes: message.payload.len(),
            says: &message.statements,
        })
    }

    /// Notes a fault that begins.
    pub(crate) fn fault(&mut self, note: &Note) -> io::Result<()> {
        self.line(&Line::Fault(note))
    }

    /// Notes how a bay stands since `at`, unless nothing changed.
    pub(crate) fn bay(&mut self, id: &str, at: Timestamp, occupied: bool, cause: Cause) -> io::Result<()> {
        if cause == Cause::Heartbeat {
            return Ok(());
        }
        let state = State::Bay { state: state_name(occupied) };
        self.line(&Line::Change(Change { kind: "bay", id, at, state, cause }))
    }

    /// Notes that everything until `at` has been written.
    pub(crate) fn end(&mut self, at: Timestamp) -> io::Result<()> {
        self.line(&Line::End { at })
    }

    /// Writes what is buffered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        serde_json::to_writer(&mut *out, line)?;
        out.write_all(b"\n")
    }
}
