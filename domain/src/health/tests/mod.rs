//! One device in a small world of its own: each fault is found, and ends by evidence.

mod properties;
mod radio;
mod rests;

use super::*;
use crate::bay_state::BayState;
use crate::closure::Spans;
use crate::observation::CountValue;
use crate::time::UtcMicros;

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const HEARTBEAT_S: u32 = 6 * 3_600;

/// A device, its site, and two counted sites of which the first is its own.
pub(super) struct Kerb {
    pub(super) device: Device,
    neighbours: Neighbours,
    gates: [Passages; 2],
    /// When nobody could have heard it.
    pub(super) unheard: Spans,
    now_s: i64,
    f_cnt: u32,
    dice: u64,
    pub(super) is_counted: bool,
}

impl Kerb {
    pub(super) fn new() -> Self {
        Kerb {
            device: Device::new(at(0)),
            neighbours: Neighbours::default(),
            gates: Default::default(),
            unheard: Spans::default(),
            now_s: 0,
            f_cnt: 0,
            dice: 7,
            is_counted: false,
        }
    }

    /// A number below `n` (Knuth's linear congruential generator).
    pub(super) fn roll(&mut self, n: i64) -> i64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.dice >> 33) % n as u64) as i64
    }

    fn judge(&mut self, message: Option<&Message>) {
        let [own, other] = &self.gates;
        let sites = [own, other];
        let mut around = Surroundings {
            at: WeekHour { weekday: (self.now_s / DAY_S % 7) as u8, hour: (self.now_s / HOUR_S % 24) as u8 },
            neighbours: &mut self.neighbours,
            counted: Counted {
                sites: if self.is_counted { &sites } else { &[] },
                own: self.is_counted.then_some(0),
            },
            promise: Promise::of_heartbeat(HEARTBEAT_S),
            unheard: &self.unheard,
        };
        match message {
            Some(message) => self.device.message(message, &mut around),
            None => self.device.tick(at(self.now_s), &mut around),
        }
    }

    /// Time passes, with a tick every hour.
    pub(super) fn wait(&mut self, seconds: i64) {
        let until = self.now_s + seconds;
        while self.now_s / HOUR_S < until / HOUR_S {
            self.now_s = (self.now_s / HOUR_S + 1) * HOUR_S;
            self.judge(None);
        }
        self.now_s = until;
    }

    /// The next uplink, to be changed and then heard.
    pub(super) fn uplink(&mut self, occupied: bool) -> Message {
        self.f_cnt += 1;
        Message {
            received_at: at(self.now_s),
            observed_at: Some(UtcMicros(at(self.now_s).0 - 300_000)),
            f_cnt: Some(self.f_cnt),
            spreading_factor: Some(9),
            snr_db: Some(4.0 + self.roll(30) as f32 / 10.0),
            state: Some(if occupied { BayState::Occupied } else { BayState::Vacant }),
            ..Message::default()
        }
    }

    pub(super) fn hear(&mut self, message: &Message) {
        self.judge(Some(message));
    }

    pub(super) fn say(&mut self, occupied: bool) {
        let message = self.uplink(occupied);
        self.hear(&message);
    }

    /// Cars come and go for some days; `through` is the site whose gates count them.
    pub(super) fn live(&mut self, days: i64, through: Option<usize>) {
        let until = self.now_s + days * DAY_S;
        while self.now_s < until {
            for occupied in [true, false] {
                let rest_s = 1_200 + self.roll(7_200);
                self.wait(rest_s);
                self.pass(occupied, through);
                self.say(occupied);
            }
        }
    }

    fn pass(&mut self, occupied: bool, through: Option<usize>) {
        // Others drive through both gates all the time.
        for site in 0..2 {
            for minutes in [-47, -31, -12, 9] {
                let s = self.now_s + minutes * 60 + self.roll(240);
                self.count(site, s, self.dice.is_multiple_of(2));
            }
        }
        if let Some(site) = through {
            let drive_s = if occupied { -60 } else { 60 };
            self.count(site, self.now_s + drive_s, occupied);
        }
        for gate in &mut self.gates {
            gate.count(at(self.now_s + HOUR_S), CountValue::None);
        }
    }

    fn count(&mut self, site: usize, s: i64, is_entry: bool) {
        let (entries, exits) = if is_entry { (1, 0) } else { (0, 1) };
        self.gates[site].count(at(s), CountValue::Flow { entries, exits });
    }

    pub(super) fn finding(&self, code: Code) -> Option<Finding> {
        self.device.findings().find(|finding| finding.code == code)
    }

    pub(super) fn codes(&self) -> Vec<Code> {
        self.device.findings().map(|finding| finding.code).collect()
    }
}

pub(super) fn at(s: i64) -> UtcMicros {
    UtcMicros::from_unix_s(1_772_409_600 + s)
}

#[test]
fn a_device_that_is_well_has_no_findings() {
    let mut kerb = Kerb::new();
    kerb.is_counted = true;
    for _ in 0..30 {
        kerb.live(1, Some(0));
        assert_eq!(kerb.codes(), [], "after {} s", kerb.now_s);
    }
    assert_eq!(kerb.device.health(true), Health::Ok);
    assert_eq!(kerb.device.health(false), Health::New);
    assert_eq!(kerb.device.hidden_since(), None);
}

#[test]
fn each_code_has_a_level_and_seven_hide_the_state() {
    let hiding: Vec<&str> = Code::ALL.iter().filter(|c| c.hides_state()).map(|c| c.as_str()).collect();
    let documented = [
        "stuck",
        "flapping",
        "contradicts_site",
        "implausible",
        "restamped",
        "duplicate_identity",
        "misbound",
    ];
    assert_eq!(hiding, documented);
    for code in Code::ALL.iter().filter(|code| code.hides_state()) {
        assert_eq!(code.level(), Health::Faulty, "{code}");
    }
}
