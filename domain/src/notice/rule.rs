//! Who is notified of what: a `[[notice]]` of `notices.toml`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::cause::{Cause, SubjectKind};
use super::parts::Event;
use super::schedule::{DayTime, QuietHours};
use crate::health::{Code, Health};
use crate::lang::Lang;
use crate::place::{UnknownName, wire_enum};

wire_enum! {
    /// Several causes by one name.
    Group {
        /// Sensors whose state cannot be read or believed.
        Faulty = "faulty",
        /// Sensors that need attention soon.
        Watch = "watch",
        /// Sensors that are silent.
        Silent = "silent",
        /// The end of whatever the rule names.
        Recovered = "recovered",
        /// Gateways behind which sensors fell silent together.
        Gateway = "gateway",
        /// Feeds that are silent as a whole or in a branch of their topics, whose fields changed, or whose messages are
        /// rejected.
        Feed = "feed",
    }
}

/// What a rule names in `on`: a group, or one code of sensors and feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// A group.
    Group(Group),
    /// One code.
    Code(Code),
}

/// What a rule without `on` names: whatever needs somebody, and when it is over.
pub const DEFAULT_ON: [Trigger; 5] = [
    Trigger::Group(Group::Faulty),
    Trigger::Group(Group::Silent),
    Trigger::Group(Group::Gateway),
    Trigger::Group(Group::Feed),
    Trigger::Group(Group::Recovered),
];

impl Trigger {
    /// All names, for error texts.
    pub fn choices() -> String {
        // "silent" is both.
        let codes = Code::ALL.iter().filter(|c| **c != Code::Silent).map(|c| c.as_str());
        Group::ALL.iter().map(|g| g.as_str()).chain(codes).collect::<Vec<_>>().join(", ")
    }

    fn names(self, subject: SubjectKind, code: Code) -> bool {
        let is_device = matches!(subject, SubjectKind::Sensor | SubjectKind::Bay);
        match self {
            Trigger::Group(Group::Gateway) => subject == SubjectKind::Gateway,
            Trigger::Group(Group::Feed) => matches!(subject, SubjectKind::Feed | SubjectKind::Topic),
            Trigger::Group(Group::Faulty) => is_device && code.level() == Health::Faulty,
            Trigger::Group(Group::Watch) => is_device && code.level() == Health::Watch,
            Trigger::Group(Group::Silent) => is_device && code.level() == Health::Silent,
            Trigger::Group(Group::Recovered) => false,
            Trigger::Code(named) => subject != SubjectKind::Gateway && code == named,
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Group(group) => group.fmt(f),
            Trigger::Code(code) => code.fmt(f),
        }
    }
}

impl FromStr for Trigger {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let unknown = |_| UnknownName { value: text.to_owned(), choices: Trigger::choices() };
        text.parse()
            .map(Trigger::Group)
            .or_else(|_: UnknownName| text.parse().map(Trigger::Code))
            .map_err(unknown)
    }
}

impl Serialize for Trigger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Trigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

wire_enum! {
    /// How a mail server is reached.
    MailTls {
        /// With TLS: from the first byte (`smtps`), else by STARTTLS, without which nothing is sent.
        Required = "required",
        /// In the clear: for a relay on the same machine.
        None = "none",
    }
}

/// How and to whom mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smtp {
    /// `smtp://host:587` or `smtps://host:465`.
    pub url: String,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// `None`: the server asks for none.
    pub username: Option<String>,
    /// Path of a file that holds the password; the password itself is never stored.
    pub password_file: Option<String>,
    /// Whether the connection is encrypted.
    pub tls: MailTls,
    /// Path of a file with the certificates of the authorities that alone may vouch for the server; `None`: those that the machine
    /// trusts.
    #[serde(default)]
    pub ca_file: Option<String>,
}

/// One receiver of notices, in the terms of `notices.toml`; exactly one of `webhook`, `topic` and `smtp` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRule {
    /// Its name in the files.
    pub id: String,
    /// Slug of the municipality whose sensors, gateways and feeds it is about.
    pub municipality: String,
    /// See [`NoticeRule::selects`]; empty: [`DEFAULT_ON`].
    pub on: Vec<Trigger>,
    /// Meanwhile notices are held back.
    pub quiet_hours: Option<QuietHours>,
    /// When the daily notice is a digest of what is wrong; `None`: it only says that notices work.
    pub digest_at: Option<DayTime>,
    /// Language of mails; `None`: both.
    pub lang: Option<Lang>,
    /// Address to which notices are posted.
    pub webhook: Option<String>,
    /// Path of a file that holds the key of the webhook's signatures.
    pub secret_file: Option<String>,
    /// Whether the webhook's name may lead to an address within a network ([`crate::address`]).
    #[serde(default)]
    pub allow_private: bool,
    /// Id of the broker of `topic`; absent = the instance's own (`--mqtt-url`, or the embedded one).
    pub broker: Option<String>,
    /// MQTT topic to which notices are published.
    pub topic: Option<String>,
    /// Mail.
    pub smtp: Option<Smtp>,
}

/// Where a rule's notices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Posted to this address, signed with what the file holds.
    Webhook {
        /// The address.
        url: &'a str,
        /// Path of the file.
        secret_file: Option<&'a str>,
        /// See [`NoticeRule::allow_private`].
        allow_private: bool,
    },
    /// Published.
    Mqtt {
        /// `None`: the instance's own.
        broker: Option<&'a str>,
        /// To which topic.
        topic: &'a str,
    },
    /// Mailed.
    Smtp(&'a Smtp),
}

impl Target<'_> {
    /// Its name in metrics: `webhook`, `mqtt` or `smtp`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Target::Webhook { .. } => "webhook",
            Target::Mqtt { .. } => "mqtt",
            Target::Smtp(_) => "smtp",
        }
    }
}

impl NoticeRule {
    /// Where its notices go; `None`: it names no receiver.
    pub fn target(&self) -> Option<Target<'_>> {
        match (&self.webhook, &self.topic, &self.smtp) {
            (Some(url), _, _) => Some(Target::Webhook {
                url,
                secret_file: self.secret_file.as_deref(),
                allow_private: self.allow_private,
            }),
            (_, Some(topic), _) => Some(Target::Mqtt { broker: self.broker.as_deref(), topic }),
            (_, _, Some(smtp)) => Some(Target::Smtp(smtp)),
            (None, None, None) => None,
        }
    }

    /// Whether it wants to know that `cause` began or ended. `recovered` adds the ends of what the rule names; alone, of
    /// everything.
    pub fn selects(&self, cause: &Cause, event: Event) -> bool {
        let on: &[Trigger] = if self.on.is_empty() { &DEFAULT_ON } else { &self.on };
        let names = || on.iter().any(|trigger| trigger.names(cause.subject.kind, cause.code));
        let recovered = Trigger::Group(Group::Recovered);
        match event {
            Event::Ended => on.contains(&recovered) && (names() || on.iter().all(|t| *t == recovered)),
            Event::Began | Event::Lasts => names(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Subject;
    use crate::time::UtcMicros;

    fn rule(on: &[&str]) -> NoticeRule {
        NoticeRule {
            id: "r".into(),
            municipality: "m".into(),
            on: on.iter().map(|t| t.parse().unwrap()).collect(),
            quiet_hours: None,
            digest_at: None,
            lang: None,
            webhook: None,
            secret_file: None,
            allow_private: false,
            broker: None,
            topic: Some("t".into()),
            smtp: None,
        }
    }

    #[test]
    fn a_rule_gets_what_it_names_and_its_end_only_if_it_says_so() {
        let cause = |kind, code| Cause {
            fields: Vec::new(),
            subject: Subject { kind, id: "x".into() },
            code,
            since: UtcMicros(0),
            value: None,
            limit: None,
            sensors: None,
        };
        use SubjectKind::{Feed, Gateway, Sensor};
        let (began, ended) = (Event::Began, Event::Ended);
        for (on, kind, code, event, expected) in [
            (&[][..], Sensor, Code::Silent, began, true),
            (&[], Sensor, Code::Stuck, ended, true),
            (&[], Sensor, Code::Battery, began, false),
            (&[], Sensor, Code::Battery, ended, false),
            (&[], Gateway, Code::Silent, began, true),
            (&[], Feed, Code::SchemaDrift, began, true),
            (&["silent"], Gateway, Code::Silent, began, false),
            (&["silent"], Feed, Code::Silent, began, false),
            (&["silent"], Sensor, Code::Silent, ended, false),
            (&["battery"], Sensor, Code::Battery, began, true),
            (&["battery"], Sensor, Code::Signal, began, false),
            (&["schema_drift"], Feed, Code::SchemaDrift, began, true),
            (&["watch"], Sensor, Code::Signal, began, true),
            (&["recovered"], Sensor, Code::Signal, ended, true),
            (&["recovered"], Sensor, Code::Signal, began, false),
            (&["recovered", "gateway"], Sensor, Code::Signal, ended, false),
            (&["recovered", "gateway"], Gateway, Code::Silent, ended, true),
        ] {
            assert_eq!(rule(on).selects(&cause(kind, code), event), expected, "{on:?} {kind} {code} {event}");
        }
        assert_eq!("gatway".parse::<Trigger>().unwrap_err().choices, Trigger::choices());
    }
}
