//! Topic filters: lines of text, compared with what MQTT 5.0 says of them, word by word.

use domain::feed::{filters_overlap, topic_matches};

use super::topic::{covers, without_share};

/// MQTT 5.0, 4.7.1 to 4.7.2, without cleverness.
fn matches(filter: &[&str], topic: &[&str], is_first: bool) -> bool {
    let is_system = is_first && topic.first().is_some_and(|level| level.starts_with('$'));
    match (filter, topic) {
        ([wild @ ("#" | "+"), ..], _) if is_system && !wild.is_empty() => false,
        (["#"], _) | ([], []) => true,
        ([wanted, filter @ ..], [level, topic @ ..]) if *wanted == "+" || wanted == level => {
            matches(filter, topic, false)
        }
        _ => false,
    }
}

fn levels(text: &str) -> Vec<&str> {
    text.split('/').collect()
}

fn is_topic(text: &str) -> bool {
    mqtt5::validate_topic_name(text).is_ok()
}

fn is_filter(text: &str) -> bool {
    mqtt5::validate_topic_filter(text).is_ok() && !text.starts_with("$share/")
}

/// Two filters and a topic.
pub fn filters(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let (Some(a), Some(b), Some(topic)) = (lines.next(), lines.next(), lines.next()) else { return };
    let (by_a, by_b) = (topic_matches(a, topic), topic_matches(b, topic));
    let overlap = filters_overlap(a, b);
    if is_topic(topic) && is_filter(a) && is_filter(b) {
        assert_eq!(by_a, matches(&levels(a), &levels(topic), true), "{a:?} {topic:?}");
        assert!(overlap || !(by_a && by_b), "{a:?} and {b:?} both match {topic:?}");
        assert_eq!(overlap, filters_overlap(b, a), "{a:?} {b:?}");
    }
}

/// A grant, a filter and a topic: nobody gets by a filter what the grant does not match.
pub fn grants(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let mut lines = text.split('\n');
    let (Some(grant), Some(filter), Some(topic)) = (lines.next(), lines.next(), lines.next()) else { return };
    let is_covered = covers(grant, without_share(filter));
    if is_filter(grant) && is_filter(filter) && is_topic(topic) {
        let got = matches(&levels(filter), &levels(topic), true);
        let granted = matches(&levels(grant), &levels(topic), true);
        assert!(!(is_covered && got) || granted, "{grant:?} covers {filter:?}, which matches {topic:?}");
        assert_eq!(covers(grant, topic), granted, "{grant:?} {topic:?}");
    }
}
