//! What a message, and a tick, of a device's health cost: `cargo bench --bench health`.

use std::hint::black_box;
use std::time::Instant;

use domain::closure::Spans;
use domain::health::{Counted, Device, Message, Neighbours, Passages, Promise, Surroundings, WeekHour};
use domain::observation::CountValue;
use domain::{BayState, UtcMicros};

/// As many as a large county has.
const DEVICES: usize = 50_000;
const BAYS_OF_A_SITE: usize = 30;
/// Counted sites of a town.
const COUNTED: usize = 8;
const ROUNDS: i64 = 40;

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
fn main() {
    let at = |s: i64| UtcMicros::from_unix_s(1_772_409_600 + s);
    let mut gates = vec![Passages::default(); COUNTED];
    for (site, gates) in gates.iter_mut().enumerate() {
        for minute in 0..ROUNDS * 60 {
            let flow =
                CountValue::Flow { entries: i32::from(minute % 3 == 0), exits: i32::from(minute % 4 == 0) };
            gates.count(at(minute * 60 + site as i64), flow);
        }
    }
    let sites: Vec<&Passages> = gates.iter().collect();
    let mut devices = vec![Device::new(at(0)); DEVICES];
    let mut neighbours = vec![Neighbours::default(); DEVICES / BAYS_OF_A_SITE + 1];
    let (mut messages_s, mut ticks_s) = (0.0, 0.0);
    for round in 0..ROUNDS {
        for is_message in [true, false] {
            let began = Instant::now();
            for (n, device) in devices.iter_mut().enumerate() {
                let now = at(round * 3_600 + if is_message { (n % 3_000) as i64 } else { 3_599 });
                let mut around = Surroundings {
                    at: WeekHour { weekday: 0, hour: (round % 24) as u8 },
                    neighbours: &mut neighbours[n / BAYS_OF_A_SITE],
                    counted: Counted { sites: &sites, own: Some(n % COUNTED) },
                    promise: Promise::of_heartbeat(86_400),
                    unheard: &Spans::default(),
                };
                if is_message {
                    let is_occupied = (round as usize + n).is_multiple_of(2);
                    let message = Message {
                        received_at: now,
                        observed_at: Some(now),
                        f_cnt: Some(round as u32),
                        spreading_factor: Some(9),
                        snr_db: Some((n % 10) as f32),
                        battery_v: Some(3.6),
                        state: Some(if is_occupied { BayState::Occupied } else { BayState::Vacant }),
                        ..Message::default()
                    };
                    device.message(black_box(&message), &mut around);
                } else {
                    device.tick(now, &mut around);
                }
            }
            *if is_message { &mut messages_s } else { &mut ticks_s } += began.elapsed().as_secs_f64();
        }
    }
    let each = |seconds: f64| seconds * 1e9 / (DEVICES as f64 * ROUNDS as f64);
    println!("a message with a change of state: {:.0} ns", each(messages_s));
    println!("a tick: {:.0} ns", each(ticks_s));
    println!("a device: {} bytes, a site: {} bytes", size_of::<Device>(), size_of::<Neighbours>());
}
