//! Kinds of places as they are stored.

use domain::place::PlaceKind;

pub(crate) const fn code(kind: PlaceKind) -> i16 {
    match kind {
        PlaceKind::Site => 1,
        PlaceKind::Bay => 2,
    }
}

pub(crate) const fn of_code(code: i16) -> PlaceKind {
    if code == self::code(PlaceKind::Bay) { PlaceKind::Bay } else { PlaceKind::Site }
}
