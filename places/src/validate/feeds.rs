//! No two feeds of one broker receive the same message.

use std::collections::HashSet;

use domain::Feed;

use crate::existing::Existing;
use crate::problem::{Located, Location, Problem};
use crate::read::PlaceFiles;

pub(super) fn check(files: &PlaceFiles, known: &Existing, problems: &mut Vec<Problem>) {
    let new_ids: HashSet<&str> = files.feeds.iter().map(|f| f.value.id.as_str()).collect();
    let kept = known.feeds.iter().filter(|f| !new_ids.contains(f.id.as_str()));
    let mut earlier: Vec<(&Feed, Option<&Location>)> = kept.map(|feed| (feed, None)).collect();
    for Located { value: feed, at } in &files.feeds {
        for (other, other_at) in &earlier {
            if other.id != feed.id && feed.overlaps(other) {
                problems.push(overlap(feed, at, other, *other_at));
            }
        }
        earlier.push((feed, Some(at)));
    }
}

fn overlap(feed: &Feed, at: &Location, other: &Feed, other_at: Option<&Location>) -> Problem {
    let broker = feed
        .broker
        .as_deref()
        .map_or_else(|| "the instance's broker".to_owned(), |b| format!("broker '{b}'"));
    let place = other_at.map_or_else(|| "in the database".to_owned(), Location::to_string);
    let message = format!(
        "feed '{}' would receive messages of feed '{}' ('{}', {place}) on {broker}",
        feed.id, other.id, other.topic
    );
    Problem::at(at, message, "narrow one of the two filters").field("topic").value(&feed.topic)
}
