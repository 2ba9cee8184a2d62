//! Foreign text as PostgreSQL takes it.

use std::borrow::Cow;

/// Separates ids in one text: arrays of arrays cannot be unnested side by side.
pub(super) const UNIT_SEPARATOR: &str = "\u{1f}";

/// PostgreSQL's text knows no NUL, which a topic or a detail may quote from a message.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
