//! HFP topics.

use domain::Reason;
use domain::mistake::{Mistake, Topics};

use crate::decode::Fault;

/// Every event of HFP v2 that says where a vehicle is or who is on it.
const EVENTS: &str =
    "vp due arr dep ars pde pas wait doo doc tlr tla da dout ba bout vja vjout apc apc-partial";

/// The levels of a topic that are read.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// In lower case, one of [`EVENTS`].
    pub event: &'static str,
    operator: &'a str,
    vehicle: &'a str,
}

impl<'a> Topic<'a> {
    /// Reads a topic; what follows the vehicle is not looked at.
    ///
    /// # Errors
    /// It is none of HFP v2.
    pub fn parse(topic: &'a str) -> Result<Self, Fault> {
        Self::read(topic).ok_or_else(|| {
            let events = Topics::Hfp(EVENTS.replace(' ', ", ").into());
            Fault::new(Reason::UnknownTopic, "topic", Mistake::NoTopic(topic.into(), events))
        })
    }

    fn read(topic: &'a str) -> Option<Self> {
        let mut levels = topic.strip_prefix("/hfp/v2/")?.split('/');
        let is_ours = matches!(levels.next()?, "journey" | "deadrun" | "signoff")
            && matches!(levels.next()?, "ongoing" | "upcoming");
        let event = levels.next().filter(|_| is_ours)?;
        let event = EVENTS.split(' ').find(|known| *known == event)?;
        let _mode = levels.next()?;
        let mut number = |digits: usize| {
            let is_number =
                |text: &&str| (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            levels.next().filter(is_number)
        };
        Some(Topic { event, operator: number(4)?, vehicle: number(5)? })
    }

    /// Whether it carries passenger counts.
    pub fn is_count(&self) -> bool {
        self.event.starts_with("apc")
    }

    /// `0018-01029`.
    pub fn vehicle_id(&self) -> String {
        format!("{:0>4}-{:0>5}", self.operator, self.vehicle)
    }
}
