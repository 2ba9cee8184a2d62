//! Columns as the domain's types, for `#[sqlx(try_from = "...")]`: they are the domain's, and so is `Option`.

use std::str::FromStr;

use domain::UtcMicros;
use sqlx::{FromRow, Type};

use crate::Ts;

impl From<Ts> for UtcMicros {
    fn from(at: Ts) -> Self {
        at.0
    }
}

/// A `timestamptz` that may be NULL.
#[derive(Debug, Type)]
#[sqlx(transparent)]
pub struct MaybeTs(Option<Ts>);

impl From<MaybeTs> for Option<UtcMicros> {
    fn from(at: MaybeTs) -> Self {
        at.0.map(UtcMicros::from)
    }
}

/// An id that may be NULL.
#[derive(Debug, Type)]
#[sqlx(transparent)]
pub struct MaybeId(Option<i32>);

impl<T: From<i32>> From<MaybeId> for Option<T> {
    fn from(id: MaybeId) -> Self {
        id.0.map(T::from)
    }
}

/// An array of ids.
#[derive(Debug, Type)]
#[sqlx(transparent, no_pg_array)]
pub struct Ids(Vec<i32>);

impl<T: From<i32>> From<Ids> for Vec<T> {
    fn from(ids: Ids) -> Self {
        ids.0.into_iter().map(T::from).collect()
    }
}

/// A word that may be NULL; one that this version does not know is read as NULL too.
#[derive(Debug, Type)]
#[sqlx(transparent)]
pub struct MaybeWord(Option<String>);

impl<T: FromStr> From<MaybeWord> for Option<T> {
    fn from(word: MaybeWord) -> Self {
        word.0?.parse().ok()
    }
}

/// A row of a page, and how many rows were found for it.
#[derive(FromRow)]
pub(crate) struct PageRow<T> {
    #[sqlx(flatten)]
    row: T,
    found: i64,
}

impl<T> PageRow<T> {
    /// The page, and whether there is more.
    pub(crate) fn page(rows: Vec<Self>) -> (Vec<T>, bool) {
        let more = rows.first().is_some_and(|row| row.found > rows.len() as i64);
        (rows.into_iter().map(|row| row.row).collect(), more)
    }
}
