//! Arguments of `feed check`, `capture` and `replay`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};
use domain::{Broker, FeedFormat, MqttVersion};

/// What `feed` does.
#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// Look at a supplier's feed before it is trusted: what arrives, how it is read, what is wrong, what to do. Needs no database.
    /// Exit code 0: good; 1: faults; 2: not checked (nothing arrived, no connection, nothing that can be read).
    #[command(
        after_help = "Examples:\n  kreisverkehr feed check --url mqtts://broker.example --username kv --password-file pw --topic 'application/#' --seconds 300\n  kreisverkehr feed check street.kvcap --places places/ --html report.html --lang de\n  kreisverkehr feed check payloads/ --topic kv/1/musterdorf/bay/markt-1\n  kreisverkehr feed check - --json"
    )]
    Check(Box<FeedCheckArgs>),
}

/// A broker that is visited.
#[derive(Debug, Clone, Args)]
pub struct VisitedBrokerArgs {
    /// Broker, e.g. mqtts://broker.example:8883; user and password are given beside it.
    #[arg(long)]
    pub url: Option<String>,
    /// User at the broker.
    #[arg(long)]
    pub username: Option<String>,
    /// File that holds the user's password.
    #[arg(long, requires = "username")]
    pub password_file: Option<PathBuf>,
    /// Certificates that are trusted (PEM). Default: those of the system.
    #[arg(long)]
    pub ca_file: Option<PathBuf>,
    /// Client certificate (PEM).
    #[arg(long, requires = "key_file")]
    pub cert_file: Option<PathBuf>,
    /// Key of the client certificate (PEM).
    #[arg(long, requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// Version of the protocol: 5.0 or 3.1.1.
    #[arg(long, default_value = "5.0")]
    pub mqtt_version: MqttVersion,
}

impl VisitedBrokerArgs {
    /// As feeds.toml would define it; `None`: no address is given.
    pub fn broker(&self) -> Option<Broker> {
        let text = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        Some(Broker {
            id: "--url".to_owned(),
            url: self.url.clone()?,
            username: self.username.clone(),
            password_file: text(&self.password_file),
            ca_file: text(&self.ca_file),
            cert_file: text(&self.cert_file),
            key_file: text(&self.key_file),
            client_id: None,
            version: self.mqtt_version,
        })
    }
}

/// `feed check`.
#[derive(Debug, Clone, Args)]
pub struct FeedCheckArgs {
    /// A capture, a folder of payloads, one payload, lines of `mosquitto_sub -v`; - is standard input.
    #[arg(required_unless_present_any = ["url", "feed"], conflicts_with_all = ["url", "feed"])]
    pub path: Option<PathBuf>,
    #[command(flatten)]
    pub broker: VisitedBrokerArgs,
    /// Topic filter to listen on; of a PATH the topic on which payloads came that do not say so themselves. Default: # (everything).
    #[arg(long)]
    pub topic: Option<String>,
    /// Listen for so long; Ctrl-C ends it earlier, with the report.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// Listen for so many messages at most.
    #[arg(long)]
    pub max_messages: Option<u64>,
    /// Read every message as native, chirpstack, tts, hfp, gtfs-rt or parkapi-v3. Default: guessed of each message.
    #[arg(long)]
    pub format: Option<FeedFormat>,
    /// Files or folder of the county's places: who may speak, and who should.
    #[arg(long, value_name = "DIR")]
    pub places: Option<PathBuf>,
    /// Broker, topic and format of this feed in feeds.toml of --places.
    #[arg(long, requires = "places", value_name = "ID")]
    pub feed: Option<String>,
    /// Print codes and figures (JSON) in place of sentences.
    #[arg(long)]
    pub json: bool,
    /// Write the report as one page, to send to the supplier.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Language of sentences.
    #[arg(long, value_enum, default_value = "en")]
    pub lang: LangArg,
}

/// The language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    De,
    En,
}

/// `capture`.
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// File to write; one that exists is continued.
    pub file: PathBuf,
    #[command(flatten)]
    pub broker: VisitedBrokerArgs,
    /// Topic filter to listen on.
    #[arg(long, default_value = "#")]
    pub topic: String,
    /// Record for so long. Default: until Ctrl-C.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Stop before the file grows larger.
    #[arg(long, default_value_t = 1 << 30)]
    pub max_bytes: u64,
    /// Keep everything that is sent, personal data as well. Default: of LoRaWAN servers' messages what the ingest reads of them, and no
    /// field of any other that looks personal.
    #[arg(long)]
    pub keep_everything: bool,
    /// Files or folder of the county's places: how devices' bytes are read, so that beacons of permits are cut out of them.
    #[arg(long, value_name = "DIR")]
    pub places: Option<PathBuf>,
}

/// `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// A capture.
    pub file: PathBuf,
    #[command(flatten)]
    pub broker: VisitedBrokerArgs,
    /// How many times as fast as it came, or max: as fast as the broker acknowledges.
    #[arg(long, default_value = "1", value_name = "N|max")]
    pub speed: Speed,
    /// Move the times in the messages, so that each is as old as it was when it came. Of native, ChirpStack, The Things Stack and HFP;
    /// others stay as they are, and are counted.
    #[arg(long)]
    pub shift_to_now: bool,
    /// Publish nothing, and write what each message decodes to (lines of JSON; - is standard output).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["url", "shift_to_now"], required_unless_present = "url")]
    pub results: Option<PathBuf>,
    /// Files or folder of the county's places, for --results: messages are judged by them.
    #[arg(long, value_name = "DIR", requires = "results")]
    pub places: Option<PathBuf>,
}

/// How fast a capture is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many times as fast as it came.
    Times(f64),
    /// Without waiting.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Speed::Max),
            Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
            _ => Err("write a number above 0, such as 10, or max".to_owned()),
        }
    }
}
