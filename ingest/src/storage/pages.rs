//! One page of a network server's storage: what it holds, and where the next one begins. The server may lie about both.
//!
//! The Things Stack answers with lines of JSON, `{"result": {...}}`, each a message as over MQTT, blank lines between them.
//! Source: TheThingsIndustries/lorawan-stack-docs, `integrations/storage/retrieve.md`, and the reference of
//! `ApplicationUpStorage.GetStoredApplicationUp`.

use domain::UtcMicros;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A line of the answer.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The times of a message.
#[derive(Deserialize)]
struct Times {
    received_at: Option<String>,
    uplink_message: Option<UplinkTimes>,
}

#[derive(Deserialize)]
struct UplinkTimes {
    received_at: Option<String>,
}

/// A message of the storage.
#[derive(Debug, PartialEq)]
pub(super) struct StoredMessage<'a> {
    /// As over MQTT.
    pub json: &'a str,
    /// When the network server received it.
    pub network_at: Option<UtcMicros>,
    /// When the application server did: the storage sorts and selects by it.
    pub received_at: Option<UtcMicros>,
}

/// See the module's description.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Page<'a> {
    pub messages: Vec<StoredMessage<'a>>,
    /// It ends before its end: what could be read of it counts.
    pub is_cut: bool,
    /// What the server says went wrong while it answered.
    pub error: Option<String>,
}

/// Where to go on.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// That was all.
    Done,
    /// With what was received since.
    From(UtcMicros),
    /// Nowhere: why not, and what to do.
    Stuck(String),
}

/// Characters shown of an error of the server.
const ERROR_CHARS: usize = 200;

fn instant(text: Option<&String>) -> Option<UtcMicros> {
    UtcMicros::parse(text?).ok()
}

/// Reads an answer; `is_whole`: its end was reached.
pub(super) fn read(body: &str, is_whole: bool) -> Page<'_> {
    let mut page = Page { is_cut: !is_whole, ..Page::default() };
    for line in body.lines() {
        // Also as an event of the stream that it calls itself.
        let line = line.strip_prefix("data:").unwrap_or(line).trim();
        if line.is_empty() {
            continue;
        }
        let Ok(Line { result, error }) = serde_json::from_str(line) else {
            page.is_cut = true;
            break;
        };
        if let Some(error) = error {
            page.error = Some(error.get().chars().take(ERROR_CHARS).collect());
            page.is_cut = true;
            break;
        }
        let Some(result) = result else { continue };
        let times: Option<Times> = serde_json::from_str(result.get()).ok();
        let received_at = times.as_ref().and_then(|t| instant(t.received_at.as_ref()));
        let of_network = times.as_ref().and_then(|t| t.uplink_message.as_ref()?.received_at.as_ref());
        let network_at = instant(of_network).or(received_at);
        page.messages.push(StoredMessage { json: result.get(), network_at, received_at });
    }
    page
}

impl Page<'_> {
    /// Where to go on after this page of what was received since `after`, of at most `limit` messages.
    pub fn next(&self, after: UtcMicros, limit: usize) -> Next {
        let is_last = !self.is_cut && self.messages.len() < limit;
        if is_last {
            return Next::Done;
        }
        let times: Vec<UtcMicros> = self.messages.iter().filter_map(|m| m.received_at).collect();
        if !times.is_sorted() {
            return Next::Stuck(
                "storage_url: the storage does not sort by received_at, so what lies between its pages is not known; \
                 is it The Things Stack's Storage Integration?"
                    .to_owned(),
            );
        }
        match times.last() {
            Some(last) if *last > after => Next::From(*last),
            _ if self.is_cut => Next::From(after),
            _ => Next::Stuck(format!(
                "storage_url: the storage answers with the same page again: {limit} messages and none received after \
                 {after}; is it The Things Stack's Storage Integration?"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> UtcMicros {
        UtcMicros::from_unix_s(1_790_000_000 + s)
    }

    fn line(s: i64) -> String {
        format!(
            r#"{{"result":{{"received_at":"{}","uplink_message":{{"received_at":"{}"}}}}}}"#,
            at(s),
            at(s - 1)
        )
    }

    fn lines(all: &[i64]) -> String {
        all.iter().map(|s| line(*s)).collect::<Vec<_>>().join("\n\n")
    }

    #[test]
    fn a_page_is_its_lines_up_to_where_it_is_cut() {
        let body = lines(&[1, 2]);
        let page = read(&body, true);
        assert_eq!((page.messages.len(), page.is_cut), (2, false));
        assert_eq!((page.messages[1].network_at, page.messages[1].received_at), (Some(at(1)), Some(at(2))));
        assert!(page.messages[0].json.starts_with(r#"{"received_at""#));
        let cut = format!("{body}\n\n{}", &line(3)[..40]);
        let page = read(&cut, false);
        assert_eq!((page.messages.len(), page.is_cut), (2, true));
        let failed = format!("{body}\n{}", r#"{"error":{"code":8,"message":"rate exceeded"}}"#);
        let page = read(&failed, true);
        assert_eq!((page.messages.len(), page.is_cut), (2, true));
        assert!(page.error.unwrap().contains("rate exceeded"));
        assert_eq!(read("", true), Page::default());
        assert!(read("<html>", true).is_cut);
        let event = format!("data: {}\n", line(1));
        assert_eq!(read(&event, true).messages.len(), 1);
    }

    #[test]
    fn pages_go_on_with_the_last_message_and_a_server_that_lies_is_found_out() {
        let next = |all: &[i64], is_whole: bool, after: i64| read(&lines(all), is_whole).next(at(after), 3);
        assert_eq!(next(&[1, 2], true, 0), Next::Done);
        assert_eq!(next(&[], true, 0), Next::Done);
        assert_eq!(next(&[1, 2, 3], true, 0), Next::From(at(3)));
        assert_eq!(next(&[1, 2], false, 0), Next::From(at(2)), "cut");
        assert_eq!(next(&[], false, 5), Next::From(at(5)), "cut at once");
        // As many as asked for, and none of them later: it would go on for ever.
        assert!(matches!(next(&[5, 5, 5], true, 5), Next::Stuck(why) if why.contains("same page")));
        assert!(matches!(next(&[1, 2, 3], true, 9), Next::Stuck(_)));
        assert!(matches!(next(&[3, 2, 1], true, 0), Next::Stuck(why) if why.contains("sort")));
    }
}
