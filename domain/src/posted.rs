//! Messages that suppliers post over HTTP: what the API hands to whoever stores them, and the answer.
//!
//! The contract between the two, which do not know each other: the executable brings them together.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use crate::{FeedId, Reason};

/// A request, all but its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedHead {
    /// Which feed it is for.
    pub feed: FeedId,
    /// The client; `None`: the request came over no network.
    pub address: Option<IpAddr>,
    /// What follows the address of the feed's messages, such as `up`; may be empty.
    pub path: String,
    /// `?event=`.
    pub event: Option<String>,
    /// `?topic=`.
    pub topic: Option<String>,
    /// `Content-Encoding`.
    pub encoding: Option<String>,
}

/// Takes in what is posted.
pub trait Intake: Send + Sync {
    /// The largest body that the feed of `head` may post, bytes. The body is not read before.
    ///
    /// # Errors
    /// Why the message is not taken in, whatever its body is.
    fn limit(&self, head: &PostedHead) -> Result<usize, Refusal>;

    /// Takes in a message. Resolves once it, or its rejection, is stored. A `body` larger than [`Intake::limit`] may be cut
    /// behind the first byte that is too much.
    ///
    /// # Errors
    /// Why it was not taken in, or could not be stored in time. It may be sent again: what is stored already is a duplicate.
    fn take(&self, head: PostedHead, body: Vec<u8>) -> Taking<'_>;
}

/// The result of a message, once it is stored.
pub type Taking<'a> = Pin<Box<dyn Future<Output = Result<Taken, Refusal>> + Send + 'a>>;

/// A message that is stored: what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Observations that were new; also events of LoRaWAN devices that carry none.
    pub stored: usize,
    /// Those that were stored before.
    pub duplicates: usize,
    /// What was rejected, some of it where it is much.
    pub rejected: Vec<RejectedPart>,
    /// How many elements were rejected in all.
    pub rejected_elements: usize,
    /// Optional fields of a wrong type or value, without which something was stored.
    pub dropped_fields: Vec<String>,
    /// Fields that are known and not read: what they say comes from the imported files.
    pub ignored_fields: Vec<String>,
    /// The body was larger than this, bytes.
    pub exceeds: Option<usize>,
}

/// Something that was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedPart {
    /// Why.
    pub reason: Reason,
    /// The device or place that it is about; `None`: none, or several.
    pub device: Option<String>,
    /// The field, its value and what would be right.
    pub detail: String,
    /// What to do about it.
    pub remedy: String,
}

/// Why a message was not taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is posted to this feed.
    NotServed,
    /// Without this parameter it is not known what the message is.
    Missing {
        /// Its name.
        parameter: &'static str,
        /// What to give.
        remedy: String,
    },
    /// The body is packed in a way that is not known.
    UnknownEncoding(String),
    /// The feed, its town or the address is above its quota.
    Throttled {
        /// When it may be tried again, seconds.
        retry_after_s: u64,
    },
    /// It cannot be stored at present, and why.
    Unavailable(&'static str),
}
