//! Rows as parameters of a statement: an array for each of their columns, as `unnest` takes them.

use sqlx::postgres::{PgArguments, Postgres};
use sqlx::query::{Query, QueryAs};
use sqlx::{Encode, Type};

/// A statement that takes parameters.
pub(crate) trait BindRows<'q>: Sized {
    fn bind_column<T: 'q + Encode<'q, Postgres> + Type<Postgres>>(self, column: T) -> Self;

    /// Binds the columns of `rows`, each as one array.
    fn bind_rows<R: Columns<'q>>(self, rows: impl Iterator<Item = R>) -> Self {
        R::bind(rows, self)
    }
}

impl<'q> BindRows<'q> for Query<'q, Postgres, PgArguments> {
    fn bind_column<T: 'q + Encode<'q, Postgres> + Type<Postgres>>(self, column: T) -> Self {
        self.bind(column)
    }
}

impl<'q, O> BindRows<'q> for QueryAs<'q, Postgres, O, PgArguments> {
    fn bind_column<T: 'q + Encode<'q, Postgres> + Type<Postgres>>(self, column: T) -> Self {
        self.bind(column)
    }
}

/// Values of a row.
pub(crate) trait Columns<'q>: Sized {
    fn bind<Q: BindRows<'q>>(rows: impl Iterator<Item = Self>, statement: Q) -> Q;
}

macro_rules! columns {
    ($($column:ident),+) => {
        impl<'q, $($column),+> Columns<'q> for ($($column,)+)
        where
            $(Vec<$column>: 'q + Encode<'q, Postgres> + Type<Postgres>),+
        {
            #[allow(non_snake_case)]
            fn bind<Q: BindRows<'q>>(rows: impl Iterator<Item = Self>, statement: Q) -> Q {
                let ($($column,)+): ($(Vec<$column>,)+) = rows.collect();
                statement$(.bind_column($column))+
            }
        }
    };
}

columns!(A);
columns!(A, B);
columns!(A, B, C);
columns!(A, B, C, D);
columns!(A, B, C, D, E);
columns!(A, B, C, D, E, F);
