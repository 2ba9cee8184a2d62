//! No two feeds of one broker receive the same message, and each receives some that it understands.

use std::collections::HashSet;

use domain::Feed;
use domain::feed::{FeedFormat, filters_overlap, topic_matches};
use domain::notice::NoticeRule;

use crate::problem::{FileProblem, Located, Location};
use crate::problems::FileProblems;
use crate::read::PlaceFiles;
use domain::catalogue::Catalogue;

pub(super) fn check(files: &PlaceFiles, known: &Catalogue, problems: &mut FileProblems) {
    let new_ids: HashSet<&str> = files.feeds.iter().map(|f| f.value.id.as_str()).collect();
    let kept = known.feeds.iter().filter(|f| !new_ids.contains(f.id.as_str()));
    let mut earlier: Vec<(&Feed, Option<&Location>)> = kept.map(|feed| (feed, None)).collect();
    for Located { value: feed, at } in &files.feeds {
        problems.extend(never_understood(feed, at));
        for (other, other_at) in &earlier {
            if other.id != feed.id && feed.overlaps(other) {
                problems.push(overlap(feed, at, other, *other_at));
            }
        }
        earlier.push((feed, Some(at)));
    }
    problems.extend(files.notices.iter().filter_map(|notice| heard_by_a_feed(notice, &earlier)));
}

/// A filter that lets no message through which the format understands.
fn never_understood(feed: &Feed, at: &Location) -> Option<FileProblem> {
    let understood = feed.understood_topics();
    let fits = understood.iter().any(|topic| filters_overlap(&feed.topic, topic));
    if !feed.is_subscribed() || understood.is_empty() || fits {
        return None;
    }
    let message = format!("no topic of format {} fits this filter", feed.format);
    let wanted = match feed.format {
        FeedFormat::Native => format!("write kv/1/{}/#: the level behind kv/1 is the feed's id", feed.id),
        FeedFormat::Chirpstack => {
            "write application/ID/device/+/event/+, the topic of ChirpStack's integration; \
                                   one with something before it (a region) needs event_topic in its \
                                   [integration.mqtt] set back to the default"
                .to_owned()
        }
        FeedFormat::Tts => "write v3/APPLICATION@TENANT/devices/+/up".to_owned(),
        _ => format!("write a filter within {}", understood.join(", ")),
    };
    Some(FileProblem::at(at, message, wanted).field("topic").value(&feed.topic))
}

/// A topic of notices that a feed of the same broker would read, and reject.
fn heard_by_a_feed(
    notice: &Located<NoticeRule>,
    feeds: &[(&Feed, Option<&Location>)],
) -> Option<FileProblem> {
    let Located { value: notice, at } = notice;
    let topic = notice.topic.as_deref()?;
    let hears = |f: &Feed| f.is_subscribed() && f.broker == notice.broker && topic_matches(&f.topic, topic);
    let (feed, _) = feeds.iter().find(|(feed, _)| hears(feed))?;
    let message =
        format!("feed '{}' ('{}') would receive these notices as its messages", feed.id, feed.topic);
    Some(FileProblem::at(at, message, "write another topic, e.g. notices/TOWN").field("topic").value(topic))
}

fn overlap(feed: &Feed, at: &Location, other: &Feed, other_at: Option<&Location>) -> FileProblem {
    let broker = feed
        .broker
        .as_deref()
        .map_or_else(|| "the instance's broker".to_owned(), |b| format!("broker '{b}'"));
    let place = other_at.map_or_else(|| "in the database".to_owned(), Location::to_string);
    let message = format!(
        "feed '{}' would receive messages of feed '{}' ('{}', {place}) on {broker}",
        feed.id, other.id, other.topic
    );
    FileProblem::at(at, message, "narrow one of the two filters").field("topic").value(&feed.topic)
}
