//! `feed_info.txt`, `attributions.txt`: attribution.

use super::ReadError;
use super::draft::Draft;
use super::source::Source;
use super::table::Table;
use crate::timetable::Credit;

/// Names of one feed at most: a line under an answer, not a list.
const MAX_NAMES: usize = 5;

/// Reads the attribution of the current feed, after its agencies.
pub fn read(source: &mut Source, draft: &mut Draft) -> Result<(), ReadError> {
    let mut names = names(source, "feed_info.txt", "feed_publisher_name")?;
    if names.is_empty() {
        names = self::names(source, "attributions.txt", "organization_name")?;
    }
    if names.is_empty() {
        let mut numbers: Vec<u32> = draft.feed.agencies.values().copied().collect();
        numbers.sort_unstable();
        let agencies = numbers.iter().map(|number| draft.agencies[*number as usize].name.clone());
        names = agencies.filter(|name| !name.is_empty()).take(MAX_NAMES).collect();
    }
    let attribution = Some(names.join(", ")).filter(|names| !names.is_empty());
    let feed = draft.feeds.last().cloned().unwrap_or_default();
    draft.credits.push(Credit { feed, attribution, licence: None });
    Ok(())
}

/// The different values of a column, in their order.
fn names(source: &mut Source, file: &str, column: &'static str) -> Result<Vec<String>, ReadError> {
    let mut names = Vec::new();
    let Some(mut table) = Table::open(source, file, 0, column)? else { return Ok(names) };
    while table.next()? {
        let name = table.text(0);
        if !name.is_empty() && !names.contains(&name) && names.len() < MAX_NAMES {
            names.push(name);
        }
    }
    Ok(names)
}
