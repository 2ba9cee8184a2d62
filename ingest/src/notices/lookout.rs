//! Finds what is worth a notice, and writes who gets it.

use domain::UtcMicros;
use domain::notice::cause::{self, KnownCause};
use domain::notice::{Event, Item, Notice, NoticeKind, schedule};
use jiff::tz::TimeZone;
use store::Connection;
use store::notices::{self, Rule};

/// More changes at once than this are one notice.
const TOGETHER: usize = 10;

/// What a digest looks back on, seconds.
const DAY_S: i64 = 86_400;

/// Looks at all towns with rules at `now`, in one transaction.
pub(super) async fn look(conn: &mut Connection, now: UtcMicros) -> store::Result<()> {
    let mut tx = notices::begin(conn).await?;
    let rules = notices::rules(&mut tx).await?;
    for of_town in rules.chunk_by(|a, b| a.municipality == b.municipality) {
        let tz = TimeZone::get(&of_town[0].town.tz).unwrap_or(TimeZone::UTC);
        let found = changes(&mut tx, &of_town[0], &tz, now).await?;
        for rule in of_town {
            let items: Vec<Item> = found
                .iter()
                .filter(|(c, item)| rule.rule.selects(c, item.event))
                .map(|f| f.1.clone())
                .collect();
            write(&mut tx, rule, items, &tz, now).await?;
            daily(&mut tx, rule, &tz, now).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// What began and ended in a town.
async fn changes(
    conn: &mut Connection,
    rule: &Rule,
    tz: &TimeZone,
    now: UtcMicros,
) -> store::Result<Vec<(cause::Cause, Item)>> {
    let town = notices::town(conn, rule.municipality, now).await?;
    let changes = cause::changes(&town, now);
    notices::record(conn, rule.municipality, &changes, now).await?;
    let ended = town.known.iter().filter(|known| changes.ended.contains(&known.id));
    let ended = ended.map(|k| (k.cause.clone(), Item::new(Event::Ended, &k.cause, k.missing_since, tz)));
    let grew = changes.grew.iter().map(|(_, cause)| cause);
    let began = changes.began.iter().chain(grew).map(|c| (c.clone(), Item::new(Event::Began, c, None, tz)));
    Ok(ended.chain(began).collect())
}

/// Writes the notices of these items: in quiet hours, and of many, one of all.
async fn write(
    conn: &mut Connection,
    rule: &Rule,
    items: Vec<Item>,
    tz: &TimeZone,
    now: UtcMicros,
) -> store::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let held_until = rule.rule.quiet_hours.and_then(|quiet| quiet.end(now, tz));
    let at_once = if held_until.is_some() || items.len() > TOGETHER { items.len() } else { 1 };
    for items in items.chunks(at_once) {
        let notice = notice(rule, NoticeKind::Health, items.to_vec(), now).summarized();
        notices::append(conn, rule, notice, held_until).await?;
    }
    Ok(())
}

/// Writes the daily notice, if it is due: once, also after days in which nothing ran.
async fn daily(conn: &mut Connection, rule: &Rule, tz: &TimeZone, now: UtcMicros) -> store::Result<()> {
    let Some(day) = schedule::due_day(rule.rule.digest_at, now, tz).map(|day| day.to_string()) else {
        return Ok(());
    };
    if rule.daily_on.as_ref().is_some_and(|done| *done >= day) {
        return Ok(());
    }
    // A new rule begins with the next one.
    if rule.daily_on.is_some() {
        let kind = if rule.rule.digest_at.is_some() { NoticeKind::Digest } else { NoticeKind::Heartbeat };
        let items = match kind {
            NoticeKind::Digest => {
                let all = notices::today(conn, rule.municipality, now.plus_s(-DAY_S)).await?;
                all.iter().map(|known| of_day(known, tz)).collect()
            }
            _ => Vec::new(),
        };
        let sensors = Some(notices::tally(conn, rule.municipality).await?);
        let notice = Notice { sensors, ..notice(rule, kind, items, now) }.summarized();
        let held_until = rule.rule.quiet_hours.and_then(|quiet| quiet.end(now, tz));
        notices::append(conn, rule, notice, held_until).await?;
    }
    notices::note_daily(conn, &rule.rule.id, &day).await
}

fn of_day(known: &KnownCause, tz: &TimeZone) -> Item {
    match known.ended_at {
        Some(_) => Item::new(Event::Ended, &known.cause, known.missing_since, tz),
        None => Item::new(Event::Lasts, &known.cause, None, tz),
    }
}

fn notice(rule: &Rule, kind: NoticeKind, items: Vec<Item>, now: UtcMicros) -> Notice {
    Notice {
        notice: rule.rule.id.clone(),
        municipality: rule.town.slug.clone(),
        kind,
        at: now,
        sensors: None,
        items,
        text: Default::default(),
    }
}
