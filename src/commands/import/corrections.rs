//! The report of `import --correct` on the versions that it rewrote.

use serde_json::Value;
use store::places::Correction;

/// Places beyond these are counted.
const SHOWN: usize = 20;

/// One line for each version, and which figures are derived again.
pub fn describe(corrections: &[Correction], check: bool) -> String {
    if corrections.is_empty() {
        return "corrections: none, what is stored is what the files say\n".to_owned();
    }
    let done = if check { "would be rewritten" } else { "rewritten" };
    let count = corrections.len();
    let mut text = format!("corrections: {count} version{} {done}\n", if count == 1 { "" } else { "s" });
    for correction in corrections.iter().take(SHOWN) {
        text += &one(correction);
    }
    if let Some(more) = count.checked_sub(SHOWN).filter(|more| *more > 0) {
        text += &format!("  and {more} more\n");
    }
    if !check && corrections.iter().any(|c| !c.figures().is_empty()) {
        text += "the figures follow in the background, and stand as they were until then\n";
    }
    text
}

fn one(correction: &Correction) -> String {
    let Correction { kind, id, from, .. } = correction;
    let from = from.map_or("from the beginning".to_owned(), |from| format!("from {from}"));
    let changes = correction.changes().map(|(name, before, now)| match is_short(before) && is_short(now) {
        true => format!("{name} {} -> {}", shown(before), shown(now)),
        false => name.to_owned(),
    });
    let changes = changes.collect::<Vec<_>>().join(", ");
    let figures = match &correction.figures()[..] {
        [] => "no figure rests on it".to_owned(),
        figures => format!("derived again: {}", figures.join(", ")),
    };
    format!("  {kind} {id} {from}: {changes}; {figures}\n")
}

/// Whether it is readable within a line.
fn is_short(value: &Value) -> bool {
    !value.is_object() && value.to_string().len() <= 60
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
