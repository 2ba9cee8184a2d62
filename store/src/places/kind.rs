//! Kinds of places as they are stored.

use domain::place::PlaceKind;
use sqlx::Type;

/// The number of a kind.
#[derive(Debug, Clone, Copy, Type)]
#[sqlx(transparent)]
pub(crate) struct KindCode(i16);

impl From<PlaceKind> for KindCode {
    fn from(kind: PlaceKind) -> Self {
        KindCode(match kind {
            PlaceKind::Site => 1,
            PlaceKind::Bay => 2,
        })
    }
}

impl From<KindCode> for PlaceKind {
    fn from(code: KindCode) -> Self {
        if code.0 == 2 { PlaceKind::Bay } else { PlaceKind::Site }
    }
}
